//! A process dies at each point of a change, and nobody mends anything: not an operator, not a start.

use super::{ClientAction, SETTLED_AFTER_MIN, assert_polled, counts, findings};
use crate::world::World;
use app::ports::{Instances as _, Releases as _};
use chrono::Duration;
use domain::delivery::SubscriptionStatus;

/// More than there are points at which anything here can die.
const PASSAGES_COUNT_MAX: u64 = 200;

#[tokio::test]
async fn a_change_that_died_anywhere_is_settled_without_anybody() {
    for asked in ClientAction::ALL {
        let mut deaths_count = 0;
        for passages in 0..PASSAGES_COUNT_MAX {
            let mut world = World::new(431);
            let id = asked.prepare(&world).await;
            let (method, path, body) = asked.call(&world, id).await;
            world.gate.die_after(passages);
            let survived = world.gate.run(world.call(method, &path, &body)).await.is_some();
            world.restart();
            world.pass(Duration::minutes(SETTLED_AFTER_MIN)).await;
            let context = format!("{asked:?} that died after {passages}");
            let left = findings(&world).await;
            // A callback that is suspended still is what it was before.
            let left: Vec<_> = left.into_iter().filter(|one| one.is_mendable()).collect();
            assert_eq!(left, [], "{context}");
            assert_settled(&world, &context).await;
            if survived {
                break;
            }
            deaths_count += 1;
        }
        assert!((3..PASSAGES_COUNT_MAX).contains(&deaths_count), "{asked:?} died {deaths_count} times");
    }
}

/// All of the instance, or nothing of it; and it works, unless it is not meant to.
async fn assert_settled(world: &World, context: &str) {
    let (instances, schedules, secrets) = counts(world).await;
    assert_eq!((schedules, secrets), (instances, instances), "{context}");
    for instance in world.store.instances(1, None, 10).await.unwrap().rows {
        let subscription = world.store.subscription(instance.id).await.unwrap().unwrap();
        assert_ne!(subscription.status, SubscriptionStatus::Releasing, "{context}");
        if !instance.disabled && subscription.status == SubscriptionStatus::Active {
            assert_polled(world, context).await;
        }
    }
}
