//! Releases: one worker, in commit order, active again only when nothing is left.

use crate::mailbox::{CLAIM_S, Mailbox, yours};
use crate::sample::{at, id};
use app::ports::{Claim, Claimant, Store, Written};
use domain::delivery::{SubscriptionStatus, Verdict};

/// While the lease holds nobody else works; a worker that died is replaced, and has no say any more.
pub async fn begins_once_until_its_lease_runs_out(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 801, &[10]).await;
    mailbox.suspend().await;
    let first = mailbox.begin(0).await.expect("it was suspended");
    assert_eq!((first.status, first.lease_until), (SubscriptionStatus::Releasing, Some(at(CLAIM_S))));
    assert_eq!(mailbox.subscription().await, first);
    assert!(mailbox.begin(CLAIM_S - 1).await.is_none(), "the lease holds");
    let second = mailbox.begin(CLAIM_S).await.expect("the lease ran out");
    let by = Claimant::Release { generation: first.generation };
    assert!(matches!(mailbox.claim_by(by, 10, 1, CLAIM_S).await, Claim::Queued), "the first is too late");
    yours(mailbox.claim_by(Claimant::Release { generation: second.generation }, 10, 1, CLAIM_S).await);
    assert_eq!(mailbox.finish(10, 1, Verdict::Delivered).await, Written::Done);
    assert_eq!(store.end_release(mailbox.id, first.generation).await.unwrap(), Written::Conflict);
    assert_eq!(store.end_release(mailbox.id, second.generation).await.unwrap(), Written::Done);
}

/// Not where the callback is active, not for a disabled instance, not for none.
pub async fn begins_only_where_something_is_held_back(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 805, &[10]).await;
    assert!(mailbox.begin(0).await.is_none(), "active");
    mailbox.suspend().await;
    mailbox.disable(true).await;
    assert!(mailbox.begin(0).await.is_none(), "disabled");
    mailbox.disable(false).await;
    assert!(mailbox.begin(0).await.is_some());
    let nobody = Mailbox::nobody(store, 806);
    assert!(nobody.begin(0).await.is_none(), "not there");
}

/// What was tried before is tried in full again, and at once.
pub async fn counts_a_new_round(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 810, &[10, 11]).await;
    mailbox.attempt(11, 1, Verdict::Retry(at(20))).await;
    mailbox.attempt(11, 2, Verdict::Retry(at(32_768))).await;
    mailbox.attempt(10, 1, Verdict::Suspend).await;
    let by = Claimant::Release { generation: mailbox.begin(100).await.unwrap().generation };
    let queued = store.next_queued(mailbox.id).await.unwrap().unwrap();
    assert_eq!((queued.sequence.0, queued.attempt, queued.round_start), (10, 2, 1));
    let (claimed, _) = yours(mailbox.claim_by(by, 11, 3, 100).await);
    assert_eq!((claimed.attempt, claimed.round_start, claimed.due_at), (3, 2, None));
    assert_eq!(mailbox.finish(11, 3, Verdict::Retry(at(108))).await, Written::Done);
    let (claimed, _) = yours(mailbox.claim_by(by, 11, 4, 108).await);
    assert_eq!((claimed.attempt, claimed.round_start), (4, 2), "the same release, the same round");
}

/// The lowest sequence first, whatever was tried when; what is committed meanwhile comes last.
pub async fn goes_in_commit_order_and_new_ones_queue_behind(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 815, &[30, 10, 20]).await;
    mailbox.attempt(20, 1, Verdict::Delivered).await;
    mailbox.attempt(30, 1, Verdict::Suspend).await;
    let generation = mailbox.begin(0).await.unwrap().generation;
    let mut order = Vec::new();
    while let Some(next) = store.next_queued(mailbox.id).await.unwrap() {
        let (sequence, attempt) = (next.sequence.0, next.attempt);
        yours(mailbox.claim_by(Claimant::Release { generation }, sequence, attempt, 1).await);
        if sequence == 10 {
            mailbox.add(&[40]).await;
            assert!(matches!(mailbox.claim(40, 1, 1).await, Claim::Queued), "it queues behind");
        }
        assert_eq!(mailbox.finish(sequence, attempt, Verdict::Delivered).await, Written::Done);
        order.push(sequence);
    }
    assert_eq!(order, [10, 30, 40]);
    assert_eq!(store.end_release(mailbox.id, generation).await.unwrap(), Written::Done);
    assert_eq!(mailbox.status().await, SubscriptionStatus::Active);
}

/// While one releases, nobody else posts.
pub async fn jobs_and_earlier_releases_only_queue(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 820, &[10]).await;
    mailbox.suspend().await;
    let generation = mailbox.begin(0).await.unwrap().generation;
    assert!(matches!(mailbox.claim(10, 1, 0).await, Claim::Queued));
    mailbox.disable(true).await;
    let by = Claimant::Release { generation };
    assert!(matches!(mailbox.claim_by(by, 10, 1, 0).await, Claim::Queued), "disabled meanwhile");
    mailbox.disable(false).await;
    yours(mailbox.claim_by(by, 10, 1, 0).await);
    assert!(matches!(mailbox.claim_by(by, 10, 1, 1).await, Claim::Busy { .. }));
    mailbox.suspend().await;
    assert!(matches!(mailbox.claim_by(by, 10, 1, CLAIM_S).await, Claim::Queued), "suspended meanwhile");
}

/// The condition closes the gap between the last look and the end.
pub async fn ends_only_when_nothing_is_pending(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 825, &[10]).await;
    mailbox.suspend().await;
    let generation = mailbox.begin(0).await.unwrap().generation;
    yours(mailbox.claim_by(Claimant::Release { generation }, 10, 1, 0).await);
    assert_eq!(store.end_release(mailbox.id, generation).await.unwrap(), Written::Conflict);
    assert_eq!(mailbox.finish(10, 1, Verdict::Delivered).await, Written::Done);
    assert_eq!(mailbox.next_queued().await, None);
    mailbox.add(&[11]).await;
    assert_eq!(store.end_release(mailbox.id, generation).await.unwrap(), Written::Conflict, "one came in");
    assert_eq!(mailbox.status().await, SubscriptionStatus::Releasing);
    yours(mailbox.claim_by(Claimant::Release { generation }, 11, 1, 0).await);
    assert_eq!(mailbox.finish(11, 1, Verdict::Delivered).await, Written::Done);
    assert_eq!(store.end_release(mailbox.id, generation).await.unwrap(), Written::Done);
    let ended = mailbox.subscription().await;
    assert_eq!((ended.status, ended.reason, ended.lease_until), (SubscriptionStatus::Active, None, None));
    mailbox.add(&[12]).await;
    yours(mailbox.claim(12, 1, 0).await);
}

pub async fn a_failure_suspends_again(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 830, &[10]).await;
    mailbox.suspend().await;
    let first = mailbox.begin(0).await.unwrap().generation;
    yours(mailbox.claim_by(Claimant::Release { generation: first }, 10, 1, 0).await);
    assert_eq!(mailbox.finish(10, 1, Verdict::Suspend).await, Written::Done);
    let failed = mailbox.subscription().await;
    assert_eq!((failed.status, failed.lease_until), (SubscriptionStatus::Suspended, None));
    assert!(failed.generation > first);
    assert_eq!(mailbox.next_queued().await, Some(10), "nothing is lost");
}

/// What is handed back goes on at once with the next worker.
pub async fn a_release_is_handed_back(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 837, &[10]).await;
    mailbox.suspend().await;
    let first = mailbox.begin(0).await.unwrap().generation;
    assert!(mailbox.begin(0).await.is_none(), "the lease is in the way");
    store.pause_release(mailbox.id, first).await.unwrap();
    assert_eq!(mailbox.subscription().await.status, SubscriptionStatus::Releasing);
    let second = mailbox.begin(0).await.expect("no lease is in the way").generation;
    assert!(second > first);
    assert_eq!(mailbox.next_queued().await, Some(10), "nothing is lost");
}

/// A worker that was replaced says nothing about its successor's release.
pub async fn an_earlier_release_does_not_hand_back(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 835, &[10]).await;
    mailbox.suspend().await;
    let first = mailbox.begin(0).await.unwrap().generation;
    mailbox.suspend().await;
    let second = mailbox.begin(0).await.unwrap();
    store.pause_release(mailbox.id, first).await.unwrap();
    assert_eq!(mailbox.subscription().await, second);
    store.pause_release(id(836), first).await.unwrap();
}
