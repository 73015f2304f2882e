//! What the use cases need of the world. Adapters are in `local` and `aws`; those of the store, the vault and the queue
//! pass one conformance suite each.
//!
//! Every method may fail with [`PortError`]: the caller gives up its step and is run again. Everything that
//! a caller branches on is in the returned value.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::delivery::{Attempt, Reached, Subscription, Verdict};
use domain::ids::{EventId, InstanceId, NotificationName, Sequence};
use domain::instance::{Account, Instance};
use domain::schedule::Timetable;
use domain::state::ResourceState;
use domain::token::Session;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};

mod accounts;
mod administration;
mod audit;
mod claim;
mod error;
mod log;
mod poller;
mod user_sessions;

pub use accounts::{Accounts, User};
pub use administration::{Administration, Depth, Kept, Mark, Organization, Page, Redriven, Scheduled};
pub use audit::{AUDIT_DAYS, Actor, AuditEntry, AuditMark};
pub use claim::{Claim, Claimant, Standing};
pub use error::{PortError, Result};
pub use log::{LogLine, LogMark, LogPage, Numbered, OrganizationPage};
pub use poller::{PollEnded, Poller};
pub use user_sessions::{UserSession, UserSessions};

/// Keyed hash of a user secret, organization secret or instance token: what they are found by.
pub type LookupHash = [u8; 32];

/// Everything about an instance that a poll needs, read at once and strongly consistent.
#[derive(Debug, Clone)]
pub struct Mailbox {
    /// The instance as configured.
    pub instance: Instance,
    /// Access token, lease and back-off.
    pub session: Session,
    /// State of the callback.
    pub subscription: Subscription,
    /// Lease of the poll.
    pub poller: Poller,
    /// One for each polled resource, and for removed ones whose outbox is not empty.
    pub resources: Vec<ResourceRow>,
}

/// A resource's state and what is committed but not yet enqueued.
#[derive(Debug, Clone)]
pub struct ResourceRow {
    /// Position, memory and counters.
    pub state: ResourceState,
    /// Committed notifications whose jobs are not yet enqueued.
    pub outbox: Vec<Sequence>,
    /// The resource is no longer configured; the row goes when its outbox is empty.
    pub removed: bool,
}

/// A new instance with all its rows.
#[derive(Debug, Clone)]
pub struct NewInstance {
    /// The instance as configured.
    pub instance: Instance,
    /// Hash of its Element token.
    pub token_hash: LookupHash,
    /// The first session.
    pub session: Session,
    /// First state of each polled resource.
    pub states: Vec<ResourceState>,
    /// Noted with it.
    pub audit: AuditEntry,
}

/// A change to an instance row, and to its resources and callback with it.
#[derive(Debug, Clone)]
pub struct InstanceChange {
    /// The new row; its version is one more than the stored one must be.
    pub instance: Instance,
    /// Rows for resources that are new, or start again from a new baseline: they replace what is there,
    /// except for the outbox, which stays. Their `version` must be one more than the replaced row's.
    pub put_states: Vec<ResourceState>,
    /// Resources no longer configured: their rows go once the outbox is empty.
    pub remove_resources: Vec<String>,
    /// What to do with the callback.
    pub subscription: SubscriptionChange,
    /// A new session, after signing in again; its version is one more than the stored one must be.
    pub session: Option<Session>,
    /// Noted in the same write; `None` for what Carillon remembers for itself.
    pub audit: Option<AuditEntry>,
}

/// What a change of the instance does to its callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionChange {
    /// Nothing.
    Keep,
    /// Queue everything from now on, for this reason; generation goes up.
    Suspend(String),
    /// Begin to release what is queued (a release job must follow; polls start one if it got lost);
    /// generation goes up.
    Release,
}

/// How a conditional write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// Stored.
    Done,
    /// Somebody else was first: nothing was stored.
    Conflict,
    /// The instance is deleted, or was never there: nothing was stored.
    Gone,
}

/// New notifications and the new state of their resource, one transaction.
#[derive(Debug, Clone)]
pub struct PollCommit {
    /// The polled mailbox.
    pub instance: InstanceId,
    /// Whose instance it is.
    pub organization_id: u32,
    /// The new state; its version is one more than the stored one must be. The outbox is not part of it:
    /// the sequences of those `notifications` that are to be delivered are added to it.
    pub state: ResourceState,
    /// New notifications, in order of their sequence.
    pub notifications: Vec<NewNotification>,
}

/// A notification to store.
#[derive(Debug, Clone)]
pub struct NewNotification {
    /// Its place in the instance's commit order.
    pub sequence: Sequence,
    /// Id and number.
    pub name: NotificationName,
    /// Polled resource it belongs to.
    pub resource: String,
    /// Ids of its events, in order.
    pub events: Vec<EventId>,
    /// The exact bytes of every attempt.
    pub body: String,
    /// When it was committed.
    pub created_at: DateTime<Utc>,
    /// `false` for what only the event log shows: it is never delivered and expires at `expires_at`.
    pub deliver: bool,
    /// When retention ends; `None` while it must be kept.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A stored notification.
#[derive(Debug, Clone)]
pub struct Notification {
    /// The instance it belongs to.
    pub instance: InstanceId,
    /// Its place in the order of the instance.
    pub sequence: Sequence,
    /// Id and number.
    pub name: NotificationName,
    /// Polled resource it belongs to.
    pub resource: String,
    /// Ids of its events, in order.
    pub events: Vec<EventId>,
    /// The bytes that are signed and posted.
    pub body: String,
    /// When it was committed.
    pub created_at: DateTime<Utc>,
    /// How far its delivery is.
    pub progress: Progress,
    /// Number of the attempt that is next or under way, from 1 over the notification's life.
    pub attempt: u32,
    /// Attempts made before the present round of retries began.
    pub round_start: u32,
    /// When the next attempt is due, where one is.
    pub due_at: Option<DateTime<Utc>>,
    /// Attempts so far, oldest first.
    pub attempts: Vec<Attempt>,
    /// Of this round of delivery.
    pub reached: Reached,
    /// When retention ends; `None` until delivered or dropped.
    pub expires_at: Option<DateTime<Utc>>,
}

/// How far a notification is. A pending one of a callback that is not active is shown as queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Progress {
    Pending,
    Delivered,
    /// Never to be delivered: the instance was deleted.
    Dropped,
    /// Only for the log.
    Logged,
}

impl Progress {
    /// As it is stored.
    pub fn text(self) -> &'static str {
        match self {
            Progress::Pending => "pending",
            Progress::Delivered => "delivered",
            Progress::Dropped => "dropped",
            Progress::Logged => "logged",
        }
    }

    /// Back from [`Progress::text`].
    pub fn parse(text: &str) -> Option<Self> {
        [Progress::Pending, Progress::Delivered, Progress::Dropped, Progress::Logged]
            .into_iter()
            .find(|progress| progress.text() == text)
    }
}

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
}

/// Configuration, state, notifications. Reads are strongly consistent, those of an organization's log aside, which
/// may be some seconds behind.
#[async_trait]
pub trait Store: Send + Sync {
    /// Who these secrets belong to: the user's, and the organization's where it was given (it must match).
    async fn account(&self, user: &LookupHash, organization: Option<&LookupHash>) -> Result<Option<Account>>;

    /// Stores a new instance with all its rows; `Conflict` if the id is taken. The commit point of a creation.
    async fn insert_instance(&self, new: &NewInstance) -> Result<Written>;
    /// An instance, also a deleted one whose rows are still there.
    async fn instance(&self, id: InstanceId) -> Result<Option<Instance>>;
    /// The instance with this token, unless deleted.
    async fn instance_by_token(&self, token: &LookupHash) -> Result<Option<Instance>>;
    /// The instances of an organization that are not deleted, by id, after `after`.
    async fn instances(
        &self,
        organization_id: u32,
        after: Option<InstanceId>,
        limit: usize,
    ) -> Result<Vec<Instance>>;
    /// Everything a poll needs, in one read.
    async fn mailbox(&self, id: InstanceId) -> Result<Option<Mailbox>>;
    /// Changes an instance, conditional on its version and on not being deleted. With `deleted_at` set this
    /// is the deletion: from then on its token finds nothing and commits and claims answer `Gone`.
    async fn change_instance(&self, change: &InstanceChange) -> Result<Written>;
    /// Takes all marks out of `unsettled`, conditional on the stored version being that of this row; nothing else
    /// changes, the version neither. Where it is another one, what it implies is not known to be done: `Conflict`.
    async fn note_settled(&self, instance: &Instance) -> Result<Written>;
    /// Removes a deleted instance's rows, at most `limit` notifications a call, after counting the undelivered ones.
    /// Returns how many undelivered ones were dropped, and whether rows are left.
    async fn purge_instance(&self, id: InstanceId, limit: usize) -> Result<(u64, bool)>;

    /// Takes the right to refresh the token until `until`, conditional on the session's version and on nobody
    /// else holding it at `now`; the stored version goes up by one. `Conflict`: read again.
    async fn lease_session(
        &self,
        id: InstanceId,
        version: u64,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Written>;
    /// Stores a session, conditional on the stored version being one less than its own.
    async fn put_session(&self, id: InstanceId, session: &Session) -> Result<Written>;

    /// Takes the right to poll until `until`, conditional on the fence that was read and on nobody holding it at
    /// `now`: the fence goes up by one, and a mark is cleared. `Conflict`: read again.
    async fn begin_poll(
        &self,
        id: InstanceId,
        fence: u64,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Written>;
    /// Marks that another look is wanted, conditional on the lease of this fence being held at `now`.
    /// `Conflict`: it ended meanwhile.
    async fn ask_again(&self, id: InstanceId, fence: u64, now: DateTime<Utc>) -> Result<Written>;
    /// Gives the lease of this fence back, in one write with finding out whether somebody came meanwhile.
    async fn end_poll(&self, id: InstanceId, fence: u64) -> Result<PollEnded>;

    /// Stores a poll's notifications and state: all or nothing, conditional on the state's version, on the
    /// resource not being removed, on no sequence being taken by another notification of the instance, and on
    /// the instance not being deleted.
    async fn commit_poll(&self, commit: &PollCommit) -> Result<Written>;
    /// Takes exactly these sequences out of a resource's outbox; a removed resource's row goes with its last.
    async fn clear_outbox(&self, id: InstanceId, resource: &str, sequences: &[Sequence]) -> Result<()>;
    /// Which of these events the instance's event log holds.
    async fn logged_events(&self, id: InstanceId, events: &[EventId]) -> Result<HashSet<EventId>>;

    /// Claims an attempt until `until`. See [`Claim`]; an expired claim of another worker is taken over.
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
    /// Stores the outcome of a claimed attempt in one write: `Retry` makes the next attempt number due;
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

    /// The callback's state.
    async fn subscription(&self, id: InstanceId) -> Result<Option<Subscription>>;
    /// Takes the release worker's right until `until`: suspended or releasing with no lease at `now` becomes
    /// releasing under a new generation, each pending notification counting a new round. `None`: active,
    /// leased, disabled or gone.
    async fn begin_release(
        &self,
        id: InstanceId,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Option<Subscription>>;
    /// The lowest pending notification in commit order, for a release.
    async fn next_queued(&self, id: InstanceId) -> Result<Option<Notification>>;
    /// Ends a release of this generation: `active` if nothing is pending (then `Done`), else `Conflict` and
    /// nothing changes.
    async fn end_release(&self, id: InstanceId, generation: u64) -> Result<Written>;
    /// Hands a release of this generation back: it goes on with whoever begins next. Nothing happens if the
    /// generation is older.
    async fn pause_release(&self, id: InstanceId, generation: u64) -> Result<()>;

    /// A page of an instance's notifications, newest first.
    async fn notifications(&self, id: InstanceId, page: LogPage) -> Result<Vec<Notification>>;
    /// One notification by `message.eventId`.
    async fn notification(&self, id: InstanceId, event_id: &str) -> Result<Option<Notification>>;
    /// One notification of any instance of an organization by `message.eventId`.
    async fn notification_of(&self, organization_id: u32, event_id: &str) -> Result<Option<Notification>>;
    /// Where the newest notification of an organization is that has this number.
    async fn notification_numbered(&self, organization_id: u32, number: u64) -> Result<Numbered>;
    /// One notification by its place.
    async fn notification_at(&self, mark: LogMark) -> Result<Option<Notification>>;
    /// A page of what an organization's instances have notified.
    async fn organization_log(&self, organization_id: u32, page: OrganizationPage) -> Result<Vec<LogLine>>;
}

/// An instance's secrets by configuration key. Never to be printed.
pub type Secrets = BTreeMap<String, String>;

/// Secrets, apart from everything else.
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
#[async_trait]
pub trait Schedule: Send + Sync {
    /// Creates or changes an instance's schedule.
    async fn put(&self, id: InstanceId, timetable: Timetable, enabled: bool) -> Result<()>;
    /// Removes it; fine if it is not there.
    async fn remove(&self, id: InstanceId) -> Result<()>;
}

/// Work for later or for another worker. Delivered at least once, each instance in its own lane.
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
}

impl Job {
    /// The instance it is for.
    pub fn instance(&self) -> InstanceId {
        match self {
            Job::Deliver(key) => key.instance,
            Job::Poll(id) | Job::Release(id) | Job::Purge(id) => *id,
            Job::Settle { instance, .. } => *instance,
        }
    }
}

/// Takes jobs.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Enqueues jobs, each due at its time or soon after. A host may join a job with the same one that waits
    /// already: then the earlier time counts.
    async fn send(&self, jobs: &[(Job, DateTime<Utc>)]) -> Result<()>;
}

/// Takes notifications for subscribers inside the host's cloud.
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
