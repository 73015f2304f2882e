//! The event log.

use crate::mailbox::Mailbox;
use crate::sample::notification;
use app::ports::{LogPage, Store};
use domain::delivery::Verdict;
use domain::ids::Sequence;

async fn page(mailbox: &Mailbox<'_>, before: Option<u64>, limit: usize, pending_only: bool) -> Vec<u64> {
    let page = LogPage { before: before.map(Sequence), limit, pending_only };
    let shown = mailbox.store.notifications(mailbox.id, page).await.unwrap().rows;
    shown.iter().map(|notification| notification.sequence.0).collect()
}

const NONE: [u64; 0] = [];

/// Pages follow each other without a gap or a double.
pub async fn is_paged_newest_first(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 901, &[10, 11, 12, 13, 14]).await;
    mailbox.attempt(12, 1, Verdict::Delivered).await;
    assert_eq!(page(&mailbox, None, 2, false).await, [14, 13]);
    assert_eq!(page(&mailbox, Some(13), 2, false).await, [12, 11]);
    assert_eq!(page(&mailbox, Some(11), 2, false).await, [10]);
    assert_eq!(page(&mailbox, Some(10), 2, false).await, NONE);
    assert_eq!(page(&mailbox, None, 0, false).await, NONE);
}

/// Oldest first, only what is pending, after the given one.
pub async fn shows_what_is_queued_as_a_release_would_take_it(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 905, &[10, 11, 12, 13]).await;
    mailbox.attempt(11, 1, Verdict::Delivered).await;
    assert_eq!(page(&mailbox, None, 2, true).await, [10, 12]);
    assert_eq!(page(&mailbox, Some(12), 2, true).await, [13]);
    assert_eq!(page(&mailbox, Some(13), 2, true).await, NONE);
}

/// The name that stands in the body finds the notification.
pub async fn finds_one_by_its_event_id(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 910, &[10, 11]).await;
    let name = notification(mailbox.id, 11).name.event_id;
    let found = store.notification(mailbox.id, &name).await.unwrap().expect("it is there");
    assert_eq!(found.sequence, Sequence(11));
    assert_eq!(found.sighting, notification(mailbox.id, 11).sighting);
    assert!(store.notification(mailbox.id, "unknown").await.unwrap().is_none());
}

/// Nothing of another instance shows, not even by name.
pub async fn is_of_one_instance(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 915, &[10]).await;
    let other = Mailbox::with(store, 916, &[10, 11]).await;
    assert_eq!(page(&mailbox, None, 10, false).await, [10]);
    let name = notification(other.id, 11).name.event_id;
    assert!(store.notification(mailbox.id, &name).await.unwrap().is_none());
    let nobody = Mailbox::nobody(store, 917);
    assert_eq!(page(&nobody, None, 10, false).await, NONE);
}
