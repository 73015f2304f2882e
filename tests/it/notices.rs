//! Push from end to end: a mailbox changes, its provider's double says so by itself, and a callback rings, without a poll
//! of the schedule.

use crate::world::{GMAIL_USER, OUTLOOK_USER, World, gmail_body, outlook_body};
use chrono::Duration;
use doubles::{Forgery, Mail, Mishap, Way};
use serde_json::{Value, json};

const TOPIC: &str = "projects/double-project/topics/mail";
const SUBSCRIPTION: &str = "projects/double-project/subscriptions/carillon";
const SENDER: &str = "pusher@double-project.iam.gserviceaccount.com";
const GMAIL_URL: &str = "https://carillon.test/push/gmail";

/// A world that providers reach.
fn world(seed: u64) -> World {
    let world = World::with_variables(seed, &[("CARILLON_PUBLIC_URL", "https://carillon.test")]);
    world.providers.set_way(&Way::router(world.app.router()));
    world
}

fn pushed(mut body: Value, settings: &Value) -> Value {
    let configuration = body["configuration"].as_object_mut().unwrap();
    configuration.extend(settings.as_object().unwrap().clone());
    configuration.insert("event.vendor.type".to_owned(), "webhooks".into());
    body
}

/// Lets a few seconds pass, in which notices go out: far fewer than between two polls.
async fn ring(world: &World) {
    for _ in 0..5 {
        while world.providers.send_notice().await {}
        world.pass(Duration::seconds(1)).await;
    }
}

fn created(id: &str) -> Vec<(String, String)> {
    vec![("CREATED".to_owned(), id.to_owned())]
}

#[tokio::test]
async fn graph_tells_of_a_mail_and_it_rings() {
    let world = world(1);
    let id = world.create(&pushed(outlook_body(&world.microsoft.new_code(OUTLOOK_USER)), &json!({}))).await;
    ring(&world).await;
    assert_eq!(world.microsoft.subscriptions_of(OUTLOOK_USER).len(), 1, "{}", world.shown(id).await["push"]);
    assert_eq!(world.shown(id).await["push"]["active"], true);
    let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    ring(&world).await;
    assert_eq!(world.arrived(), created(&mail));
    // What is forged rings nothing, and spoils nothing.
    for forgery in [Forgery::Secret, Forgery::Target, Forgery::Sender, Forgery::Nonsense] {
        world.microsoft.push_mishap(Mishap::Forged(forgery));
        let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
        ring(&world).await;
        assert_eq!(world.arrived(), created(&mail), "{forgery:?}");
    }
    // One that never comes costs time, and no event.
    world.microsoft.push_mishap(Mishap::Dropped);
    let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    ring(&world).await;
    assert_eq!(world.arrived(), []);
    world.pass(Duration::minutes(15)).await;
    assert_eq!(world.arrived(), created(&mail));
    assert!(world.microsoft.sent().iter().all(|sent| sent.status == Some(202)));
}

#[tokio::test]
async fn gmail_tells_of_a_mail_by_a_signed_push_and_it_rings() {
    let world = world(2);
    world.google.add_topic(TOPIC);
    world.google.add_push_subscription(SUBSCRIPTION, TOPIC, GMAIL_URL, SENDER, GMAIL_URL);
    let settings = json!({"event.vendor.push.topic": TOPIC, "event.vendor.push.account": SENDER});
    let id = world.create(&pushed(gmail_body(&world.google.new_code(GMAIL_USER)), &settings)).await;
    ring(&world).await;
    assert!(world.google.watch_of(GMAIL_USER).is_some(), "{}", world.shown(id).await["push"]);
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    ring(&world).await;
    assert_eq!(world.arrived(), created(&mail));
    world.google.rotate_keys();
    world.google.set_issuer("accounts.google.com");
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    world.pass(Duration::minutes(2)).await;
    ring(&world).await;
    assert_eq!(world.arrived(), created(&mail));
}

#[tokio::test]
async fn gmail_tells_of_a_mail_through_a_subscription_that_is_pulled_and_it_rings() {
    let world = World::new(3);
    world.google.add_topic(TOPIC);
    world.google.add_pull_subscription(SUBSCRIPTION, TOPIC);
    let settings = json!({
        "event.vendor.push.topic": TOPIC, "event.vendor.push.subscription": SUBSCRIPTION,
        "event.vendor.push.key": world.google.service_account_key(),
    });
    let id = world.create(&pushed(gmail_body(&world.google.new_code(GMAIL_USER)), &settings)).await;
    assert!(world.google.watch_of(GMAIL_USER).is_some(), "{}", world.shown(id).await["push"]);
    world.pass(Duration::seconds(2)).await;
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    for source in world.app.pull_sources() {
        world.app.pull(&source).await.unwrap();
    }
    world.pass(Duration::seconds(3)).await;
    assert_eq!(world.arrived(), created(&mail));
    assert_eq!(world.google.backlog_count(SUBSCRIPTION), 0);
}
