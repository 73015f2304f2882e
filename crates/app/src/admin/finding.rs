//! What a check finds, in types and in words.

use chrono::{DateTime, SecondsFormat, Utc};
use domain::ids::InstanceId;
use serde::Serialize;
use std::fmt;

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    /// A schedule without an instance: a creation that did not finish.
    OrphanedSchedule,
    /// Secrets without an instance: the same.
    OrphanedSecret,
    /// The instance is to be polled and has no schedule.
    ScheduleMissing,
    /// The instance is to be polled and its schedule is off.
    ScheduleOff,
    /// The instance is not to be polled and its schedule is on.
    ScheduleOn,
    /// The schedule has another interval than the configuration.
    WrongInterval { stored_s: u32, wanted_s: u32 },
    /// Its schedule is as the host made it before it was set otherwise.
    FormerSchedule,
    /// The instance was changed, and what that implies was not settled: a poll that was to be enqueued, perhaps.
    ChangeUnsettled,
    /// The instance is deleted and its rows are still there.
    DeletionUnfinished,
    /// Notifications are committed and not enqueued, and no poll is about to do it.
    OutboxNotFlushed { count: usize },
    /// A release that no worker is on.
    ReleaseAbandoned,
    /// Notifications that are to be delivered and have no job for it.
    DeliveriesLost { count: usize },
    /// Notifications that wait for a release. For the owner to decide.
    Queued { count: u64, reason: String },
    /// A resource that was not read for long. For the operator to look into.
    Frozen { resource: String, last_success_at: DateTime<Utc>, last_error: Option<String> },
    /// The instance could not be examined: a row of it can't be read, or the log has the cause.
    Unreadable { error: String },
}

impl Finding {
    /// Whether a crash leaves this, and mending sets it right; anything else is only shown.
    pub fn is_mendable(&self) -> bool {
        !matches!(self, Finding::Queued { .. } | Finding::Frozen { .. } | Finding::Unreadable { .. })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::OrphanedSchedule => f.write_str("a schedule without an instance"),
            Finding::OrphanedSecret => f.write_str("secrets without an instance"),
            Finding::ScheduleMissing => f.write_str("its schedule is missing"),
            Finding::ScheduleOff => f.write_str("its schedule is off, but it should be polled"),
            Finding::ScheduleOn => f.write_str("its schedule is on, but it should not be polled"),
            Finding::WrongInterval { stored_s, wanted_s } => {
                write!(f, "its schedule says every {stored_s} s, its configuration every {wanted_s} s")
            }
            Finding::FormerSchedule => f.write_str("its schedule is as before the host was set otherwise"),
            Finding::ChangeUnsettled => f.write_str("its last change was not settled"),
            Finding::DeletionUnfinished => f.write_str("its deletion did not finish"),
            Finding::OutboxNotFlushed { count } => write!(f, "{count} committed but not enqueued"),
            Finding::ReleaseAbandoned => f.write_str("its release has stalled"),
            Finding::DeliveriesLost { count } => write!(f, "{count} to be delivered, without a job"),
            Finding::Queued { count, reason } => write!(f, "{count} queued: {reason}"),
            Finding::Frozen { resource, last_success_at, last_error } => {
                let since = last_success_at.to_rfc3339_opts(SecondsFormat::Secs, true);
                write!(f, "`{resource}` was last read at {since}")?;
                last_error.as_ref().map_or(Ok(()), |error| write!(f, ": {error}"))
            }
            Finding::Unreadable { error } => write!(f, "failed: {error}"),
        }
    }
}

/// The outcome of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing was done.
    Shown,
    /// Mended, or enqueued to be mended.
    Mended,
    /// So young that a living process may be at it: left alone. What a crash left is still there later.
    MayBeUnderWay,
    /// Could not be mended; the log has the cause.
    Failed,
}

/// A finding, of which instance, and its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingReport {
    /// The instance it is about.
    pub instance: InstanceId,
    /// What is wrong.
    #[serde(flatten)]
    pub finding: Finding,
    /// What became of it.
    pub outcome: Outcome,
}
