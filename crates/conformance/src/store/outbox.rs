//! The outbox: exactly what is committed and not yet enqueued.

use crate::mailbox::{Mailbox, yours};
use crate::sample::{at, logged, notification};
use app::ports::{Store, Written};
use domain::delivery::Verdict;
use domain::ids::Sequence;

/// Each commit adds its own; what only the log shows is not enqueued.
pub async fn holds_what_is_to_be_delivered(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 501, &[10, 11]).await;
    let more = vec![notification(mailbox.id, 12), logged(mailbox.id, 13)];
    assert_eq!(mailbox.commit(more).await, Written::Done);
    assert_eq!(mailbox.outbox().await, [10, 11, 12]);
}

/// What another poll commits between a read and the clearing stays.
pub async fn is_cleared_exactly_while_more_is_added(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 510, &[10, 11, 12]).await;
    let read = mailbox.outbox().await;
    mailbox.add(&[13]).await;
    mailbox.clear(&read).await;
    assert_eq!(mailbox.outbox().await, [13]);
    let state = mailbox.state().await;
    mailbox.clear(&[13]).await;
    assert_eq!(mailbox.state().await.version, state.version, "clearing is no commit");
    assert!(mailbox.outbox().await.is_empty());
}

/// A flush that is repeated after a crash clears again what is gone already.
pub async fn clearing_again_is_harmless(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 520, &[10, 11]).await;
    mailbox.clear(&[10]).await;
    mailbox.clear(&[10, 99]).await;
    mailbox.clear(&[]).await;
    assert_eq!(mailbox.outbox().await, [11]);
}

/// What was told goes with the next write of the state, whether that adds anything or not.
pub async fn forgets_with_a_commit_what_was_told(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 530, &[10, 11]).await;
    assert_eq!(mailbox.commit_told(&[10, 11], vec![notification(mailbox.id, 12)]).await, Written::Done);
    assert_eq!(mailbox.outbox().await, [12]);
    assert_eq!(mailbox.commit_told(&[12], vec![logged(mailbox.id, 13)]).await, Written::Done);
    assert!(mailbox.outbox().await.is_empty());
    mailbox.add(&[14]).await;
    mailbox.add(&[15]).await;
    assert_eq!(mailbox.outbox().await, [14, 15], "else it keeps what it has");
}

/// Only what was delivered needs no job.
pub async fn says_what_was_delivered(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 540, &[10, 11, 12]).await;
    for (sequence, verdict) in [(10, Verdict::Delivered), (11, Verdict::Retry(at(20)))] {
        yours(mailbox.claim(sequence, 1, 0).await);
        assert_eq!(mailbox.finish(sequence, 1, verdict).await, Written::Done);
    }
    let asked: Vec<Sequence> = [10, 11, 12, 13].map(Sequence).into();
    assert_eq!(store.delivered(mailbox.id, &asked).await.unwrap(), [Sequence(10)]);
    assert!(store.delivered(mailbox.id, &[]).await.unwrap().is_empty());
}
