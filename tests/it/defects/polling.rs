//! Pollers that stop, fan out too far, lose one thing for another, or all come at once.

use super::{assert_created, polled, with_interval};
use crate::world::{GMAIL_USER, OUTLOOK_USER, World, gmail_body};
use app::PollOutcome;
use app::ports::Schedule as _;
use chrono::Duration;
use domain::schedule::Timetable;
use doubles::{Fault, FaultKind, Mail, Route};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A trigger stopped for 24 hours, and nothing said so: its state just was not written any more.
#[tokio::test]
async fn a_poller_that_silently_stopped_is_shown_as_frozen() {
    let world = World::new(61);
    let id = world.create_outlook().await;
    world.pass(Duration::minutes(40)).await;
    assert_eq!(world.shown(id).await["resources"][0]["frozen"], false);
    // The timer is lost, as if the scheduler had forgotten it.
    world.timers.put(id, Timetable::new(id, 15), false).await.unwrap();
    let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    world.pass(Duration::hours(24)).await;
    assert_eq!(world.arrived(), []);
    let shown = world.shown(id).await;
    assert_eq!(shown["resources"][0]["frozen"], true);
    let last =
        shown["resources"][0]["lastSuccess"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>();
    assert!(world.now() - last.unwrap() >= Duration::hours(24));
    assert_created(&polled(&world, id).await, &[mail]);
    assert_eq!(world.shown(id).await["resources"][0]["frozen"], false);
}

/// A provider that is down for a night: the instance says so, the wait grows, and in the morning nothing is lost.
#[tokio::test]
async fn an_outage_freezes_nothing_for_good() {
    for is_gmail in [true, false] {
        let world = World::new(62);
        let id = if is_gmail { world.create_gmail().await } else { world.create_outlook().await };
        let kinds =
            vec![FaultKind::ServerError { status: 503 }, FaultKind::BadGatewayHtml, FaultKind::Truncated];
        world.google.set_fault_rate(1.0, kinds.clone());
        world.microsoft.set_fault_rate(1.0, kinds);
        let sent = match is_gmail {
            true => world.google.deliver(GMAIL_USER, Mail::default()),
            false => world.microsoft.deliver(OUTLOOK_USER, Mail::default()),
        };
        world.pass(Duration::hours(9)).await;
        let state = world.shown(id).await["resources"][0].clone();
        assert_eq!(state["frozen"], true);
        assert!(state["error"].is_string() && state["failures"].as_u64().unwrap() > 5, "{state}");
        let requests = world.google.requests().len() + world.microsoft.requests().len();
        assert!(requests < 200, "{requests} requests to a provider that is down");
        world.google.clear_faults();
        world.microsoft.clear_faults();
        world.pass(Duration::minutes(20)).await;
        assert_created(&world.arrived(), &[sent]);
        let shown = world.shown(id).await;
        assert_eq!((&shown["valid"], &shown["resources"][0]["frozen"]), (&json!(true), &json!(false)));
    }
}

/// A rate limit in the middle of a page: what came before is not sent again, what comes after is not lost, and
/// the mailbox is left alone for exactly as long as it asked.
#[tokio::test]
async fn a_limit_in_the_middle_of_a_poll_loses_and_repeats_nothing() {
    for kind in [FaultKind::RateLimited { retry_after_s: Some(90) }, FaultKind::ForbiddenLimit] {
        let world = World::new(63);
        let id = world.create_gmail().await;
        let sent: Vec<_> = (0..600).map(|_| world.google.deliver(GMAIL_USER, Mail::default())).collect();
        // The first stretch of messages is read, then the limit is met.
        world.app.poll(id, world.now() + Duration::milliseconds(5_100)).await.unwrap();
        world.google.push_fault(Fault { on: Route::Get, kind, times: 1 });
        world.run_until_idle().await;
        let limited_at = world.now();
        let mut arrived = world.arrived();
        assert!(!arrived.is_empty() && arrived.len() < 600, "{}", arrived.len());
        world.google.clear_requests();
        world.pass(Duration::minutes(2)).await;
        arrived.extend(world.arrived());
        assert_created(&arrived, &sent);
        if let FaultKind::RateLimited { .. } = kind {
            let first = world.google.requests()[0].at_us;
            let waited = first - limited_at.timestamp_micros();
            assert!((89_000_000..91_000_000).contains(&waited), "{waited} µs");
        }
    }
}

/// A batch of reads, of which some failed: a downloader skipped these without a word. Here the others are not
/// held up, and the failed ones come when they can be read.
#[tokio::test]
async fn one_message_that_cannot_be_read_is_neither_lost_nor_in_the_way() {
    for kind in [FaultKind::ServerError { status: 500 }, FaultKind::BadGatewayHtml, FaultKind::Truncated] {
        let world = World::new(64);
        let id = world.create_gmail().await;
        let mut sent: Vec<_> = (0..20).map(|_| world.google.deliver(GMAIL_USER, Mail::default())).collect();
        let bad = sent.remove(7);
        world.google.poison(GMAIL_USER, &bad, kind);
        assert_created(&polled(&world, id).await, &sent);
        assert_eq!(world.shown(id).await["resources"][0]["recordsToRetry"], 1);
        world.pass(Duration::minutes(5)).await;
        let later = world.google.deliver(GMAIL_USER, Mail::default());
        assert_created(&polled(&world, id).await, &[later]);
        world.google.heal(GMAIL_USER, &bad);
        world.pass(Duration::minutes(20)).await;
        assert_created(&world.arrived(), &[bad]);
        assert_eq!(world.shown(id).await["resources"][0]["recordsToRetry"], 0);
    }
}

/// It fails alone in its poll, so that it can't be told from an outage: after a few tries others pass it.
#[tokio::test]
async fn a_message_that_fails_alone_does_not_stop_the_mailbox() {
    let world = World::new(65);
    world.create_gmail().await;
    let bad = world.google.deliver(GMAIL_USER, Mail::default());
    world.google.poison(GMAIL_USER, &bad, FaultKind::ServerError { status: 500 });
    world.pass(Duration::hours(1)).await;
    assert_eq!(world.arrived(), []);
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    world.pass(Duration::minutes(20)).await;
    assert_created(&world.arrived(), &[mail]);
    // If it never comes, what is known of it goes out in the end.
    world.pass(Duration::hours(12)).await;
    let received = world.receiver.take();
    assert_eq!(received.len(), 1, "the creation is told");
    let body: Value = serde_json::from_slice(&received[0].body).unwrap();
    assert_eq!(body["message"]["events"][0]["objectId"], bad);
    assert_eq!(body["message"]["raw"]["changed-messages"][0]["carillonRecordIncomplete"], true);
}

/// Readers that fetched sixty or a hundred messages at once met the provider's wall: 429 "too many concurrent
/// requests", and with it lost mail or a locked mailbox.
#[tokio::test]
async fn a_mailbox_never_has_more_than_four_requests_in_flight() {
    let world = World::new(66);
    world.google.set_in_flight_max(4);
    let id = world.create_gmail().await;
    let sent: Vec<_> = (0..120).map(|_| world.google.deliver(GMAIL_USER, Mail::default())).collect();
    assert_created(&polled(&world, id).await, &sent);
    let usage = world.google.usage(GMAIL_USER);
    assert_eq!(usage.refused, 0);
    assert_eq!(usage.in_flight_peak, 3, "it reads side by side, and leaves one to others");
}

/// The position is one for the mailbox; what is watched newly was neither filled from before nor was it said
/// that it was not. Here it starts from now, and has a position of its own.
#[tokio::test]
async fn a_resource_that_is_added_starts_from_now() {
    let world = World::new(67);
    let id = world.create_gmail().await;
    let before = world.google.deliver(GMAIL_USER, Mail::default());
    assert_created(&polled(&world, id).await, &[before]);
    let unpolled = world.google.deliver(GMAIL_USER, Mail::default());
    let poller = json!({
        "changed-messages": { "url": "/hubs/general/changed-messages", "idField": "id" },
        "messages": { "url": "/hubs/general/messages", "idField": "id" }
    });
    world.patch(id, &json!({ "configuration": { "event.poller.configuration": poller } })).await;
    assert_created(&polled(&world, id).await, std::slice::from_ref(&unpolled));
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    let arrived = polled(&world, id).await;
    let twice = [("CREATED".to_owned(), mail.clone()), ("CREATED".to_owned(), mail)];
    assert_eq!(arrived, twice, "once for each resource");
}

/// One resource that fails again and again disabled all polling of its instance.
#[tokio::test]
async fn a_resource_that_fails_does_not_stop_the_other() {
    let world = World::new(72);
    let poller = json!({
        "changed-messages": { "url": "/hubs/general/changed-messages", "idField": "id" },
        "messages": { "url": "/hubs/general/messages", "idField": "id" }
    });
    let id = world.create(&super::with_poller(gmail_body(&world.google.new_code(GMAIL_USER)), poller)).await;
    let fault = Fault { on: Route::History, kind: FaultKind::Forbidden, times: 1 };
    world.google.push_fault(fault);
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    assert_created(&polled(&world, id).await, std::slice::from_ref(&mail));
    let resources = world.shown(id).await["resources"].clone();
    assert!(resources[0]["error"].is_string() && resources[1]["error"].is_null(), "{resources}");
    world.pass(Duration::minutes(16)).await;
    assert_created(&world.arrived(), &[mail]);
}

/// A resource that is taken off is gone, and starts from now when it comes back.
#[tokio::test]
async fn a_resource_that_comes_back_starts_from_now() {
    let world = World::new(68);
    let id = world.create_gmail().await;
    let resource = |name: &str| {
        let poller = json!({ name: { "url": format!("/hubs/general/{name}"), "idField": "id" } });
        json!({ "configuration": { "event.poller.configuration": poller } })
    };
    world.patch(id, &resource("messages")).await;
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    assert_created(&polled(&world, id).await, &[mail]);
    world.patch(id, &resource("changed-messages")).await;
    assert_eq!(polled(&world, id).await, []);
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    assert_created(&polled(&world, id).await, &[mail]);
    assert_eq!(world.shown(id).await["resources"].as_array().unwrap().len(), 1);
}

/// Pollers that all start at the top of the minute, and again all at once after a restart.
#[tokio::test]
async fn polls_of_a_hundred_mailboxes_are_spread_and_stay_so_over_a_restart() {
    let mut world = World::new(69);
    for n in 0..100 {
        let user = format!("user{n}@example.com");
        world.google.add_account(&user);
        world.create(&with_interval(gmail_body(&world.google.new_code(&user)), 15)).await;
    }
    let times = async |world: &World| {
        world.google.clear_requests();
        world.pass(Duration::minutes(15)).await;
        let polls = world.google.requests();
        let polls = polls.iter().filter(|line| line.target.contains("/history?"));
        polls.map(|line| line.at_us / 1_000_000 % 900).collect::<Vec<i64>>()
    };
    let before = times(&world).await;
    assert_eq!(before.len(), 100, "each was polled once");
    let mut by_minute = [0; 15];
    before.iter().for_each(|second| by_minute[(second / 60) as usize] += 1);
    assert!(by_minute.iter().all(|count| *count <= 20), "{by_minute:?}");
    world.restart();
    let after = times(&world).await;
    let set = |times: &[i64]| times.iter().copied().collect::<BTreeSet<_>>();
    assert_eq!(set(&before), set(&after), "the phases are the same");
    assert_eq!(after.len(), 100);
}

/// Missed ticks collapse into one poll: a machine that slept for a night does not make up for every one of them.
#[tokio::test]
async fn missed_polls_are_made_up_for_by_one() {
    let mut world = World::new(70);
    world.create_gmail().await;
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    world.clock.advance(Duration::hours(8));
    world.google.clear_requests();
    world.restart();
    world.run_until_idle().await;
    assert_created(&world.arrived(), &[mail]);
    let history = world.google.requests().iter().filter(|line| line.target.contains("/history?")).count();
    assert_eq!(history, 1);
}

/// Two polls of one mailbox at the same time, in two processes: both saw the same mail, and both sent it.
#[tokio::test]
async fn overlapping_polls_report_each_change_once() {
    let world = World::new(71);
    world.google.set_in_flight_max(100);
    let id = world.create_gmail().await;
    let sent: Vec<_> = (0..30).map(|_| world.google.deliver(GMAIL_USER, Mail::default())).collect();
    let others: Vec<_> = (0..4).map(|_| world.another_process()).collect();
    let deadline = world.now() + Duration::seconds(20);
    let outcomes = futures_util::future::join_all(others.iter().map(|app| app.tick(id, deadline))).await;
    let is_polled = |outcome: &&_| matches!(outcome, Ok(PollOutcome::Polled(_)));
    assert_eq!(outcomes.iter().filter(is_polled).count(), 1);
    world.run_until_idle().await;
    assert_created(&world.arrived(), &sent);
}
