//! Pages and lines of event logs.

use super::{Notification, Progress, Result, Rows};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::event::ChangeKind;
use domain::ids::{InstanceId, Sequence};

/// One page of the event log.
#[derive(Debug, Clone, Copy)]
pub struct LogPage {
    /// Only what was committed before this.
    pub before: Option<Sequence>,
    /// Maximum lines.
    pub limit: usize,
    /// Only what is pending, oldest first and after `before`, as a release would take it.
    pub pending_only: bool,
}

/// A place in the log of an organization, which is ordered by sequence, then by instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogMark {
    /// The notification.
    pub sequence: Sequence,
    /// The instance.
    pub instance: InstanceId,
}

/// A stretch of an organization's log, newest first.
#[derive(Debug, Clone, Copy)]
pub struct OrganizationPage {
    /// Only what comes before this.
    pub before: Option<LogMark>,
    /// Nothing with a lower sequence.
    pub from: Option<Sequence>,
    /// Maximum lines.
    pub limit: usize,
}

/// What a log is searched along: but for all of it, each has an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogKey {
    /// All of it.
    All,
    /// How far the delivery is.
    Progress(Progress),
    /// An object that its events name, by the id that they name it by.
    Object(String),
}

/// What else is asked for of what is found. A store passes over what it can tell to be something else without reading a
/// body; whoever asked looks at the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogWish {
    /// The polled resource.
    pub resource: Option<String>,
    /// A kind that an event has.
    pub kind: Option<ChangeKind>,
    /// A part of what a record is called, in small letters.
    pub subject: Option<String>,
}

/// A stretch of a search, newest first.
#[derive(Debug, Clone)]
pub struct LogSearch {
    /// What all of it has.
    pub by: LogKey,
    /// What is wished for of that.
    pub wish: LogWish,
    /// Only what this instance has.
    pub instance: Option<InstanceId>,
    /// Only what comes before this.
    pub before: Option<LogMark>,
    /// Nothing with a lower sequence.
    pub from: Option<Sequence>,
    /// Maximum marks.
    pub limit: usize,
    /// Maximum notifications of which is looked at more than the index has.
    pub looks_count_max: usize,
}

/// What a stretch of a search found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogMatches {
    /// Newest first. A moment later one may have moved on.
    pub marks: Vec<LogMark>,
    /// How far was looked, where there may be more behind.
    pub end: Option<LogMark>,
    /// Notifications that were looked at, those found among them.
    pub looked_count: usize,
    /// Entries of the index that can't be read, as [`Rows`] counts them.
    pub unreadable_count: usize,
}

/// What of a notification is in its body alone, in short: searches that read it read no body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gist {
    /// Kinds of its events, each once.
    pub kinds: Vec<ChangeKind>,
    /// What its records are called, in small letters, with line ends between them; `None` where that is too long to be
    /// kept twice.
    pub subjects: Option<String>,
}

/// Events of an account's living instances in a minute, by how far their delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// When the minute begins.
    pub at: DateTime<Utc>,
    /// Whose.
    pub account_id: u32,
    /// Delivered.
    pub delivered_count: u64,
    /// Not delivered yet, or dropped.
    pub open_count: u64,
}

/// A notification of an organization's log, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLine {
    /// Its place in the log.
    pub mark: LogMark,
    /// `id` of the callback body.
    pub number: u64,
    /// How far its delivery is.
    pub progress: Progress,
    /// Events in it.
    pub events_count: u32,
}

/// The outcome of looking for a notification by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbered {
    /// It stands here.
    Found(LogMark),
    /// There is none.
    NotThere,
    /// It is none that numbers lead to. Those that were stored before they did are found in the log alone.
    Unknown,
}

/// Notifications read by their places at once: with the largest bodies they are 50 MB.
pub const MARKS_COUNT_MAX: usize = 500;

/// The event log of one instance.
///
/// # Errors
/// [`PortError`](super::PortError): nothing happened, or a repeat does no harm.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// A page of an instance's notifications, newest first.
    async fn notifications(&self, id: InstanceId, page: LogPage) -> Result<Rows<Notification>>;
    /// One notification by `message.eventId`.
    async fn notification(&self, id: InstanceId, event_id: &str) -> Result<Option<Notification>>;
}

/// The event log of an organization. Reads may be some seconds behind.
///
/// # Errors
/// [`PortError`](super::PortError): nothing happened, or a repeat does no harm.
#[async_trait]
pub trait OrganizationLog: Send + Sync {
    /// One notification of any instance of an organization by `message.eventId`.
    async fn notification_of(&self, organization_id: u32, event_id: &str) -> Result<Option<Notification>>;
    /// Where the newest notification of an organization is that has this number.
    async fn notification_numbered(&self, organization_id: u32, number: u64) -> Result<Numbered>;
    /// One notification by its place.
    async fn notification_at(&self, mark: LogMark) -> Result<Option<Notification>>;
    /// Those of these places that are there, in the same order; at most [`MARKS_COUNT_MAX`].
    async fn notifications_at(&self, marks: &[LogMark]) -> Result<Rows<Notification>>;
    /// Where the notifications of an organization stand that a search is for, without those of deleted instances.
    async fn search_log(&self, organization_id: u32, search: &LogSearch) -> Result<LogMatches>;
    /// How many events an organization's instances had, by minute and account, from one minute to before another; `None`
    /// where the host keeps no count, and whoever asks counts lines.
    async fn tallies(
        &self,
        organization_id: u32,
        range: (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<Option<Vec<Tally>>>;
    /// A page of what an organization's instances have notified.
    async fn organization_log(&self, organization_id: u32, page: OrganizationPage) -> Result<Rows<LogLine>>;
}
