//! A process dies at each point between a transition and the end of its event: it is told, and once.

use super::push::{pushed_outlook, refuse};
use super::{assert_told_once, letters, set_address, told};
use crate::world::{GMAIL_USER, OUTLOOK_USER, World};
use chrono::Duration;
use doubles::Mail;

/// More than there are points at which anything here can die.
const PASSAGES_COUNT_MAX: u64 = 200;

/// Nothing else is told.
#[track_caller]
fn assert_alone(world: &World, expected: &str, passages: u64) {
    let received = letters(world);
    assert_told_once(&received, expected, passages);
    assert!(told(&received).iter().all(|one| one == expected), "died at {passages}");
}

#[tokio::test]
async fn lost_push_is_told_once_wherever_the_process_dies() {
    for passages in 0..PASSAGES_COUNT_MAX {
        let mut world = World::reachable(824);
        set_address(&world).await;
        let id = pushed_outlook(&world).await;
        world.pass(Duration::minutes(20)).await;
        refuse(&world);
        world.microsoft.remove_subscriptions(OUTLOOK_USER, true);
        let push = async |world: &World| world.shown(id).await["push"]["active"] == true;
        // Notices are on their way, and two tries fail.
        world.pass(Duration::seconds(5)).await;
        assert!(!push(&world).await);
        world.clock.advance(Duration::hours(1));
        world.gate.die_after(passages);
        let poll = world.app.poll(id, world.now() + Duration::seconds(20));
        let survived = world.gate.run(poll).await.is_some();
        world.restart();
        world.pass(Duration::hours(2)).await;
        assert_alone(&world, "mailbox.push_lost", passages);
        if survived {
            return assert!(passages > 10);
        }
    }
    panic!("it never came to its end");
}

#[tokio::test]
async fn a_sign_in_that_is_needed_is_told_once_wherever_the_process_dies() {
    for passages in 0..PASSAGES_COUNT_MAX {
        let mut world = World::new(821);
        set_address(&world).await;
        let id = world.create_gmail().await;
        world.google.revoke(GMAIL_USER);
        world.clock.advance(Duration::minutes(1));
        world.gate.die_after(passages);
        let poll = world.app.poll(id, world.now() + Duration::seconds(20));
        let survived = world.gate.run(poll).await.is_some();
        world.restart();
        world.pass(Duration::hours(1)).await;
        assert_alone(&world, "mailbox.needs_sign_in", passages);
        if survived {
            return assert!(passages > 10);
        }
    }
    panic!("it never came to its end");
}

#[tokio::test]
async fn a_suspension_is_told_once_wherever_the_process_dies() {
    for passages in 0..PASSAGES_COUNT_MAX {
        let mut world = World::new(822);
        set_address(&world).await;
        let id = world.create_gmail().await;
        world.receiver.fail_path("/hook", 410);
        world.google.deliver(GMAIL_USER, Mail::default());
        world.app.poll(id, world.now() + Duration::seconds(20)).await.unwrap();
        world.gate.die_after(passages);
        let survived = world.gate.run(world.run_until_idle()).await.is_some();
        world.restart();
        world.pass(Duration::hours(1)).await;
        assert_alone(&world, "callback.suspended", passages);
        if survived {
            return assert!(passages > 10);
        }
    }
    panic!("it never came to its end");
}

#[tokio::test]
async fn a_letter_is_written_once_wherever_its_process_dies() {
    for passages in 0..PASSAGES_COUNT_MAX {
        let mut world = World::new(823);
        set_address(&world).await;
        let id = world.create_gmail().await;
        world.google.revoke(GMAIL_USER);
        world.poll(id).await;
        world.clock.advance(Duration::minutes(2));
        world.gate.die_after(passages);
        let survived = world.gate.run(world.run_until_idle()).await.is_some();
        world.restart();
        world.pass(Duration::hours(1)).await;
        assert_alone(&world, "mailbox.needs_sign_in", passages);
        if survived {
            return assert!(passages > 4);
        }
    }
    panic!("it never came to its end");
}
