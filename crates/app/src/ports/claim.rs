//! Who may attempt a delivery. The rules are the same for every store; the store makes them hold at once with
//! its write.

use super::{AttemptKey, Notification, Progress};
use chrono::{DateTime, Utc};
use domain::delivery::{Subscription, SubscriptionStatus};
use domain::instance::Instance;

/// Who asks for an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimant {
    /// A delivery job: only while the callback is active.
    Job,
    /// The release worker of this generation: only while the callback is releasing.
    Release { generation: u64 },
}

impl Claimant {
    /// Whether the callback takes anything from this claimant.
    pub fn may_deliver(self, instance: &Instance, subscription: &Subscription) -> bool {
        !instance.disabled
            && match self {
                Claimant::Job => subscription.status == SubscriptionStatus::Active,
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
pub struct Standing {
    /// How far the delivery is.
    pub progress: Progress,
    /// Number of the attempt that is next or under way.
    pub attempt: u32,
    /// When the next attempt is due.
    pub due_at: Option<DateTime<Utc>>,
    /// End of the present claim.
    pub claimed_until: Option<DateTime<Utc>>,
}

impl Standing {
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
