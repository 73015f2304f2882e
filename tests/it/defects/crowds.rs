//! More at once than fits a page, a second, or a poll.

use super::{assert_all, assert_created, polled, with_interval};
use crate::world::{GMAIL_USER, OUTLOOK_USER, World, outlook_body};
use chrono::Duration;
use doubles::Mail;
use std::collections::BTreeMap;

/// An assistant read one page of history, at most 500 records, and took the newest position: the rest was
/// skipped without a word.
#[tokio::test]
async fn more_than_a_page_of_history_arrives_whole() {
    let world = World::new(41);
    let id = world.create_gmail().await;
    let sent: Vec<_> = (0..1300).map(|_| world.google.deliver(GMAIL_USER, Mail::default())).collect();
    assert_created(&polled(&world, id).await, &sent);
    for mail in &sent {
        world.google.remove_label(GMAIL_USER, mail, "UNREAD");
    }
    assert_all(&polled(&world, id).await, "UPDATED", &sent);
    assert_eq!(polled(&world, id).await, []);
}

/// A select-all changes more messages in one second than a page holds. Whoever pages by the second alone never
/// gets out of it, and whoever goes on behind it loses the rest.
#[tokio::test]
async fn a_crowded_second_is_read_to_its_end() {
    let world = World::new(42);
    let id = world.create_outlook().await;
    let mut sent = Vec::new();
    for _ in 0..15 {
        sent.extend((0..100).map(|_| world.microsoft.deliver(OUTLOOK_USER, Mail::default())));
        world.clock.advance(Duration::seconds(3));
    }
    assert_created(&polled(&world, id).await, &sent);
    world.clock.advance(Duration::minutes(10));
    for mail in &sent {
        world.microsoft.mark_read(OUTLOOK_USER, mail);
    }
    assert_all(&polled(&world, id).await, "UPDATED", &sent);
    world.clock.advance(Duration::seconds(30));
    assert_eq!(polled(&world, id).await, []);
}

/// Whoever reads a crowded second from its first row at each step reads the square of it, and whoever remembers what it
/// told in the row that each step writes, writes the square of it.
#[tokio::test]
async fn thousands_of_one_second_are_told_once_by_requests_in_proportion() {
    let world = World::new(46);
    let id = world.create_outlook().await;
    let sent: Vec<_> = (0..4_000).map(|_| world.microsoft.deliver(OUTLOOK_USER, Mail::default())).collect();
    let lists = || {
        let requests = world.microsoft.requests();
        requests.iter().flat_map(|line| line.targets()).filter(|target| target.contains("/messages?")).count()
    };
    let before = lists();
    assert_created(&polled(&world, id).await, &sent);
    let asked = lists() - before;
    // A page of 250 for each step, and one for each step of the second lane, which looks at them.
    assert!(asked <= 4 * sent.len() / 250, "{asked} requests");
    // Each poll of the next two minutes sees them again.
    for _ in 0..3 {
        world.clock.advance(Duration::seconds(30));
        assert_eq!(polled(&world, id).await, []);
    }
    for mail in sent.iter().step_by(100) {
        world.microsoft.mark_read(OUTLOOK_USER, mail);
    }
    let read: Vec<_> = sent.iter().step_by(100).cloned().collect();
    assert_all(&polled(&world, id).await, "UPDATED", &read);
}

/// The provider's own next links count rows of a list that is ordered by the very time that changes: what is
/// modified while somebody pages moves to the end, and the rows behind it move up, over the page's border.
#[tokio::test]
async fn rows_that_move_between_pages_are_not_lost() {
    let world = World::new(43);
    let id = world.create_outlook().await;
    let sent: Vec<_> = (0..900)
        .map(|_| {
            world.clock.advance(Duration::milliseconds(250));
            world.microsoft.deliver(OUTLOOK_USER, Mail::default())
        })
        .collect();
    // The poll reads a stretch at a time; between two stretches the mailbox goes on.
    for n in 0..8 {
        world.app.poll(id, world.now() + Duration::milliseconds(5_002)).await.unwrap();
        for mail in sent.iter().skip(n * 100).step_by(3).take(40) {
            world.microsoft.flag(OUTLOOK_USER, mail);
        }
        world.clock.advance(Duration::milliseconds(700));
    }
    world.run_until_idle().await;
    let mut arrived = world.arrived();
    arrived.extend(polled(&world, id).await);
    let created: Vec<_> = arrived.iter().filter(|(kind, _)| kind == "CREATED").cloned().collect();
    assert_created(&created, &sent);
}

/// Model of a busy mailbox: whatever the last state of a message is, an event at or after it arrived, though
/// lists show changes late, in bulk and while somebody pages.
#[tokio::test]
async fn the_last_state_of_every_message_is_reported_though_lists_lag() {
    let world = World::new(44);
    world.microsoft.set_lag(0, 4_000_000);
    let id = world.create(&with_interval(outlook_body(&world.microsoft.new_code(OUTLOOK_USER)), 1)).await;
    let mut keys = BTreeMap::new();
    for round in 0..20 {
        for _ in 0..20 {
            world.microsoft.deliver(OUTLOOK_USER, Mail::default());
            world.clock.advance(Duration::milliseconds(300));
        }
        if round % 5 == 4 {
            world.microsoft.bulk(OUTLOOK_USER, 300);
        }
        world.pass(Duration::seconds(45)).await;
        note(&world, &mut keys);
    }
    world.pass(Duration::minutes(5)).await;
    note(&world, &mut keys);
    let messages = world.microsoft.messages(OUTLOOK_USER);
    let stale: Vec<_> = messages.iter().filter(|one| keys.get(&one.id) != Some(&one.change_key)).collect();
    assert!(stale.is_empty(), "{} of {} states were not reported", stale.len(), messages.len());
    assert_eq!(world.shown(id).await["resources"][0]["failures"], 0);
}

/// Notes the newest change key that arrived for each message.
fn note(world: &World, keys: &mut BTreeMap<String, String>) {
    for received in world.receiver.take() {
        let body: serde_json::Value = serde_json::from_slice(&received.body).unwrap();
        for record in body["message"]["raw"]["messages"].as_array().unwrap() {
            let text = |key: &str| record[key].as_str().unwrap().to_owned();
            keys.insert(text("Id"), text("ChangeKey"));
        }
    }
}

/// Pollers that compare with `>` lose the rows that share the newest time, and those with `>=` send them again
/// at every poll, 48 times a day.
#[tokio::test]
async fn rows_with_equal_times_are_neither_lost_nor_repeated() {
    let world = World::new(45);
    let id = world.create(&with_interval(outlook_body(&world.microsoft.new_code(OUTLOOK_USER)), 1)).await;
    let mut sent = Vec::new();
    let mut arrived = Vec::new();
    // All in the same second, with polls in between.
    for _ in 0..4 {
        sent.extend((0..20).map(|_| world.microsoft.deliver(OUTLOOK_USER, Mail::default())));
        arrived.extend(polled(&world, id).await);
    }
    world.pass(Duration::hours(1)).await;
    arrived.extend(world.arrived());
    assert_created(&arrived, &sent);
}
