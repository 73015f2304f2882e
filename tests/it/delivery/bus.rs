//! The event bus as a destination, beside the callback or instead of it.

use super::{notify, status, webhook_id};
use crate::world::{GMAIL_USER, World, gmail_body};
use chrono::Duration;
use domain::ids::InstanceId;
use domain::settings::{CALLBACK_URL, EVENT_BUS};
use doubles::Mail;
use serde_json::{Value, json};

async fn world_with(callback: bool) -> (World, InstanceId) {
    let world = World::with_retry_delays(5, "8,64");
    let code = world.google.new_code(GMAIL_USER);
    let mut body = gmail_body(&code);
    body["configuration"][EVENT_BUS] = json!("true");
    if !callback {
        body["configuration"].as_object_mut().unwrap().remove(CALLBACK_URL);
    }
    let id = world.create(&body).await;
    (world, id)
}

/// Both destinations, the same name.
#[tokio::test]
async fn a_notification_goes_to_the_callback_and_to_the_bus() {
    let (world, id) = world_with(true).await;
    notify(&world, id, 2).await;
    let posted: Vec<String> =
        world.receiver.take().iter().map(|received| webhook_id(received).to_owned()).collect();
    assert_eq!(posted.len(), 2);
    assert_eq!(world.bus.published(), posted);
}

/// The bus fails: it is tried again by the policy, and the callback does not get it twice.
#[tokio::test]
async fn only_the_bus_is_tried_again_where_only_the_bus_failed() {
    let (world, id) = world_with(true).await;
    world.bus.fail_next(1);
    notify(&world, id, 1).await;
    assert_eq!((world.receiver.take().len(), world.bus.published().len()), (1, 0));
    world.pass(Duration::seconds(8)).await;
    assert_eq!((world.receiver.take().len(), world.bus.published().len()), (0, 1));
    world.pass(Duration::hours(1)).await;
    assert_eq!(world.bus.published().len(), 1, "once");
}

/// The callback fails: the bus has it and does not get it again.
#[tokio::test]
async fn only_the_callback_is_tried_again_where_only_the_callback_failed() {
    let (world, id) = world_with(true).await;
    world.receiver.answer_next(500);
    notify(&world, id, 1).await;
    assert_eq!((world.receiver.take().len(), world.bus.published().len()), (1, 1));
    world.pass(Duration::seconds(8)).await;
    assert_eq!((world.receiver.take().len(), world.bus.published().len()), (1, 1));
}

/// Who asks for a delivery again gets it at both.
#[tokio::test]
async fn delivered_again_it_goes_to_both_again() {
    let (world, id) = world_with(true).await;
    notify(&world, id, 1).await;
    let event_id = world.bus.published().remove(0);
    let reply = world.call("POST", &format!("/instances/{id}/events/{event_id}/retry"), &Value::Null).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    world.run_until_idle().await;
    assert_eq!(world.receiver.take().len(), 2);
    assert_eq!(world.bus.published(), [event_id.clone(), event_id]);
}

/// The bus alone is a destination; after the last failure everything waits, as for a callback.
#[tokio::test]
async fn without_a_callback_the_bus_is_enough_and_suspends_like_one() {
    let (world, id) = world_with(false).await;
    notify(&world, id, 1).await;
    assert_eq!(world.bus.published().len(), 1);
    assert_eq!(status(&world, id).await, "active");
    world.bus.fail_next(3);
    world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(id).await;
    world.pass(Duration::hours(1)).await;
    assert_eq!(status(&world, id).await, "suspended");
    assert_eq!(world.receiver.take().len(), 0);
    let path = "/notifications/subscriptions/deliveries?where=channel%3D'eventbridge'";
    assert_eq!(world.call("PUT", path, &Value::Null).await.status, 200);
    world.run_until_idle().await;
    assert_eq!((world.bus.published().len(), status(&world, id).await), (2, json!("active")));
}

/// Neither is no destination.
#[tokio::test]
async fn events_need_a_destination() {
    let world = World::new(5);
    let code = world.google.new_code(GMAIL_USER);
    let mut body = gmail_body(&code);
    body["configuration"].as_object_mut().unwrap().remove(CALLBACK_URL);
    body["configuration"][EVENT_BUS] = json!("no");
    let reply = world.call("POST", "/instances", &body).await;
    assert_eq!(reply.status, 400);
    let message = reply.body["message"].as_str().unwrap();
    assert!(message.contains(CALLBACK_URL) && message.contains(EVENT_BUS), "{message}");
}
