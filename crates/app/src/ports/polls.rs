//! What a poll needs, and what it stores.

use super::{Gist, Poller, Result, Written};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::annex::AnnexPart;
use domain::delivery::Subscription;
use domain::ids::{EventId, InstanceId, NotificationName, Sequence};
use domain::instance::Instance;
use domain::life::Sighting;
use domain::state::ResourceState;
use domain::token::Session;
use std::collections::HashSet;

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
    /// Committed notifications whose jobs are not yet enqueued, and those that were delivered without one since the state was
    /// last written.
    pub outbox: Vec<Sequence>,
    /// The resource is no longer configured; the row goes when its outbox is empty.
    pub removed: bool,
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
    /// Parts of the resource's annex that replace those of the same names; at most
    /// [`ANNEX_PARTS_COUNT_MAX`](domain::annex::ANNEX_PARTS_COUNT_MAX).
    pub annex: Vec<AnnexPart>,
    /// What the outbox, as it was read with the state, names of what was delivered ([`Polls::delivered`]): it goes with this
    /// write. Whatever else it named then was enqueued and cleared before.
    pub told: Vec<Sequence>,
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
    /// Ids of the objects that they are about, each once: the log is searched by them.
    pub objects: Vec<String>,
    /// What else the log is searched by; `None` where it is not known.
    pub gist: Option<Gist>,
    /// The exact bytes of every attempt.
    pub body: String,
    /// When it was committed.
    pub created_at: DateTime<Utc>,
    /// How its changes were found; `None` for what reports no change.
    pub sighting: Option<Sighting>,
    /// `false` for what only the event log shows: it is never delivered and expires at `expires_at`.
    pub deliver: bool,
    /// When retention ends; `None` while it must be kept.
    pub expires_at: Option<DateTime<Utc>>,
    /// Until when its first attempt is claimed by who commits it ([`Claimant::Committer`](super::Claimant)); `None` leaves
    /// it to a job.
    pub claimed_until: Option<DateTime<Utc>>,
}

/// What a poll reads and commits.
///
/// # Errors
/// [`PortError`](super::PortError): nothing happened, or a repeat does no harm.
#[async_trait]
pub trait Polls: Send + Sync {
    /// Everything a poll needs, in one read.
    async fn mailbox(&self, id: InstanceId) -> Result<Option<Mailbox>>;
    /// Parts of a resource's annex, in the order of their names. They belong to the state of the last commit: what a later
    /// one needs is not taken from parts that were read beside an older state.
    async fn annex(&self, id: InstanceId, resource: &str, names: &[String]) -> Result<Vec<Option<String>>>;
    /// Stores a poll's notifications, annex and state: all or nothing, conditional on the state's version, on the
    /// resource not being removed, on no sequence being taken by another notification of the instance, and on
    /// the instance not being deleted.
    async fn commit_poll(&self, commit: &PollCommit) -> Result<Written>;
    /// Takes exactly these sequences out of a resource's outbox; a removed resource's row goes with its last.
    async fn clear_outbox(&self, id: InstanceId, resource: &str, sequences: &[Sequence]) -> Result<()>;
    /// Which of these notifications were delivered, and need no job. One that is not known to be is none of them.
    async fn delivered(&self, id: InstanceId, sequences: &[Sequence]) -> Result<Vec<Sequence>>;
    /// Which of these events the instance's event log holds.
    async fn logged_events(&self, id: InstanceId, events: &[EventId]) -> Result<HashSet<EventId>>;
}
