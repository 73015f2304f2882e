//! The description of the interface says what the interface does.

use crate::world::{ADMIN_KEY, AUTHORIZATION, GMAIL_USER, World};
use doubles::Mail;
use http_body_util::BodyExt as _;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tower::ServiceExt as _;

/// What the router says where it has nothing.
const NOTHING: &str = "there is nothing at this address";
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
        assert!(METHODS.contains(&method), "{method} {path}");
        assert!(!operation["summary"].as_str().unwrap().is_empty());
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path}");
        for status in ["400", "401", "404", "429", "500"] {
            assert!(responses.contains_key(status), "{method} {path} does not tell of {status}");
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

/// What is wrong with a value by its schema, as far as types, required keys, constants and choices go.
fn breaks(document: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let schema = document.pointer(reference.strip_prefix('#').unwrap()).unwrap();
        return breaks(document, schema, value, at);
    }
    if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
        let broken: Vec<String> =
            choices.iter().map_while(|choice| breaks(document, choice, value, at)).collect();
        return (broken.len() == choices.len()).then(|| broken.join(", or "));
    }
    if let Some(wanted) = schema.get("const").filter(|wanted| *wanted != value) {
        return Some(format!("{at} is not {wanted}"));
    }
    let is_choice = |choices: &Vec<Value>| choices.contains(value);
    if schema.get("enum").and_then(Value::as_array).is_some_and(|choices| !is_choice(choices)) {
        return Some(format!("{at} is none of {}", schema["enum"]));
    }
    let is_type = |name: &Value| match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{at}: no type is called {other}"),
    };
    let is_well_typed = match &schema["type"] {
        Value::Array(names) => names.iter().any(is_type),
        Value::String(_) => is_type(&schema["type"]),
        _ => true,
    };
    if !is_well_typed {
        return Some(format!("{at} is no {}: {value}", schema["type"]));
    }
    match value {
        Value::Object(object) => breaks_in_object(document, schema, object, at),
        Value::Array(items) => {
            let schema = schema.get("items")?;
            items
                .iter()
                .enumerate()
                .find_map(|(n, item)| breaks(document, schema, item, &format!("{at}/{n}")))
        }
        _ => None,
    }
}

fn breaks_in_object(
    document: &Value,
    schema: &Value,
    object: &Map<String, Value>,
    at: &str,
) -> Option<String> {
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    if let Some(missing) = required.map(|key| key.as_str().unwrap()).find(|key| !object.contains_key(*key)) {
        return Some(format!("{at} has no {missing}"));
    }
    object.iter().find_map(|(key, value)| {
        let known = schema.pointer(&format!("/properties/{}", key.replace('~', "~0").replace('/', "~1")));
        match (known, schema.get("additionalProperties")) {
            (Some(schema), _) => breaks(document, schema, value, &format!("{at}/{key}")),
            (None, Some(Value::Bool(false))) => Some(format!("{at} must not have {key}")),
            (None, Some(schema @ Value::Object(_))) => {
                breaks(document, schema, value, &format!("{at}/{key}"))
            }
            _ => None,
        }
    })
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

/// A value for each parameter of a path; the numbers are those of an instance that is there.
async fn values(world: &World) -> BTreeMap<&'static str, String> {
    let id = world.create_gmail().await;
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(id).await;
    let body = json!({ "from": "2026-11-22T11:00:00Z" });
    let backfill = world.call("POST", &format!("/instances/{id}/backfill"), &body).await.body;
    world.run_until_idle().await;
    let log = world.get(&format!("/instances/{id}/events")).await;
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    BTreeMap::from([
        ("id", id.to_string()),
        ("event", text(&log[0]["id"])),
        ("number", text(&log[0]["notificationId"])),
        ("subscription", text(&world.shown(id).await["subscriptionId"])),
        ("backfill", text(&backfill["id"])),
        ("element", "gmail".to_owned()),
        ("item", "event.poller.refresh_interval".to_owned()),
        ("hub", "general".to_owned()),
        ("resource", "messages".to_owned()),
        ("object", mail),
        ("child", "attachments".to_owned()),
        ("part", "1".to_owned()),
        ("user", "1".to_owned()),
        ("rest", "gmail/more".to_owned()),
    ])
}

fn filled(path: &str, values: &BTreeMap<&'static str, String>) -> String {
    // Accounts and organizations are counted by themselves.
    let own = ["/accounts/", "/organizations/"].iter().any(|noun| path.contains(noun));
    let path = if own { path.replace("{id}", "1") } else { path.to_owned() };
    values.iter().fold(path, |path, (name, value)| path.replace(&format!("{{{name}}}"), value))
}

/// Required parameters of the query, and headers, by what an address needs.
fn caller_of(operation: &Value, token: &str) -> String {
    let description = operation["description"].as_str().unwrap();
    match description {
        _ if description.contains("administrator") => format!("Admin {ADMIN_KEY}"),
        _ if description.contains("instance's token.") && !description.contains("or with") => {
            format!("User world-user, Element {token}")
        }
        _ => AUTHORIZATION.to_owned(),
    }
}

fn query_of(path: &str, operation: &Value) -> String {
    let needs = |name: &str| {
        let parameters = operation["parameters"].as_array().unwrap();
        parameters.iter().find(|one| {
            one["name"] == name
                && one["description"].as_str().is_some_and(|text| text.starts_with("Required"))
        })
    };
    let values =
        [("apiKey", "k"), ("callbackUrl", "https%3A%2F%2Fapp.example"), ("topics[]", "instance-1-x")];
    let given = values.iter().filter(|(name, _)| needs(name).is_some());
    let query: Vec<String> = given.map(|(name, value)| format!("{name}={value}")).collect();
    format!("{path}?{}", query.join("&"))
}

/// Every address that can be read is there, answers as it is described, and what it answers is of its schema.
#[tokio::test]
async fn each_address_that_is_read_answers_what_is_described() {
    let world = World::new(584);
    let values = values(&world).await;
    let instance = &values["id"];
    let token = world.get(&format!("/instances/{instance}")).await["token"].as_str().unwrap().to_owned();
    let document = document(&world).await;
    let reads = operations(&document).into_iter().filter(|(_, method, _)| *method == "get");
    let mut good_count = 0;
    for (path, _, operation) in reads {
        let address = query_of(&filled(path, &values), operation);
        assert!(!address.contains('{'), "{address}");
        let (status, body) = call(&world, &caller_of(operation, &token), "get", &address).await;
        assert_ne!(body["message"], NOTHING, "{address}");
        let response = &operation["responses"][status.to_string()];
        assert!(response.is_object(), "{address} answers {status}, which is not described: {body}");
        if let Some(schema) = response.pointer("/content/application~1json/schema") {
            assert_eq!(breaks(&document, schema, &body, "body"), None, "{address}: {body}");
        }
        good_count += usize::from(status == 200);
    }
    assert!(good_count >= 45, "only {good_count} were read");
}

/// Every other method that is described is taken, and no other: what is not described is refused as such.
#[tokio::test]
async fn each_method_that_is_described_is_taken_and_no_other() {
    let world = World::new(585);
    let values = values(&world).await;
    let document = document(&world).await;
    for (path, item) in document["paths"].as_object().unwrap() {
        // Nobody is let in, so that nothing is changed: whether there is such a call is known before.
        let address = filled(path, &values);
        for method in METHODS.into_iter().filter(|method| *method != "head") {
            let (status, body) = call(&world, "", method, &address).await;
            let is_described = item.get(method).is_some();
            assert_eq!(status == 405, !is_described, "{method} {address}: {status} {body}");
            assert_ne!(body["message"], NOTHING, "{method} {address}");
        }
    }
    let (status, body) = call(&world, AUTHORIZATION, "get", "/elements/api-v2/nothing").await;
    assert_eq!((status, &body["message"]), (404, &json!(NOTHING)));
}

/// What a client sends is described as the program takes it: the samples of bodies are accepted.
#[tokio::test]
async fn replies_to_changes_are_of_their_schemas() {
    let world = World::new(586);
    let document = document(&world).await;
    let values = values(&world).await;
    let id = &values["id"];
    for (method, path, body) in [
        ("POST", "/instances", crate::world::gmail_body(&world.google.new_code(GMAIL_USER))),
        ("PATCH", "/instances/{id}", json!({ "name": "Renamed" })),
        ("PATCH", "/instances/{id}/configuration/{item}", json!({ "propertyValue": "20" })),
        ("PUT", "/instances/{id}/enabled", Value::Null),
        ("POST", "/instances/{id}/poll", Value::Null),
        ("POST", "/instances/{id}/resume", Value::Null),
        ("POST", "/instances/{id}/backfill", json!({ "from": "2026-11-22T11:00:00Z" })),
        ("POST", "/instances/{id}/events/{event}/retry", Value::Null),
        ("PATCH", "/accounts/settings", json!({ "notification.webhook.failure.policy": "retry" })),
        ("PUT", "/notifications/subscriptions/deliveries", Value::Null),
        (
            "POST",
            "/elements/{element}/oauth/url",
            json!({ "apiKey": "k", "callbackUrl": "https://app.example" }),
        ),
    ] {
        let reply = world.call(method, &filled(path, &values), &body).await;
        world.run_until_idle().await;
        let operation =
            &document["paths"][format!("{}{path}", app::api::BASE_PATH)][method.to_ascii_lowercase()];
        let response = &operation["responses"][reply.status.to_string()];
        assert!(
            reply.status < 300 && response.is_object(),
            "{method} {path} {id}: {} {}",
            reply.status,
            reply.body
        );
        let schema = response.pointer("/content/application~1json/schema").unwrap();
        assert_eq!(breaks(&document, schema, &reply.body, "body"), None, "{method} {path}: {}", reply.body);
    }
}
