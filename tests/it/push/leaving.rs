//! What a changed configuration no longer needs is ended, and nobody stays in a set for ever.

use super::gmail::{ACCOUNT, ADDRESS, TOPIC, by_push, signed, with};
use super::{assert_active, push_of, pushed, pushed_outlook};
use crate::defects::assert_created;
use crate::world::{GMAIL_USER, OUTLOOK_USER, World, outlook_body};
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::{FaultKind, Mail};
use serde_json::{Value, json};

const OTHER_TOPIC: &str = "projects/double-project/topics/other";

fn watched(world: &World) -> Vec<String> {
    let subscriptions = world.microsoft.subscriptions_of(OUTLOOK_USER);
    subscriptions.iter().map(|one| one["resource"].as_str().unwrap().to_owned()).collect()
}

fn topic(world: &World) -> Option<String> {
    world.google.watch_of(GMAIL_USER).map(|(topic, _)| topic)
}

fn poller(url: &str) -> Value {
    let poller = json!({ "messages": { "url": url, "idField": "Id" } });
    json!({ "event.poller.configuration": poller.to_string() })
}

async fn delete(world: &World, path: String) {
    let reply = world.call("DELETE", &path, &Value::Null).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    world.run_until_idle().await;
}

/// A collection that is not watched yet is not said to be.
#[tokio::test]
async fn what_is_polled_otherwise_is_active_once_it_is_watched() {
    let world = World::reachable(71);
    let folder = world.microsoft.add_folder(OUTLOOK_USER, "Orders");
    let of_folder = poller(&format!("/hubs/general/messages?where=ParentFolderId='{folder}'"));
    let id = world.create(&pushed(outlook_body(&world.microsoft.new_code(OUTLOOK_USER)), &of_folder)).await;
    assert_eq!(watched(&world), [format!("me/mailFolders('{folder}')/messages")]);
    world.patch(id, &json!({ "configuration": poller("/hubs/general/messages") })).await;
    assert_eq!(push_of(&world, id).await["active"], watched(&world) == ["me/messages"]);
    world.pass(Duration::minutes(61)).await;
    assert_eq!(watched(&world), ["me/messages"]);
    assert_active(&push_of(&world, id).await);
    delete(&world, format!("/instances/{id}")).await;
    assert_eq!(world.push_states().await, 0);
}

#[tokio::test]
async fn another_topic_takes_the_place_of_the_former() {
    let (world, id) = signed(72).await;
    world.google.add_topic(OTHER_TOPIC);
    let other = "projects/double-project/subscriptions/other";
    world.google.add_push_subscription(other, OTHER_TOPIC, ADDRESS, ACCOUNT, ADDRESS);
    world.patch(id, &json!({ "configuration": { "event.vendor.push.topic": OTHER_TOPIC } })).await;
    assert_eq!(topic(&world).as_deref(), Some(OTHER_TOPIC));
    assert_active(&push_of(&world, id).await);
    world.pass(Duration::minutes(1)).await;
    let sent = vec![world.google.deliver(GMAIL_USER, Mail::default())];
    world.pass(Duration::seconds(3)).await;
    assert_created(&world.arrived(), &sent);
    delete(&world, format!("/instances/{id}")).await;
    assert_eq!(topic(&world), None);
    assert_eq!(world.push_states().await, 0);
}

/// Without a topic nothing can be watched: what was watched ends.
#[tokio::test]
async fn a_topic_that_is_taken_out_ends_the_watch() {
    let (world, id) = signed(73).await;
    world.patch(id, &json!({ "configuration": { "event.vendor.push.topic": "" } })).await;
    world.run_until_idle().await;
    assert_eq!(topic(&world), None);
    assert_eq!(world.push_states().await, 0);
    assert!(push_of(&world, id).await["reason"].as_str().unwrap().contains("is not given"));
}

/// Google has one watch of a mailbox and an application: who stops theirs stops it for all.
#[tokio::test]
async fn who_leaves_with_another_topic_silences_nobody() {
    let (world, _) = signed(74).await;
    world.google.add_topic(OTHER_TOPIC);
    let mut items = by_push();
    items["event.vendor.push.topic"] = json!(OTHER_TOPIC);
    let other = with(&world, &items).await;
    delete(&world, format!("/instances/{other}")).await;
    world.pass(Duration::seconds(5)).await;
    assert_eq!(topic(&world).as_deref(), Some(TOPIC));
    let sent = vec![world.google.deliver(GMAIL_USER, Mail::default())];
    world.pass(Duration::seconds(3)).await;
    assert_created(&world.arrived(), &sent);
}

/// The watch of the application that was signed in with before is ended by its own token.
#[tokio::test]
async fn another_application_leaves_the_watch_of_the_former() {
    let world = World::reachable(75);
    let id = pushed_outlook(&world).await;
    let first = world.microsoft.subscriptions_of(OUTLOOK_USER)[0]["id"].clone();
    world.patch(id, &json!({ "configuration": { "oauth.api.key": "another-application" } })).await;
    world.run_until_idle().await;
    let now = world.microsoft.subscriptions_of(OUTLOOK_USER);
    assert!(now.iter().all(|one| one["id"] != first), "{now:?}");
}

/// Two mails within the time that history lags: the first one's showing is not yet the second's.
#[tokio::test]
async fn an_older_change_that_shows_is_not_taken_for_the_one_that_was_told() {
    let (world, _) = signed(76).await;
    world.google.set_history_lag(3_000_000, 3_000_000, true);
    let mut sent = vec![world.google.deliver(GMAIL_USER, Mail::default())];
    world.pass(Duration::milliseconds(2_900)).await;
    sent.push(world.google.deliver(GMAIL_USER, Mail::default()));
    world.pass(Duration::seconds(50)).await;
    assert_created(&world.arrived(), &sent);
}

/// Deleted, taken out of the set by a purge that died, and then the vault can't be read for so long.
async fn purged_without_vault(world: &mut World, id: InstanceId, outage: Duration) {
    let reply = world.call("DELETE", &format!("/instances/{id}"), &Value::Null).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    world.leave_push_half().await;
    world.hide_secrets().await;
    world.restart();
    world.pass(outage).await;
    world.hide_secrets().await;
    world.pass(Duration::minutes(20)).await;
}

#[tokio::test]
async fn a_vault_that_fails_for_now_leaves_no_watch_behind() {
    let (mut world, id) = signed(82).await;
    purged_without_vault(&mut world, id, Duration::minutes(10)).await;
    assert_eq!(topic(&world), None);
    assert_eq!(world.push_states().await, 0);
}

/// Secrets of a lost key are never read again: what was deleted goes all the same.
#[tokio::test]
async fn a_vault_that_fails_for_good_keeps_nothing_that_was_deleted() {
    let (mut world, id) = signed(83).await;
    purged_without_vault(&mut world, id, Duration::hours(2)).await;
    assert!(topic(&world).is_some(), "it is left to its end");
    let rows = "SELECT count(*) FROM instances WHERE id = ?1";
    let count = world
        .rows()
        .read("count rows", move |conn| conn.query_row(rows, [id.get()], |row| row.get::<_, u32>(0)))
        .await;
    assert_eq!(count.unwrap(), 0);
}

/// Whoever read the one state must not take the other for it, and write over who is in it.
#[tokio::test]
async fn what_is_made_anew_has_no_version_of_what_was_there_before() {
    let world = World::reachable(80);
    let version = async || {
        let row = "SELECT version FROM push_states";
        world
            .rows()
            .read("read a version", |conn| conn.query_row(row, [], |row| row.get::<_, u64>(0)))
            .await
            .unwrap()
    };
    let mut versions = std::collections::BTreeSet::new();
    for _ in 0..5 {
        let id = pushed_outlook(&world).await;
        versions.insert(version().await);
        delete(&world, format!("/instances/{id}")).await;
        assert_eq!(world.push_states().await, 0);
    }
    assert_eq!(versions.len(), 5);
}

/// A renewal that fails for a week: in words, and not "active" after the end.
#[tokio::test]
async fn a_watch_that_ended_is_not_said_to_be_active() {
    let (world, id) = signed(77).await;
    world.google.refuse_watches(u32::MAX);
    world.pass(Duration::days(9)).await;
    let push = push_of(&world, id).await;
    assert_eq!(push["active"], false, "{push}");
    assert_ne!(push["reason"], "it is being set up", "{push}");
    let lapsed = async || world.number("carillon_push_watches{state=\"lapsed\"}").await;
    let turned = "carillon_push_turns_total{connector=\"gmail\",turn=\"lapsed\"}";
    assert_eq!((lapsed().await, world.number(turned).await), (1.0, 0.0));
    world.google.refuse_watches(0);
    world.pass(Duration::days(1)).await;
    assert_eq!((lapsed().await, world.number(turned).await), (0.0, 1.0), "it was renewed too late");
}

/// The provider is failing: a notice is no reason to ask it again before it is time.
#[tokio::test]
async fn a_notice_breaks_no_back_off() {
    let world = World::reachable(78);
    let id = pushed_outlook(&world).await;
    world.pass(Duration::minutes(5)).await;
    let fault = FaultKind::RateLimited { retry_after_s: Some(1_200) };
    world.providers.set_fault_rate(1.0, &[fault]);
    world.poll(id).await;
    super::forget_requests(&world);
    for _ in 0..20 {
        world.microsoft.deliver(OUTLOOK_USER, Mail::default());
        world.pass(Duration::seconds(50)).await;
    }
    assert_eq!(super::polls(&world), 0);
}

/// Google has one watch: who comes second is told so, takes nothing away, and is next.
#[tokio::test]
async fn who_comes_with_another_topic_waits_and_says_so() {
    let (world, first) = signed(79).await;
    world.google.add_topic(OTHER_TOPIC);
    let other = "projects/double-project/subscriptions/other";
    world.google.add_push_subscription(other, OTHER_TOPIC, ADDRESS, ACCOUNT, ADDRESS);
    let items = json!({ "event.vendor.push.topic": OTHER_TOPIC, "event.vendor.push.account": ACCOUNT });
    let second = with(&world, &items).await;
    world.pass(Duration::hours(50)).await;
    assert_eq!(topic(&world).as_deref(), Some(TOPIC));
    assert_active(&push_of(&world, first).await);
    let push = push_of(&world, second).await;
    assert_eq!(push["active"], false, "{push}");
    assert!(push["reason"].as_str().unwrap().contains("another instance"), "{push}");
    delete(&world, format!("/instances/{first}")).await;
    world.pass(Duration::hours(2)).await;
    assert_eq!(topic(&world).as_deref(), Some(OTHER_TOPIC));
    assert_active(&push_of(&world, second).await);
}
