//! The life of delivery attempts: claimed, finished, decided.

use crate::mailbox::{CLAIM_S, Mailbox, yours};
use crate::sample::{at, logged, notification, outcome};
use app::ports::{Claim, Claimant, Progress, Store, Written};
use domain::delivery::{SubscriptionStatus, Verdict};
use futures_util::future::join_all;

/// The exact body and the instance come with the claim.
pub async fn a_claim_gives_everything_a_post_needs(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 601, &[10]).await;
    let (claimed, instance) = yours(mailbox.claim(10, 1, 0).await);
    let new = notification(mailbox.id, 10);
    assert_eq!((claimed.body, claimed.name, claimed.events), (new.body, new.name, new.events));
    assert_eq!((claimed.instance, claimed.sequence, claimed.attempt), (mailbox.id, new.sequence, 1));
    assert_eq!(instance, mailbox.instance().await);
}

/// Until its time runs out, nobody else gets it.
pub async fn a_claimed_attempt_is_busy(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 605, &[10]).await;
    yours(mailbox.claim(10, 1, 0).await);
    let claim = mailbox.claim(10, 1, CLAIM_S - 1).await;
    assert!(matches!(claim, Claim::Busy { until } if until == at(CLAIM_S)), "{claim:?}");
}

/// Nothing was posted, so nobody has to wait; what somebody else claimed since is theirs.
pub async fn a_claim_that_is_given_back_is_free_at_once(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 607, &[10]).await;
    let give_back = async |until_s| store.unclaim_attempt(mailbox.key(10, 1), at(until_s)).await.unwrap();
    yours(mailbox.claim(10, 1, 0).await);
    give_back(CLAIM_S).await;
    yours(mailbox.claim(10, 1, 1).await);
    give_back(CLAIM_S).await;
    let claim = mailbox.claim(10, 1, 2).await;
    assert!(matches!(claim, Claim::Busy { until } if until == at(CLAIM_S + 1)), "{claim:?}");
    assert_eq!(mailbox.finish(10, 1, Verdict::Delivered).await, Written::Done);
    give_back(CLAIM_S + 1).await;
    assert_eq!(mailbox.notification(10).await.progress, Progress::Delivered);
}

/// Eight at once: one posts.
pub async fn a_race_for_an_attempt_has_one_winner(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 610, &[10]).await;
    let claims = join_all((0..8).map(|_| mailbox.claim(10, 1, 0))).await;
    let winners = claims.iter().filter(|claim| matches!(claim, Claim::Yours(_))).count();
    assert_eq!(winners, 1, "{claims:?}");
}

/// A worker that was believed dead may still finish; whoever comes second changes nothing.
pub async fn an_expired_claim_is_taken_over_and_the_first_outcome_counts(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 615, &[10]).await;
    yours(mailbox.claim(10, 1, 0).await);
    yours(mailbox.claim(10, 1, CLAIM_S).await);
    assert_eq!(mailbox.finish(10, 1, Verdict::Delivered).await, Written::Done);
    assert_eq!(mailbox.finish(10, 1, Verdict::Suspend).await, Written::Conflict);
    assert_eq!(mailbox.status().await, SubscriptionStatus::Active);
    assert_eq!(mailbox.notification(10).await.attempts, [outcome(1, Verdict::Delivered).attempt]);
}

/// A repeated job of a failed attempt learns what to enqueue; the next attempt is claimed as usual.
pub async fn a_decided_attempt_tells_the_next(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 620, &[10]).await;
    let due_at = at(18);
    mailbox.attempt(10, 1, Verdict::Retry(due_at)).await;
    let replay = mailbox.claim(10, 1, 10).await;
    assert!(matches!(replay, Claim::Decided { next: Some(next) } if next == (2, due_at)), "{replay:?}");
    assert_eq!(mailbox.finish(10, 1, Verdict::Delivered).await, Written::Conflict);
    let (claimed, _) = yours(mailbox.claim(10, 2, 18).await);
    assert_eq!((claimed.attempt, claimed.round_start), (2, 0));
    assert_eq!(claimed.attempts, [outcome(1, Verdict::Retry(due_at)).attempt]);
    assert_eq!(claimed.reached, outcome(1, Verdict::Retry(due_at)).reached, "one destination has it");
    let replay = mailbox.claim(10, 1, 20).await;
    assert!(matches!(replay, Claim::Decided { .. }), "also while the next is under way: {replay:?}");
}

/// Delivered is final; retention begins.
pub async fn what_is_delivered_is_decided(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 625, &[10]).await;
    mailbox.attempt(10, 1, Verdict::Delivered).await;
    let replay = mailbox.claim(10, 1, 10).await;
    assert!(matches!(replay, Claim::Decided { next: None }), "{replay:?}");
    let stored = mailbox.notification(10).await;
    assert_eq!(stored.progress, Progress::Delivered);
    assert_eq!(stored.expires_at, Some(outcome(1, Verdict::Delivered).expires_at));
    assert_eq!(stored.due_at, None);
}

/// A number that is ahead of what is stored posts nothing.
pub async fn an_attempt_that_was_never_due_is_not_claimed(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 630, &[10]).await;
    let claim = mailbox.claim(10, 2, 0).await;
    assert!(matches!(claim, Claim::Decided { .. }), "{claim:?}");
    assert_eq!(mailbox.finish(10, 2, Verdict::Delivered).await, Written::Conflict);
    yours(mailbox.claim(10, 1, 0).await);
}

/// It is in the log, and that is all.
pub async fn what_is_only_logged_is_never_delivered(store: &dyn Store) {
    let mailbox = Mailbox::new(store, 635).await;
    let new = logged(mailbox.id, 10);
    assert_eq!(mailbox.commit(vec![new.clone()]).await, Written::Done);
    let claim = mailbox.claim(10, 1, 0).await;
    assert!(matches!(claim, Claim::Decided { next: None }), "{claim:?}");
    let stored = mailbox.notification(10).await;
    assert_eq!((stored.progress, stored.expires_at), (Progress::Logged, new.expires_at));
    assert_eq!(mailbox.next_queued().await, None);
}

/// No instance, or no notification.
pub async fn what_is_not_there_is_gone(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 640, &[10]).await;
    assert!(matches!(mailbox.claim(11, 1, 0).await, Claim::Gone));
    assert_eq!(mailbox.finish(11, 1, Verdict::Delivered).await, Written::Gone);
    let nobody = Mailbox::nobody(store, 641);
    assert!(matches!(nobody.claim(10, 1, 0).await, Claim::Gone));
    assert_eq!(nobody.finish(10, 1, Verdict::Delivered).await, Written::Gone);
}

/// Nothing is posted for a disabled instance, and nothing is lost.
pub async fn a_disabled_instance_queues(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 645, &[10]).await;
    mailbox.disable(true).await;
    assert!(matches!(mailbox.claim(10, 1, 0).await, Claim::Queued));
    assert_eq!(mailbox.next_queued().await, Some(10));
    mailbox.disable(false).await;
    yours(mailbox.claim(10, 1, 0).await);
}

/// After the last failure everything waits for a release: what failed, what was to be retried, what is new. An
/// attempt under way still ends as it ends.
pub async fn the_last_failure_suspends_and_all_else_queues(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 650, &[10, 11, 12]).await;
    let before = mailbox.subscription().await;
    mailbox.attempt(11, 1, Verdict::Retry(at(20))).await;
    yours(mailbox.claim(12, 1, 0).await);
    mailbox.attempt(10, 1, Verdict::Suspend).await;
    let after = mailbox.subscription().await;
    assert_eq!(after.status, SubscriptionStatus::Suspended);
    assert_eq!(after.reason, outcome(1, Verdict::Suspend).reason);
    assert!(after.generation > before.generation);
    mailbox.add(&[13]).await;
    for (sequence, attempt) in [(10, 2), (11, 2), (13, 1)] {
        assert!(matches!(mailbox.claim(sequence, attempt, 30).await, Claim::Queued), "{sequence}");
    }
    let exhausted = mailbox.notification(10).await;
    assert_eq!((exhausted.progress, exhausted.attempt, exhausted.due_at), (Progress::Pending, 2, None));
    assert_eq!(mailbox.finish(12, 1, Verdict::Delivered).await, Written::Done);
    assert_eq!(mailbox.notification(12).await.progress, Progress::Delivered);
}

/// Of several attempts that end in suspension, the first says why.
pub async fn a_second_failure_leaves_the_first_reason(store: &dyn Store) {
    let mailbox = Mailbox::with(store, 655, &[10]).await;
    yours(mailbox.claim(10, 1, 0).await);
    mailbox.suspend().await;
    let before = mailbox.subscription().await;
    assert_eq!(mailbox.finish(10, 1, Verdict::Suspend).await, Written::Done);
    assert_eq!(mailbox.subscription().await, before);
    let by = Claimant::Release { generation: before.generation };
    assert!(matches!(mailbox.claim_by(by, 10, 2, 0).await, Claim::Queued), "nobody releases yet");
}
