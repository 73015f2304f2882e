//! A process dies at each point of the lane's way: its baseline, a delta, the first look that misses, the second, the commit
//! and what follows it. A deletion is told, by one id, and nothing else is told as deleted.

use super::{assert_told, deliver, event_ids, is_open, purge};
use crate::world::{OUTLOOK_USER, World};
use chrono::Duration;

/// More than there are points at which anything here can die.
const PASSAGES_COUNT_MAX: u64 = 500;

#[tokio::test]
async fn a_death_in_the_baseline_loses_no_deletion() {
    for passages in 0..PASSAGES_COUNT_MAX {
        let mut world = World::new(852);
        // No count tells of what is below another folder.
        let nested = world.microsoft.add_child_folder(OUTLOOK_USER, "archive", "below").unwrap();
        let old = ["inbox", "archive", &nested].map(|folder| deliver(&world, folder));
        world.clock.advance(Duration::hours(1));
        let id = world.create_outlook().await;
        world.gate.die_after(passages);
        let poll = world.app.poll(id, world.now() + Duration::seconds(20));
        let survived = world.gate.run(poll).await.is_some();
        world.restart();
        world.pass(Duration::minutes(16)).await;
        assert!(!is_open(&world, id).await, "the baseline ends, died at {passages}");
        purge(&world, &old.each_ref());
        world.pass(Duration::hours(9)).await;
        assert_told(&event_ids(&world), &old.each_ref().map(|id| ("DELETED", id)), passages);
        if survived {
            return assert!(passages > 10);
        }
    }
    panic!("it never came to its end");
}

#[tokio::test]
async fn a_death_between_a_hint_and_what_is_told_loses_and_repeats_nothing() {
    for passages in 0..PASSAGES_COUNT_MAX {
        let mut world = World::new(853);
        let [old, moved] = ["inbox", "inbox"].map(|folder| deliver(&world, folder));
        world.clock.advance(Duration::hours(1));
        world.create_outlook().await;
        let new = deliver(&world, "archive");
        world.pass(Duration::hours(1)).await;
        assert_told(&event_ids(&world), &[("CREATED", &new)], passages);
        purge(&world, &[&old, &new]);
        world.microsoft.move_to(OUTLOOK_USER, &moved, "archive");
        // The first look at it is wrong.
        world.microsoft.miss(OUTLOOK_USER, &moved, 1);
        world.gate.die_after(passages);
        let survived = world.gate.run(world.pass(Duration::minutes(40))).await.is_some();
        world.restart();
        world.pass(Duration::hours(2)).await;
        let expected = [("DELETED", &old), ("DELETED", &new), ("UPDATED", &moved)];
        assert_told(&event_ids(&world), &expected, passages);
        if survived {
            return assert!(passages > 60, "{passages}");
        }
    }
    panic!("it never came to its end");
}
