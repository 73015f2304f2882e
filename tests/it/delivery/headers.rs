//! What a callback carries beside its body.

use super::{notify, webhook_id};
use crate::world::{SIGNATURE_KEY, World, gmail_body};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Duration;
use doubles::Received;
use serde_json::{Value, json};

fn header<'a>(received: &'a Received, name: &str) -> Option<&'a str> {
    received.headers.get(name).map(|value| value.to_str().unwrap())
}

/// Verifies as a receiver does that follows Standard Webhooks: one of the signatures has to be right.
fn verifies(received: &Received, key: &[u8]) -> bool {
    let of = |name: &str| header(received, name).unwrap();
    let mut signed = format!("{}.{}.", of("webhook-id"), of("webhook-timestamp")).into_bytes();
    signed.extend_from_slice(&received.body);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key);
    let mut signatures = of("webhook-signature").split(' ').filter_map(|one| one.strip_prefix("v1,"));
    signatures.any(|one| ring::hmac::verify(&key, &signed, &STANDARD.decode(one).unwrap()).is_ok())
}

async fn patch_items(world: &World, id: domain::ids::InstanceId, items: Value) {
    world.patch(id, &json!({ "configuration": items })).await;
}

#[tokio::test]
async fn a_name_a_password_and_headers_of_the_owner_arrive() {
    let world = World::new(511);
    let mut body = gmail_body(&world.google.new_code(crate::world::GMAIL_USER));
    body["configuration"]["event.notification.basic.username"] = json!("bell");
    body["configuration"]["event.notification.basic.password"] = json!("ring:ring");
    body["configuration"]["event.notification.callback.headers"] =
        json!({ "X-Tenant": "acme", "User-Agent": "ours" });
    let id = world.create(&body).await;
    notify(&world, id, 1).await;
    let received = world.receiver.take().remove(0);
    let credentials = format!("Basic {}", STANDARD.encode("bell:ring:ring"));
    assert_eq!(header(&received, "authorization"), Some(credentials.as_str()));
    assert_eq!(
        (header(&received, "x-tenant"), header(&received, "user-agent")),
        (Some("acme"), Some("ours"))
    );
    assert_eq!(header(&received, "content-type"), Some("application/json"));
    let shown = &world.shown(id).await["configuration"];
    assert_eq!(shown["event.notification.basic.username"], "bell");
    for secret in ["event.notification.basic.password", "event.notification.callback.headers"] {
        assert_eq!(shown[secret], "********", "{secret}");
    }
    patch_items(&world, id, json!({ "event.notification.callback.headers": "X-Tenant: other\nX-More: 1" }))
        .await;
    notify(&world, id, 1).await;
    let received = world.receiver.take().remove(0);
    assert_eq!((header(&received, "x-tenant"), header(&received, "x-more")), (Some("other"), Some("1")));
    assert_eq!(header(&received, "user-agent"), Some("carillon"));
    assert!(header(&received, "authorization").is_some(), "what was not named stays");
}

#[tokio::test]
async fn headers_that_are_ours_are_refused_by_name() {
    let world = World::new(512);
    let id = world.create_gmail().await;
    for (headers, word) in [
        ("Host: elsewhere", "host"),
        ("Webhook-Signature: v1,x", "webhook-signature"),
        ("Elements-Webhook-Id: x", "elements-webhook-id"),
        ("no colon", "colon"),
        ("X: 1\nx: 2", "only once"),
    ] {
        let body = json!({ "configuration": { "event.notification.callback.headers": headers } });
        let reply = world.call("PATCH", &format!("/instances/{id}"), &body).await;
        reply.assert_refused(400);
        let message = reply.body["message"].as_str().unwrap();
        assert!(
            message.contains("event.notification.callback.headers") && message.contains(word),
            "{message}"
        );
    }
}

#[tokio::test]
async fn both_signatures_stand_beside_each_other() {
    let world = World::new(513);
    let id = world.create_gmail().await;
    notify(&world, id, 1).await;
    let received = world.receiver.take().remove(0);
    assert!(world.receiver.verify(SIGNATURE_KEY.as_bytes(), &received));
    assert!(verifies(&received, SIGNATURE_KEY.as_bytes()) && !verifies(&received, b"another-key"));
    assert_eq!(header(&received, "webhook-id"), Some(webhook_id(&received)));
    let body: Value = serde_json::from_slice(&received.body).unwrap();
    assert_eq!(body["message"]["eventId"], webhook_id(&received));
    let at: i64 = header(&received, "webhook-timestamp").unwrap().parse().unwrap();
    assert!((received.at_us / 1_000_000 - at).abs() <= 1);
}

/// Each attempt says when it was made; what it is about stays the same.
#[tokio::test]
async fn a_retry_has_the_same_id_and_its_own_time() {
    let world = World::new(514);
    let id = world.create_gmail().await;
    world.receiver.answer_next(500);
    notify(&world, id, 1).await;
    world.pass(Duration::seconds(10)).await;
    let received = world.receiver.take();
    assert_eq!(received.len(), 2);
    assert!(received.iter().all(|one| verifies(one, SIGNATURE_KEY.as_bytes())));
    let of = |index: usize, name| header(&received[index], name);
    assert_eq!((of(0, "webhook-id"), of(0, "webhook-id").is_some()), (of(1, "webhook-id"), true));
    assert_ne!(of(0, "webhook-timestamp"), of(1, "webhook-timestamp"));
}

#[tokio::test]
async fn both_keys_verify_for_a_day_after_a_rotation() {
    let world = World::new(515);
    let id = world.create_gmail().await;
    patch_items(&world, id, json!({ "event.notification.signature.key": "the-next-key" })).await;
    notify(&world, id, 1).await;
    world.clock.advance(Duration::hours(23));
    notify(&world, id, 1).await;
    let during = world.receiver.take();
    assert_eq!(during.len(), 2);
    for received in &during {
        assert!(verifies(received, b"the-next-key") && verifies(received, SIGNATURE_KEY.as_bytes()));
        assert!(world.receiver.verify(b"the-next-key", received), "the dialect's has one: the new one");
    }
    world.clock.advance(Duration::hours(2));
    notify(&world, id, 1).await;
    let after = world.receiver.take().remove(0);
    assert!(verifies(&after, b"the-next-key") && !verifies(&after, SIGNATURE_KEY.as_bytes()));
}

#[tokio::test]
async fn a_key_of_standard_webhooks_is_base64_behind_its_prefix() {
    let world = World::new(516);
    let id = world.create_gmail().await;
    let key = format!("whsec_{}", STANDARD.encode(b"twenty-four bytes of key"));
    patch_items(&world, id, json!({ "event.notification.signature.key": key })).await;
    notify(&world, id, 1).await;
    let received = world.receiver.take().remove(0);
    assert!(verifies(&received, b"twenty-four bytes of key"));
    assert!(world.receiver.verify(key.as_bytes(), &received), "the dialect takes the text as it is");
}

#[tokio::test]
async fn without_a_key_nothing_is_signed() {
    let world = World::new(517);
    let mut body = gmail_body(&world.google.new_code(crate::world::GMAIL_USER));
    body["configuration"].as_object_mut().unwrap().remove("event.notification.signature.key");
    let id = world.create(&body).await;
    notify(&world, id, 1).await;
    let received = world.receiver.take().remove(0);
    assert_eq!(header(&received, "elements-webhook-signature"), None);
    assert_eq!(header(&received, "webhook-signature"), None);
    assert!(header(&received, "elements-webhook-id").is_some());
}

/// What a receiver's own trace goes on from: a header more, with another span for each attempt.
#[tokio::test]
async fn attempts_of_a_notification_have_one_trace() {
    let world = World::with_retry_delays(518, "1");
    let id = world.create_gmail().await;
    world.receiver.answer_next(500);
    notify(&world, id, 1).await;
    world.pass(Duration::seconds(5)).await;
    let received = world.receiver.take();
    let [first, second] = &received[..] else { panic!("{} posts", received.len()) };
    let parents = [header(first, "traceparent").unwrap(), header(second, "traceparent").unwrap()];
    let parts: Vec<Vec<&str>> = parents.iter().map(|value| value.split('-').collect()).collect();
    for parts in &parts {
        let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        assert_eq!((lengths, parts[0], parts[3]), (vec![2, 32, 16, 2], "00", "01"));
    }
    assert_eq!(parts[0][1], parts[1][1]);
    assert_ne!(parts[0][2], parts[1][2]);
    assert_eq!((first.body.clone(), webhook_id(first)), (second.body.clone(), webhook_id(second)));
    patch_items(&world, id, json!({ "event.notification.callback.headers": { "traceparent": "00-ours" } }))
        .await;
    notify(&world, id, 1).await;
    assert_eq!(
        header(&world.receiver.take()[0], "traceparent"),
        Some("00-ours"),
        "the owner's takes its place"
    );
}
