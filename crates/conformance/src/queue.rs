//! What every `Queue` must do together with its receiving end.

use app::ports::{Job, Queue};
use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// A queue with its receiving end, in explicit time.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The port.
    fn queue(&self) -> &dyn Queue;
    /// A job of any kind that is due.
    async fn take(&self, now: DateTime<Utc>) -> Option<Job>;
    /// A taken job is done.
    async fn done(&self, job: Job, now: DateTime<Utc>);
    /// A taken job failed.
    async fn fail(&self, job: Job, now: DateTime<Utc>);
}

/// The cases.
pub mod cases {
    use super::Harness;
    use crate::sample::{at, id};
    use app::ports::{AttemptKey, Job};
    use domain::bulk::BulkId;
    use domain::ids::Sequence;
    use domain::push::Hint;

    fn deliver(instance: u32, sequence: u64, attempt: u32) -> Job {
        Job::Deliver(AttemptKey { instance: id(instance), sequence: Sequence(sequence), attempt })
    }

    async fn send(harness: &dyn Harness, job: Job, due_s: i64) {
        harness.queue().send(&[(job, at(due_s))]).await.unwrap();
    }

    /// Not before its time, and once.
    pub async fn a_job_comes_when_it_is_due(harness: &dyn Harness) {
        let job = deliver(1101, 10, 1);
        send(harness, job, 10).await;
        assert_eq!(harness.take(at(9)).await, None);
        assert_eq!(harness.take(at(10)).await, Some(job));
        harness.done(job, at(11)).await;
        assert_eq!(harness.take(at(10_000)).await, None, "it was done");
    }

    /// Also two attempts of one notification, and what was promised twice.
    pub async fn every_kind_of_job_comes_as_it_was_sent(harness: &dyn Harness) {
        let one = id(1110);
        let settle = |since| Job::Settle { instance: one, since: at(since) };
        let hinted = |position, looks| {
            let hint = Hint { at: at(2), position, looks };
            Job::Hinted { instance: one, hint }
        };
        let bulk = |organization_id, number| Job::Bulk { organization_id, id: BulkId::new(at(0), number) };
        let first = [
            deliver(1110, 10, 1),
            deliver(1110, 10, 2),
            Job::Poll(one),
            Job::Release(one),
            Job::Purge(one),
            settle(0),
            settle(1),
            hinted(None, 0),
            hinted(Some(u64::MAX), 0),
            hinted(Some(u64::MAX), 1),
            bulk(1110, 7),
            bulk(1111, 7),
            bulk(1110, 8),
        ];
        let sent: Vec<_> = first.iter().map(|job| (*job, at(0))).collect();
        harness.queue().send(&sent).await.unwrap();
        let mut seen = Vec::new();
        while let Some(job) = harness.take(at(0)).await {
            harness.done(job, at(0)).await;
            assert!(first.contains(&job) && !seen.contains(&job), "{job:?}");
            seen.push(job);
        }
        assert_eq!(seen.len(), first.len());
    }

    /// In whichever order they were sent.
    pub async fn a_waiting_job_is_not_doubled_and_the_earlier_time_counts(harness: &dyn Harness) {
        for (instance, times) in [(1120, [20, 10]), (1121, [10, 20])] {
            let job = Job::Poll(id(instance));
            for due_s in times {
                send(harness, job, due_s).await;
            }
            assert_eq!(harness.take(at(9)).await, None);
            assert_eq!(harness.take(at(10)).await, Some(job));
            harness.done(job, at(10)).await;
            assert_eq!(harness.take(at(30)).await, None, "it waited once");
        }
    }

    /// Until something is said of it.
    pub async fn a_job_under_way_is_not_given_out_again(harness: &dyn Harness) {
        let job = deliver(1130, 10, 1);
        send(harness, job, 0).await;
        assert_eq!(harness.take(at(0)).await, Some(job));
        assert_eq!(harness.take(at(5)).await, None);
    }

    /// What asks for another run while one is under way gets it: the one under way may have passed the point.
    pub async fn a_job_sent_while_under_way_comes_again_at_its_time(harness: &dyn Harness) {
        let job = Job::Poll(id(1140));
        send(harness, job, 0).await;
        assert_eq!(harness.take(at(0)).await, Some(job));
        send(harness, job, 20).await;
        send(harness, job, 30).await;
        harness.done(job, at(5)).await;
        assert_eq!(harness.take(at(19)).await, None);
        assert_eq!(harness.take(at(20)).await, Some(job));
        harness.done(job, at(20)).await;
        assert_eq!(harness.take(at(1000)).await, None, "once");
    }

    /// Not at once, and not never.
    pub async fn a_failed_job_comes_again_later(harness: &dyn Harness) {
        let job = Job::Poll(id(1150));
        send(harness, job, 0).await;
        for round in 0..3 {
            let now = at(1000 * round);
            assert_eq!(harness.take(now).await, Some(job));
            harness.fail(job, now).await;
            assert_eq!(harness.take(now).await, None, "there is a wait");
        }
        assert_eq!(harness.take(at(3000)).await, Some(job));
        harness.done(job, at(3000)).await;
        assert_eq!(harness.take(at(100_000)).await, None);
    }

    /// One bad instance never stops another.
    pub async fn a_failing_instance_does_not_hold_up_another(harness: &dyn Harness) {
        let bad: Vec<_> = (0..20).map(|sequence| (deliver(1160, sequence, 1), at(0))).collect();
        harness.queue().send(&bad).await.unwrap();
        let good = deliver(1161, 10, 1);
        send(harness, good, 1).await;
        let mut tries = 0;
        while let Some(job) = harness.take(at(1)).await {
            tries += 1;
            if job == good {
                return harness.done(job, at(1)).await;
            }
            harness.fail(job, at(1)).await;
        }
        panic!("it did not come within {tries} jobs");
    }
}
