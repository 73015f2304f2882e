//! Each address is called, and what it answers is held against the description.

use super::{METHODS, breaks, call, document, operations};
use crate::world::{ADMIN_KEY, AUTHORIZATION, GMAIL_USER, World};
use doubles::Mail;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What the router says where it has nothing.
const NOTHING: &str = "there is nothing at this address";

/// A value for each parameter of a path; the numbers are those of an instance that is there.
async fn values(world: &World) -> BTreeMap<&'static str, String> {
    let id = world.create_gmail().await;
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(id).await;
    let body = json!({ "from": "2026-11-22T11:00:00Z" });
    let backfill = world.call("POST", &format!("/instances/{id}/backfill"), &body).await.body;
    world.run_until_idle().await;
    let tag = json!({ "action": "tag", "filter": {}, "addTags": ["bulk"] });
    let bulk = world.call("POST", "/instances/bulk", &tag).await.body;
    world.run_until_idle().await;
    let application = json!({ "name": "mail", "connector": "gmail", "apiKey": "k", "apiSecret": "s" });
    assert_eq!(world.call("POST", "/applications", &application).await.status, 200);
    let log = world.get(&format!("/instances/{id}/events")).await;
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    BTreeMap::from([
        ("id", id.to_string()),
        ("event", text(&log[0]["id"])),
        ("number", text(&log[0]["notificationId"])),
        ("subscription", text(&world.shown(id).await["subscriptionId"])),
        ("bulk", bulk["id"].as_str().unwrap().to_owned()),
        ("backfill", text(&backfill["id"])),
        ("element", "gmail".to_owned()),
        ("item", "event.poller.refresh_interval".to_owned()),
        ("hub", "general".to_owned()),
        ("resource", "messages".to_owned()),
        ("name", "mail".to_owned()),
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
    // Needed unless another parameter takes its place.
    let is_given = |name: &str| needs(name).is_some() || (name == "apiKey" && needs("callbackUrl").is_some());
    let given = values.iter().filter(|(name, _)| is_given(name));
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
