//! First attempts by the process that committed, as on AWS: no job where the callback takes what it is sent.

use super::{notify, objects, webhook_id};
use crate::world::gate::Gate;
use crate::world::{GMAIL_USER, World, gated};
use app::{App, FirstAttempts};
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::{Mail, Received};
use std::sync::Arc;

fn at_once(world: &World) -> App {
    world.another_process_of(FirstAttempts::AtOnce, |ports| ports)
}

/// What callbacks tell of.
fn all_objects(received: &[Received]) -> Vec<String> {
    received.iter().flat_map(objects).collect()
}

/// A poll with time for an attempt, and none of the jobs.
async fn tick(world: &World, app: &App, id: InstanceId) {
    app.tick(id, world.now() + Duration::seconds(60)).await.unwrap();
}

fn mails(world: &World, count: usize) -> Vec<String> {
    (0..count).map(|_| world.google.deliver(GMAIL_USER, Mail::default())).collect()
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
