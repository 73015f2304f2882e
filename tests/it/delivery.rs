//! From a notification to the callback: what is posted, when again, and what waits until it can be.

mod attempts;
mod begun;
mod bus;
mod callback;
mod first_attempts;
mod headers;
mod policy;
mod queue;
mod slow_callbacks;
mod tested;

use crate::world::{GMAIL_USER, OUTLOOK_USER, SIGNATURE_KEY, World, gmail_body};
use app::ports::{EventLog as _, LogPage, Polls as _};
use chrono::Duration;
use domain::ids::{InstanceId, Sequence};
use doubles::{Answer, Mail, Received};
use serde_json::{Value, json};

/// The body of a callback.
fn body(received: &Received) -> Value {
    serde_json::from_slice(&received.body).unwrap()
}

/// The header that names a notification.
fn webhook_id(received: &Received) -> &str {
    received.headers["elements-webhook-id"].to_str().unwrap()
}

/// The objects that a callback tells of.
fn objects(received: &Received) -> Vec<String> {
    let body = body(received);
    let events = body["message"]["events"].as_array().unwrap();
    events.iter().map(|event| event["objectId"].as_str().unwrap().to_owned()).collect()
}

/// A mail each, each with a poll of its own: so many notifications.
async fn notify(world: &World, id: InstanceId, count: usize) -> Vec<String> {
    let mut mails = Vec::new();
    for _ in 0..count {
        mails.push(world.google.deliver(GMAIL_USER, Mail::default()));
        world.poll(id).await;
        world.clock.advance(Duration::milliseconds(10));
    }
    mails
}

/// So many mails, and no poll.
fn mails(world: &World, count: usize) -> Vec<String> {
    (0..count).map(|_| world.google.deliver(GMAIL_USER, Mail::default())).collect()
}

/// A poll that somebody asked for, and none of what follows.
async fn poll(world: &World, id: InstanceId) {
    world.app.poll(id, world.now() + Duration::seconds(20)).await.unwrap();
}

/// What the first resource's outbox names.
async fn outbox(world: &World, id: InstanceId) -> Vec<Sequence> {
    world.store.mailbox(id).await.unwrap().unwrap().resources.remove(0).outbox
}

/// Where the instance's callback stands.
async fn status(world: &World, id: InstanceId) -> Value {
    world.shown(id).await["subscription"]["status"].clone()
}

/// Releases what waits for all callbacks.
async fn release(world: &World) -> Value {
    let path = "/notifications/subscriptions/deliveries?where=channel%3D'webhook'%20and%20status%3D'queued'";
    let reply = world.call("PUT", path, &Value::Null).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    world.run_until_idle().await;
    reply.body
}

/// Suspends the callback: it is gone for good.
async fn suspend(world: &World, id: InstanceId) -> Vec<String> {
    world.receiver.answer_next(410);
    let mails = notify(world, id, 1).await;
    assert_eq!(status(world, id).await, "suspended");
    world.receiver.take();
    mails
}

/// The same instance with another callback.
fn with_callback(mut body: Value, url: &str) -> Value {
    body["configuration"]["event.notification.callback.url"] = json!(url);
    body
}

#[tokio::test]
async fn the_envelope_has_the_documented_shape() {
    let world = World::new(161);
    let id = world.create_outlook().await;
    let mail = Mail { subject: "Minutes".to_owned(), ..Mail::default() };
    let mail = world.microsoft.deliver(OUTLOOK_USER, mail);
    world.poll(id).await;
    let received = world.receiver.take();
    let body = body(&received[0]);
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&body), ["severity", "createdDate", "topic", "action", "id", "message", "user"]);
    let documented = [
        "elementKey",
        "accountId",
        "eventId",
        "companyId",
        "instanceId",
        "instance_id",
        "instanceName",
        "instanceTags",
        "raw",
        "userId",
        "events",
    ];
    assert_eq!(keys(&body["message"]), documented);
    assert_eq!(body["topic"], format!("instance-{id}-outlookemail-events"));
    assert!(body["id"].as_str().unwrap().parse::<u64>().unwrap() < 1 << 53);
    assert_eq!(body["createdDate"], "Sun Nov 22 12:00:00 UTC 2026");
    let message = &body["message"];
    assert_eq!((&message["instanceId"], &message["instance_id"]), (&json!(id.get()), &json!(id.get())));
    assert_eq!(message["eventId"].as_str().unwrap().len(), 20);
    assert_eq!(keys(&message["raw"]), ["messages", "pollDate", "objectType"]);
    assert_eq!(message["raw"]["objectType"], "messages");
    assert_eq!(message["raw"]["messages"][0]["Id"], mail);
    assert_eq!(message["raw"]["messages"][0]["Subject"], "Minutes");
    let event = &message["events"][0];
    assert_eq!(event["date"], "2026-11-22T12:00:00Z");
    assert_eq!((&event["hubKey"], &event["elementKey"]), (&json!("general"), &json!("outlookemail")));
    assert_eq!((&event["objectId"], &event["objectType"]), (&json!(mail), &json!("messages")));
    let poll_ms = message["raw"]["pollDate"].as_i64().unwrap();
    let poll = event["pollDate"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    assert_eq!(poll_ms / 1000, poll.timestamp());
    let content_type = received[0].headers["content-type"].to_str().unwrap();
    assert_eq!(content_type, "application/json");
}

#[tokio::test]
async fn a_notification_holds_at_most_ten_events_and_just_their_records() {
    let world = World::new(162);
    let id = world.create_gmail().await;
    for _ in 0..23 {
        world.google.deliver(GMAIL_USER, Mail::default());
    }
    world.poll(id).await;
    let received = world.receiver.take();
    let mut event_ids = std::collections::BTreeSet::new();
    let mut webhook_ids = std::collections::BTreeSet::new();
    let mut counts = Vec::new();
    for one in &received {
        assert!(world.receiver.verify(SIGNATURE_KEY.as_bytes(), one));
        let body = body(one);
        let events = body["message"]["events"].as_array().unwrap();
        let records = body["message"]["raw"]["changed-messages"].as_array().unwrap();
        let record_ids: Vec<_> = records.iter().map(|record| record["id"].as_str().unwrap()).collect();
        assert_eq!(record_ids, objects(one), "the records of exactly these events, in their order");
        counts.push(events.len());
        event_ids.extend(events.iter().map(|event| event["id"].as_str().unwrap().to_owned()));
        assert_eq!(webhook_id(one), body["message"]["eventId"]);
        webhook_ids.insert(webhook_id(one).to_owned());
    }
    counts.sort_unstable();
    assert_eq!(counts, [3, 10, 10]);
    assert_eq!((event_ids.len(), webhook_ids.len()), (23, 3));
}

#[tokio::test]
async fn without_a_signature_key_nothing_is_signed() {
    let world = World::new(163);
    let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
    body["configuration"].as_object_mut().unwrap().remove("event.notification.signature.key");
    let id = world.create(&body).await;
    notify(&world, id, 1).await;
    let received = world.receiver.take();
    assert!(!received[0].headers.contains_key("elements-webhook-signature"));
    assert!(received[0].headers.contains_key("elements-webhook-id"));
}

/// One callback that does not answer costs nobody else a second.
#[tokio::test]
async fn a_dead_callback_delays_no_other() {
    let world = World::new(164);
    let other = "other@example.com";
    world.google.add_account(other);
    let dead = world.create_gmail().await;
    let body = with_callback(gmail_body(&world.google.new_code(other)), "http://callback.test/other");
    let living = world.create(&body).await;
    world.receiver.fail_path("/hook", 500);
    let mut lost = Vec::new();
    for _ in 0..40 {
        lost.push(world.google.deliver(GMAIL_USER, Mail::default()));
        world.poll(dead).await;
    }
    for _ in 0..5 {
        world.receiver.take();
        let mail = world.google.deliver(other, Mail::default());
        let delivered_at = world.clock.now_us();
        world.poll(living).await;
        let received = world.receiver.take();
        let arrived: Vec<_> = received.iter().filter(|one| one.path == "/other").collect();
        assert_eq!(arrived.len(), 1);
        assert_eq!(objects(arrived[0]), [mail]);
        assert!(arrived[0].at_us - delivered_at < 1_000_000, "it waited for the other");
        world.pass(Duration::minutes(10)).await;
    }
    world.receiver.heal_path("/hook");
    world.pass(Duration::hours(12)).await;
    release(&world).await;
    let arrived: std::collections::BTreeSet<_> = world
        .receiver
        .take()
        .iter()
        .filter(|one| one.path == "/hook" && one.answered == 200)
        .flat_map(objects)
        .collect();
    assert_eq!(arrived.len(), lost.len(), "nothing of the dead one is lost");
}

/// A callback that is deleted with its instance hears nothing more, and nothing of it is kept.
#[tokio::test]
async fn after_a_deletion_nothing_arrives_and_nothing_is_left() {
    let world = World::new(165);
    let id = world.create_gmail().await;
    world.receiver.set_default(500);
    notify(&world, id, 3).await;
    let page = LogPage { before: None, limit: 10, pending_only: false };
    assert_eq!(world.store.notifications(id, page).await.unwrap().rows.len(), 3);
    assert!(world.dump().contains("API Instance with Polling"));
    let reply = world.call("DELETE", &format!("/instances/{id}"), &Value::Null).await;
    assert_eq!(reply.status, 200);
    world.receiver.set_default(200);
    world.receiver.take();
    world.pass(Duration::hours(24)).await;
    assert_eq!(world.receiver.take().len(), 0);
    assert_eq!(world.store.notifications(id, page).await.unwrap().rows.len(), 0);
    assert!(world.store.mailbox(id).await.unwrap().is_none());
    assert!(!world.dump_beside_audit().contains("API Instance with Polling"), "rows are left");
    assert_eq!(world.jobs.waiting_count().await.unwrap(), 0);
}

/// Delivering again is the same notification: same id, same bytes.
#[tokio::test]
async fn a_delivered_event_can_be_delivered_again() {
    let world = World::new(166);
    let id = world.create_gmail().await;
    notify(&world, id, 2).await;
    let first = world.receiver.take();
    let event = webhook_id(&first[0]).to_owned();
    world.receiver.answer_with(Answer::status(503));
    let path = format!("/instances/{id}/events/{event}/retry");
    let reply = world.call("POST", &path, &Value::Null).await;
    assert_eq!((reply.status, &reply.body["eventId"]), (200, &json!(event)));
    world.pass(Duration::minutes(2)).await;
    let again = world.receiver.take();
    assert_eq!(again.len(), 2, "it failed once, and has its own retries");
    for one in &again {
        assert_eq!((webhook_id(one), &one.body), (event.as_str(), &first[0].body));
    }
    let logged = world.get(&format!("/instances/{id}/events/{event}")).await;
    assert_eq!(logged["attempts"].as_array().unwrap().len(), 3);
    assert_eq!(logged["status"], "NOTIFIED");
    let unknown = world.call("POST", &format!("/instances/{id}/events/x/retry"), &Value::Null).await;
    assert_eq!(unknown.status, 404);
}
