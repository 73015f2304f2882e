//! A client that goes away at any moment: what it began comes to its end.

use super::{ClientAction, schedule_is_on};
use crate::world::{ADMIN_KEY, World};
use app::ports::{Accounts as _, Instances as _, Releases as _};
use domain::delivery::SubscriptionStatus;

/// Turns that a request gets before its client leaves, and more than any takes.
const TURNS_COUNT_MAX: usize = 60;
const TURNS_COUNT_ENOUGH: usize = 2_000;

async fn turns(count: usize) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}

/// Drops a call after so many turns; whether it was over before. Then whatever goes on without it has all the time.
async fn left_after(turns_count: usize, call: impl Future<Output = crate::world::Reply>) -> bool {
    let was_over = tokio::select! {
        biased;
        _ = call => true,
        () = turns(turns_count) => false,
    };
    turns(TURNS_COUNT_ENOUGH).await;
    was_over
}

#[tokio::test]
async fn a_change_runs_to_its_end_whoever_listens() {
    for asked in ClientAction::ALL {
        for turns_count in 0..TURNS_COUNT_MAX {
            let world = World::new(471);
            let id = asked.prepare(&world).await;
            let (method, path, body) = asked.call(&world, id).await;
            let was_over = left_after(turns_count, world.call(method, &path, &body)).await;
            let context = format!("{asked:?}, left after {turns_count} turns");
            world.run_until_idle().await;
            for instance in world.store.instances(1, None, 10).await.unwrap().rows {
                assert!(instance.unsettled.is_empty(), "{context}");
                assert_eq!(schedule_is_on(&world, instance.id).await, Some(!instance.disabled), "{context}");
                let status = world.store.subscription(instance.id).await.unwrap().unwrap().status;
                assert_ne!(status, SubscriptionStatus::Releasing, "{context}");
            }
            let is_there = match id {
                Some(id) => world.store.instance(id).await.unwrap().is_some_and(|it| it.deleted_at.is_some()),
                None => false,
            };
            assert!(!is_there, "{context}: deleted and not purged");
            if was_over {
                break;
            }
            assert!(
                turns_count + 1 < TURNS_COUNT_MAX || asked == ClientAction::Create,
                "{asked:?} takes longer"
            );
        }
    }
}

/// The note of a removal is part of it.
#[tokio::test]
async fn a_user_who_was_removed_is_noted_to_be() {
    for turns_count in 0..TURNS_COUNT_MAX {
        let world = World::new(472);
        let user = world.app.add_user(1, true).await.unwrap().unwrap().account.user_id;
        let administrator = format!("Admin {ADMIN_KEY}");
        let path = format!("/organizations/1/users/{user}");
        let was_over = left_after(turns_count, world.call_as(&administrator, "DELETE", &path, "")).await;
        let users = world.store.users(1, None).await.unwrap().items;
        let is_there = users.iter().any(|one| one.account.user_id == user);
        let noted = world.store.audit(1, None, 100).await.unwrap().rows;
        let is_noted = noted.iter().any(|entry| entry.action == "user.removed");
        assert_eq!(is_noted, !is_there, "left after {turns_count} turns");
        if was_over {
            assert!(is_noted, "it came to its end");
            return;
        }
    }
    panic!("it takes longer");
}
