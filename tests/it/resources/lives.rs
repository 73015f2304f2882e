//! Each resource from its baseline to the last of its objects.

use super::{CASES, Case, create, entry, event_ids, one, polled};
use crate::world::{GMAIL_USER, World};
use chrono::Duration;
use doubles::Mail;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The connector's own entry, as its metadata shows it to be copied.
async fn poller(world: &World, case: &Case) -> Value {
    let mut entry = entry(world, case.connector, case.resource).await;
    if case.resource == "threads" {
        // Threads that are read tell when they are gone.
        entry["url"] = json!("/hubs/general/threads?format=metadata");
    }
    json!({ case.resource: entry })
}

#[tokio::test]
async fn each_resource_tells_what_comes_changes_and_goes() {
    for case in &CASES {
        let world = World::new(301);
        let before = (case.add)(&world);
        world.clock.advance(Duration::minutes(5));
        let id = create(&world, case.connector, poller(&world, case).await).await;
        let nothing: [(String, String); 0] = [];
        assert_eq!(polled(&world, id).await, nothing, "{}: the baseline is not news", case.resource);
        world.clock.advance(Duration::seconds(3));
        let new = (case.add)(&world);
        assert_eq!(polled(&world, id).await, one("CREATED", &new), "{}", case.resource);
        assert_eq!(polled(&world, id).await, nothing, "{}: told once", case.resource);
        world.clock.advance(Duration::seconds(3));
        for object in [&new, &before] {
            (case.change)(&world, object);
            assert_eq!(polled(&world, id).await, one("UPDATED", object), "{}", case.resource);
        }
        (case.remove)(&world, &before);
        let mut gone = polled(&world, id).await;
        gone.extend(polled(&world, id).await);
        let expected = if case.tells_deletions { one("DELETED", &before) } else { Vec::new() };
        assert_eq!(gone, expected, "{}", case.resource);
        world.pass(Duration::hours(2)).await;
        let late = if case.tells_deletions { Vec::new() } else { one("DELETED", &before) };
        assert_eq!(
            world.arrived(),
            late,
            "{}: what the walk does not show is told within a turn",
            case.resource
        );
        world.pass(Duration::hours(2)).await;
        assert_eq!(world.arrived(), nothing, "{}: an idle mailbox tells nothing", case.resource);
    }
}

#[tokio::test]
async fn the_callback_holds_the_records_under_the_configured_key() {
    for case in &CASES {
        let world = World::new(302);
        let id = create(&world, case.connector, poller(&world, case).await).await;
        world.clock.advance(Duration::seconds(3));
        let new = (case.add)(&world);
        world.poll(id).await;
        let body: Value = serde_json::from_slice(&world.receiver.take()[0].body).unwrap();
        let raw = &body["message"]["raw"];
        assert_eq!(raw["objectType"], case.resource);
        let records = raw[case.resource].as_array().unwrap();
        let key = if case.connector == "gmail" { "id" } else { "Id" };
        assert_eq!((records.len(), &records[0][key]), (1, &json!(new)), "{raw}");
        assert_eq!(body["message"]["events"][0]["objectType"], case.resource);
    }
}

/// Four processes see the same at the same time: one of them tells.
#[tokio::test]
async fn overlapping_polls_of_each_resource_tell_each_change_once() {
    for case in &CASES {
        let world = World::new(303);
        world.google.set_in_flight_max(100);
        world.microsoft.set_in_flight_max(100);
        let id = create(&world, case.connector, poller(&world, case).await).await;
        world.clock.advance(Duration::seconds(3));
        let mut new: Vec<String> = (0..23).map(|_| (case.add)(&world)).collect();
        let others: Vec<_> = (0..4).map(|_| world.another_process()).collect();
        let deadline = world.now() + Duration::seconds(20);
        futures_util::future::join_all(others.iter().map(|app| app.poll(id, deadline))).await;
        world.run_until_idle().await;
        let mut arrived = world.arrived();
        arrived.sort();
        new.sort();
        let expected: Vec<_> = new.iter().flat_map(|id| one("CREATED", id)).collect();
        assert_eq!(arrived, expected, "{}", case.resource);
    }
}

/// A process that dies leaves what it read to the next one, which gives the same events the same ids.
#[tokio::test]
async fn a_crash_in_a_poll_of_each_resource_loses_and_invents_nothing() {
    for case in &CASES {
        let mut deaths_count = 0;
        for passages in (1..40).step_by(4) {
            let mut world = World::new(304);
            let id = create(&world, case.connector, poller(&world, case).await).await;
            world.clock.advance(Duration::seconds(3));
            let new: BTreeSet<_> = (0..12).map(|_| ("CREATED".to_owned(), (case.add)(&world))).collect();
            world.gate.die_after(passages);
            let deadline = world.now() + Duration::seconds(20);
            let app = world.app.clone();
            let work = async {
                app.poll(id, deadline).await.unwrap();
                world.run_until_idle().await;
            };
            deaths_count += usize::from(world.gate.run(work).await.is_none());
            world.restart();
            world.pass(Duration::minutes(31)).await;
            let arrived = event_ids(&world);
            assert_eq!(arrived.keys().cloned().collect::<BTreeSet<_>>(), new, "{}", case.resource);
            assert!(arrived.values().all(|ids| ids.len() == 1), "{}: {arrived:?}", case.resource);
        }
        assert!(deaths_count >= 4, "{}: it died only {deaths_count} times", case.resource);
    }
}

/// Without `format` a thread is told as history tells of it, which does not say that it has ended.
#[tokio::test]
async fn a_thread_grows_with_its_messages() {
    let world = World::new(305);
    let id = create(&world, "gmail", json!({ "threads": { "url": "/threads", "idField": "id" } })).await;
    let first = world.google.deliver(GMAIL_USER, Mail { subject: "s".to_owned(), ..Mail::default() });
    let thread = super::of_thread(&world, &first);
    assert_eq!(polled(&world, id).await, one("CREATED", &thread));
    world.google.remove_label(GMAIL_USER, &first, "UNREAD");
    world.google.add_label(GMAIL_USER, &first, "STARRED");
    assert_eq!(polled(&world, id).await, one("UPDATED", &thread), "two changes of a thread are one event");
    world.google.purge(GMAIL_USER, &first);
    assert_eq!(polled(&world, id).await, one("UPDATED", &thread));
}
