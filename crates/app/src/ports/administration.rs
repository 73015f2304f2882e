//! What administration needs of a host, beside the ports that everything else uses. It looks at the host as a
//! whole; what it finds is mended through the other ports.

use super::{Job, Result};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::ids::InstanceId;
use serde::Serialize;

/// A stretch of a listing, in whatever order the host lists. It may be empty although more follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPage<T> {
    /// Rows of this page.
    pub items: Vec<T>,
    /// Where the listing goes on; `None` at its end.
    pub next: Option<ListingMark>,
}

/// A place in a listing: the host's own text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingMark(pub String);

/// Something of an instance that is kept apart from its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnedItem {
    /// The instance it belongs to.
    pub instance: InstanceId,
    /// When it was made; `None` where the host does not note it.
    pub made_at: Option<DateTime<Utc>>,
}

/// What a schedule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scheduled {
    /// Time between two polls.
    pub interval_s: u32,
    /// Whether it fires.
    pub is_enabled: bool,
    /// Whether any of it is as the host made it before it was set otherwise: mending, or a poll by it, makes it anew.
    pub is_former: bool,
}

/// An organization, as a listing shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Organization {
    /// Number of the organization.
    pub id: u32,
    /// Users in it.
    pub users_count: u64,
}

/// How much is in a queue. Numbers may be approximate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Depth {
    /// The host's name of it.
    pub queue: String,
    /// Jobs that are due; in a queue of dead jobs, all.
    pub waiting_count: u64,
    /// Jobs that are due later.
    pub delayed_count: u64,
    /// Jobs that a worker has; `None` where they are counted as waiting.
    pub under_way_count: Option<u64>,
    /// Since when the oldest is due, or dead; `None` if there is none or the host can't tell.
    pub oldest_at: Option<DateTime<Utc>>,
}

/// What became of dead jobs that were to be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Redriven {
    /// Sent to their queues, then taken out of the dead ones.
    pub sent_count: u64,
    /// Not jobs of this program: left where they are.
    pub unreadable_count: u64,
    /// There may be more.
    pub is_more: bool,
}

/// A host as a whole, seen by its operator. Listings are paged and never scan; a page is bounded by the host.
///
/// # Errors
/// [`PortError`](super::PortError): nothing happened, or a repeat does no harm.
#[async_trait]
pub trait Administration: Send + Sync {
    /// Every instance that has an instance row, of whatever organization, also a deleted one.
    async fn instances(&self, from: Option<&ListingMark>) -> Result<HostPage<InstanceId>>;
    /// Every schedule of an instance.
    async fn schedules(&self, from: Option<&ListingMark>) -> Result<HostPage<OwnedItem>>;
    /// Every instance's secrets, where they are kept apart from its rows.
    async fn secrets(&self, from: Option<&ListingMark>) -> Result<HostPage<OwnedItem>>;

    /// An instance's schedule.
    async fn schedule(&self, id: InstanceId) -> Result<Option<Scheduled>>;
    /// An instance's notifications that are neither delivered nor dropped.
    async fn undelivered_count(&self, id: InstanceId) -> Result<u64>;
    /// Whether this job waits or is under way, or, of those that settle an instance, any; `None` where a queue can't be
    /// asked.
    async fn holds(&self, job: &Job) -> Result<Option<bool>>;

    /// How much is in each queue, that of the dead jobs among them.
    async fn depths(&self, now: DateTime<Utc>) -> Result<Vec<Depth>>;
    /// Sends at most `limit` dead jobs again, due at `now`: each is in its queue before it is taken out of the
    /// dead ones, so that a crash doubles a job and loses none.
    async fn redrive(&self, limit: usize, now: DateTime<Utc>) -> Result<Redriven>;
}
