//! What older clients send, and what they look for.

use crate::world::{GMAIL_USER, World, gmail_body};
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

#[tokio::test]
async fn connectors_come_in_pages_where_pages_are_asked_for() {
    let world = World::new(545);
    let all = world.get("/elements").await;
    let count = all.as_array().unwrap().len();
    let mut path = "/elements?pageSize=1".to_owned();
    let mut paged = Vec::new();
    loop {
        let reply = world.call("GET", &path, &Value::Null).await;
        let page = reply.body.as_array().unwrap();
        assert_eq!(page.len(), 1, "{path}: {}", reply.body);
        assert_eq!(reply.headers["elements-total-count"].to_str().unwrap(), count.to_string());
        paged.extend(page.iter().cloned());
        let Some(next) = reply.headers.get("elements-next-page-token") else { break };
        path = format!("/elements?pageSize=1&nextPage={}", next.to_str().unwrap());
    }
    assert_eq!(json!(paged), all);
    world.call("GET", "/elements?nextPage=e30", &Value::Null).await.assert_refused(400);
}

#[tokio::test]
async fn metadata_say_what_a_connector_is_for() {
    let world = World::new(546);
    for element in world.get("/elements").await.as_array().unwrap() {
        let key = element["key"].as_str().unwrap();
        let metadata = world.get(&format!("/elements/{key}/metadata")).await;
        assert_eq!(metadata["description"], element["description"]);
        assert!(metadata["description"].as_str().is_some_and(|text| text.len() > 20), "{key}");
    }
}

#[tokio::test]
async fn configuration_items_come_in_the_observed_order() {
    let world = World::new(547);
    let items = world.get("/elements/gmail/configuration").await;
    let places = items.as_array().unwrap().iter();
    let places: Vec<(u64, &str)> =
        places.map(|item| (item["displayOrder"].as_u64().unwrap(), item["key"].as_str().unwrap())).collect();
    assert!(places.is_sorted_by_key(|(order, _)| *order));
    for observed in [
        (11, "event.notification.signature.key"),
        (99, "filter.response.nulls"),
        (100, "event.vendor.type"),
        (101, "event.poller.refresh_interval"),
        (102, "event.notification.enabled"),
        (103, "event.notification.callback.url"),
        (104, "event.poller.configuration"),
    ] {
        assert!(places.contains(&observed), "{observed:?} in {places:?}");
    }
}

#[tokio::test]
async fn polling_in_the_older_form_is_shown_in_the_newer_one() {
    let world = World::new(548);
    let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
    let configuration = body["configuration"].as_object_mut().unwrap();
    configuration.remove("event.poller.configuration");
    configuration.insert("event.poller.urls".to_owned(), "messages|/hubs/general/messages\nlabels".into());
    let id = world.create(&body).await;
    let as_json = |text: &Value| serde_json::from_str::<Value>(text.as_str().unwrap()).unwrap();
    let shown = world.shown(id).await;
    let poller = as_json(&shown["configuration"]["event.poller.configuration"]);
    assert_eq!(poller["messages"], json!({ "url": "/hubs/general/messages" }));
    assert!(poller["labels"]["url"].is_string(), "{poller}");
    let item = world.get(&format!("/instances/{id}/configuration/event.poller.configuration")).await;
    assert_eq!(as_json(&item["propertyValue"]), poller);
    // What is shown may be sent back, and polls the same.
    let again = json!({ "configuration": { "event.poller.configuration": poller } });
    world.patch(id, &again).await;
    let polled = |shown: &Value| -> Vec<String> {
        shown["resources"].as_array().unwrap().iter().map(|one| one["name"].to_string()).collect()
    };
    assert_eq!(polled(&world.shown(id).await), polled(&shown));
}
