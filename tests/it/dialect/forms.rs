//! The same calls by id, by Element token and below the connector; items of a configuration; switched off and gone.

use crate::world::{AUTHORIZATION, GMAIL_USER, Reply, World, gmail_body};
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::Mail;
use serde_json::{Value, json};

const INTERVAL: &str = "event.poller.refresh_interval";

async fn token(world: &World, id: InstanceId) -> String {
    let token = world.shown(id).await["token"].as_str().unwrap().to_owned();
    format!("User world-user, Element {token}")
}

/// One instance, four ways to call it.
async fn forms(world: &World, id: InstanceId) -> [(String, String); 4] {
    let world_user = AUTHORIZATION.to_owned();
    [
        (world_user.clone(), format!("/instances/{id}")),
        (world_user, format!("/elements/gmail/instances/{id}")),
        (token(world, id).await, "/instances".to_owned()),
        (token(world, id).await, "/elements/gmail/instances".to_owned()),
    ]
}

async fn call(world: &World, form: &(String, String), method: &str, below: &str, body: &Value) -> Reply {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let reply = world.call_as(&form.0, method, &format!("{}{below}", form.1), &text).await;
    assert_eq!(reply.status, 200, "{method} {}{below}: {}", form.1, reply.body);
    world.run_until_idle().await;
    reply
}

#[tokio::test]
async fn each_call_works_by_id_by_token_and_below_its_connector() {
    let world = World::new(521);
    let id = world.create_gmail().await;
    let own = world.shown(id).await;
    for (number, form) in forms(&world, id).await.iter().enumerate() {
        let read = call(&world, form, "GET", "", &Value::Null).await.body;
        // Below a connector the address of the list is that of a list, whoever calls.
        let read = if form.1 == "/elements/gmail/instances" { &read[0] } else { &read };
        assert_eq!(read["id"], own["id"]);
        let name = format!("Renamed {number}");
        call(&world, form, "PATCH", "", &json!({ "name": name })).await;
        assert_eq!(world.shown(id).await["name"], name);
        let mut whole = gmail_body("");
        whole.as_object_mut().unwrap().remove("providerData");
        whole["name"] = json!("Replaced");
        let replaced = call(&world, form, "PUT", "", &whole).await;
        assert_eq!((&replaced.body["name"], replaced.body.get("providerData")), (&json!("Replaced"), None));
        assert_eq!(call(&world, form, "DELETE", "/enabled", &Value::Null).await.body["disabled"], true);
        assert_eq!(world.shown(id).await["disabled"], true);
        assert_eq!(call(&world, form, "PUT", "/enabled", &Value::Null).await.body["disabled"], false);
        assert_eq!(world.shown(id).await["disabled"], false);
        let items = call(&world, form, "GET", "/configuration", &Value::Null).await.body;
        let item = items.as_array().unwrap().iter().find(|item| item["key"] == INTERVAL).unwrap();
        let path = format!("/configuration/{}", item["id"]);
        let minutes = (20 + number).to_string();
        let changed = call(&world, form, "PATCH", &path, &json!({ "propertyValue": minutes })).await.body;
        assert_eq!((&changed["propertyValue"], &changed["key"]), (&json!(minutes), &json!(INTERVAL)));
        assert_eq!(call(&world, form, "GET", &path, &Value::Null).await.body, changed);
        assert_eq!(world.shown(id).await["configuration"][INTERVAL], minutes);
    }
    for form in [3, 2, 1, 0] {
        let id = world.create_gmail().await;
        let form = &forms(&world, id).await[form];
        call(&world, form, "DELETE", "", &Value::Null).await;
        assert_eq!(world.call("GET", &format!("/instances/{id}"), &Value::Null).await.status, 404);
    }
}

/// A number below the wrong connector is not there, whatever is asked of it.
#[tokio::test]
async fn below_another_connector_an_instance_is_not_found() {
    let world = World::new(522);
    let id = world.create_gmail().await;
    let before = world.dump();
    for connector in ["outlookemail", "6410", "nothing"] {
        let path = format!("/elements/{connector}/instances/{id}");
        for (method, path) in [
            ("GET", path.clone()),
            ("PUT", path.clone()),
            ("PATCH", path.clone()),
            ("DELETE", path.clone()),
            ("PUT", format!("{path}/enabled")),
            ("DELETE", format!("{path}/enabled")),
            ("GET", format!("{path}/configuration")),
            ("GET", format!("{path}/configuration/{INTERVAL}")),
            ("PATCH", format!("{path}/configuration/{INTERVAL}")),
        ] {
            let reply = world.call(method, &path, &json!({ "propertyValue": "1" })).await;
            assert_eq!(reply.status, 404, "{method} {path}: {}", reply.body);
        }
    }
    assert_eq!(world.dump(), before);
    let by_number = world.get(&format!("/elements/6409/instances/{id}")).await;
    assert_eq!(by_number["id"], id.get());
}

#[tokio::test]
async fn calls_with_a_token_need_one() {
    let world = World::new(523);
    world.create_gmail().await;
    for (method, path) in [
        ("PATCH", "/instances"),
        ("PUT", "/instances"),
        ("DELETE", "/instances"),
        ("PUT", "/instances/enabled"),
        ("DELETE", "/instances/enabled"),
        ("GET", "/instances/configuration"),
        ("GET", "/hubs/general/messages"),
        ("GET", "/ping"),
    ] {
        let reply = world.call(method, path, &json!({ "name": "x" })).await;
        reply.assert_refused(401);
        assert!(reply.body["message"].as_str().unwrap().contains("Element"), "{method} {path}");
    }
    assert_eq!(world.get("/instances").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn items_are_found_by_number_and_key_and_secrets_stay_masked() {
    let world = World::new(524);
    let id = world.create_gmail().await;
    let path = format!("/instances/{id}/configuration");
    let items = world.get(&path).await;
    let numbers: std::collections::BTreeSet<u64> =
        items.as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()).collect();
    assert_eq!(numbers.len(), items.as_array().unwrap().len(), "each has a number of its own");
    for item in items.as_array().unwrap() {
        assert_eq!(&world.get(&format!("{path}/{}", item["id"])).await, item);
        assert_eq!(&world.get(&format!("{path}/{}", item["key"].as_str().unwrap())).await, item);
    }
    let key = "event.notification.signature.key";
    let read = world.get(&format!("{path}/{key}")).await;
    assert_eq!(read["propertyValue"], "********");
    // Sent back as it was read, it stays.
    let reply = world.call("PATCH", &format!("{path}/{key}"), &read).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(id).await;
    assert_eq!(world.arrived().len(), 1, "signed with the key of before");
    for (body, word) in [(json!({}), "propertyValue"), (json!({ "propertyValue": "never" }), INTERVAL)] {
        let reply = world.call("PATCH", &format!("{path}/{INTERVAL}"), &body).await;
        reply.assert_refused(400);
        assert!(reply.body["message"].as_str().unwrap().contains(word), "{}", reply.body);
    }
    world.call("GET", &format!("{path}/no.such.item"), &Value::Null).await.assert_refused(404);
    world.call("PATCH", &format!("{path}/1"), &json!({ "propertyValue": "1" })).await.assert_refused(404);
}

/// What a disabled instance is asked for through its token is refused, without a request to the provider.
#[tokio::test]
async fn a_disabled_instance_reads_nothing_and_a_deleted_one_has_no_token() {
    let world = World::new(525);
    let id = world.create_gmail().await;
    let own = token(&world, id).await;
    assert_eq!(world.call_as(&own, "GET", "/hubs/general/labels", "").await.status, 200);
    let enabled = format!("/instances/{id}/enabled");
    assert_eq!(world.call("DELETE", &enabled, &Value::Null).await.status, 200);
    world.run_until_idle().await;
    world.google.clear_requests();
    for path in ["/hubs/general/labels", "/hubs/general/messages/1", "/ping"] {
        let reply = world.call_as(&own, "GET", path, "").await;
        reply.assert_refused(403);
        assert!(reply.body["message"].as_str().unwrap().contains("disabled"), "{}", reply.body);
    }
    assert_eq!(world.google.requests(), []);
    assert_eq!(world.call_as(&own, "GET", "/instances", "").await.status, 200, "it still reads itself");
    assert_eq!(world.call("DELETE", &format!("/instances/{id}"), &Value::Null).await.status, 200);
    for path in ["/hubs/general/labels", "/instances", "/instances/events", "/ping"] {
        world.call_as(&own, "GET", path, "").await.assert_refused(401);
    }
    world.pass(Duration::minutes(1)).await;
    world.call_as(&own, "GET", "/instances", "").await.assert_refused(401);
}
