//! Gmail's history shows a record up to two minutes after an answer has counted it.

use super::{assert_all, assert_created, polled, with_interval, with_poller};
use crate::world::{GMAIL_USER, World, gmail_body};
use app::ports::Polls as _;
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::Mail;
use serde_json::json;
use std::collections::BTreeSet;

const LAG_US: i64 = 120_000_000;

/// An instance that is polled every minute.
async fn every_minute(world: &World, poller: serde_json::Value) -> InstanceId {
    let body = gmail_body(&world.google.new_code(GMAIL_USER));
    world.create(&with_interval(with_poller(body, poller), 1)).await
}

fn messages() -> serde_json::Value {
    json!({ "messages": { "url": "/hubs/general/messages", "idField": "id" } })
}

fn history_requests(world: &World) -> usize {
    world.google.requests().iter().filter(|line| line.target.contains("/history?")).count()
}

/// Reported from the field: history was empty one to three seconds after the notice that named its position. The
/// position of an empty answer was stored with the heartbeat, and what lay in between was never read.
#[tokio::test]
async fn mail_that_history_shows_late_is_neither_lost_nor_repeated() {
    for is_ordered in [true, false] {
        let world = World::new(41);
        let id = every_minute(&world, messages()).await;
        world.google.set_history_lag(0, LAG_US, is_ordered);
        let mut sent = Vec::new();
        for n in 0..30 {
            sent.push(world.google.deliver(GMAIL_USER, Mail::default()));
            // Now and then longer than a heartbeat, so that an empty answer's position comes to be stored.
            world.pass(Duration::seconds([7, 45, 100, 660][n % 4])).await;
            if n % 3 == 0 {
                world.poll(id).await;
            }
        }
        world.pass(Duration::minutes(30)).await;
        assert_created(&world.arrived(), &sent);
    }
}

#[tokio::test]
async fn threads_that_history_shows_late_are_neither_lost_nor_repeated() {
    let world = World::new(42);
    let poller = json!({ "threads": { "url": "/hubs/general/threads", "idField": "id" } });
    every_minute(&world, poller).await;
    world.google.set_history_lag(0, LAG_US, false);
    let mut sent = Vec::new();
    for _ in 0..30 {
        sent.push(world.google.deliver(GMAIL_USER, Mail::default()));
        world.pass(Duration::seconds(40)).await;
    }
    world.pass(Duration::minutes(30)).await;
    assert_created(&world.arrived(), &sent);
}

#[tokio::test]
async fn late_records_cost_no_request_and_no_write_of_an_idle_poll() {
    let world = World::new(43);
    let id = every_minute(&world, messages()).await;
    world.google.set_history_lag(LAG_US, LAG_US, false);
    world.google.deliver(GMAIL_USER, Mail::default());
    world.pass(Duration::minutes(3)).await;
    assert_eq!(world.arrived().len(), 1);
    let stored = async || world.store.mailbox(id).await.unwrap().unwrap().resources[0].state.clone();
    let before = stored().await;
    world.google.clear_requests();
    for _ in 0..5 {
        assert_eq!(polled(&world, id).await, []);
    }
    assert_eq!(history_requests(&world), 5);
    assert_eq!(stored().await, before, "nothing was written");
}

/// A position that was named by the answer is not past what shows below it later, and what a careless server sends again
/// is not told again.
#[tokio::test]
async fn a_server_that_sends_old_records_repeats_nothing() {
    let world = World::new(44);
    let id = world.create_gmail().await;
    world.google.set_old_records(true);
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    assert_created(&polled(&world, id).await, &[mail]);
    world.pass(Duration::hours(1)).await;
    assert_eq!(polled(&world, id).await, []);
}

/// Restoring brought a mail back under its old id, and its second creation had the id of the first: receivers that drop
/// what they have kept it deleted.
#[tokio::test]
async fn a_restored_message_is_created_again() {
    let world = World::new(45);
    let id = world.create_gmail().await;
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    let mut told = events(&world, id).await;
    for _ in 0..2 {
        world.google.purge(GMAIL_USER, &mail);
        told.extend(events(&world, id).await);
        world.clock.advance(Duration::minutes(12));
        world.google.restore(GMAIL_USER, &mail);
        told.extend(events(&world, id).await);
        world.clock.advance(Duration::minutes(12));
    }
    let kinds: Vec<&str> = told.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["CREATED", "DELETED", "CREATED", "DELETED", "CREATED"]);
    let ids: BTreeSet<&String> = told.iter().map(|(_, id)| id).collect();
    assert_eq!(ids.len(), told.len(), "each has an id of its own");
}

/// Polls once, and gives kinds and ids of the events that arrived.
async fn events(world: &World, id: InstanceId) -> Vec<(String, String)> {
    world.poll(id).await;
    let bodies = world.receiver.take().into_iter().map(|received| received.body);
    let bodies = bodies.map(|body| serde_json::from_slice::<serde_json::Value>(&body).unwrap());
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let events = |body: serde_json::Value| {
        let events = body["message"]["events"].as_array().unwrap().clone();
        events.into_iter().map(|event| (text(&event["eventType"]), text(&event["id"])))
    };
    bodies.flat_map(events).collect()
}

/// The promise that what came and went leaves nothing held within a page of history, and not beyond.
#[tokio::test]
async fn mail_that_came_and_went_between_two_polls_is_not_told() {
    let world = World::new(46);
    let id = world.create_gmail().await;
    let mails: Vec<String> = (0..520).map(|_| world.google.deliver(GMAIL_USER, Mail::default())).collect();
    let last = world.google.deliver(GMAIL_USER, Mail::default());
    mails.iter().for_each(|mail| assert!(world.google.purge(GMAIL_USER, mail)));
    assert_created(&polled(&world, id).await, &[last]);
}

/// An update of its own came of it where a step ended between the two.
#[tokio::test]
async fn mail_that_was_read_before_the_poll_is_created_and_no_more() {
    let world = World::new(47);
    let id = world.create_gmail().await;
    let mails: Vec<String> = (0..300).map(|_| world.google.deliver(GMAIL_USER, Mail::default())).collect();
    mails.iter().for_each(|mail| assert!(world.google.remove_label(GMAIL_USER, mail, "UNREAD")));
    assert_created(&polled(&world, id).await, &mails);
}

/// A selection of a thousand messages is one record of history, and more than one transaction takes.
#[tokio::test]
async fn a_thousand_messages_changed_at_once_are_a_thousand_updates() {
    let world = World::new(48);
    let id = world.create_gmail().await;
    let mails: Vec<String> = (0..1000).map(|_| world.google.deliver(GMAIL_USER, Mail::default())).collect();
    assert_created(&polled(&world, id).await, &mails);
    let all: Vec<&str> = mails.iter().map(String::as_str).collect();
    world.google.modify_all(GMAIL_USER, &all, &["STARRED"], &[]);
    assert_all(&polled(&world, id).await, "UPDATED", &mails);
}
