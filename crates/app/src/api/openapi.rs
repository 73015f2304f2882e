//! The description of the interface, OpenAPI 3.1, made from the table of routes.

use super::BASE_PATH;
use super::route::{CallerKind, Kind, Parameter, Route, Shape};
use super::routes;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// Shapes and examples of bodies.
const SCHEMAS: &str = include_str!("schemas.json");

/// What a compressed body is answered with.
const COMPRESSED: &str = "415";
/// What any request may be answered with when it is not well, and what that means.
const FAILURES: [(&str, &str); 12] = [
    ("400", "The request breaks a rule; the message names the field and the rule, and nothing was changed"),
    ("401", "The `Authorization` header is missing, or what it holds is not known"),
    ("403", "The caller may not do this, or the instance is disabled"),
    ("404", "There is nothing at this address, or nothing that the caller may see"),
    ("405", "The address does not take this method"),
    ("409", "It can't be done as things stand, or somebody else changed the same thing at the same time"),
    ("413", "The body is too long"),
    (COMPRESSED, "The body is compressed; `Accept-Encoding` says what is taken"),
    (
        "429",
        "Too many requests of this organization, or the provider wants to be left alone: see `Retry-After`",
    ),
    ("500", "Something failed inside; nothing was lost"),
    ("502", "The provider failed or refused; `providerMessage` has its word"),
    ("503", "The service can't start: try again"),
];

/// The whole document. `outside` are routes that are not below the base path.
fn document(dialect: &[Route], outside: &[Route]) -> Value {
    let mut paths = Map::new();
    let all = dialect.iter().map(|route| (BASE_PATH, route)).chain(outside.iter().map(|route| ("", route)));
    for (base, route) in all {
        let path = format!("{base}{}", path_of(route));
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[route.method] = operation(route);
    }
    // The text is part of the program; a test reads it.
    let schemas: Value = serde_json::from_str(SCHEMAS).unwrap_or_default();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Carillon",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Connects mailboxes by OAuth, polls them for changes, and delivers signed events to a callback. \
                Speaks the \"elements api-v2\" dialect of Open Connectors.",
            "license": { "name": "Apache 2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "caller": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "headers": headers(),
            "securitySchemes": {
                "caller": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "`User <user secret>, Organization <organization secret>`, or \
                        `User <user secret>, Element <instance token>`, or all three; `Session <token>` in the place of both \
                        secrets; for administration `Admin <key>`. \
                        Parts in any order, their first words in any case.",
                },
            },
        },
    })
}

/// As OpenAPI writes it: `{*rest}` is a parameter like any other.
fn path_of(route: &Route) -> String {
    route.path.replace("{*", "{")
}

fn operation(route: &Route) -> Value {
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "description": caller(route.caller),
        "tags": [tag(route.path)],
        "parameters": parameters(route),
        "responses": responses(route),
    });
    if let Some(schema) = route.body {
        operation["requestBody"] = json!({ "required": !route.is_body_optional, "content": { "application/json": { "schema": reference(schema) } } });
    }
    if route.caller == CallerKind::Anybody {
        operation["security"] = json!([]);
    }
    operation
}

/// `get /instances/{id}/events` as `getInstancesIdEvents`; a slash at the end is a word, so that no two are the same.
fn operation_id(route: &Route) -> String {
    let slash = if route.path.ends_with('/') { "Slash" } else { "" };
    let words = route.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let raised = words.map(|word| word[..1].to_ascii_uppercase() + &word[1..]);
    route.method.to_owned() + &raised.collect::<String>() + slash
}

/// A resource of a mailbox is one also where the hub is not named.
fn tag(path: &str) -> &str {
    match path.trim_start_matches('/').split('/').next().unwrap_or_default() {
        parameter if parameter.starts_with('{') => "hubs",
        noun => noun,
    }
}

fn caller(kind: CallerKind) -> &'static str {
    match kind {
        CallerKind::User => {
            "Called by a user, with the organization's secret, or with an instance's token for that instance alone."
        }
        CallerKind::Organization => "Called by a user with the organization's secret.",
        CallerKind::Element => "Called by a user with an instance's token.",
        CallerKind::Administrator => {
            "Called with the administrator's key, or by a user who sees all of the organization."
        }
        CallerKind::Anybody => "Needs no `Authorization`.",
    }
}

fn parameters(route: &Route) -> Vec<Value> {
    let names = route.path.split(['{', '}']).skip(1).step_by(2);
    let path = names.map(|name| {
        json!({
            "name": name.trim_start_matches('*'),
            "in": "path",
            "required": true,
            "schema": { "type": "string", "minLength": 1 },
        })
    });
    path.chain(route.parameters.iter().map(|parameter| of_query(parameter))).collect()
}

fn of_query(parameter: &Parameter) -> Value {
    let schema = match parameter.kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Number(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::OneOf(values) => json!({ "type": "string", "enum": values }),
    };
    let example = match parameter.kind {
        Kind::Number(..) | Kind::Flag => serde_json::from_str(parameter.example).unwrap_or_default(),
        Kind::Texts => json!([parameter.example]),
        Kind::Text | Kind::OneOf(_) => parameter.example.into(),
    };
    json!({
        "name": parameter.name,
        "in": "query",
        "required": parameter.is_required,
        "description": parameter.description,
        "schema": schema,
        "example": example,
    })
}

fn responses(route: &Route) -> Value {
    let (status, shape) = route.answer;
    let mut good = json!({ "description": "It is done", "headers": request_id() });
    let schema = match shape {
        Shape::Empty => None,
        Shape::One(schema) | Shape::OnePage(schema) => Some(reference(schema)),
        Shape::Many(schema) | Shape::Page(schema) => {
            Some(json!({ "type": "array", "items": reference(schema) }))
        }
    };
    if let Some(schema) = schema {
        good["content"] = json!({ "application/json": { "schema": schema } });
    }
    if let Shape::Page(_) | Shape::OnePage(_) = shape {
        for header in ["Elements-Returned-Count", "Elements-Total-Count", "Elements-Next-Page-Token"] {
            good["headers"][header] = json!({ "$ref": format!("#/components/headers/{header}") });
        }
    }
    if let Shape::OnePage(_) = shape {
        // An answer that is no list has no length.
        good["headers"]["Elements-Returned-Count"] = json!({ "schema": { "type": "integer" } });
    }
    let mut responses = Map::from_iter([(status.to_string(), good)]);
    let is_sent = |status: &str| status != COMPRESSED || route.body.is_some();
    for (status, meaning) in FAILURES.into_iter().filter(|(status, _)| is_sent(status)) {
        let error = reference("Error");
        let schema = match route.provider_failure {
            Some(report) if ["429", "502"].contains(&status) => {
                json!({ "anyOf": [error, reference(report)] })
            }
            _ => error,
        };
        let mut failure = json!({
            "description": meaning,
            "headers": request_id(),
            "content": { "application/json": { "schema": schema } },
        });
        if status == "429" {
            failure["headers"]["Retry-After"] = json!({ "$ref": "#/components/headers/Retry-After" });
        }
        responses.insert(status.to_owned(), failure);
    }
    Value::Object(responses)
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

fn request_id() -> Value {
    json!({ "Elements-Request-Id": { "$ref": "#/components/headers/Elements-Request-Id" } })
}

fn headers() -> Value {
    json!({
        "Elements-Request-Id": {
            "description": "Names the request, also in its error and in the audit record.",
            "required": true,
            "schema": { "type": "string" },
        },
        "Elements-Returned-Count": {
            "description": "How many records this page has.",
            "required": true,
            "schema": { "type": "integer" },
        },
        "Elements-Total-Count": {
            "description": "How many records the whole list has; only where that is known.",
            "schema": { "type": "integer" },
        },
        "Retry-After": {
            "description": "Seconds to wait, where that is known.",
            "schema": { "type": "integer" },
        },
        "Elements-Next-Page-Token": {
            "description": "Opaque; sent back as `nextPage` it gives the next page. Not there on the last one.",
            "schema": { "type": "string" },
        },
    })
}

/// It is the same for as long as the program runs.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let dialect: Vec<Route> = routes::dialect().into_iter().chain(routes::sink()).collect();
    document(&dialect, &routes::outside())
});

/// Serves the document.
pub(super) async fn serve() -> axum::Json<&'static Value> {
    axum::Json(&DOCUMENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Every operation of the document, by what names it.
    fn operations() -> Vec<&'static Value> {
        let paths = DOCUMENT["paths"].as_object().unwrap();
        paths.values().flat_map(|item| item.as_object().unwrap().values()).collect()
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_and_a_noun() {
        let names: Vec<&str> = operations().iter().map(|one| one["operationId"].as_str().unwrap()).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        assert!(names.contains(&"getEvents") && names.contains(&"getEventsSlash"));
        for one in operations() {
            assert!(!one["tags"][0].as_str().unwrap().contains('{'), "{one}");
            let is_415 = one["responses"].get("415").is_some();
            assert_eq!(
                is_415,
                one.get("requestBody").is_some(),
                "a body is refused for being compressed: {one}"
            );
        }
    }

    #[test]
    fn what_must_be_given_is_marked() {
        let required = |path: &str, method: &str| -> Vec<&str> {
            let operation = &DOCUMENT["paths"][format!("{BASE_PATH}{path}")][method];
            let all = operation["parameters"].as_array().unwrap().iter();
            all.filter(|one| one["required"] == true).map(|one| one["name"].as_str().unwrap()).collect()
        };
        assert_eq!(required("/elements/{element}/oauth/url", "get"), ["element", "apiKey", "callbackUrl"]);
        assert_eq!(required("/elements/{element}/oauth/url", "post"), ["element"]);
        assert_eq!(required("/notifications", "get"), ["topics[]"]);
        let body = |path: &str| {
            DOCUMENT["paths"][format!("{BASE_PATH}{path}")]["post"]["requestBody"]["required"].clone()
        };
        assert_eq!((body("/organizations/{id}/users"), body("/instances")), (false.into(), true.into()));
        let list = &DOCUMENT["paths"][format!("{BASE_PATH}/instances")]["get"]["responses"]["200"];
        assert!(list["headers"].get("Elements-Next-Page-Token").is_some());
    }
}
