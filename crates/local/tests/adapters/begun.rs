//! First attempts that begin with their commit: their place in the file is the outbox.

use crate::fixtures::{at, id};
use crate::store::{commit, new_instance};
use app::ports::{
    AttemptKey, AttemptOutcome, Attempts as _, Claim, Claimant, Instances as _, Job, Places as _, Polls as _,
    Queue as _, Written,
};
use domain::delivery::{Attempt, Reached, Verdict};
use domain::ids::Sequence;
use local::jobs::{Class, Jobs, TakenJob, Went};
use local::sqlite::{Db, SqliteStore};

struct Desk {
    store: SqliteStore,
    jobs: Jobs,
}

fn key(sequence: u64) -> AttemptKey {
    AttemptKey { instance: id(1), sequence: Sequence(sequence), attempt: 1 }
}

impl Desk {
    /// With two notifications whose first attempts are claimed, and begun one after the other.
    async fn new() -> Self {
        let db = Db::in_memory().unwrap();
        let desk = Desk { store: SqliteStore::new(db.clone()), jobs: Jobs::open(db).await.unwrap() };
        desk.store.insert_instance(&new_instance()).await.unwrap();
        let mut found = commit(1, 10..12, None);
        found.notifications.iter_mut().for_each(|new| new.claimed_until = Some(at(45)));
        assert_eq!(desk.store.commit_poll(&found).await.unwrap(), Written::Done);
        assert!(desk.jobs.are_free(1, id(1), 1).await && desk.jobs.begin(1, &[key(10)], at(45)).await);
        desk
    }

    async fn outbox(&self) -> Vec<u64> {
        let mailbox = self.store.mailbox(id(1)).await.unwrap().unwrap();
        mailbox.resources[0].outbox.iter().map(|sequence| sequence.0).collect()
    }

    async fn take(&self) -> TakenJob {
        self.jobs.take_due(at(0), Class::Deliver).await.unwrap().unwrap()
    }

    async fn finish(&self, verdict: Verdict) {
        let claim = self.store.claim_attempt(key(10), Claimant::Committer, at(0), at(45)).await.unwrap();
        assert!(matches!(claim, Claim::Yours(_)), "{claim:?}");
        let outcome = AttemptOutcome {
            by: Claimant::Committer,
            attempt: Attempt {
                number: 1,
                at: at(0),
                duration_ms: 1,
                status: Some(200),
                error: None,
                answer: String::new(),
            },
            verdict,
            reached: Reached::default(),
            reason: None,
            expires_at: at(100),
            in_outbox: true,
        };
        assert_eq!(self.store.finish_attempt(key(10), &outcome).await.unwrap(), Written::Done);
    }
}

#[tokio::test]
async fn what_was_delivered_leaves_the_outbox_with_its_outcome_and_needs_no_job() {
    let desk = Desk::new().await;
    let taken = desk.take().await;
    assert_eq!((taken.job, desk.jobs.waiting_count().await.unwrap()), (Job::Deliver(key(10)), 0));
    assert_eq!((desk.jobs.begun(key(10)).await, desk.jobs.begun(key(11)).await), (Some(at(45)), None));
    desk.finish(Verdict::Delivered).await;
    assert_eq!(desk.outbox().await, [11]);
    desk.jobs.done(&taken, Went::Well, at(0)).await.unwrap();
    assert_eq!(desk.jobs.begun(key(10)).await, None);
    assert_eq!(desk.jobs.take_due(at(1_000), Class::Deliver).await.unwrap(), None);
    assert!(desk.jobs.begin(1, &[key(11)], at(45)).await, "the place is free again");
}

#[tokio::test]
async fn until_it_ends_the_outbox_names_it() {
    let desk = Desk::new().await;
    let taken = desk.take().await;
    desk.finish(Verdict::Retry(at(8))).await;
    assert_eq!(desk.outbox().await, [10, 11], "the next attempt is not enqueued yet");
    desk.jobs.done(&taken, Went::Badly, at(0)).await.unwrap();
    assert_eq!((desk.outbox().await, desk.jobs.waiting_count().await.unwrap()), (vec![11], 0));
}

#[tokio::test]
async fn one_that_failed_is_a_job_from_then_on() {
    let desk = Desk::new().await;
    let taken = desk.take().await;
    desk.jobs.failed(&taken, at(0)).await.unwrap();
    assert_eq!((desk.outbox().await, desk.jobs.waiting_count().await.unwrap()), (vec![11], 1));
    assert_eq!(desk.jobs.next_due(Class::Deliver), Some(at(1)));
}

#[tokio::test]
async fn one_that_was_sent_meanwhile_comes_again() {
    let desk = Desk::new().await;
    let taken = desk.take().await;
    desk.jobs.send(&[(taken.job, at(3))]).await.unwrap();
    desk.finish(Verdict::Delivered).await;
    desk.jobs.done(&taken, Went::Well, at(0)).await.unwrap();
    assert_eq!(
        (desk.jobs.waiting_count().await.unwrap(), desk.jobs.next_due(Class::Deliver)),
        (1, Some(at(3)))
    );
}
