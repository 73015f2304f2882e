//! A process dies at each point between a transition and the end of its event: it is told, and once.

use super::{HEALTH, body, set_address};
use crate::world::{GMAIL_USER, World};
use chrono::Duration;
use doubles::{Mail, Received};
use std::collections::BTreeSet;

/// More than there are points at which anything here can die.
const PASSAGES_COUNT_MAX: u64 = 200;

/// Each event once by its id; an attempt whose outcome was not stored is made again with the same bytes.
#[track_caller]
fn assert_told_once(received: &[Received], expected: &str, passages: u64) {
    let letters: Vec<&Received> = received.iter().filter(|one| one.path == HEALTH).collect();
    let ids: BTreeSet<&str> = letters.iter().map(|one| one.headers["webhook-id"].to_str().unwrap()).collect();
    let bodies: BTreeSet<&[u8]> = letters.iter().map(|one| one.body.as_ref()).collect();
    assert_eq!((ids.len(), bodies.len()), (1, 1), "died at {passages}");
    assert_eq!(body(letters[0])["type"], expected, "died at {passages}");
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
        assert_told_once(&world.receiver.take(), "mailbox.needs_sign_in", passages);
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
        assert_told_once(&world.receiver.take(), "callback.suspended", passages);
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
        assert_told_once(&world.receiver.take(), "mailbox.needs_sign_in", passages);
        if survived {
            return assert!(passages > 4);
        }
    }
    panic!("it never came to its end");
}
