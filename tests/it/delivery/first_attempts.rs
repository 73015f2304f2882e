//! First attempts by the process that committed, as on AWS: no job where the callback takes what it is sent.

use super::{mails, notify, objects, outbox, webhook_id};
use crate::world::gate::Gate;
use crate::world::{GMAIL_USER, World, gated, gmail_body};
use app::ports::Polls as _;
use app::{App, FirstAttempts};
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::Received;
use std::sync::Arc;

fn at_once(world: &World) -> App {
    world.a_function_of_aws()
}

/// What callbacks tell of.
fn all_objects(received: &[Received]) -> Vec<String> {
    received.iter().flat_map(objects).collect()
}

/// A poll with time for an attempt, and none of the jobs.
async fn tick(world: &World, app: &App, id: InstanceId) {
    app.tick(id, world.now() + Duration::seconds(60)).await.unwrap();
}

async fn fence(world: &World, id: InstanceId) -> u64 {
    world.store.mailbox(id).await.unwrap().unwrap().poller.fence
}

#[tokio::test]
async fn what_a_poll_found_is_told_without_a_job() {
    let world = World::new(541);
    let id = world.create_gmail().await;
    let told = mails(&world, 1);
    tick(&world, &at_once(&world), id).await;
    assert_eq!(all_objects(&world.receiver.take()), told);
    assert_eq!(world.jobs_of("Deliver").await, 0);
    world.pass(Duration::hours(1)).await;
    assert!(world.receiver.take().is_empty(), "and once");
}

#[tokio::test]
async fn what_the_callback_did_not_take_comes_again_by_jobs() {
    let world = World::new(542);
    let id = world.create_gmail().await;
    world.receiver.answer_next(500);
    let told = mails(&world, 1);
    tick(&world, &at_once(&world), id).await;
    assert_eq!(world.receiver.take().len(), 1);
    world.pass(Duration::seconds(10)).await;
    assert_eq!(all_objects(&world.receiver.take()), told, "at the policy's time");
}

/// A lone mail is two requests and a commit, which is conditional by itself; what is more takes the lease.
#[tokio::test]
async fn a_small_find_takes_no_lease() {
    for (count, is_leased) in [(1, false), (2, true)] {
        let world = World::new(545);
        let id = world.create_gmail().await;
        let before = fence(&world, id).await;
        let told = mails(&world, count);
        tick(&world, &at_once(&world), id).await;
        assert_eq!(all_objects(&world.receiver.take()), told);
        assert_eq!(fence(&world, id).await != before, is_leased, "{count}");
        world.pass(Duration::minutes(20)).await;
        assert!(world.receiver.take().is_empty());
    }
}

/// A name costs a look with each poll, and no write of its own: the next write of the state takes it out.
#[tokio::test]
async fn what_was_delivered_leaves_the_outbox_with_the_next_write() {
    let world = World::new(548);
    let id = world.create_gmail().await;
    let app = at_once(&world);
    let version = async || world.store.mailbox(id).await.unwrap().unwrap().resources[0].state.version;
    for _ in 0..2 {
        mails(&world, 1);
        tick(&world, &app, id).await;
        assert_eq!(outbox(&world, id).await.len(), 1, "the one that was just delivered");
    }
    let (before, written) = (fence(&world, id).await, version().await);
    tick(&world, &app, id).await;
    assert_eq!((outbox(&world, id).await.len(), fence(&world, id).await), (1, before));
    assert_eq!(version().await, written);
    world.clock.advance(Duration::minutes(61));
    tick(&world, &app, id).await;
    assert_eq!((outbox(&world, id).await.len(), version().await), (0, written + 1));
    assert_eq!(world.jobs_of("Deliver").await, 0);
}

/// To look costs a tenth of a write.
#[tokio::test]
async fn a_poll_a_minute_looks_ten_times_and_then_writes() {
    let world = World::new(549);
    let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
    body["configuration"]["event.poller.refresh_interval"] = "1".into();
    let id = world.create(&body).await;
    let app = at_once(&world);
    mails(&world, 1);
    tick(&world, &app, id).await;
    for minute in 1..10 {
        world.clock.advance(Duration::minutes(1));
        tick(&world, &app, id).await;
        assert_eq!(outbox(&world, id).await.len(), 1, "{minute}");
    }
    world.clock.advance(Duration::minutes(1));
    tick(&world, &app, id).await;
    assert!(outbox(&world, id).await.is_empty());
}

/// Pollers that share nothing but the store.
#[tokio::test]
async fn of_many_ticks_at_once_one_tells_a_mail() {
    let world = World::new(546);
    let id = world.create_gmail().await;
    for _ in 0..3 {
        let told = mails(&world, 1);
        world.google.clear_requests();
        let processes: Vec<App> = (0..4).map(|_| at_once(&world)).collect();
        let ticks = processes.iter().map(|app| tick(&world, app, id));
        futures_util::future::join_all(ticks).await;
        assert!(world.google.requests().len() <= 12, "{:?}", world.google.requests());
        world.pass(Duration::minutes(20)).await;
        assert_eq!(all_objects(&world.receiver.take()), told);
    }
}

/// What the backfill tells, the walk must not tell beside it.
#[tokio::test]
async fn a_poll_that_knows_of_no_backfill_commits_nothing_beside_it() {
    let world = World::new(547);
    let id = world.create_gmail().await;
    let told = mails(&world, 1);
    world.google.clear_requests();
    let app = at_once(&world);
    let mut polling = std::pin::pin!(app.tick(id, world.now() + Duration::seconds(60)));
    while world.google.requests().len() < 2 {
        assert!(futures_util::poll!(polling.as_mut()).is_pending());
        tokio::task::yield_now().await;
    }
    let before = fence(&world, id).await;
    let from = world.now() - Duration::hours(3);
    let body = serde_json::json!({ "from": from.to_rfc3339() });
    let reply = world.call("POST", &format!("/instances/{id}/backfill"), &body).await;
    assert_eq!(reply.status, 202, "{}", reply.body);
    polling.await.unwrap();
    assert_ne!(fence(&world, id).await, before, "it read again, and took the lease");
    world.pass(Duration::minutes(20)).await;
    assert_eq!(all_objects(&world.receiver.take()), told);
}

/// Without time for a callback's answer, for a callback that takes nothing, and where the host says so.
#[tokio::test]
async fn everything_else_is_told_by_jobs() {
    let world = World::new(543);
    let id = world.create_gmail().await;
    let told = mails(&world, 1);
    let app = at_once(&world);
    app.tick(id, world.now() + Duration::seconds(30)).await.unwrap();
    assert!(world.receiver.take().is_empty());
    world.run_until_idle().await;
    assert_eq!(all_objects(&world.receiver.take()), told);
    let more = notify(&world, id, 1).await;
    assert_eq!(all_objects(&world.receiver.take()), more);
}

/// A process that dies anywhere: nothing is lost, and what comes twice is the same.
#[tokio::test]
async fn a_death_at_any_point_loses_nothing() {
    for passages in 0..40 {
        let mut world = World::new(544);
        let id = world.create_gmail().await;
        let told = mails(&world, 1);
        let gate = Arc::new(Gate::default());
        gate.die_after(passages);
        let app = world.another_process_of(FirstAttempts::AtOnce, |ports| gated(ports, &gate));
        let deadline = world.now() + Duration::seconds(60);
        let _ = gate.run(app.tick(id, deadline)).await;
        drop(app);
        world.restart();
        world.pass(Duration::minutes(20)).await;
        let received = world.receiver.take();
        let ids: Vec<_> = received.iter().map(|one| (webhook_id(one).to_owned(), one.body.clone())).collect();
        assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "died at {passages}");
        assert_eq!(received.last().map(objects), Some(told), "died at {passages}");
        assert!(received.len() <= 2, "died at {passages}");
    }
}
