//! First attempts by the process that committed: no job is sent, received and deleted for what is delivered at once.
//!
//! Everything else is as by a job: the attempt is claimed, and its outcome stored and followed. The outbox forgets a
//! notification when its outcome is stored or its job enqueued, so that after a crash in between the next poll enqueues it.

use super::outbox;
use super::run::{Run, Unsent};
use crate::config::FirstAttempts;
use crate::deliver;
use crate::destinations;
use crate::ports::{AttemptKey, Result};
use chrono::{DateTime, Duration, Utc};
use domain::delivery::SubscriptionStatus;
use domain::ids::Sequence;

/// So many of a poll, at the most: more are a crowd, which jobs deliver side by side.
const COUNT_MAX: usize = 3;
/// None begins later after the first than this, seconds: a slow callback holds up one of them.
const BEGUN_WITHIN_S: i64 = 2;
/// Before the poll's deadline, beyond the callback's time-out: for storing what came of it, seconds.
const STORE_S: i64 = 5;

/// Enqueues what was committed, or keeps it for when the lease is given back.
pub(super) async fn send_or_keep(run: &mut Run<'_>, resource: &str, sequences: Vec<Sequence>) -> Result<()> {
    if sequences.is_empty() {
        return Ok(());
    }
    let kept_count = run.unsent.iter().fold(sequences.len(), |count, one| count + one.sequences.len());
    if run.may_attempt() && kept_count <= COUNT_MAX {
        run.unsent.push(Unsent { resource: resource.to_owned(), sequences });
        return Ok(());
    }
    // In the order of their commits.
    run.enqueue_unsent().await?;
    outbox::enqueue(run.app, run.mailbox.instance.id, resource, &sequences).await
}

impl Run<'_> {
    /// Leaves what was kept to jobs.
    pub(super) async fn enqueue_unsent(&mut self) -> Result<()> {
        for Unsent { resource, sequences } in std::mem::take(&mut self.unsent) {
            outbox::enqueue(self.app, self.mailbox.instance.id, &resource, &sequences).await?;
        }
        Ok(())
    }

    /// Where jobs would deliver, and to a callback alone.
    fn may_attempt(&self) -> bool {
        self.app.config.first_attempts == FirstAttempts::AtOnce
            && self.mailbox.subscription.status == SubscriptionStatus::Active
            && !destinations::wants_bus(&self.mailbox.instance)
    }

    /// Attempts what was kept, and enqueues what there is no time for or what could not be attempted.
    pub(super) async fn attempt_unsent(&mut self) -> Result<()> {
        let (instance, begun_at) = (self.mailbox.instance.id, self.app.now());
        for Unsent { resource, sequences } in std::mem::take(&mut self.unsent) {
            let (mut made, mut left) = (Vec::new(), Vec::new());
            for sequence in sequences {
                let key = AttemptKey { instance, sequence, attempt: 1 };
                let is_made = self.has_time(begun_at) && deliver::deliver(self.app, key).await.is_ok();
                if is_made { made.push(sequence) } else { left.push(sequence) }
            }
            if !made.is_empty() {
                self.app.ports.store.clear_outbox(instance, &resource, &made).await?;
            }
            outbox::enqueue(self.app, instance, &resource, &left).await?;
        }
        Ok(())
    }

    fn has_time(&self, begun_at: DateTime<Utc>) -> bool {
        let now = self.app.now();
        now - begun_at < Duration::seconds(BEGUN_WITHIN_S)
            && now + destinations::timeout(self.app) + Duration::seconds(STORE_S) <= self.deadline
    }
}
