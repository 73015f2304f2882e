//! What stands between two who deliver.

use super::super::ports::TappedStore;
use super::{Mutation, late};
use app::ports::*;
use chrono::{DateTime, Utc};
use domain::delivery::Subscription;
use domain::ids::InstanceId;

impl TappedStore {
    pub(in super::super) async fn mutant_claim_attempt(
        &self,
        key: AttemptKey,
        by: Claimant,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Claim> {
        let now = if self.is(Mutation::ClaimOff) { late(now) } else { now };
        let claim = self.inner.claim_attempt(key, by, now, until).await?;
        let is_refused = matches!(claim, Claim::Queued | Claim::Decided { .. });
        if !is_refused || !self.is(Mutation::ClaimUnconditional) {
            return Ok(claim);
        }
        let until_us = until.timestamp_micros();
        self.forge(format!("UPDATE notifications SET claim_until_us = {until_us} {}", row_of(key))).await?;
        let mark = LogMark { sequence: key.sequence, instance: key.instance };
        let notification = self.inner.notification_at(mark).await?;
        let claimed = notification.zip(self.inner.instance(key.instance).await?);
        Ok(claimed.map_or(Claim::Gone, |claimed| Claim::Yours(Box::new(claimed))))
    }

    pub(in super::super) async fn mutant_unclaim_attempt(
        &self,
        key: AttemptKey,
        until: DateTime<Utc>,
    ) -> Result<()> {
        if self.is(Mutation::UnclaimUnconditional) {
            return self
                .forge(format!("UPDATE notifications SET claim_until_us = NULL {}", row_of(key)))
                .await;
        }
        self.inner.unclaim_attempt(key, until).await
    }

    /// What the condition looks at is made so just before, without a moment in between.
    pub(in super::super) async fn mutant_finish_attempt(
        &self,
        key: AttemptKey,
        outcome: &AttemptOutcome,
    ) -> Result<Written> {
        if self.is(Mutation::FinishUnconditional) {
            let undecided =
                format!("UPDATE notifications SET progress = 'pending', attempt = {}", key.attempt);
            self.forge(format!("{undecided} {}", row_of(key))).await?;
        }
        self.inner.finish_attempt(key, outcome).await
    }

    /// The lease holds all the same: without it is another switch.
    pub(in super::super) async fn mutant_begin_release(
        &self,
        id: InstanceId,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Option<Subscription>> {
        if self.is(Mutation::ReleaseBeginUnconditional) {
            let (now_us, until_us) = (now.timestamp_micros(), until.timestamp_micros());
            self.forge(format!(
                "UPDATE subscriptions
                 SET status = 'releasing', generation = generation + 1, lease_until_us = {until_us}
                 WHERE instance_id = {} AND coalesce(lease_until_us, 0) <= {now_us}",
                id.get()
            ))
            .await?;
            let begun = self.inner.subscription(id).await?;
            return Ok(begun.filter(|begun| begun.lease_until == Some(until)));
        }
        let now = if self.is(Mutation::ReleaseLeaseOff) { late(now) } else { now };
        self.inner.begin_release(id, now, until).await
    }

    pub(in super::super) async fn mutant_pause_release(&self, id: InstanceId, generation: u64) -> Result<()> {
        if self.is(Mutation::ReleasePauseUnconditional) {
            let freed = "UPDATE subscriptions SET lease_until_us = NULL";
            return self.forge(format!("{freed} WHERE instance_id = {}", id.get())).await;
        }
        self.inner.pause_release(id, generation).await
    }

    pub(in super::super) async fn mutant_end_release(
        &self,
        id: InstanceId,
        generation: u64,
    ) -> Result<Written> {
        if self.is(Mutation::ReleaseEndUnconditional) {
            let ended = "UPDATE subscriptions SET status = 'active', reason = NULL, lease_until_us = NULL";
            self.forge(format!("{ended} WHERE instance_id = {}", id.get())).await?;
            return Ok(Written::Done);
        }
        self.inner.end_release(id, generation).await
    }
}

/// Names a notification's row.
fn row_of(key: AttemptKey) -> String {
    format!("WHERE instance_id = {} AND sequence = {}", key.instance.get(), key.sequence.0)
}
