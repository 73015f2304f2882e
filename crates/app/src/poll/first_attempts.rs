//! First attempts by the process that committed: no job is sent, received and deleted for what is delivered at once.
//!
//! Everything else is as by a job: the attempt is claimed, with the commit, and its outcome stored and followed. The outbox forgets a
//! notification when its outcome is stored or its job enqueued, so that after a crash in between the next poll enqueues it.

use super::outbox;
use super::run::{Run, Unsent};
use crate::config::FirstAttempts;
use crate::deliver;
use crate::destinations;
use crate::ports::{AttemptKey, NewNotification, Result};
use chrono::{DateTime, Duration, Utc};
use domain::delivery::SubscriptionStatus;
use domain::ids::Sequence;

/// So many of a poll, at the most: more are a crowd, which jobs deliver side by side.
const COUNT_MAX: usize = 3;
/// None begins later after the first than this, seconds: a slow callback holds up one of them.
const BEGUN_WITHIN_S: i64 = 2;
/// Before the poll's deadline, beyond the callback's time-out: for storing what came of it, seconds.
const STORE_S: i64 = 5;

/// Claims what is about to be committed, if this process is to attempt it; until when. With the commit a claim is no write of
/// its own.
pub(super) fn claim(run: &Run<'_>, notifications: &mut [NewNotification]) -> Option<DateTime<Utc>> {
    let new_count = notifications.iter().filter(|new| new.deliver).count();
    let kept_count = run.unsent.iter().fold(new_count, |count, one| count + one.sequences.len());
    let is_ours =
        new_count > 0 && kept_count <= COUNT_MAX && run.may_attempt() && run.has_time(run.app.now());
    let until = is_ours.then(|| deliver::claim_until(run.app))?;
    for new in notifications.iter_mut().filter(|new| new.deliver) {
        new.claimed_until = Some(until);
    }
    Some(until)
}

/// Enqueues what was committed, or keeps what is claimed for when the lease is given back.
pub(super) async fn send_or_keep(
    run: &mut Run<'_>,
    resource: &str,
    sequences: Vec<Sequence>,
    claimed_until: Option<DateTime<Utc>>,
) -> Result<()> {
    if sequences.is_empty() {
        return Ok(());
    }
    if let Some(claimed_until) = claimed_until {
        run.unsent.push(Unsent { resource: resource.to_owned(), sequences, claimed_until });
        return Ok(());
    }
    // In the order of their commits.
    run.enqueue_unsent().await?;
    outbox::enqueue(run.app, run.mailbox.instance.id, resource, &sequences).await
}

impl Run<'_> {
    /// Leaves what was kept to jobs.
    pub(super) async fn enqueue_unsent(&mut self) -> Result<()> {
        for unsent in std::mem::take(&mut self.unsent) {
            self.give_back(&unsent, &unsent.sequences).await;
            outbox::enqueue(self.app, self.mailbox.instance.id, &unsent.resource, &unsent.sequences).await?;
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
        for unsent in std::mem::take(&mut self.unsent) {
            let (mut made, mut failed, mut late) = (Vec::new(), Vec::new(), Vec::new());
            for sequence in unsent.sequences.iter().copied() {
                let key = AttemptKey { instance, sequence, attempt: 1 };
                let ended = match self.has_time(begun_at) {
                    true => deliver::deliver_committed(self.app, key, unsent.claimed_until).await.is_ok(),
                    false => {
                        late.push(sequence);
                        continue;
                    }
                };
                if ended { made.push(sequence) } else { failed.push(sequence) }
            }
            self.give_back(&unsent, &late).await;
            if !made.is_empty() {
                self.app.ports.store.clear_outbox(instance, &unsent.resource, &made).await?;
            }
            let left: Vec<Sequence> = failed.into_iter().chain(late).collect();
            outbox::enqueue(self.app, instance, &unsent.resource, &left).await?;
        }
        Ok(())
    }

    /// Nothing of these was posted. Where that can't be told, their jobs wait until the claim ends.
    async fn give_back(&self, unsent: &Unsent, sequences: &[Sequence]) {
        for sequence in sequences.iter().copied() {
            let key = AttemptKey { instance: self.mailbox.instance.id, sequence, attempt: 1 };
            let _ = self.app.ports.store.unclaim_attempt(key, unsent.claimed_until).await;
        }
    }

    fn has_time(&self, begun_at: DateTime<Utc>) -> bool {
        let now = self.app.now();
        now - begun_at < Duration::seconds(BEGUN_WITHIN_S)
            && now + destinations::timeout(self.app) + Duration::seconds(STORE_S) <= self.deadline
    }
}
