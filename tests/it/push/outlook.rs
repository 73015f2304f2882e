//! Graph's change notifications.

use super::{assert_active, push_of, pushed, pushed_outlook};
use crate::defects::assert_created;
use crate::world::{OUTLOOK_USER, World, outlook_body};
use chrono::Duration;
use doubles::Mail;
use serde_json::{Value, json};

/// Within seconds, though the next poll is an hour away; and the owner sees that it came so.
#[tokio::test]
async fn a_change_rings_within_seconds() {
    let world = World::reachable(1);
    let id = pushed_outlook(&world).await;
    assert_active(&push_of(&world, id).await);
    world.pass(Duration::minutes(5)).await;
    let sent = vec![world.microsoft.deliver(OUTLOOK_USER, Mail::default())];
    world.pass(Duration::seconds(3)).await;
    assert_created(&world.arrived(), &sent);
    let shown = world.shown(id).await;
    assert!(shown["push"]["lastHintAt"].is_string(), "{shown}");
    let latency_ms = shown["resources"][0]["lastPush"]["latencyMilliseconds"].as_i64().unwrap();
    assert!((0..3_000).contains(&latency_ms), "{shown}");
}

#[tokio::test]
async fn what_was_not_asked_for_is_not_there() {
    let world = World::reachable(2);
    let id = world.create_outlook().await;
    assert!(world.shown(id).await.get("push").is_none());
    assert_eq!(world.microsoft.subscriptions_of(OUTLOOK_USER), Vec::<Value>::new());
}

/// Folders are polled by comparing lists, and Graph has no notices of them.
#[tokio::test]
async fn each_polled_collection_is_watched() {
    let world = World::reachable(3);
    let poller = json!({
        "messages": { "url": "/hubs/general/messages", "idField": "Id" },
        "folders": { "url": "/hubs/general/folders", "idField": "Id" },
    });
    let body = outlook_body(&world.microsoft.new_code(OUTLOOK_USER));
    let more = json!({ "event.poller.configuration": poller.to_string() });
    world.create(&pushed(body, &more)).await;
    let subscriptions = world.microsoft.subscriptions_of(OUTLOOK_USER);
    let resources: Vec<&str> = subscriptions.iter().map(|one| one["resource"].as_str().unwrap()).collect();
    assert_eq!(resources, ["me/messages"]);
}

/// A grant ends with its access token, after an hour: the provider asks for another, and gets it.
#[tokio::test]
async fn a_grant_is_renewed_when_the_provider_asks() {
    let world = World::reachable(4);
    let id = pushed_outlook(&world).await;
    for hour in 0..30 {
        world.pass(Duration::minutes(50)).await;
        let sent = vec![world.microsoft.deliver(OUTLOOK_USER, Mail::default())];
        world.pass(Duration::minutes(5)).await;
        assert_created(&world.arrived(), &sent);
        assert_active(&push_of(&world, id).await);
        assert_eq!(world.microsoft.subscriptions_of(OUTLOOK_USER).len(), 1, "hour {hour}");
    }
}

#[tokio::test]
async fn a_subscription_outlives_its_first_life() {
    let world = World::reachable(5);
    world.microsoft.set_grants_end(false);
    let id = pushed_outlook(&world).await;
    let first = world.microsoft.subscriptions_of(OUTLOOK_USER)[0]["id"].clone();
    world.pass(Duration::days(10)).await;
    let now = &world.microsoft.subscriptions_of(OUTLOOK_USER)[0];
    assert_eq!(now["id"], first, "it was renewed, not made anew");
    let push = push_of(&world, id).await;
    assert_active(&push);
    assert_eq!(push["since"], "2026-11-22T12:00:00Z", "{push}");
}

#[tokio::test]
async fn a_subscription_that_is_gone_is_made_anew() {
    for is_told in [true, false] {
        let world = World::reachable(6);
        let id = pushed_outlook(&world).await;
        world.pass(Duration::minutes(20)).await;
        world.microsoft.remove_subscriptions(OUTLOOK_USER, is_told);
        // Untold it is found out when it is renewed.
        world.pass(if is_told { Duration::seconds(10) } else { Duration::hours(25) }).await;
        assert_eq!(world.microsoft.subscriptions_of(OUTLOOK_USER).len(), 1, "told: {is_told}");
        let sent = vec![world.microsoft.deliver(OUTLOOK_USER, Mail::default())];
        world.pass(Duration::seconds(3)).await;
        assert_created(&world.arrived(), &sent);
        assert_active(&push_of(&world, id).await);
    }
}

/// What the provider says that it could not say is looked for.
#[tokio::test]
async fn missed_notices_lead_to_a_poll() {
    let world = World::reachable(7);
    pushed_outlook(&world).await;
    world.pass(Duration::minutes(5)).await;
    world.microsoft.push_mishap(doubles::Mishap::Dropped);
    let sent = vec![world.microsoft.deliver(OUTLOOK_USER, Mail::default())];
    world.pass(Duration::minutes(1)).await;
    assert_created(&world.arrived(), &[]);
    world.microsoft.tell_subscriptions(OUTLOOK_USER, "missed");
    world.pass(Duration::seconds(3)).await;
    assert_created(&world.arrived(), &sent);
}

/// Of a creation whose answer was not heard, or of an earlier database: it comes to us, and is replaced by one whose
/// notices are believed. Another installation's is left alone.
#[tokio::test]
async fn a_twin_is_replaced_only_where_its_notices_come_to_us() {
    let world = World::reachable(8);
    let id = pushed_outlook(&world).await;
    let first = world.microsoft.subscriptions_of(OUTLOOK_USER)[0]["id"].clone();
    world.forget_push().await;
    world.pass(Duration::hours(1)).await;
    assert_active(&push_of(&world, id).await);
    let now = world.microsoft.subscriptions_of(OUTLOOK_USER);
    assert_eq!(now.len(), 1);
    assert_ne!(now[0]["id"], first);
    let sent = vec![world.microsoft.deliver(OUTLOOK_USER, Mail::default())];
    world.pass(Duration::seconds(3)).await;
    assert_created(&world.arrived(), &sent);

    let mut another = World::with_variables(9, &[("CARILLON_PUBLIC_URL", "https://other.test")]);
    another.providers.set_way(&doubles::Way::router(another.app.router()));
    let id = pushed_outlook(&another).await;
    assert_active(&push_of(&another, id).await);
    another.move_to("https://carillon.test").await;
    another.providers.set_way(&doubles::Way::router(another.app.router()));
    another.pass(Duration::hours(1)).await;
    let push = push_of(&another, id).await;
    assert_eq!(push["active"], false, "{push}");
    assert!(push["reason"].as_str().unwrap().contains("another installation"), "{push}");
}

/// Polls go on, and the owner reads why there is nothing else.
#[tokio::test]
async fn where_push_can_not_be_had_polls_do_it() {
    for (variables, reason) in [
        (&[] as &[_], "there is no public address"),
        (&[("CARILLON_PUBLIC_URL", "http://carillon.test")], "there is no public address"),
        // Nobody answers the handshake there.
        (&[("CARILLON_PUBLIC_URL", "https://carillon.test")], "the provider answered 400"),
    ] {
        let world = World::with_variables(10, variables);
        world.providers.set_way(&doubles::Way::new(async |_| None));
        let id = pushed_outlook(&world).await;
        let push = push_of(&world, id).await;
        assert_eq!(push["active"], false, "{push}");
        assert!(push["reason"].as_str().unwrap().contains(reason), "{push}");
        let sent = vec![world.microsoft.deliver(OUTLOOK_USER, Mail::default())];
        world.pass(Duration::minutes(61)).await;
        assert_created(&world.arrived(), &sent);
    }
}

/// What failed is tried again, and comes to be.
#[tokio::test]
async fn a_watch_that_failed_is_tried_again_within_minutes() {
    let world = World::reachable(11);
    world.providers.set_way(&doubles::Way::new(async |_| None));
    let id = pushed_outlook(&world).await;
    assert_eq!(push_of(&world, id).await["active"], false);
    world.providers.set_way(&doubles::Way::router(world.app.router()));
    world.pass(Duration::minutes(2)).await;
    assert_active(&push_of(&world, id).await);
}
