//! What older clients send, and what they look for.

use crate::world::World;
use serde_json::{Value, json};

#[tokio::test]
async fn a_colon_behind_the_kind_and_a_page_zero_are_taken() {
    let world = World::new(541);
    let id = world.create_gmail().await;
    let token = world.shown(id).await["token"].as_str().unwrap().to_owned();
    let caller = format!("User: world-user, Element: {token}");
    for path in ["/hubs/general/messages?page=0&pageSize=20", "/hubs/general/ping", "/hubs/crm/ping", "/ping"]
    {
        let reply = world.call_as(&caller, "GET", path, "").await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
    }
}

#[tokio::test]
async fn keys_of_connectors_are_texts() {
    let world = World::new(542);
    let listed = world.get("/elements").await;
    let keys: Vec<Value> = listed.as_array().unwrap().iter().map(|one| one["key"].clone()).collect();
    assert_eq!(world.get("/elements/keys").await, json!(keys));
}

#[tokio::test]
async fn a_field_that_no_record_has_is_refused() {
    let world = World::new(543);
    world.create_gmail().await;
    for (method, path) in [
        ("GET", "/notifications/subscriptions"),
        ("GET", "/notifications/subscriptions/deliveries"),
        ("PUT", "/notifications/subscriptions/deliveries"),
    ] {
        for (condition, status) in [
            ("channel='webhook'%20and%20status='queued'", 200),
            ("config.url='https://app.example'", 200),
            ("flavour='sweet'", 400),
        ] {
            let reply = world.call(method, &format!("{path}?where={condition}"), &Value::Null).await;
            assert_eq!(reply.status, status, "{method} {path} {condition}: {}", reply.body);
        }
    }
}

#[tokio::test]
async fn counts_of_an_account_that_is_nobodys_are_forbidden() {
    let world = World::new(544);
    let path = "/instances/events/analytics/accounts?accountIds[]=0";
    world.call("GET", path, &Value::Null).await.assert_refused(403);
}
