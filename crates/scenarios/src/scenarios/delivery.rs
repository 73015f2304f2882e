//! Callbacks that fail.

use crate::{Callback, Client, Mailbox, Platform, RETRY_DELAYS_S, until};
use serde_json::{Value, json};
use std::time::Duration;

/// A callback's time-out: who waits for a dead one waits longer than this.
const CALLBACK_TIMEOUT: Duration = Duration::from_secs(30);

/// All attempts carry the same bytes and the policy's waits lie between them; then everything is held back,
/// and a release sends it in the order of the changes.
pub async fn a_failing_callback_is_retried_suspended_and_released(platform: &dyn Platform) {
    let (client, outside) = (platform.client(), platform.outside());
    let mailbox = Mailbox::gmail(outside, "failing");
    let callback = Callback::new(outside, "failing");
    let id = client.connect(&mailbox, &callback).await.id;
    callback.fail(503);
    let first = mailbox.deliver();
    client.poll_well(id).await;
    let attempts = callback.wait_for_posts(RETRY_DELAYS_S.len() + 1).await;
    for (pair, delay_s) in attempts.windows(2).zip(RETRY_DELAYS_S) {
        assert_eq!(pair[0].body, pair[1].body);
        assert_eq!(pair[0].headers["elements-webhook-id"], pair[1].headers["elements-webhook-id"]);
        let waited_us = pair[1].at_us - pair[0].at_us;
        assert!(waited_us >= delay_s as i64 * 1_000_000, "only {waited_us} us before the next attempt");
    }
    wait_for_status(client, id, "suspended").await;
    let second = mailbox.deliver();
    client.poll_well(id).await;
    until("both are queued", async || (queued(client, &callback).await.len() == 2).then_some(())).await;
    callback.heal();
    let condition = format!("status='queued' and config.url='{}'", callback.url());
    let released = client.call("PUT", &deliveries(&condition), &json!({})).await;
    assert_eq!(released.body[0]["instanceId"], id, "{}", released.body);
    let both = [first, second];
    callback.wait_for(&both).await;
    assert_eq!(callback.told(), both, "in the order of the changes");
    wait_for_status(client, id, "active").await;
    assert_eq!(callback.posts().len(), RETRY_DELAYS_S.len() + 3, "and nothing was held back and posted too");
}

/// A callback that takes connections and never answers has a backlog; another instance's arrives all the same.
pub async fn a_dead_callback_holds_up_no_other(platform: &dyn Platform) {
    let (client, outside) = (platform.client(), platform.outside());
    let (dead, living) = (Callback::new(outside, "dead"), Callback::new(outside, "living"));
    let (first, second) = (Mailbox::gmail(outside, "dead"), Mailbox::gmail(outside, "living"));
    let to_dead = client.connect(&first, &dead).await.id;
    let to_living = client.connect(&second, &living).await.id;
    dead.fall_silent();
    for _ in 0..4 {
        first.deliver();
        client.poll_well(to_dead).await;
    }
    dead.wait_for_posts(1).await;
    let wanted = [second.deliver()];
    client.poll_well(to_living).await;
    let arrived = tokio::time::timeout(CALLBACK_TIMEOUT, living.wait_for(&wanted)).await;
    assert!(arrived.is_ok(), "it had to wait for the dead callback");
    living.assert_told(&wanted);
    // What waits for the dead one is of no more use to anybody.
    client.call("DELETE", &format!("/instances/{to_dead}"), &Value::Null).await;
}

async fn wait_for_status(client: &Client, instance: u64, status: &str) {
    let path = format!("/instances/{instance}");
    until(&format!("the callback is {status}"), async || {
        (client.get(&path).await["subscription"]["status"] == status).then_some(())
    })
    .await;
}

async fn queued(client: &Client, callback: &Callback) -> Vec<Value> {
    let condition = format!("status='queued' and config.url='{}'", callback.url());
    let listed = client.get(&deliveries(&condition)).await;
    listed.as_array().unwrap().clone()
}

fn deliveries(condition: &str) -> String {
    let query: String = condition.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("/notifications/subscriptions/deliveries?where={query}")
}
