//! The description of the interface says what the interface does.

mod answers;
mod schema;

use crate::world::World;
use http_body_util::BodyExt as _;
use schema::breaks;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tower::ServiceExt as _;

const METHODS: [&str; 6] = ["get", "post", "put", "patch", "delete", "head"];

/// Calls an address as a whole, below the base path or not.
async fn call(world: &World, authorization: &str, method: &str, path: &str) -> (u16, Value) {
    let request = http::Request::builder()
        .method(method.to_ascii_uppercase().as_str())
        .uri(format!("http://carillon.test{path}"))
        .header("authorization", authorization)
        .header("content-type", "application/json")
        .body(axum::body::Body::from(if method == "get" { "" } else { "{}" }))
        .unwrap();
    let response = world.app.router().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (parts.status.as_u16(), serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

async fn document(world: &World) -> Value {
    let (status, document) = call(world, "", "get", "/openapi.json").await;
    assert_eq!((status, &document["openapi"]), (200, &json!("3.1.0")));
    document
}

/// Each value somewhere in a document, with where it is.
fn walk<'a>(value: &'a Value, at: String, seen: &mut dyn FnMut(&str, &'a Value)) {
    seen(&at, value);
    match value {
        Value::Object(object) => object.iter().for_each(|(key, one)| walk(one, format!("{at}/{key}"), seen)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, one)| walk(one, format!("{at}/{n}"), seen))
        }
        _ => {}
    }
}

fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let items =
        paths.iter().flat_map(|(path, item)| item.as_object().unwrap().iter().map(move |one| (path, one)));
    items.map(|(path, (method, operation))| (path.as_str(), method.as_str(), operation)).collect()
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_every_schema_is_used() {
    let world = World::new(581);
    let document = document(&world).await;
    let mut references = BTreeSet::new();
    walk(&document, String::new(), &mut |at, value| {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{at}: {reference} leads nowhere");
            references.insert(reference.to_owned());
        }
    });
    for schema in document["components"]["schemas"].as_object().unwrap().keys() {
        let reference = format!("#/components/schemas/{schema}");
        assert!(references.contains(&reference), "nothing names the schema {schema}");
    }
}

#[tokio::test]
async fn operations_have_ids_of_their_own_and_say_who_may_call_and_what_comes_back() {
    let world = World::new(582);
    let document = document(&world).await;
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "{id} twice, at {method} {path}");
        assert!(
            id.starts_with(|c: char| c.is_ascii_lowercase()) && !id.contains("Id"),
            "{id} is no name for a call"
        );
        assert!(METHODS.contains(&method), "{method} {path}");
        assert!(!operation["summary"].as_str().unwrap().is_empty());
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path}");
        assert!(!responses.contains_key("405"), "{method} {path} takes its own method");
        let is_open = operation["security"] == json!([]);
        let expected: &[(&str, bool)] = &[
            ("401", !is_open || path.ends_with("/sessions/link")),
            ("429", !is_open || path.contains("/sign-in-links/") || path.ends_with("/sessions/link")),
            ("415", operation.get("requestBody").is_some()),
            ("503", true),
        ];
        for (status, is_expected) in expected {
            assert_eq!(responses.contains_key(*status), *is_expected, "{method} {path} and {status}");
        }
        if let Some(elsewhere) = responses.get("307") {
            assert_eq!(elsewhere.get("content"), None, "{method} {path}");
            assert_eq!(elsewhere["headers"]["Location"]["required"], true, "{method} {path}");
        }
        for (status, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
            let schema = &response["content"]["application/json"]["schema"];
            let is_error = |schema: &Value| schema["$ref"] == "#/components/schemas/Error";
            let any = schema["anyOf"].as_array();
            assert!(
                is_error(schema) || any.is_some_and(|all| all.iter().any(is_error)),
                "{method} {path} {status}"
            );
        }
        let parameters = operation["parameters"].as_array().unwrap();
        let names: BTreeSet<(&str, &str)> = parameters
            .iter()
            .map(|one| (one["in"].as_str().unwrap(), one["name"].as_str().unwrap()))
            .collect();
        assert_eq!(names.len(), parameters.len(), "{method} {path} has a parameter twice");
        let in_path: BTreeSet<&str> = path.split(['{', '}']).skip(1).step_by(2).collect();
        let described: BTreeSet<&str> =
            names.iter().filter(|(place, _)| *place == "path").map(|(_, name)| *name).collect();
        assert_eq!(described, in_path, "{method} {path}");
    }
    assert!(ids.len() > 80, "{}", ids.len());
}

#[tokio::test]
async fn every_example_is_one_of_its_schema() {
    let world = World::new(583);
    let document = document(&world).await;
    let mut count = 0;
    walk(&document["components"]["schemas"], String::new(), &mut |at, schema| {
        let is_schema = schema.get("type").is_some() || schema.get("anyOf").is_some();
        for example in
            schema.get("examples").and_then(Value::as_array).into_iter().flatten().filter(|_| is_schema)
        {
            assert_eq!(breaks(&document, schema, example, at), None);
            count += 1;
        }
    });
    assert!(count >= 40, "{count} examples");
    for (path, method, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().unwrap() {
            if let Some(example) = parameter.get("example") {
                assert_eq!(breaks(&document, &parameter["schema"], example, path), None, "{method}");
            }
        }
    }
}

/// What generators of clients give up on.
#[tokio::test]
async fn every_list_says_of_what_and_no_path_ends_in_a_slash() {
    let world = World::new(584);
    let document = document(&world).await;
    let mut count = 0;
    walk(&document["components"]["schemas"], String::new(), &mut |at, schema| {
        let kind = schema.get("type");
        if kind.is_some_and(|kind| kind == "array" || *kind == json!(["array", "null"])) {
            assert!(schema.get("items").is_some(), "{at}");
            count += 1;
        }
    });
    assert!(count >= 20, "{count} lists");
    for (path, ..) in operations(&document) {
        assert!(!path.ends_with('/'), "{path}");
    }
}

/// A generated client has one type for each answer, but where the dialect has two: `GET /instances` with an Element token
/// is one instance, and a poll that the provider refused tells of its resources.
#[tokio::test]
async fn each_operation_has_one_answer_and_numbers_are_numbers() {
    let world = World::new(585);
    let document = document(&world).await;
    let mut with_two = BTreeSet::new();
    for (path, _, operation) in operations(&document) {
        for response in operation["responses"].as_object().unwrap().values() {
            let mut schema = &response["content"]["application/json"]["schema"];
            if let Some(reference) = schema["$ref"].as_str() {
                schema = document.pointer(&reference[1..]).unwrap();
            }
            if ["anyOf", "oneOf"].iter().any(|word| schema.get(word).is_some()) {
                with_two.insert(operation["operationId"].as_str().unwrap());
            }
        }
        for parameter in operation["parameters"].as_array().unwrap() {
            let is_number =
                ["id", "user", "number", "subscription"].contains(&parameter["name"].as_str().unwrap());
            if parameter["in"] == "path" && is_number {
                assert_eq!(parameter["schema"]["type"], "integer", "{path}");
                assert_eq!(parameter["schema"]["format"], "int64", "{path}");
            }
        }
    }
    assert_eq!(with_two, BTreeSet::from(["listInstances", "pollInstance"]));
    let large = &document["components"]["schemas"]["Event"]["properties"]["notificationId"];
    assert_eq!(large["format"], "int64", "{large}");
}

/// The page on the dialect shows what a callback is sent, as the description has it.
#[tokio::test]
async fn the_documented_callback_is_one() {
    let world = World::new(586);
    let document = document(&world).await;
    let page = include_str!("../../docs/dialect.md");
    let sample = page.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let sample: Value = serde_json::from_str(sample).unwrap();
    let schema = &document["components"]["schemas"]["Callback"];
    assert_eq!(breaks(&document, schema, &sample, "docs/dialect.md"), None);
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let described = &schema["examples"][0];
    assert_eq!(keys(&sample), keys(described));
    assert_eq!(keys(&sample["message"]), keys(&described["message"]));
    assert_eq!(keys(&sample["message"]["events"][0]), keys(&described["message"]["events"][0]));
}
