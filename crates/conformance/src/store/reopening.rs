//! Delivering again by hand.

use crate::mailbox::{Mailbox, yours};
use crate::sample::{at, id, logged};
use app::ports::{Claim, Progress, Store, Written};
use domain::delivery::{Reached, Verdict};
use domain::ids::Sequence;

/// The same body goes out once more, with all its tries; until then it does not expire.
pub async fn a_delivered_notification_begins_a_new_round(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 701, &[10]).await;
    mailbox.attempt(10, 1, Verdict::Retry(at(20))).await;
    mailbox.attempt(10, 2, Verdict::Delivered).await;
    let body = mailbox.notification(10).await.body;
    let key = store.reopen(mailbox.id, Sequence(10), at(50)).await.unwrap();
    assert_eq!(key, Some(mailbox.key(10, 3)));
    let stored = mailbox.notification(10).await;
    assert_eq!((stored.progress, stored.attempt, stored.round_start), (Progress::Pending, 3, 2));
    assert_eq!((stored.due_at, stored.expires_at), (Some(at(50)), None));
    assert_eq!(stored.reached, Reached::default(), "every destination gets it again");
    let replay = mailbox.claim(10, 2, 50).await;
    assert!(matches!(replay, Claim::Decided { next: Some((3, _)) }), "{replay:?}");
    let (claimed, _) = yours(mailbox.claim(10, 3, 50).await);
    assert_eq!((claimed.body, claimed.attempts.len()), (body, 2));
    assert_eq!(mailbox.finish(10, 3, Verdict::Delivered).await, Written::Done);
    assert!(mailbox.notification(10).await.expires_at.is_some());
}

/// What waits for its next attempt waits no longer; what is under way stays so.
pub async fn a_pending_notification_is_due_at_once(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 710, &[10]).await;
    mailbox.attempt(10, 1, Verdict::Retry(at(32_768))).await;
    assert_eq!(store.reopen(mailbox.id, Sequence(10), at(50)).await.unwrap(), Some(mailbox.key(10, 2)));
    let stored = mailbox.notification(10).await;
    assert_eq!((stored.due_at, stored.round_start), (Some(at(50)), 1));
    yours(mailbox.claim(10, 2, 50).await);
    assert_eq!(store.reopen(mailbox.id, Sequence(10), at(51)).await.unwrap(), Some(mailbox.key(10, 2)));
    assert!(matches!(mailbox.claim(10, 2, 51).await, Claim::Busy { .. }));
}

/// Not there, or only logged.
pub async fn what_can_not_be_delivered_is_not_reopened(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 720).await;
    assert_eq!(mailbox.commit(vec![logged(mailbox.id, 10)]).await, Written::Done);
    for sequence in [10, 11] {
        assert_eq!(store.reopen(mailbox.id, Sequence(sequence), at(50)).await.unwrap(), None);
    }
    assert_eq!(store.reopen(id(721), Sequence(10), at(50)).await.unwrap(), None);
}
