//! Releases and deletions whose job got lost, and releases that somebody else takes over.

use super::{ClientAction, SETTLED_AFTER_MIN, counts, findings};
use crate::world::{GMAIL_USER, Gate, World};
use app::ports::{Job, Releases as _};
use chrono::Duration;
use domain::delivery::SubscriptionStatus;
use doubles::Mail;
use serde_json::{Value, json};

async fn status(world: &World, id: domain::ids::InstanceId) -> SubscriptionStatus {
    world.store.subscription(id).await.unwrap().unwrap().status
}

#[tokio::test]
async fn a_deletion_whose_job_got_lost_is_finished() {
    let mut world = World::new(461);
    let id = world.create_gmail().await;
    assert_eq!(world.call("DELETE", &format!("/instances/{id}"), &Value::Null).await.status, 200);
    world.lose_jobs_of("Purge").await;
    assert_eq!(counts(&world).await, (1, 1, 1));
    world.pass(Duration::minutes(SETTLED_AFTER_MIN)).await;
    assert_eq!(counts(&world).await, (0, 0, 0));
}

/// Nobody polls a mailbox that a person has to sign in to: its release goes on all the same.
#[tokio::test]
async fn a_release_whose_job_got_lost_goes_on_without_polls() {
    let mut world = World::new(462);
    let id = ClientAction::Release.prepare(&world).await.unwrap();
    world.google.revoke(GMAIL_USER);
    world.pass(Duration::hours(2)).await;
    assert_eq!(world.shown(id).await["valid"], false);
    let reply = world.call("PUT", "/notifications/subscriptions/deliveries", &Value::Null).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(status(&world, id).await, SubscriptionStatus::Releasing, "it is in the row");
    world.lose_jobs_of("Release").await;
    world.receiver.take();
    world.pass(Duration::minutes(SETTLED_AFTER_MIN)).await;
    assert_eq!(status(&world, id).await, SubscriptionStatus::Active);
    assert!(!world.receiver.take().is_empty());
}

/// The owner switches the instance off, or gives its callback another address, while the last post is under way: the
/// release that was at it ends, in few steps.
#[tokio::test]
async fn a_release_that_is_not_the_one_that_counts_any_more_ends() {
    let other_address =
        json!({ "configuration": { "event.notification.callback.url": "http://callback.test/other" } });
    for (method, path, body) in [("DELETE", "/enabled", Value::Null), ("PATCH", "", other_address)] {
        for head_start in 0..60 {
            let world = World::new(463);
            let id = ClientAction::Release.prepare(&world).await.unwrap();
            let gate = Gate::slow(0);
            // Far more than a release of two notifications takes.
            gate.die_after(500);
            let worker = world.another_process_behind(&gate);
            let deadline = world.now() + Duration::seconds(60);
            let change = async {
                for _ in 0..head_start {
                    tokio::task::yield_now().await;
                }
                world.call(method, &format!("/instances/{id}{path}"), &body).await
            };
            let working = gate.run(worker.run(Job::Release(id), deadline));
            let (ended, reply) = tokio::join!(working, change);
            assert_eq!(reply.status, 200, "{}", reply.body);
            assert!(ended.is_some(), "it spins: {method} with a head start of {head_start}");
            world.pass(Duration::minutes(SETTLED_AFTER_MIN)).await;
            let wanted = match method {
                "DELETE" => SubscriptionStatus::Suspended,
                _ => SubscriptionStatus::Active,
            };
            assert_eq!(status(&world, id).await, wanted, "{method} with a head start of {head_start}");
            assert!(findings(&world).await.iter().all(|one| !one.is_mendable()));
        }
    }
}

/// What is asked for twice is promised once, as long as it is under way.
#[tokio::test]
async fn what_is_queued_meanwhile_is_released_behind_it() {
    let world = World::new(464);
    let id = ClientAction::Release.prepare(&world).await.unwrap();
    for _ in 0..3 {
        let reply = world.call("PUT", "/notifications/subscriptions/deliveries", &Value::Null).await;
        assert_eq!(reply.status, 200);
    }
    world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(id).await;
    assert_eq!(status(&world, id).await, SubscriptionStatus::Active);
    assert_eq!(world.receiver.take().len(), 3);
}
