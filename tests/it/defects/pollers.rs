//! One poller of a mailbox over all processes, and its share of what the mailbox takes.

use super::{assert_created, polled, with_interval};
use crate::world::{GMAIL_USER, OUTLOOK_USER, World, gmail_body};
use app::PollOutcome;
use app::ports::{Pollers as _, Polls as _};
use chrono::Duration;
use doubles::{Fault, FaultKind, Mail, Route};
use futures_util::future::join_all;
use serde_json::{Value, json};

/// Each tick during a long catch-up began another poller, and each loser sent itself again.
#[tokio::test]
async fn ticks_during_a_long_poll_add_no_poller() {
    let world = World::new(171);
    let id = world.create_gmail().await;
    let sent: Vec<_> = (0..300).map(|_| world.google.deliver(GMAIL_USER, Mail::default())).collect();
    let deadline = world.now() + Duration::minutes(5);
    let mut holder = std::pin::pin!(world.app.tick(id, deadline));
    while !world.store.mailbox(id).await.unwrap().unwrap().poller.is_leased(world.now()) {
        assert!(futures_util::poll!(holder.as_mut()).is_pending());
        tokio::task::yield_now().await;
    }
    let asked = world.google.requests().len();
    let jobs = world.jobs.waiting_count().await.unwrap();
    for _ in 0..5 {
        let other = world.another_process();
        assert!(matches!(other.tick(id, deadline).await, Ok(PollOutcome::Busy)));
    }
    assert_eq!(world.google.requests().len(), asked, "the others ask the provider nothing");
    assert_eq!(world.jobs.waiting_count().await.unwrap(), jobs, "nor do they send themselves again");
    assert!(world.store.mailbox(id).await.unwrap().unwrap().poller.again);
    assert!(matches!(holder.await, Ok(PollOutcome::Polled(_))));
    // The five want one look more, in one job.
    world.google.clear_requests();
    world.run_until_idle().await;
    let histories = world.google.requests().iter().filter(|line| line.target.contains("/history?")).count();
    assert_eq!(histories, 1);
    assert_created(&world.arrived(), &sent);
}

/// Two ticks at once, as a scheduler that delivers at least once sends them: nothing is written for a look that finds
/// nothing, and what is found is told once.
#[tokio::test]
async fn a_tick_that_comes_twice_is_harmless() {
    let world = World::new(172);
    let id = world.create_outlook().await;
    polled(&world, id).await;
    let poller = async || world.store.mailbox(id).await.unwrap().unwrap().poller;
    let before = poller().await;
    let other = world.another_process();
    let deadline = world.now() + Duration::seconds(60);
    let (one, two) = tokio::join!(world.app.tick(id, deadline), other.tick(id, deadline));
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(poller().await, before, "an idle look takes no lease");
    let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    let (one, two) = tokio::join!(world.app.tick(id, deadline), other.tick(id, deadline));
    assert!(one.is_ok() && two.is_ok());
    world.run_until_idle().await;
    assert_created(&world.arrived(), &[mail]);
}

/// A step that a slow provider never let come to its commit was read again, for ever.
#[tokio::test]
async fn a_slow_provider_is_polled_to_the_end() {
    for is_gmail in [true, false] {
        let world = World::new(173);
        let id = if is_gmail { world.create_gmail().await } else { world.create_outlook().await };
        let sent: Vec<_> = (0..120)
            .map(|_| match is_gmail {
                true => world.google.deliver(GMAIL_USER, Mail::default()),
                false => world.microsoft.deliver(OUTLOOK_USER, Mail::default()),
            })
            .collect();
        world.wire.set_pace_ms(2_000);
        let mut arrived = Vec::new();
        let mut runs = 0;
        while arrived.len() < sent.len() {
            runs += 1;
            assert!(runs < 20, "{} of {} after {runs} runs", arrived.len(), sent.len());
            let before = arrived.len();
            let deadline = world.now() + Duration::seconds(60);
            world.app.tick(id, deadline).await.unwrap();
            assert!(world.now() <= deadline, "{} s too late", (world.now() - deadline).num_seconds());
            let state = world.shown(id).await["resources"][0].clone();
            assert_eq!(state["failures"], 0, "{state}");
            world.wire.set_pace_ms(1);
            deliver_only(&world).await;
            arrived.extend(world.arrived());
            assert!(arrived.len() > before, "each run gets on");
            world.wire.set_pace_ms(2_000);
        }
        assert_created(&arrived, &sent);
        world.wire.set_pace_ms(1);
        world.run_until_idle().await;
        assert_eq!(world.arrived(), []);
    }
}

/// A request that would outlast its poll ends with it, and that is no failure of the provider.
#[tokio::test]
async fn a_request_ends_before_its_poll() {
    let world = World::new(177);
    let id = world.create_gmail().await;
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    world.wire.set_pace_ms(25_000);
    let deadline = world.now() + Duration::seconds(15);
    world.app.tick(id, deadline).await.unwrap();
    assert!(world.now() <= deadline, "{} s too late", (world.now() - deadline).num_seconds());
    assert_eq!(world.shown(id).await["resources"][0]["failures"], 0);
    world.wire.set_pace_ms(1);
    assert_created(&polled(&world, id).await, &[mail]);
}

/// Runs the jobs that deliver, and no poll.
async fn deliver_only(world: &World) {
    use local::jobs::{Class, Went};
    while let Some(taken) = world.jobs.take_due(world.now(), Class::Deliver).await.unwrap() {
        world.app.run(taken.job, world.now() + Duration::seconds(60)).await.unwrap();
        world.jobs.done(&taken, Went::Well, world.now()).await.unwrap();
    }
}

/// Three clients that read, beside polls: eleven requests in flight, and most of all were refused.
#[tokio::test]
async fn reads_leave_polls_their_share() {
    let world = World::new(174);
    world.google.set_in_flight_max(4);
    let id = world.create(&with_interval(gmail_body(&world.google.new_code(GMAIL_USER)), 1)).await;
    let own = format!("User world-user, Element {}", world.shown(id).await["token"].as_str().unwrap());
    for _ in 0..30 {
        world.google.deliver(GMAIL_USER, Mail::default());
    }
    let deadline = world.now() + Duration::minutes(5);
    let reads = (0..3).map(|_| world.call_as(&own, "GET", "/hubs/general/messages?pageSize=20", ""));
    let (polled, reads) = tokio::join!(world.app.tick(id, deadline), join_all(reads));
    let Ok(PollOutcome::Polled(report)) = polled else { panic!("{polled:?}") };
    assert_eq!(report.resources[0].1.error, None);
    assert!(reads.iter().all(|read| read.status == 200));
    let usage = world.google.usage(GMAIL_USER);
    assert_eq!((usage.refused, usage.in_flight_peak <= 4), (0, true), "{}", usage.in_flight_peak);
    world.run_until_idle().await;
    assert_eq!(world.arrived().len(), 30);
}

/// At Graph, whose wall is at four: lists hold the records, so that a poll has few requests and reads have many.
#[tokio::test]
async fn reads_leave_polls_of_graph_their_share() {
    for readers in [3, 6] {
        let world = World::new(178);
        let id = world.create_outlook().await;
        world.wire.overlap();
        let own = format!("User world-user, Element {}", world.shown(id).await["token"].as_str().unwrap());
        let mut sent = Vec::new();
        for _ in 0..10 {
            sent.extend((0..3).map(|_| world.microsoft.deliver(OUTLOOK_USER, Mail::default())));
            let deadline = world.now() + Duration::minutes(5);
            let reads = || world.call_as(&own, "GET", "/hubs/general/messages?pageSize=20", "");
            let reads = (0..readers).map(|_| reads());
            let (reads, polled) = tokio::join!(join_all(reads), world.app.tick(id, deadline));
            let Ok(PollOutcome::Polled(report)) = polled else { panic!("{polled:?}") };
            assert_eq!(report.resources[0].1.error, None);
            assert!(reads.iter().all(|read| read.status == 200));
            world.clock.advance(Duration::seconds(1));
        }
        let peak = world.wire.under_way_peak();
        assert!((2..=4).contains(&peak), "{peak} requests at once of {readers} readers and a poll");
        world.run_until_idle().await;
        assert_created(&world.arrived(), &sent);
    }
}

/// What a change of the instance reads of its mailbox is read behind the same limits as everything else.
#[tokio::test]
async fn a_change_asks_nothing_of_a_mailbox_that_is_left_alone() {
    let world = World::new(179);
    let id = world.create_gmail().await;
    let own = format!("User world-user, Element {}", world.shown(id).await["token"].as_str().unwrap());
    let limited = FaultKind::RateLimited { retry_after_s: Some(60) };
    world.google.push_fault(Fault { on: Route::List, kind: limited, times: 1 });
    world.call_as(&own, "GET", "/hubs/general/messages", "").await.assert_refused(429);
    world.google.clear_requests();
    let resource = |name: &str| json!({ "url": format!("/hubs/general/{name}"), "idField": "id" });
    let poller = json!({ "changed-messages": resource("messages"), "threads": resource("threads") });
    world.patch(id, &json!({ "configuration": { "event.poller.configuration": poller } })).await;
    assert_eq!(world.google.requests(), []);
    world.pass(Duration::minutes(16)).await;
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    assert_created(&polled(&world, id).await, &[mail.clone(), mail]);
}

/// What a change of the instance tries may meet the limit first: then all processes know.
#[tokio::test]
async fn a_limit_that_a_trial_meets_holds_for_every_process() {
    let world = World::new(180);
    let id = world.create_gmail().await;
    let limited = FaultKind::RateLimited { retry_after_s: Some(90) };
    let resource = |name: &str| json!({ "url": format!("/hubs/general/{name}"), "idField": "id" });
    let poller = json!({ "changed-messages": resource("messages"), "threads": resource("threads") });
    let body = json!({ "configuration": { "event.poller.configuration": poller } });
    for path in [format!("/instances/{id}?dryRun=true"), format!("/instances/{id}")] {
        let on = if path.ends_with("true") { Route::List } else { Route::Profile };
        world.google.push_fault(Fault { on, kind: limited, times: 1 });
        assert_eq!(world.call("PATCH", &path, &body).await.status, 200, "{path}");
        let session = world.store.mailbox(id).await.unwrap().unwrap().session;
        assert!(
            session.backoff_until.is_some_and(|until| until >= world.now() + Duration::seconds(89)),
            "{path}"
        );
        world.pass(Duration::minutes(16)).await;
    }
}

/// A limit of what is in flight, met by a read, delays reads; polls go on.
#[tokio::test]
async fn a_read_that_was_one_too_many_delays_no_poll() {
    let world = World::new(175);
    let id = world.create_gmail().await;
    let own = format!("User world-user, Element {}", world.shown(id).await["token"].as_str().unwrap());
    let fault = Fault { on: Route::List, kind: FaultKind::RateLimited { retry_after_s: None }, times: 1 };
    world.google.push_fault(fault);
    world.call_as(&own, "GET", "/hubs/general/messages", "").await.assert_refused(429);
    let again = world.call_as(&own, "GET", "/hubs/general/messages", "").await;
    again.assert_refused(429);
    assert!(again.headers.contains_key("retry-after"));
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    assert_created(&polled(&world, id).await, &[mail]);
    world.clock.advance(Duration::seconds(3));
    assert_eq!(world.call_as(&own, "GET", "/hubs/general/messages", "").await.status, 200);
}

/// A client that asks while somebody polls waits for its turn, and no longer than its time; then the poll goes on.
#[tokio::test]
async fn a_client_waits_for_its_turn() {
    let world = World::new(176);
    let id = world.create_gmail().await;
    let (store, now) = (&world.store, world.now());
    assert_eq!(
        store.begin_poll(id, 0, now, now + Duration::seconds(75)).await.unwrap(),
        app::ports::Written::Done
    );
    let reply = world.call("POST", &format!("/instances/{id}/poll"), &Value::Null).await;
    assert_eq!((reply.status, &reply.body["more"]), (200, &Value::Bool(true)), "{}", reply.body);
    assert!(world.now() - now <= Duration::seconds(21));
    // That poller died: the wish outlives it.
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    world.pass(Duration::seconds(60)).await;
    assert_created(&world.arrived(), &[mail]);
}
