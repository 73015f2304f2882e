//! Gmail's watch, by way of Pub/Sub: pushed and signed, or pulled.

use super::{assert_active, forget_requests, polls, push_of, pushed};
use crate::defects::assert_created;
use crate::world::{GMAIL_USER, World, gmail_body};
use app::Pull;
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::{Forgery, Mail, Mishap};
use serde_json::{Value, json};

pub(super) const TOPIC: &str = "projects/double-project/topics/mail";
pub(super) const PULL: &str = "projects/double-project/subscriptions/pull";
pub(super) const PUSH: &str = "projects/double-project/subscriptions/push";
pub(super) const ADDRESS: &str = "https://carillon.test/push/gmail";
pub(super) const ACCOUNT: &str = "pusher@double-project.iam.gserviceaccount.com";

pub(super) async fn with(world: &World, items: &Value) -> InstanceId {
    world.create(&pushed(gmail_body(&world.google.new_code(GMAIL_USER)), items)).await
}

pub(super) fn by_push() -> Value {
    json!({ "event.vendor.push.topic": TOPIC, "event.vendor.push.account": ACCOUNT })
}

/// A world whose topic is pushed to us.
pub(super) async fn signed(seed: u64) -> (World, InstanceId) {
    let world = World::reachable(seed);
    world.google.add_topic(TOPIC);
    world.google.add_push_subscription(PUSH, TOPIC, ADDRESS, ACCOUNT, ADDRESS);
    let id = with(&world, &by_push()).await;
    assert_active(&push_of(&world, id).await);
    world.pass(Duration::minutes(5)).await;
    (world, id)
}

#[tokio::test]
async fn what_is_pushed_and_rightly_signed_rings() {
    for issuer in ["https://accounts.google.com", "accounts.google.com"] {
        let (world, _) = signed(41).await;
        world.google.set_issuer(issuer);
        let sent = vec![world.google.deliver(GMAIL_USER, Mail::default())];
        world.pass(Duration::seconds(3)).await;
        assert_created(&world.arrived(), &sent);
    }
}

/// Of another key, for another address, of another account, of an address that nobody verified, or of yesterday.
#[tokio::test]
async fn what_is_wrongly_signed_rings_nobody() {
    for forgery in [
        Forgery::Secret,
        Forgery::Target,
        Forgery::Sender,
        Forgery::Unverified,
        Forgery::Expired,
        Forgery::Nonsense,
    ] {
        let (world, _) = signed(42).await;
        world.google.push_mishap(Mishap::Dropped);
        world.google.set_mishap_rate(Mishap::Forged(forgery), 1.0);
        forget_requests(&world);
        world.google.deliver(GMAIL_USER, Mail::default());
        world.pass(Duration::seconds(30)).await;
        assert_eq!(polls(&world), 0, "{forgery:?}");
    }
}

#[tokio::test]
async fn keys_may_rotate() {
    let (world, _) = signed(43).await;
    for _ in 0..3 {
        world.google.rotate_keys();
        let sent = vec![world.google.deliver(GMAIL_USER, Mail::default())];
        world.pass(Duration::minutes(3)).await;
        assert_created(&world.arrived(), &sent);
    }
}

/// Google announces changes before its history shows them: the poll comes again after pauses.
#[tokio::test]
async fn a_change_that_history_shows_late_is_looked_for_again() {
    let (world, _) = signed(44).await;
    world.google.set_history_lag(3_000_000, 3_000_000, true);
    let sent = vec![world.google.deliver(GMAIL_USER, Mail::default())];
    world.pass(Duration::seconds(2)).await;
    assert_created(&world.arrived(), &[]);
    world.pass(Duration::seconds(4)).await;
    assert_created(&world.arrived(), &sent);
}

/// A notice whose change an earlier poll has found is looked for once.
#[tokio::test]
async fn a_late_notice_of_what_is_known_costs_one_poll() {
    let (world, id) = signed(45).await;
    world.google.push_mishap(Mishap::Late { us: 60_000_000 });
    let sent = vec![world.google.deliver(GMAIL_USER, Mail::default())];
    world.poll(id).await;
    assert_created(&world.arrived(), &sent);
    forget_requests(&world);
    world.pass(Duration::minutes(5)).await;
    assert_eq!(polls(&world), 1);
}

#[tokio::test]
async fn a_watch_is_renewed_and_heals_when_it_was_stolen() {
    let (world, id) = signed(46).await;
    world.pass(Duration::days(9)).await;
    assert_active(&push_of(&world, id).await);
    world.google.add_topic("projects/double-project/topics/other");
    world.google.steal_watch(GMAIL_USER, Some("projects/double-project/topics/other"));
    world.pass(Duration::hours(25)).await;
    assert_eq!(world.google.watch_of(GMAIL_USER).map(|(topic, _)| topic).as_deref(), Some(TOPIC));
    world.google.steal_watch(GMAIL_USER, None);
    world.google.refuse_watches(1);
    world.pass(Duration::hours(25)).await;
    assert_eq!(world.google.watch_of(GMAIL_USER).map(|(topic, _)| topic).as_deref(), Some(TOPIC));
    let sent = vec![world.google.deliver(GMAIL_USER, Mail::default())];
    world.pass(Duration::seconds(3)).await;
    assert_created(&world.arrived(), &sent);
}

#[tokio::test]
async fn the_last_one_out_stops_the_watch() {
    let (world, one) = signed(47).await;
    let other = with(&world, &by_push()).await;
    world.call("DELETE", &format!("/instances/{one}"), &Value::Null).await;
    world.run_until_idle().await;
    assert!(world.google.watch_of(GMAIL_USER).is_some(), "the other needs it");
    world.call("DELETE", &format!("/instances/{other}"), &Value::Null).await;
    world.run_until_idle().await;
    assert_eq!(world.google.watch_of(GMAIL_USER), None);
    assert_eq!(world.push_states().await, 0);
}

/// Without a public address, with the key of a service account.
#[tokio::test]
async fn what_is_pulled_rings() {
    let world = World::new(48);
    world.google.add_topic(TOPIC);
    world.google.add_pull_subscription(PULL, TOPIC);
    let key = world.google.service_account_key();
    let items = json!({
        "event.vendor.push.topic": TOPIC,
        "event.vendor.push.subscription": PULL,
        "event.vendor.push.key": key,
    });
    let id = with(&world, &items).await;
    assert_active(&push_of(&world, id).await);
    let shown = world.shown(id).await;
    assert_eq!(shown["configuration"]["event.vendor.push.key"], "********");
    assert!(!world.dump().contains("PRIVATE KEY"), "the key is sealed");
    let [source] = &world.app.pull_sources()[..] else { panic!("not one source") };
    world.app.pull(source).await.unwrap();
    world.pass(Duration::minutes(5)).await;
    let sent = vec![world.google.deliver(GMAIL_USER, Mail::default())];
    assert_eq!(world.app.pull(source).await.unwrap(), Pull::Taken(1));
    world.pass(Duration::seconds(3)).await;
    assert_created(&world.arrived(), &sent);
    assert_eq!(world.google.backlog_count(PULL), 0, "it is acknowledged");
    world.call("DELETE", &format!("/instances/{id}"), &Value::Null).await;
    world.run_until_idle().await;
    assert_eq!(world.app.pull(source).await.unwrap(), Pull::Unneeded);
}

/// Whoever owns a topic may publish what they like; it rings only those who pull from there.
#[tokio::test]
async fn what_is_pulled_rings_only_those_who_pull_from_there() {
    let world = World::reachable(49);
    world.google.add_topic(TOPIC);
    world.google.add_pull_subscription(PULL, TOPIC);
    world.google.add_push_subscription(PUSH, TOPIC, ADDRESS, ACCOUNT, ADDRESS);
    let pushed = with(&world, &by_push()).await;
    let items = json!({
        "event.vendor.push.topic": TOPIC,
        "event.vendor.push.subscription": PULL,
        "event.vendor.push.key": world.google.service_account_key(),
    });
    let pulled = with(&world, &items).await;
    world.pass(Duration::minutes(5)).await;
    let [source] = &world.app.pull_sources()[..] else { panic!("not one source") };
    world.app.pull(source).await.unwrap();
    world.run_until_idle().await;
    world.arrived();
    // What rings from here on is pulled.
    world.google.delete_subscription(PUSH);
    let before = world.shown(pushed).await["resources"][0]["lastPush"].clone();
    world.google.deliver(GMAIL_USER, Mail::default());
    world.app.pull(source).await.unwrap();
    world.pass(Duration::seconds(10)).await;
    assert!(world.shown(pulled).await["resources"][0]["lastPush"].is_object());
    assert_eq!(world.shown(pushed).await["resources"][0]["lastPush"], before);
}

#[tokio::test]
async fn what_is_missing_is_said_and_what_is_wrong_is_refused() {
    let world = World::new(50);
    let reason = async |items: Value| {
        let id = with(&world, &items).await;
        push_of(&world, id).await["reason"].as_str().unwrap().to_owned()
    };
    assert!(reason(json!({})).await.contains("`event.vendor.push.topic` is not given"));
    assert!(reason(json!({ "event.vendor.push.topic": TOPIC })).await.contains("neither"));
    assert!(reason(by_push()).await.contains("`CARILLON_PUBLIC_URL`"));
    for (key, value, rule) in [
        ("event.vendor.push.topic", "mail", "must be as `projects/my-project/topics/my-topic`"),
        (
            "event.vendor.push.subscription",
            TOPIC,
            "must be as `projects/my-project/subscriptions/my-subscription`",
        ),
        ("event.vendor.push.subscription", PULL, "`event.vendor.push.key`: is required"),
        ("event.vendor.push.account", "pusher", "must be the e-mail address of a service account"),
        ("event.vendor.push.key", "{}", "must be the JSON text of a service account's key"),
    ] {
        let body = pushed(gmail_body(&world.google.new_code(GMAIL_USER)), &json!({ key: value }));
        let reply = world.call("POST", "/instances", &body).await;
        reply.assert_refused(400);
        assert!(reply.body["message"].as_str().unwrap().contains(rule), "{}", reply.body);
    }
}
