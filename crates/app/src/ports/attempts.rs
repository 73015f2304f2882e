//! Who may attempt a delivery. The rules are the same for every store; the store makes them hold at once with
//! its write.

use super::{Notification, Progress, Result, Written};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::delivery::{Attempt, Reached, Subscription, SubscriptionStatus, Verdict};
use domain::ids::{InstanceId, Sequence};
use domain::instance::Instance;
use serde::{Deserialize, Serialize};

/// Names one attempt of one notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AttemptKey {
    /// The instance.
    pub instance: InstanceId,
    /// The notification.
    pub sequence: Sequence,
    /// Number of the attempt, from 1.
    pub attempt: u32,
}

/// How a claimed attempt ended.
#[derive(Debug, Clone)]
pub struct AttemptOutcome {
    /// Who had claimed it.
    pub by: Claimant,
    /// What was tried and what came back.
    pub attempt: Attempt,
    /// What follows from it.
    pub verdict: Verdict,
    /// With what earlier attempts reached.
    pub reached: Reached,
    /// Why the subscription is suspended, where the verdict says so.
    pub reason: Option<String>,
    /// When a delivered notification expires.
    pub expires_at: DateTime<Utc>,
    /// Its outbox names it still: where the host can, a delivered one leaves it in the same write.
    pub in_outbox: bool,
}

/// Who asks for an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimant {
    /// A delivery job: only while the callback is active.
    Job,
    /// Who committed the notification, with the claim that it was committed with: also only while the callback is active.
    /// What it asks for until another time is a new claim.
    Committer,
    /// The release worker of this generation: only while the callback is releasing.
    Release { generation: u64 },
}

impl Claimant {
    /// Whether the callback takes anything from this claimant.
    pub fn may_deliver(self, instance: &Instance, subscription: &Subscription) -> bool {
        !instance.disabled
            && match self {
                Claimant::Job | Claimant::Committer => subscription.status == SubscriptionStatus::Active,
                Claimant::Release { generation } => {
                    subscription.status == SubscriptionStatus::Releasing
                        && subscription.generation == generation
                }
            }
    }
}

/// The answer to a claim.
#[derive(Debug, Clone)]
pub enum Claim {
    /// The attempt is the caller's until the time it asked for.
    Yours(Box<(Notification, Instance)>),
    /// Another worker has it, until then.
    Busy { until: DateTime<Utc> },
    /// The attempt is decided; the next one, if any, with its due time.
    Decided { next: Option<(u32, DateTime<Utc>)> },
    /// The callback takes nothing now: the notification stays queued, and a later release is sure to see it.
    Queued,
    /// The instance or the notification is gone.
    Gone,
}

/// Where a notification's attempts stand.
#[derive(Debug, Clone, Copy)]
pub struct AttemptState {
    /// How far the delivery is.
    pub progress: Progress,
    /// Number of the attempt that is next or under way.
    pub attempt: u32,
    /// When the next attempt is due.
    pub due_at: Option<DateTime<Utc>>,
    /// End of the present claim.
    pub claimed_until: Option<DateTime<Utc>>,
}

impl AttemptState {
    /// Whether the claim that somebody asks for is the one that was committed with the notification.
    pub fn is_claimed(&self, key: AttemptKey, by: Claimant, until: DateTime<Utc>) -> bool {
        let is_until = |claimed: DateTime<Utc>| claimed.timestamp_micros() == until.timestamp_micros();
        by == Claimant::Committer && self.attempt == key.attempt && self.claimed_until.is_some_and(is_until)
    }

    /// Why the notification itself stands against a claim of this attempt; `None` if it does not.
    pub fn refusal(&self, key: AttemptKey, now: DateTime<Utc>) -> Option<Claim> {
        if self.progress != Progress::Pending {
            return Some(Claim::Decided { next: None });
        }
        if self.attempt != key.attempt {
            return Some(Claim::Decided { next: self.due_at.map(|due_at| (self.attempt, due_at)) });
        }
        let until = self.claimed_until.filter(|until| now < *until)?;
        Some(Claim::Busy { until })
    }
}

/// Attempts to deliver a notification.
///
/// # Errors
/// [`PortError`](super::PortError): nothing happened, or a repeat does no harm.
#[async_trait]
pub trait Attempts: Send + Sync {
    /// Claims an attempt until `until`. See [`Claim`]; an expired claim of another worker is taken over. To
    /// [`Claimant::Committer`] the claim of its commit is granted as it stands; if the answer is `Queued`, it is given back.
    async fn claim_attempt(
        &self,
        key: AttemptKey,
        by: Claimant,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Claim>;
    /// Gives back a claim that was made until then, of which nothing was posted: the attempt can be claimed again at
    /// once. Nothing happens to a later claim.
    async fn unclaim_attempt(&self, key: AttemptKey, until: DateTime<Utc>) -> Result<()>;
    /// `Suspend` leaves the notification pending with the next attempt number and no due time, and suspends
    /// the subscription (generation goes up) unless it is already. `Conflict`: it was decided before.
    async fn finish_attempt(&self, key: AttemptKey, outcome: &AttemptOutcome) -> Result<Written>;
    /// Makes a notification that is delivered or pending due at once, to all its destinations: a new round of
    /// retries. Returns the
    /// attempt to enqueue; `None` if it is gone, dropped or only logged.
    async fn reopen(
        &self,
        id: InstanceId,
        sequence: Sequence,
        now: DateTime<Utc>,
    ) -> Result<Option<AttemptKey>>;
}
