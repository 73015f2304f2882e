//! Finding instances, and replacing and merging what they are told.

use crate::world::{GMAIL_USER, OUTLOOK_USER, World, gmail_body, outlook_body};
use domain::ids::InstanceId;
use doubles::Mail;
use serde_json::{Value, json};

/// An instance with this name and these tags.
async fn named(world: &World, is_gmail: bool, name: &str, tags: &[&str]) -> InstanceId {
    let mut body = match is_gmail {
        true => gmail_body(&world.google.new_code(GMAIL_USER)),
        false => outlook_body(&world.microsoft.new_code(OUTLOOK_USER)),
    };
    body["name"] = json!(name);
    body["tags"] = json!(tags);
    world.create(&body).await
}

#[tokio::test]
async fn instances_are_found_by_tag_name_and_connector() {
    let world = World::new(531);
    let sales = named(&world, true, "Sales mailbox", &["sales", "eu"]).await.get();
    let support = named(&world, false, "Support mailbox", &["support", "eu"]).await.get();
    let plain = named(&world, true, "Private", &[]).await.get();
    for (query, expected) in [
        ("", vec![sales, support, plain]),
        ("tags[]=eu", vec![sales, support]),
        ("tags%5B%5D=eu&tags%5B%5D=sales", vec![sales]),
        ("tags=support", vec![support]),
        ("tags[]=Private", vec![plain]),
        ("searchText=MAILBOX", vec![sales, support]),
        ("searchText=mailbox&tags[]=support", vec![support]),
    ] {
        let found = world.get(&format!("/instances?{query}")).await;
        let mut ids: Vec<u32> =
            found.as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap() as u32).collect();
        let mut expected = expected;
        ids.sort_unstable();
        expected.sort_unstable();
        assert_eq!(ids, expected, "{query}");
    }
    let gmail = world.get("/elements/gmail/instances?tags[]=eu").await;
    assert_eq!((gmail.as_array().unwrap().len(), &gmail[0]["id"]), (1, &json!(sales)));
    for path in [
        "/instances?tags[]=nowhere",
        "/instances?searchText=nobody",
        "/instances?tags[]=sales&searchText=support",
        "/elements/gmail/instances?tags[]=support",
        "/elements/nothing/instances",
    ] {
        world.call("GET", path, &Value::Null).await.assert_refused(404);
    }
}

/// Without a search an empty list is an answer.
#[tokio::test]
async fn nobodys_list_is_empty_and_no_error() {
    let world = World::new(532);
    assert_eq!(world.get("/instances").await, json!([]));
    assert_eq!(world.get("/elements/gmail/instances").await, json!([]));
    world.call("GET", "/instances?searchText=x", &Value::Null).await.assert_refused(404);
}

#[tokio::test]
async fn instances_are_counted_and_listed_without_their_configuration() {
    let world = World::new(533);
    named(&world, true, "a", &[]).await;
    let gone = named(&world, true, "b", &[]).await;
    named(&world, false, "c", &[]).await;
    world.call("DELETE", &format!("/instances/{gone}"), &Value::Null).await;
    world.run_until_idle().await;
    let count = world.get("/instances/count").await;
    let by = |key: &str, id: u32, count: u32| json!({ "elementId": id, "elementKey": key, "totalInstances": count });
    assert_eq!(count["totalInstances"], 2);
    for connector in connectors::registry() {
        let (key, id) = (connector.descriptor().key, connector.descriptor().id);
        let expected = by(key, id, u32::from(["gmail", "outlookemail"].contains(&key)));
        assert!(count["elementInstances"].as_array().unwrap().contains(&expected), "{key}: {count}");
    }
    for path in ["/instances?hydrate=false", "/elements/gmail/instances?hydrate=false"] {
        for one in world.get(path).await.as_array().unwrap() {
            assert_eq!(one.get("configuration"), None, "{path}");
            assert!(one["name"].is_string() && one["token"].is_string());
        }
    }
    for path in ["/instances", "/instances?hydrate=true"] {
        let list = world.get(path).await;
        assert!(list.as_array().unwrap().iter().all(|one| one["configuration"].is_object()), "{path}");
    }
}

/// PUT: what it does not name goes, but for what the instance signs in with; PATCH: it stays.
#[tokio::test]
async fn put_replaces_and_patch_merges() {
    let world = World::new(534);
    let id = named(&world, true, "First", &["a", "b"]).await;
    let path = format!("/instances/{id}");
    world.patch(id, &json!({ "configuration": { "event.poller.refresh_interval": "30" } })).await;
    let merged = world.shown(id).await;
    assert_eq!(merged["configuration"]["event.poller.refresh_interval"], "30");
    assert_eq!(merged["configuration"]["event.notification.enabled"], "true");
    assert_eq!((&merged["tags"], &merged["name"]), (&json!(["a", "b"]), &json!("First")));
    let mut whole = gmail_body("");
    let object = whole.as_object_mut().unwrap();
    object.remove("providerData");
    object.insert("tags".to_owned(), json!(["c"]));
    let configuration = whole["configuration"].as_object_mut().unwrap();
    for key in [
        "event.poller.refresh_interval",
        "oauth.api.key",
        "oauth.api.secret",
        "event.notification.signature.key",
    ] {
        configuration.remove(key);
    }
    let reply = world.call("PUT", &path, &whole).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    world.run_until_idle().await;
    let replaced = world.shown(id).await;
    let configuration = &replaced["configuration"];
    assert_eq!(configuration.get("event.poller.refresh_interval"), None);
    assert_eq!(configuration.get("event.notification.signature.key"), None, "it was not named");
    assert_eq!(configuration["oauth.api.secret"], "********", "it signs in with it");
    assert_eq!(replaced["tags"], json!(["c"]));
    // It still polls, from where it was, with the token it had; unsigned now.
    world.clock.advance(chrono::Duration::hours(2));
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(id).await;
    let body: Value = serde_json::from_slice(&world.receiver.take()[0].body).unwrap();
    assert_eq!(body["message"]["events"][0]["objectId"], mail);
}

/// A code that comes with a replacement signs in again, unless the client says that it is not meant.
#[tokio::test]
async fn a_replacement_may_say_that_its_code_is_not_meant() {
    let world = World::new(535);
    let id = named(&world, true, "First", &[]).await;
    let other = "someone.else@example.com";
    world.google.add_account(other);
    let body = gmail_body(&world.google.new_code(other));
    let kept = world.call("PUT", &format!("/instances/{id}?reAuthenticate=false"), &body).await;
    assert_eq!(kept.status, 200, "{}", kept.body);
    assert!(!world.shown(id).await["notices"].to_string().contains("another mailbox"));
    let signed_in = world.call("PUT", &format!("/instances/{id}"), &body).await;
    assert_eq!(signed_in.status, 200, "{}", signed_in.body);
    assert!(world.shown(id).await["notices"].to_string().contains("another mailbox"));
    world.run_until_idle().await;
}

#[tokio::test]
async fn an_instance_can_be_created_below_its_connector_without_naming_it() {
    let world = World::new(536);
    for element in ["gmail", "6409"] {
        let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
        body.as_object_mut().unwrap().remove("element");
        let reply = world.call("POST", &format!("/elements/{element}/instances"), &body).await;
        assert_eq!((reply.status, &reply.body["element"]["key"]), (200, &json!("gmail")), "{}", reply.body);
    }
    let refused = world.call("POST", "/elements/nothing/instances", &gmail_body("x")).await;
    refused.assert_refused(400);
    world.run_until_idle().await;
}
