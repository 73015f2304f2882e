//! What the use cases need of the world. Adapters are in `local` and `aws`; those of the store, the vault and the queue
//! pass one conformance suite each.
//!
//! Every method may fail with [`PortError`]: the caller gives up its step and is run again. Everything that
//! a caller branches on is in the returned value.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::bulk::BulkId;
use domain::health_ledger::HealthEventId;
use domain::ids::InstanceId;
use domain::push::Hint;
use domain::schedule::Timetable;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

mod accounts;
mod administration;
mod applications;
mod attempts;
mod audit;
mod bulks;
mod callers;
mod error;
mod health_events;
mod instances;
mod log;
mod notification;
mod poller;
mod polls;
mod push;
mod release;
mod rows;
mod sessions;
mod sign_in_links;
mod spans;
mod user_sessions;
mod written;

pub use accounts::{Accounts, Counted, User};
pub use administration::{
    Administration, Depth, HostPage, ListingMark, Organization, OwnedItem, Redriven, Scheduled,
};
pub use applications::{Applications, StoredApplication};
pub use attempts::{AttemptKey, AttemptOutcome, AttemptState, Attempts, Claim, Claimant};
pub use audit::{AUDIT_DAYS, Actor, AuditEntry, AuditMark};
pub use bulks::Bulks;
pub use callers::Callers;
pub use error::{PortError, Result, UnreadableRow};
pub use health_events::HealthEvents;
pub use instances::{
    FleetPage, FleetRow, InstanceChange, Instances, NewInstance, SubscriptionChange, WAITING_COUNT_MAX,
};
pub use log::{
    EventLog, Gist, LogKey, LogLine, LogMark, LogMatches, LogPage, LogSearch, LogWish, MARKS_COUNT_MAX,
    Numbered, OrganizationLog, OrganizationPage, Tally,
};
pub use notification::{Notification, Progress};
pub use poller::{PollEnded, Poller, Pollers};
pub use polls::{Mailbox, NewNotification, PollCommit, Polls, ResourceRow};
pub use push::PushStates;
pub use release::Releases;
pub use rows::Rows;
pub use sessions::Sessions;
pub use sign_in_links::SignInLinks;
pub use spans::Spans;
pub use user_sessions::{UserSession, UserSessions};
pub use written::Written;

/// Keyed hash of a user secret, organization secret or instance token: what they are found by.
pub type LookupHash = [u8; 32];

/// All that is stored of instances: one place keeps it, so that a transaction can span it. Use cases each call their
/// part; reads are strongly consistent where nothing else is said.
pub trait Store:
    Callers
    + Instances
    + Sessions
    + Pollers
    + Polls
    + Attempts
    + Releases
    + EventLog
    + OrganizationLog
    + PushStates
    + Applications
    + Bulks
    + SignInLinks
    + HealthEvents
{
}

impl<T> Store for T where
    T: Callers
        + Instances
        + Sessions
        + Pollers
        + Polls
        + Attempts
        + Releases
        + EventLog
        + OrganizationLog
        + PushStates
        + Applications
        + Bulks
        + SignInLinks
        + HealthEvents
{
}

/// An instance's secrets by configuration key. Never to be printed.
pub type Secrets = BTreeMap<String, String>;

/// Secrets, apart from everything else.
///
/// # Errors
/// [`PortError`]: nothing happened, or a repeat does no harm.
#[async_trait]
pub trait Vault: Send + Sync {
    /// The secrets and their version.
    async fn read(&self, id: InstanceId) -> Result<Option<(Secrets, u64)>>;
    /// Stores secrets, conditional on the stored version being one less (nothing stored: 0).
    async fn write(&self, id: InstanceId, secrets: &Secrets, version: u64) -> Result<Written>;
    /// Removes them; fine if they are not there.
    async fn remove(&self, id: InstanceId) -> Result<()>;
}

/// Starts polls.
///
/// # Errors
/// [`PortError`]: nothing happened, or a repeat does no harm.
#[async_trait]
pub trait Schedule: Send + Sync {
    /// Creates or changes an instance's schedule.
    async fn put(&self, id: InstanceId, timetable: Timetable, enabled: bool) -> Result<()>;
    /// Removes it; fine if it is not there.
    async fn remove(&self, id: InstanceId) -> Result<()>;
}

/// Work for later or for another worker. Delivered at least once, each instance in its own lane, and the bulk actions of
/// an organization in one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Job {
    /// One attempt of one notification.
    Deliver(AttemptKey),
    /// A poll beside the schedule: unfinished work, the end of a back-off, a baseline.
    Poll(InstanceId),
    /// Deliver what is queued.
    Release(InstanceId),
    /// Remove what a deletion left.
    Purge(InstanceId),
    /// See to it that schedule and jobs are as the instance's row says, and remove what has no row. Enqueued, delayed,
    /// before a row is written, so that a row never stands alone.
    Settle {
        instance: InstanceId,
        /// When that was: no two changes wait as one, and how long it has been tried already.
        since: DateTime<Utc>,
    },
    /// A poll that a provider's notice asks for.
    Hinted { instance: InstanceId, hint: Hint },
    /// The next step of a bulk action.
    Bulk { organization_id: u32, id: BulkId },
    /// The next attempt of a health event.
    Tell {
        organization_id: u32,
        /// Whose callback it goes to; `None`: the organization's address.
        instance: Option<InstanceId>,
        id: HealthEventId,
    },
}

impl Job {
    /// The instance it is for; a bulk action and a health event may be for many.
    pub fn instance(&self) -> Option<InstanceId> {
        match self {
            Job::Deliver(key) => Some(key.instance),
            Job::Poll(id) | Job::Release(id) | Job::Purge(id) => Some(*id),
            Job::Settle { instance, .. } | Job::Hinted { instance, .. } => Some(*instance),
            Job::Bulk { .. } | Job::Tell { .. } => None,
        }
    }
}

/// Takes jobs.
///
/// # Errors
/// [`PortError`]: nothing happened, or a repeat does no harm.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Enqueues jobs, each due at its time or soon after. A host may join a job with the same one that waits
    /// already: then the earlier time counts.
    async fn send(&self, jobs: &[(Job, DateTime<Utc>)]) -> Result<()>;

    /// The same for what has to take turns with all else of its organization that is sent so: releases and the rest of polls, of
    /// which a mailbox has one at a time, and attempts at callbacks that failed or are slow. A host whose queue has lanes of its
    /// own needs no telling.
    async fn send_in_turn(&self, organization_id: u32, jobs: &[(Job, DateTime<Utc>)]) -> Result<()> {
        let _ = organization_id;
        self.send(jobs).await
    }
}

/// The places for deliveries of a host whose queue is in its process: a first attempt that finds one needs no stored job.
#[async_trait]
pub trait Places: Send + Sync {
    /// Whether there are so many free for an instance at this moment, of which nothing waits.
    async fn are_free(&self, organization_id: u32, instance: InstanceId, count: usize) -> bool;
    /// Begins these first attempts of one instance as jobs, all of them or none; they are claimed until then. Their outbox
    /// names them until they end.
    async fn begin(
        &self,
        organization_id: u32,
        attempts: &[AttemptKey],
        claimed_until: DateTime<Utc>,
    ) -> bool;
    /// Until when an attempt is claimed that was begun so and has not ended; `None` for any other.
    async fn begun(&self, attempt: AttemptKey) -> Option<DateTime<Utc>>;
}

/// Takes notifications for subscribers inside the host's cloud.
///
/// # Errors
/// [`PortError`]: nothing happened, or a repeat does no harm.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Publishes a notification; it may come twice.
    async fn publish(&self, notification: &Notification) -> Result<()>;
}

/// Time.
#[async_trait]
pub trait Clock: Send + Sync {
    fn now(&self) -> DateTime<Utc>;
    /// Waits; for waits of at most a few seconds.
    async fn sleep(&self, duration: std::time::Duration);
}

/// Randomness for ids and tokens.
pub trait Entropy: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);
}

pub use connectors::Http;
