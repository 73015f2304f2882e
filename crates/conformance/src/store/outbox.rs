//! The outbox: exactly what is committed and not yet enqueued.

use crate::mailbox::Mailbox;
use crate::sample::{logged, notification};
use app::ports::{Store, Written};

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
