//! Callbacks that fail.

use crate::signature::is_signed_by;
use crate::{Callback, Client, Mailbox, Organization, Platform, RETRY_DELAYS_S, body, until, with};
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
    let released = client.done("PUT", &deliveries(&callback), &json!({})).await;
    assert_eq!(released[0]["instanceId"], id, "{released}");
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

/// With the policy `queue` one failure holds back everything until somebody releases it.
pub async fn by_the_policy_queue_one_failure_holds_back_everything(platform: &dyn Platform) {
    let outside = platform.outside();
    let client = Organization::new(platform).await.client;
    let policy = "notification.webhook.failure.policy";
    assert_eq!(client.get("/accounts/settings").await[policy], "retry");
    assert!(
        client
            .refused("PATCH", "/accounts/settings", &json!({ policy: "give up" }), 400)
            .await
            .contains(policy)
    );
    let set = client.done("PATCH", "/accounts/settings", &json!({ policy: "queue" })).await;
    assert_eq!(set[policy], "queue");
    let (address, key) = ("notification.health.callback.url", "notification.health.signature.key");
    let health = json!({ address: "https://health.example/", key: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" });
    let set = client.done("PATCH", "/accounts/settings", &health).await;
    assert_eq!((&set[address], &set[key]), (&health[address], &json!("********")));
    let off = client.done("PATCH", "/accounts/settings", &json!({ address: "", key: "" })).await;
    assert_eq!((off.get(address), off.get(key)), (None, None));
    let mailbox = Mailbox::outlook(outside, "queued");
    let callback = Callback::new(outside, "queued");
    let id = client.connect(&mailbox, &callback).await.id;
    callback.fail(500);
    let first = mailbox.deliver();
    client.poll_well(id).await;
    wait_for_status(&client, id, "suspended").await;
    let reason = client.get(&format!("/instances/{id}")).await["subscription"]["reason"].clone();
    assert!(reason.as_str().unwrap().contains("queue"), "{reason}");
    let second = mailbox.deliver();
    client.poll_well(id).await;
    until("both are queued", async || (queued(&client, &callback).await.len() == 2).then_some(())).await;
    assert_eq!(callback.posts().len(), 1, "nothing was retried");
    callback.heal();
    client.done("PUT", &deliveries(&callback), &json!({})).await;
    let both = [first, second];
    callback.wait_for(&both).await;
    assert_eq!(callback.told(), both, "in the order of the changes");
}

/// What a disabled instance could not say is said when it is switched on again; so is what happened meanwhile.
pub async fn a_disabled_instance_goes_on_where_it_was(platform: &dyn Platform) {
    let (client, outside) = (platform.client(), platform.outside());
    let mailbox = Mailbox::gmail(outside, "disabled");
    let callback = Callback::new(outside, "disabled");
    let instance = client.connect(&mailbox, &callback).await;
    let (path, own) = (format!("/instances/{}/enabled", instance.id), client.of(&instance));
    callback.fail(503);
    let first = mailbox.deliver();
    client.poll_well(instance.id).await;
    callback.wait_for_posts(1).await;
    assert_eq!(client.done("DELETE", &path, &Value::Null).await["disabled"], true);
    own.refused("GET", "/hubs/general/messages", &Value::Null, 403).await;
    let second = mailbox.deliver();
    callback.heal();
    assert_eq!(client.done("PUT", &path, &Value::Null).await["disabled"], false);
    own.get("/hubs/general/messages").await;
    client.poll_well(instance.id).await;
    callback.wait_for(&[first, second]).await;
}

/// A name and a password, and headers, go with each callback; no answer shows them.
pub async fn a_callback_carries_its_owners_name_and_headers(platform: &dyn Platform) {
    let (client, outside) = (platform.client(), platform.outside());
    let mailbox = Mailbox::gmail(outside, "named");
    let callback = Callback::new(outside, "named");
    let mut wanted = body(&mailbox, &callback);
    wanted["configuration"]["event.notification.basic.username"] = "ada".into();
    wanted["configuration"]["event.notification.basic.password"] = "password of named".into();
    wanted["configuration"]["event.notification.callback.headers"] =
        json!({ "X-Tenant": "header of named" }).to_string().into();
    let id = client.create(&wanted).await.id;
    let told = [mailbox.deliver()];
    client.poll_well(id).await;
    callback.wait_for(&told).await;
    let headers = &callback.posts()[0].headers;
    assert_eq!(headers["authorization"], "Basic YWRhOnBhc3N3b3JkIG9mIG5hbWVk");
    assert_eq!(headers["x-tenant"], "header of named");
    let shown = client.get(&format!("/instances/{id}")).await.to_string();
    for secret in ["password of named", "header of named", callback.signature_key()] {
        assert!(!shown.contains(secret), "an answer shows a secret");
    }
    let mut ours = wanted["configuration"].clone();
    ours["event.notification.callback.headers"] = "elements-webhook-id: mine".into();
    let change = json!({ "configuration": ours });
    client.refused("PATCH", &format!("/instances/{id}"), &change, 400).await;
}

/// Before an instance is there, and of one that is.
pub async fn a_test_event_arrives_signed_and_marked(platform: &dyn Platform) {
    let (client, outside) = (platform.client(), platform.outside());
    let mailbox = Mailbox::gmail(outside, "tested");
    let callback = Callback::new(outside, "tested");
    let asked = json!({ "configuration": {
        "event.notification.callback.url": callback.url(),
        "event.notification.signature.key": callback.signature_key(),
    } });
    let tested = client.done("POST", "/instances/test-event", &asked).await;
    assert_eq!((&tested["taken"], &tested["signed"]), (&json!(true), &json!(true)), "{tested}");
    let id = client.connect(&mailbox, &callback).await.id;
    let of_instance = json!({ "instanceId": id });
    client.done("POST", "/instances/test-event", &of_instance).await;
    for received in callback.wait_for_posts(2).await {
        assert_eq!(received.headers["elements-webhook-test"], "true");
        assert!(is_signed_by(callback.signature_key(), &received));
    }
}

/// After a change of the signature key both keys sign by Standard Webhooks, and the new one as the dialect does.
pub async fn two_keys_sign_while_one_takes_the_others_place(platform: &dyn Platform) {
    let (client, outside) = (platform.client(), platform.outside());
    let mailbox = Mailbox::outlook(outside, "rotated");
    let callback = Callback::new(outside, "rotated");
    let id = client.connect(&mailbox, &callback).await.id;
    mailbox.deliver();
    client.poll_well(id).await;
    let former = callback.signature_key();
    let new = "another signature key of rotated";
    let first = callback.wait_for_posts(1).await.remove(0);
    assert_eq!(first.headers["webhook-id"], first.headers["elements-webhook-id"]);
    assert!(is_signed_by(former, &first) && !is_signed_by(new, &first));
    let change = json!({ "configuration": { "event.notification.signature.key": new } });
    client.done("PATCH", &format!("/instances/{id}"), &change).await;
    mailbox.deliver();
    client.poll_well(id).await;
    let second = callback.wait_for_posts(2).await.remove(1);
    assert!(is_signed_by(former, &second) && is_signed_by(new, &second));
    assert!(outside.receiver.verify(new.as_bytes(), &second), "the dialect's header has the new key's");
}

async fn wait_for_status(client: &Client, instance: u64, status: &str) {
    let path = format!("/instances/{instance}");
    until(&format!("the callback is {status}"), async || {
        (client.get(&path).await["subscription"]["status"] == status).then_some(())
    })
    .await;
}

async fn queued(client: &Client, callback: &Callback) -> Vec<Value> {
    let listed = client.get(&deliveries(callback)).await;
    listed.as_array().unwrap().clone()
}

/// What waits for this callback.
fn deliveries(callback: &Callback) -> String {
    let condition = format!("status='queued' and config.url='{}'", callback.url());
    with("/notifications/subscriptions/deliveries", &[("where", &condition)])
}
