//! Notifications that are committed with a claim of their first attempt: they are there from their commit on.

use crate::mailbox::{CLAIM_S, Mailbox, yours};
use crate::sample::{at, event, notification};
use app::ports::{
    Claim, Claimant, LogKey, LogPage, LogSearch, LogWish, NewNotification, Progress, Store, Written,
};
use domain::delivery::{SubscriptionStatus, Verdict};
use domain::ids::InstanceId;

/// One that is claimed until [`CLAIM_S`].
pub fn claimed(id: InstanceId, sequence: u64) -> NewNotification {
    NewNotification { claimed_until: Some(at(CLAIM_S)), ..notification(id, sequence) }
}

async fn with<'a>(store: &'a dyn Store, number: u32, sequences: &[u64]) -> Mailbox<'a> {
    let mailbox = Mailbox::new(store, number).await;
    let new = sequences.iter().map(|sequence| claimed(mailbox.id, *sequence)).collect();
    assert_eq!(mailbox.commit(new).await, Written::Done);
    mailbox
}

/// Sequences of the log's page, newest first, or of what is pending in it, in order.
pub async fn listed(mailbox: &Mailbox<'_>, pending_only: bool) -> Vec<u64> {
    let page = LogPage { before: None, limit: 10, pending_only };
    let rows = mailbox.store.notifications(mailbox.id, page).await.unwrap().rows;
    rows.iter().map(|row| row.sequence.0).collect()
}

/// All of this kind that the instance's log has.
pub fn search_of(by: LogKey, mailbox: &Mailbox<'_>) -> LogSearch {
    LogSearch {
        by,
        wish: LogWish::default(),
        instance: Some(mailbox.id),
        before: None,
        from: None,
        limit: 10,
        looks_count_max: 100,
    }
}

async fn assert_there(mailbox: &Mailbox<'_>, sequences: &[u64]) {
    let newest_first: Vec<u64> = sequences.iter().rev().copied().collect();
    assert_eq!(listed(mailbox, false).await, newest_first);
    assert_eq!(listed(mailbox, true).await, sequences);
    assert_eq!(mailbox.next_queued().await, sequences.first().copied());
    let search = search_of(LogKey::Progress(Progress::Pending), mailbox);
    let found = mailbox.store.search_log(mailbox.organization_id, &search).await.unwrap();
    assert_eq!(found.marks.iter().map(|mark| mark.sequence.0).collect::<Vec<_>>(), newest_first);
    for sequence in sequences {
        let found = mailbox.notification(*sequence).await;
        assert_eq!((found.progress, found.attempt, found.expires_at), (Progress::Pending, 1, None));
        let events = [event(mailbox.id, *sequence)];
        assert_eq!(mailbox.store.logged_events(mailbox.id, &events).await.unwrap().len(), 1);
    }
}

/// Lists, the log and a release see them, and a job waits for the claim's end.
pub async fn are_there_at_once(store: &dyn Store) {
    let mailbox = with(store, 9651, &[10, 12]).await;
    assert_eq!(mailbox.commit(vec![notification(mailbox.id, 11)]).await, Written::Done);
    assert_eq!(mailbox.outbox().await, [10, 11, 12]);
    assert_there(&mailbox, &[10, 11, 12]).await;
    let claim = mailbox.claim(10, 1, 1).await;
    assert!(matches!(claim, Claim::Busy { until } if until == at(CLAIM_S)), "{claim:?}");
    yours(mailbox.claim(10, 1, CLAIM_S).await);
    assert_there(&mailbox, &[10, 11, 12]).await;
    mailbox.clear(&[10, 11, 12]).await;
    assert_there(&mailbox, &[10, 11, 12]).await;
}

/// To who committed them; its outcome is stored like any other.
pub async fn are_attempted_by_who_committed_them(store: &dyn Store) {
    let mailbox = with(store, 9655, &[10, 11]).await;
    let (first, instance) = yours(mailbox.claim_by(Claimant::Committer, 10, 1, 0).await);
    assert_eq!(first.body, notification(mailbox.id, 10).body);
    assert_eq!(instance, mailbox.instance().await);
    assert_eq!(mailbox.finish_by(Claimant::Committer, 10, 1, Verdict::Delivered).await, Written::Done);
    yours(mailbox.claim_by(Claimant::Committer, 11, 1, 0).await);
    let retry = Verdict::Retry(at(20));
    assert_eq!(mailbox.finish_by(Claimant::Committer, 11, 1, retry).await, Written::Done);
    assert_eq!((listed(&mailbox, false).await, listed(&mailbox, true).await), (vec![11, 10], vec![11]));
    let replay = mailbox.claim_by(Claimant::Committer, 11, 1, 1).await;
    assert!(matches!(replay, Claim::Decided { next: Some((2, _)) }), "{replay:?}");
    mailbox.clear(&[10, 11]).await;
    assert_eq!(mailbox.notification(10).await.progress, Progress::Delivered);
    assert_eq!(mailbox.notification(11).await.attempt, 2);
}

/// One that is suspended at its first attempt waits with all others.
pub async fn are_queued_where_the_callback_takes_nothing(store: &dyn Store) {
    let mailbox = with(store, 9660, &[10, 11]).await;
    yours(mailbox.claim_by(Claimant::Committer, 10, 1, 0).await);
    let ended = mailbox.finish_by(Claimant::Committer, 10, 1, Verdict::Suspend).await;
    assert_eq!((ended, mailbox.status().await), (Written::Done, SubscriptionStatus::Suspended));
    let claim = mailbox.claim_by(Claimant::Committer, 11, 1, 0).await;
    assert!(matches!(claim, Claim::Queued), "{claim:?}");
    assert_eq!(listed(&mailbox, true).await, [10, 11]);
    mailbox.clear(&[10, 11]).await;
    let generation = mailbox.begin(1).await.unwrap().generation;
    for (sequence, attempt) in [(10, 2), (11, 1)] {
        let by = Claimant::Release { generation };
        assert_eq!(mailbox.next_queued().await, Some(sequence));
        yours(mailbox.claim_by(by, sequence, attempt, 2).await);
        assert_eq!(mailbox.finish_by(by, sequence, attempt, Verdict::Delivered).await, Written::Done);
    }
    assert_eq!(store.end_release(mailbox.id, generation).await.unwrap(), Written::Done);
}

/// A claim that was given back, taken over, or that is another one, is not the committer's.
pub async fn are_claimed_once(store: &dyn Store) {
    let mailbox = with(store, 9665, &[10, 11]).await;
    store.unclaim_attempt(mailbox.key(10, 1), at(CLAIM_S)).await.unwrap();
    yours(mailbox.claim(10, 1, 1).await);
    let late = mailbox.claim_by(Claimant::Committer, 10, 1, 0).await;
    assert!(matches!(late, Claim::Busy { until } if until == at(CLAIM_S + 1)), "{late:?}");
    let other = store.claim_attempt(mailbox.key(11, 1), Claimant::Committer, at(1), at(CLAIM_S + 7)).await;
    assert!(matches!(other.unwrap(), Claim::Busy { .. }));
}

/// A release that ends sees what nobody has written of yet.
pub async fn keep_a_release_from_ending(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 9670).await;
    mailbox.suspend().await;
    let generation = mailbox.begin(0).await.unwrap().generation;
    assert_eq!(mailbox.commit(vec![claimed(mailbox.id, 10)]).await, Written::Done);
    assert_eq!(store.end_release(mailbox.id, generation).await.unwrap(), Written::Conflict);
}
