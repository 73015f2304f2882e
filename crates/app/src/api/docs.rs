//! How the mailboxes of one connector are read, as OpenAPI: what the interface's description says of any resource, said
//! of each by its name.

use super::answer::Answered;
use super::auth::{Caller, Own};
use super::elements::connector;
use super::openapi::{self, Description, Document};
use super::route::BASE_PATH;
use crate::context::Context;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::{Extension, Json};
use connectors::Descriptor;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Where schemas are, in a reference.
const SCHEMAS: &str = "#/components/schemas/";
/// Names of the path that a resource's own path has no place for.
const NAMED: [&str; 3] = ["hub", "resource", "child"];

pub(super) async fn of_element(
    State(app): State<Arc<Context>>,
    Extension(description): Extension<Description>,
    _caller: Caller,
    Path(element): Path<String>,
    headers: HeaderMap,
) -> Answered<Json<Document>> {
    Ok(Json(served(&app, description, connector(&app, &element)?.descriptor(), &headers)))
}

pub(super) async fn of_instance(
    State(app): State<Arc<Context>>,
    Extension(description): Extension<Description>,
    own: Own,
    headers: HeaderMap,
) -> Answered<Json<Document>> {
    let connector = connector(&app, &own.instance.connector)?;
    Ok(Json(served(&app, description, connector.descriptor(), &headers)))
}

fn served(app: &Context, description: Description, of: &Descriptor, headers: &HeaderMap) -> Document {
    let mut document = document(description.document(), of);
    let address = openapi::address(app.config.public_url.as_deref(), headers);
    document["servers"] = json!([{ "url": address }]);
    Document(document)
}

/// The part of the description that is about reads, with the connector's names in it.
fn document(whole: &Value, connector: &Descriptor) -> Value {
    let mut paths = Map::new();
    for resource in connector.resources {
        for last in ["", "/{}"] {
            let path = format!("{}{last}", resource.name);
            if let Some(item) = item(whole, &path) {
                paths.insert(format!("{BASE_PATH}/hubs/{}/{}", connector.hub, spelled(&path)), item);
            }
        }
    }
    let mut document = whole.clone();
    document["info"]["title"] = format!("Carillon: {}", connector.name).into();
    document["tags"] = json!([{ "name": "hubs", "description": "Everything about hubs." }]);
    document["paths"] = Value::Object(paths);
    if let Some(document) = document.as_object_mut() {
        document.remove("webhooks");
    }
    keep_what_is_named(&mut document);
    document
}

/// What the description says of a path, such as `messages/{id}/attachments`, with an operation id of its own.
fn item(whole: &Value, path: &str) -> Option<Value> {
    let general: Vec<&str> =
        path.split('/').zip(["{resource}", "{object}", "{child}", "{part}"]).map(|(_, name)| name).collect();
    let general = format!("{BASE_PATH}/hubs/{{hub}}/{}", general.join("/"));
    let mut operation = whole["paths"].get(&general)?.get("get")?.clone();
    let id = format!("{}Of{}", operation["operationId"].as_str()?, words(path));
    operation["operationId"] = id.into();
    if let Some(parameters) = operation["parameters"].as_array_mut() {
        parameters
            .retain(|one| one["in"] != "path" || !NAMED.contains(&one["name"].as_str().unwrap_or_default()));
    }
    Some(json!({ "get": operation }))
}

/// With the names that the parameters have.
fn spelled(path: &str) -> String {
    let places = path.split('/').zip(["", "{object}", "", "{part}"]);
    let named = places.map(|(segment, name)| if segment.starts_with('{') { name } else { segment });
    named.collect::<Vec<_>>().join("/")
}

/// `messages/{id}/attachments` as a part of an identifier.
fn words(path: &str) -> String {
    let segments = path.split(['/', '-']).filter(|segment| !segment.starts_with('{'));
    let capital = |word: &str| {
        word.chars().take(1).map(|c| c.to_ascii_uppercase()).chain(word.chars().skip(1)).collect::<String>()
    };
    segments.map(capital).collect()
}

/// Leaves out the schemas that nothing names any more.
fn keep_what_is_named(document: &mut Value) {
    let mut kept = BTreeSet::new();
    let mut behind = vec![document["paths"].clone()];
    while let Some(value) = behind.pop() {
        match value {
            Value::Object(fields) => {
                let name =
                    fields.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix(SCHEMAS));
                if let Some(name) = name.filter(|name| kept.insert((*name).to_owned())) {
                    behind.push(document["components"]["schemas"][name].clone());
                }
                behind.extend(fields.into_iter().map(|(_, value)| value));
            }
            Value::Array(items) => behind.extend(items),
            _ => {}
        }
    }
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        schemas.retain(|name, _| kept.contains(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::routes::DESCRIPTION;

    #[test]
    fn a_connectors_reads_have_its_names() {
        for connector in connectors::registry() {
            let descriptor = connector.descriptor();
            let document = document(&DESCRIPTION, descriptor);
            let paths = document["paths"].as_object().unwrap();
            assert_eq!(paths.len(), 2 * descriptor.resources.len(), "{}", descriptor.key);
            let ids: BTreeSet<&str> =
                paths.values().map(|item| item["get"]["operationId"].as_str().unwrap()).collect();
            assert_eq!(ids.len(), paths.len(), "{ids:?}");
            for (path, item) in paths {
                let of_path = |one: &&Value| one["in"] == "path";
                let parameters = item["get"]["parameters"].as_array().unwrap().iter().filter(of_path);
                let named: Vec<String> =
                    parameters.map(|one| format!("{{{}}}", one["name"].as_str().unwrap())).collect();
                let places: Vec<&str> = path.split('/').filter(|segment| segment.starts_with('{')).collect();
                assert_eq!(named, places, "{path}");
            }
            let schemas: Vec<&String> =
                document["components"]["schemas"].as_object().unwrap().keys().collect();
            assert!(schemas.iter().any(|name| *name == "Error") && schemas.len() < 5, "{schemas:?}");
        }
    }

    #[test]
    fn what_belongs_to_an_object_is_spelled_as_its_address() {
        assert_eq!(spelled("messages/{id}/attachments/{}"), "messages/{object}/attachments/{part}");
        assert_eq!(words("changed-messages/{id}/attachments/{}"), "ChangedMessagesAttachments");
    }
}
