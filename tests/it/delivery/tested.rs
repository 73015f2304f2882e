//! Tests of a callback: sent like every event, and marked.

use super::{body, webhook_id};
use crate::world::{SIGNATURE_KEY, World, gmail_body};
use chrono::Duration;
use doubles::Answer;
use serde_json::{Value, json};

const PATH: &str = "/instances/test-event";

fn to(url: &str) -> Value {
    json!({ "configuration": {
        "event.notification.callback.url": url,
        "event.notification.signature.key": SIGNATURE_KEY,
    } })
}

/// Where the world's instances send their events.
fn callback() -> String {
    gmail_body("")["configuration"]["event.notification.callback.url"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_test_is_signed_as_an_event_is_and_marked_as_a_test() {
    let world = World::new(531);
    let before = world.get("/instances/events").await;
    let reply = world.call("POST", PATH, &to(&callback())).await;
    assert_eq!((reply.status, &reply.body["taken"], &reply.body["status"]), (200, &json!(true), &json!(200)));
    let received = world.receiver.take();
    assert_eq!(received.len(), 1);
    assert!(world.receiver.verify(SIGNATURE_KEY.as_bytes(), &received[0]), "the signature is an event's");
    assert_eq!(received[0].headers["elements-webhook-test"], "true");
    assert_eq!(webhook_id(&received[0]), reply.body["eventId"].as_str().unwrap());
    let sent = body(&received[0]);
    assert_eq!(sent["message"]["test"], true);
    let event = &sent["message"]["events"][0];
    assert_eq!((&event["eventType"], &event["objectType"]), (&json!("CREATED"), &json!("messages")));
    assert_eq!(world.get("/instances/events").await, before, "nothing is logged of it");
    world.pass(Duration::hours(2)).await;
    assert!(world.receiver.take().is_empty(), "it is sent once");
    let log = world.get("/organizations/1/audit").await;
    assert!(log.to_string().contains("callback.tested") && !log.to_string().contains(SIGNATURE_KEY), "{log}");
}

#[tokio::test]
async fn a_refused_test_is_told_without_the_answer_and_not_repeated() {
    let world = World::new(532);
    world.receiver.answer_with(Answer::status(503));
    let reply = world.call("POST", PATH, &to(&callback())).await;
    assert_eq!(
        (reply.status, &reply.body["taken"], &reply.body["status"]),
        (200, &json!(false), &json!(503))
    );
    assert_eq!(reply.body.as_object().unwrap().len(), 6, "no part of the answer's body: {}", reply.body);
    world.pass(Duration::hours(12)).await;
    assert_eq!(world.receiver.take().len(), 1);
}

#[tokio::test]
async fn a_test_goes_to_no_address_that_events_do_not_go_to() {
    let world = World::new(533);
    let reply = world.call("POST", PATH, &to("http://private.test/hook")).await;
    assert_eq!((reply.status, &reply.body["status"]), (200, &Value::Null));
    assert!(reply.body["error"].as_str().unwrap().contains("not allowed"), "{}", reply.body);
    for (url, rule) in [("ftp://example.com/", "callback.url"), ("", "is required")] {
        let reply = world.call("POST", PATH, &to(url)).await;
        reply.assert_refused(400);
        assert!(reply.body["message"].as_str().unwrap().contains(rule), "{}", reply.body);
    }
    let odd = json!({ "configuration": {}, "instanceId": 7 });
    world.call("POST", PATH, &odd).await.assert_refused(400);
    assert!(world.receiver.take().is_empty());
}

#[tokio::test]
async fn an_instance_is_tested_with_the_secrets_it_has() {
    let world = World::new(534);
    let id = world.create_gmail().await;
    let reply = world.call("POST", PATH, &json!({ "instanceId": id.get() })).await;
    assert_eq!((reply.status, &reply.body["signed"]), (200, &json!(true)), "{}", reply.body);
    let received = world.receiver.take();
    assert!(world.receiver.verify(SIGNATURE_KEY.as_bytes(), &received[0]));
    assert_eq!(body(&received[0])["message"]["instanceId"], id.get());
    world.call("POST", PATH, &json!({ "instanceId": 1 })).await.assert_refused(404);
    world.admit_another("stranger", "strangers").await;
    let asked = json!({ "instanceId": id.get() }).to_string();
    let authorization = "User stranger, Organization strangers";
    world.call_as(authorization, "POST", PATH, &asked).await.assert_refused(404);
    assert!(world.receiver.take().is_empty());
}

#[tokio::test]
async fn an_organization_sends_ten_tests_a_minute() {
    let mut world = World::new(535);
    let send = async |world: &World| world.call("POST", PATH, &to(&callback())).await.status;
    for _ in 0..10 {
        assert_eq!(send(&world).await, 200);
    }
    assert_eq!(send(&world).await, 429);
    world.app = world.another_process_around(|ports| ports);
    assert_eq!(send(&world).await, 429, "whichever process it asks");
    world.pass(Duration::minutes(1)).await;
    assert_eq!(send(&world).await, 200);
    assert_eq!(world.receiver.take().len(), 11);
}
