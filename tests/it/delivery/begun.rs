//! In one process first attempts begin with their commit: no job is stored, and the outbox names them until they end.

use super::{mails, objects, outbox, poll, webhook_id};
use crate::world::World;
use app::ports::Job;
use chrono::Duration;
use serde_json::Value;
use std::sync::Arc;

#[tokio::test]
async fn a_lone_notification_has_no_job() {
    let world = World::new(561);
    let id = world.create_gmail().await;
    let told = mails(&world, 1);
    poll(&world, id).await;
    assert_eq!((world.jobs_of("Deliver").await, outbox(&world, id).await.len()), (0, 1));
    poll(&world, id).await;
    assert_eq!(world.jobs_of("Deliver").await, 0, "a poll beside it leaves it alone");
    world.run_until_idle().await;
    assert_eq!(objects(&world.receiver.take()[0]), told);
    assert_eq!(outbox(&world, id).await.len(), 0);
}

/// Whatever the callback answers, its name goes, and the policy holds.
#[tokio::test]
async fn what_the_callback_did_not_take_comes_again_at_the_policy_s_time() {
    let world = World::new(562);
    let id = world.create_gmail().await;
    world.receiver.answer_next(500);
    let told = mails(&world, 1);
    world.poll(id).await;
    assert_eq!((world.receiver.take().len(), outbox(&world, id).await.len()), (1, 0));
    world.pass(Duration::seconds(10)).await;
    assert_eq!(objects(&world.receiver.take()[0]), told);
}

/// Until its callback has answered well an instance has one attempt at a time.
#[tokio::test]
async fn what_finds_no_place_is_a_job() {
    let world = World::new(563);
    let id = world.create_gmail().await;
    let first = mails(&world, 1);
    poll(&world, id).await;
    let second = mails(&world, 1);
    poll(&world, id).await;
    assert_eq!((world.jobs_of("Deliver").await, outbox(&world, id).await.len()), (1, 1));
    world.run_until_idle().await;
    let told: Vec<String> = world.receiver.take().iter().flat_map(objects).collect();
    assert_eq!(told, [first, second].concat());
}

/// One that waited for longer than its claim holds is claimed again.
#[tokio::test]
async fn what_waited_too_long_to_begin_is_told_all_the_same() {
    let world = World::new(564);
    let id = world.create_gmail().await;
    let told = mails(&world, 1);
    poll(&world, id).await;
    world.clock.advance(Duration::seconds(40));
    world.run_until_idle().await;
    assert_eq!(objects(&world.receiver.take()[0]), told);
}

/// The release finds it claimed, and is called again when the claim is given back, not when it would have ended.
#[tokio::test]
async fn what_is_begun_while_its_callback_is_switched_off_and_on_is_told_at_once() {
    let world = World::new(566);
    let id = world.create_gmail().await;
    let told = mails(&world, 1);
    poll(&world, id).await;
    for method in ["DELETE", "PUT"] {
        let reply = world.call(method, &format!("/instances/{id}/enabled"), &Value::Null).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
    world.app.run(Job::Release(id), world.now() + Duration::seconds(60)).await.unwrap();
    world.run_until_idle().await;
    assert_eq!(world.receiver.take().iter().flat_map(objects).collect::<Vec<_>>(), told);
}

/// A process that dies anywhere between the poll and the end of the attempt.
#[tokio::test]
async fn a_death_at_any_point_loses_nothing() {
    let mut deaths_count = 0;
    for passages in 0..200 {
        let mut world = World::new(565);
        let id = world.create_gmail().await;
        let told = mails(&world, 1);
        let gate = Arc::clone(&world.gate);
        gate.die_after(passages);
        let died = gate.run(world.poll(id)).await.is_none();
        world.restart();
        world.pass(Duration::minutes(20)).await;
        let received = world.receiver.take();
        let ids: Vec<_> = received.iter().map(|one| (webhook_id(one).to_owned(), one.body.clone())).collect();
        assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "died at {passages}");
        assert_eq!(received.last().map(objects), Some(told), "died at {passages}");
        assert!(received.len() <= 2, "died at {passages}");
        if !died {
            break;
        }
        deaths_count += 1;
    }
    assert!((20..200).contains(&deaths_count), "{deaths_count} deaths");
}
