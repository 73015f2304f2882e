//! What a failure leads to where the account queues instead of retrying; and what waits meanwhile.

use super::{notify, objects, release, status, webhook_id};
use crate::world::{GMAIL_USER, World};
use chrono::Duration;
use doubles::{Mail, Received};
use serde_json::{Value, json};

const POLICY: &str = "notification.webhook.failure.policy";

async fn set_policy(world: &World, policy: &str) {
    let reply = world.call("PATCH", "/accounts/settings", &json!({ POLICY: policy })).await;
    assert_eq!((reply.status, &reply.body[POLICY]), (200, &json!(policy)), "{}", reply.body);
}

fn delivered(received: &[Received]) -> Vec<String> {
    received.iter().filter(|one| one.answered == 200).flat_map(objects).collect()
}

#[tokio::test]
async fn with_the_policy_queue_one_failure_suspends_and_a_release_delivers_in_order() {
    let world = World::new(501);
    set_policy(&world, "queue").await;
    let id = world.create_gmail().await;
    world.receiver.answer_next(500);
    let mut mails = notify(&world, id, 1).await;
    assert_eq!(status(&world, id).await, "suspended");
    let reason = world.shown(id).await["subscription"]["reason"].to_string();
    assert!(reason.contains("500") && reason.contains("`queue`"), "{reason}");
    mails.extend(notify(&world, id, 4).await);
    world.pass(Duration::hours(48)).await;
    let failed = world.receiver.take();
    assert_eq!(failed.len(), 1, "no retry, and nothing behind it");
    let waiting = world.get("/notifications/subscriptions/deliveries?where=status%3D'queued'").await;
    assert_eq!(waiting.as_array().unwrap().len(), 5);
    release(&world).await;
    let received = world.receiver.take();
    assert_eq!((delivered(&received), status(&world, id).await), (mails, json!("active")));
    assert_eq!(webhook_id(&received[0]), webhook_id(&failed[0]), "the same notification");
    assert_eq!(received[0].body, failed[0].body);
}

#[tokio::test]
async fn with_the_policy_retry_the_same_failure_is_retried() {
    let world = World::new(502);
    set_policy(&world, "queue").await;
    set_policy(&world, "retry").await;
    let id = world.create_gmail().await;
    world.receiver.answer_next(500);
    let mails = notify(&world, id, 1).await;
    assert_eq!(status(&world, id).await, "active");
    world.pass(Duration::seconds(10)).await;
    assert_eq!(delivered(&world.receiver.take()), mails);
}

/// A change of the policy holds for what fails from then on, also of instances that were there before.
#[tokio::test]
async fn the_policy_takes_effect_at_the_next_failure() {
    let world = World::new(503);
    let id = world.create_gmail().await;
    world.receiver.set_default(500);
    notify(&world, id, 1).await;
    assert_eq!(status(&world, id).await, "active");
    set_policy(&world, "queue").await;
    world.pass(Duration::seconds(10)).await;
    assert_eq!(status(&world, id).await, "suspended");
    assert_eq!(world.receiver.take().len(), 2);
}

/// Each account has its own: the instances of other users of the organization are not touched.
#[tokio::test]
async fn the_policy_of_one_account_is_not_anothers() {
    let world = World::new(504);
    let by = format!("Admin {}", crate::world::ADMIN_KEY);
    let added = world.call_as(&by, "POST", "/organizations/1/users", r#"{"seesAll":true}"#).await.body;
    let user = format!("User {}, Organization world-organization", added["userSecret"].as_str().unwrap());
    let path = format!("/accounts/{}/settings", added["accountId"]);
    let reply = world.call("PATCH", &path, &json!({ POLICY: "queue" })).await;
    assert_eq!(reply.status, 200, "who sees all sets all: {}", reply.body);
    assert_eq!(world.call_as(&user, "GET", "/accounts/settings", "").await.body[POLICY], "queue");
    assert_eq!(world.get("/accounts/settings").await[POLICY], "retry");
    let id = world.create_gmail().await;
    world.receiver.set_default(500);
    notify(&world, id, 1).await;
    assert_eq!(status(&world, id).await, "active");
}

#[tokio::test]
async fn what_is_no_setting_is_refused_and_nothing_is_set() {
    let world = World::new(505);
    for body in [json!({ POLICY: "never" }), json!({ "colour": "red" }), json!({ POLICY: "queue", "x": 1 })] {
        let reply = world.call("PATCH", "/accounts/settings", &body).await;
        reply.assert_refused(400);
        let key = body
            .as_object()
            .unwrap()
            .keys()
            .find(|key| *key != POLICY || body.as_object().unwrap().len() == 1);
        assert!(reply.body["message"].as_str().unwrap().contains(key.unwrap()), "{}", reply.body);
    }
    assert_eq!(world.get("/accounts/settings").await, json!({ POLICY: "retry" }));
}

/// Both kinds of waiting at once: suspended first, then switched off; nothing is lost, nothing passes.
#[tokio::test]
async fn what_a_suspended_and_disabled_callback_missed_is_kept() {
    let world = World::new(506);
    let id = world.create_gmail().await;
    world.receiver.answer_next(410);
    let mut mails = notify(&world, id, 3).await;
    let enabled = format!("/instances/{id}/enabled");
    assert_eq!(world.call("DELETE", &enabled, &Value::Null).await.status, 200);
    world.run_until_idle().await;
    mails.push(world.google.deliver(GMAIL_USER, Mail::default()));
    world.receiver.take();
    release(&world).await;
    world.pass(Duration::days(3)).await;
    assert_eq!(world.receiver.take().len(), 0, "a disabled instance is not released");
    assert_eq!(world.call("PUT", &enabled, &Value::Null).await.status, 200);
    world.pass(Duration::minutes(16)).await;
    assert_eq!((delivered(&world.receiver.take()), status(&world, id).await), (mails, json!("active")));
}
