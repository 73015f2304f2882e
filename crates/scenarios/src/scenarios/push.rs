//! Notices of a provider: a change arrives without a poll of the schedule, and what is forged does nothing.

use crate::{Callback, Client, Instance, Mailbox, PUBLIC_URL, Platform, body, until};
use serde_json::{Value, json};

const TOPIC: &str = "projects/double-project/topics/scenario";
const SUBSCRIPTION: &str = "projects/double-project/subscriptions/scenario";
const SENDER: &str = "pusher@double-project.iam.gserviceaccount.com";

/// Until the last one out ends the subscription.
pub async fn a_notice_brings_a_change_and_a_forged_one_nothing(platform: &dyn Platform) {
    let (client, outside) = (platform.client(), platform.outside());
    let mailbox = Mailbox::outlook(outside, "noticed");
    let callback = Callback::new(outside, "noticed");
    let subscriptions = || outside.providers.microsoft.subscriptions_of(mailbox.address());
    let instance = pushed(client, body(&mailbox, &callback), &json!({})).await;
    let route = "/push/outlookemail";
    let made = subscriptions();
    assert_eq!(made.len(), 1);
    assert_eq!(made[0]["notificationUrl"], format!("{PUBLIC_URL}{route}"));

    let stranger = client.authorized("");
    let answer = stranger.post_at(&format!("{route}?validationToken=%22who+is+there%22"), "").await;
    assert_eq!((answer.status, &answer.body), (200, &json!("who is there")));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")));
    let forged = json!({ "value": [{
        "subscriptionId": made[0]["id"], "clientState": "forged", "changeType": "created",
        "resource": made[0]["resource"],
    }]});
    let unknown = json!({ "value": [{ "subscriptionId": "unknown", "clientState": "a.b.c.d" }] });
    for text in [forged.to_string(), unknown.to_string(), "no notice".to_owned(), String::new()] {
        let answer = stranger.post_at(route, &text).await;
        assert_eq!((answer.status, &answer.body), (202, &Value::Null));
    }
    assert_eq!(push(client, &instance).await["lastHintAt"], Value::Null, "a forged notice was believed");

    let wanted = [mailbox.deliver()];
    callback.wait_for(&wanted).await;
    assert!(push(client, &instance).await["lastHintAt"].is_string());
    client.done("DELETE", &format!("/instances/{}", instance.id), &Value::Null).await;
    until("the subscription ends", async || subscriptions().is_empty().then_some(())).await;
    callback.assert_told(&wanted);
}

/// Its keys are the provider's, its audience is the route's own address.
pub async fn a_signed_notice_brings_a_change(platform: &dyn Platform) {
    let (client, outside) = (platform.client(), platform.outside());
    let google = &outside.providers.google;
    let url = format!("{PUBLIC_URL}/push/gmail");
    google.add_topic(TOPIC);
    google.add_push_subscription(SUBSCRIPTION, TOPIC, &url, SENDER, &url);
    let mailbox = Mailbox::gmail(outside, "signed-notice");
    let callback = Callback::new(outside, "signed-notice");
    let settings = json!({ "event.vendor.push.topic": TOPIC, "event.vendor.push.account": SENDER });
    let instance = pushed(client, body(&mailbox, &callback), &settings).await;
    let unsigned = client.authorized("").post_at("/push/gmail", "{}").await;
    assert_eq!((unsigned.status, &unsigned.body), (202, &Value::Null));
    // The provider drops notices of a mailbox that follow each other within a second, as the one of the new watch.
    let mut wanted = Vec::new();
    until("a notice brings a change", async || {
        if callback.posts().is_empty() {
            wanted.push(mailbox.deliver());
        }
        (!callback.posts().is_empty()).then_some(())
    })
    .await;
    client.poll_well(instance.id).await;
    callback.wait_for(&wanted).await;
    client.done("DELETE", &format!("/instances/{}", instance.id), &Value::Null).await;
    until("the watch ends", async || google.watch_of(mailbox.address()).is_none().then_some(())).await;
    callback.assert_told(&wanted);
}

/// Connects a mailbox with push, and a poll once in an hour: whatever comes sooner came by a notice.
async fn pushed(client: &Client, mut body: Value, settings: &Value) -> Instance {
    let items = body["configuration"].as_object_mut().unwrap();
    items.insert("event.vendor.type".to_owned(), "webhooks".into());
    items.insert("event.poller.refresh_interval".to_owned(), "60".into());
    items.extend(settings.as_object().unwrap().clone());
    let instance = client.create(&body).await;
    until("push is active", async || (push(client, &instance).await["active"] == true).then_some(())).await;
    instance
}

/// What the owner sees of it.
async fn push(client: &Client, instance: &Instance) -> Value {
    client.get(&format!("/instances/{}", instance.id)).await["push"].clone()
}
