//! Who pulls from where, and how many do.

use super::gmail::{PULL, TOPIC, with};
use super::lossy::HeldHttp;
use super::{assert_active, push_of};
use crate::defects::assert_created;
use crate::world::{GMAIL_USER, World};
use app::Pull;
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::Mail;
use serde_json::{Value, json};

/// As many as one process has.
const PLACES_COUNT: usize = 64;

async fn pulls(world: &World, subscription: &str) -> InstanceId {
    let items = json!({
        "event.vendor.push.topic": TOPIC,
        "event.vendor.push.subscription": subscription,
        "event.vendor.push.key": world.google.service_account_key(),
    });
    with(world, &items).await
}

/// Who shares a subscription and its key shares a place. One too many is polled and says why, until it gets a place.
#[tokio::test]
async fn one_too_many_says_so_and_gets_the_next_place() {
    let world = World::new(101);
    world.google.add_topic(TOPIC);
    let subscriptions: Vec<String> = (0..=PLACES_COUNT).map(|n| format!("{PULL}-{n}")).collect();
    for subscription in &subscriptions {
        world.google.add_pull_subscription(subscription, TOPIC);
    }
    let mut pullers = Vec::new();
    for subscription in &subscriptions[..PLACES_COUNT] {
        pullers.push(pulls(&world, subscription).await);
    }
    let sharing = pulls(&world, &subscriptions[0]).await;
    assert_active(&push_of(&world, sharing).await);
    let last = pulls(&world, &subscriptions[PLACES_COUNT]).await;
    let push = push_of(&world, last).await;
    assert_eq!(push["active"], false, "{push}");
    assert!(push["reason"].as_str().unwrap().contains("waits for a place"), "{push}");
    let sources = || world.app.pull_sources().into_iter().map(|source| source.subscription);
    assert_eq!(sources().count(), PLACES_COUNT);

    world.call("DELETE", &format!("/instances/{}", pullers[7]), &Value::Null).await;
    world.run_until_idle().await;
    assert_eq!(sources().count(), PLACES_COUNT);
    assert!(!sources().any(|one| one == subscriptions[7]));
    assert_active(&push_of(&world, last).await);
    world.pass(Duration::minutes(5)).await;
    let of_last =
        world.app.pull_sources().into_iter().find(|one| one.subscription == subscriptions[PLACES_COUNT]);
    let of_last = of_last.unwrap();
    while world.app.pull(&of_last).await.unwrap() != Pull::Taken(0) {}
    world.run_until_idle().await;
    world.arrived();
    let sent = vec![world.google.deliver(GMAIL_USER, Mail::default())];
    assert_eq!(world.app.pull(&of_last).await.unwrap(), Pull::Taken(1));
    world.pass(Duration::seconds(3)).await;
    assert_created(&world.arrived(), &sent);
}

/// Whoever pulls from the same subscription with another key gets what a pull took whose instance left over it.
#[tokio::test]
async fn a_pull_that_nobody_needs_any_more_takes_nothing_away() {
    let mut world = World::new(102);
    world.google.add_topic(TOPIC);
    world.google.add_pull_subscription(PULL, TOPIC);
    let held = HeldHttp::before(&mut world, ":pull");
    let id = pulls(&world, PULL).await;
    let [former] = &world.app.pull_sources()[..] else { panic!("not one source") };
    held.release();
    while world.app.pull(former).await.unwrap() != Pull::Taken(0) {
        held.release();
    }
    world.pass(Duration::minutes(5)).await;
    let sent = vec![world.google.deliver(GMAIL_USER, Mail::default())];
    // To the provider it is the same.
    let key = world.google.service_account_key().replacen('{', "{ ", 1);
    held.holds().await;
    let changed = async {
        held.holds().await;
        world.patch(id, &json!({ "configuration": { "event.vendor.push.key": key } })).await;
        held.release();
    };
    let (pulled, ()) = tokio::join!(world.app.pull(former), changed);
    assert_eq!(pulled.unwrap(), Pull::Unneeded);
    let [source] = &world.app.pull_sources()[..] else { panic!("not one source") };
    assert_ne!(source, former);
    // It can be had again after the deadline of whoever took it.
    world.pass(Duration::seconds(11)).await;
    world.arrived();
    held.release();
    assert_eq!(world.app.pull(source).await.unwrap(), Pull::Taken(1));
    world.pass(Duration::seconds(3)).await;
    assert_created(&world.arrived(), &sent);
}
