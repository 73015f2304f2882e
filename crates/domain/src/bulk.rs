//! One action on many instances: what was asked for, how far it is, and what became of each.

use crate::ids::InstanceId;
use crate::instance::Account;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Instances that one action is about: what an organization has in one process, and what one row lists in 40 kB.
pub const INSTANCES_COUNT_MAX: usize = 10_000;
/// Notifications that one action delivers again: each is an attempt and some writes.
pub const RETRIES_COUNT_MAX: u64 = 10_000;
/// Actions of one organization that run at once.
pub const RUNNING_COUNT_MAX: u32 = 5;
/// Kept after its end, days.
pub const KEPT_DAYS: i64 = 7;
/// Given up after so long, hours: something else is wrong by then.
const HOURS_MAX: i64 = 24;
/// Single outcomes that are kept beside the numbers; the others are counted by their reason.
pub const NOTES_COUNT_MAX: usize = 50;
/// Reasons that are counted each; what comes later is counted together.
const REASONS_COUNT_MAX: usize = 20;
/// Longest reason, characters.
const REASON_CHARS_MAX: usize = 160;
const OTHER_REASONS: &str = "other reasons";

/// Names a bulk action within its organization, and orders them by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BulkId(u64);

impl BulkId {
    /// Later ones are greater; the random bits tell those of one millisecond apart.
    pub fn new(at: DateTime<Utc>, random: u16) -> Self {
        let ms = u64::try_from(at.timestamp_millis()).unwrap_or(0);
        BulkId((ms << 16) | u64::from(random))
    }

    /// Back from its text of 16 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let is_id = text.len() == 16 && text.bytes().all(is_digit);
        is_id.then(|| u64::from_str_radix(text, 16).ok().map(BulkId)).flatten()
    }

    /// As stores keep it.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl std::fmt::Display for BulkId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What is done to each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum BulkAction {
    /// Switch it on.
    Enable,
    /// Switch it off.
    Disable,
    /// Delete it.
    Delete,
    /// Add and take away tags.
    Tag {
        /// To be there afterwards.
        add: Vec<String>,
        /// Not to be there afterwards.
        remove: Vec<String>,
    },
    /// Deliver all that is queued for it, where something of a window is.
    Release {
        /// Its beginning; `None`: however old.
        from: Option<DateTime<Utc>>,
        /// Its end, which is not part of it; `None`: however young.
        to: Option<DateTime<Utc>>,
    },
    /// Deliver again what was committed in a window.
    Retry {
        /// Its beginning.
        from: DateTime<Utc>,
        /// Its end, which is not part of it.
        to: DateTime<Utc>,
        /// What is delivered again.
        of: BTreeSet<RetryKind>,
    },
    /// Read a window of the past again.
    Backfill {
        /// Its beginning.
        from: DateTime<Utc>,
        /// Its end.
        to: DateTime<Utc>,
        /// Configured names; empty: all that can be read by time.
        resources: Vec<String>,
    },
}

impl BulkAction {
    /// As it is written.
    pub fn text(&self) -> &'static str {
        match self {
            BulkAction::Enable => "enable",
            BulkAction::Disable => "disable",
            BulkAction::Delete => "delete",
            BulkAction::Tag { .. } => "tag",
            BulkAction::Release { .. } => "release",
            BulkAction::Retry { .. } => "retry",
            BulkAction::Backfill { .. } => "backfill",
        }
    }
}

/// Which notifications are delivered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RetryKind {
    /// Those that the receiver took.
    Delivered,
    /// Those that it did not take yet, and that are not queued.
    Undelivered,
}

/// How a bulk action is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BulkStatus {
    /// There is more to do.
    Running,
    /// Each was looked at.
    Done,
    /// Somebody stopped it; what was done stays.
    Cancelled,
    /// It was not done after a day, and was given up.
    GivenUp,
}

/// What became of one instance, or of one notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BulkOutcome {
    /// It is as was asked for.
    Done,
    /// There was nothing to do, or it can't be done as things stand.
    Skipped(String),
    /// It was tried and refused.
    Failed(String),
}

/// An outcome that somebody may want to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkNote {
    /// Of which instance.
    pub instance: InstanceId,
    /// Of which event, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// What became of it.
    pub outcome: BulkOutcome,
}

/// Outcomes, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkTally {
    /// As was asked for.
    pub done: u64,
    /// By outcome, in the order in which they were met first. `Done` is not among them.
    pub others: Vec<(BulkOutcome, u64)>,
    /// The first of them.
    pub notes: Vec<BulkNote>,
}

impl BulkTally {
    /// Counts one.
    pub fn add(&mut self, instance: InstanceId, event_id: Option<String>, outcome: BulkOutcome) {
        let outcome = outcome.shortened();
        if outcome == BulkOutcome::Done {
            self.done += 1;
            return;
        }
        if self.notes.len() < NOTES_COUNT_MAX {
            self.notes.push(BulkNote { instance, event_id, outcome: outcome.clone() });
        }
        let is_known = self.others.iter().any(|(known, _)| *known == outcome);
        let counted = match is_known || self.others.len() < REASONS_COUNT_MAX {
            true => outcome,
            false => outcome.for_any_reason(),
        };
        match self.others.iter_mut().find(|(known, _)| *known == counted) {
            Some((_, count)) => *count += 1,
            None => self.others.push((counted, 1)),
        }
    }

    /// Those that were left as they were.
    pub fn skipped(&self) -> u64 {
        let others = self.others.iter().filter(|(outcome, _)| matches!(outcome, BulkOutcome::Skipped(_)));
        others.map(|(_, count)| count).sum()
    }

    /// Those that were refused.
    pub fn failed(&self) -> u64 {
        let others = self.others.iter().filter(|(outcome, _)| matches!(outcome, BulkOutcome::Failed(_)));
        others.map(|(_, count)| count).sum()
    }
}

impl BulkOutcome {
    fn shortened(self) -> Self {
        let short = |reason: String| reason.chars().take(REASON_CHARS_MAX).collect();
        match self {
            BulkOutcome::Done => BulkOutcome::Done,
            BulkOutcome::Skipped(reason) => BulkOutcome::Skipped(short(reason)),
            BulkOutcome::Failed(reason) => BulkOutcome::Failed(short(reason)),
        }
    }

    fn for_any_reason(&self) -> Self {
        match self {
            BulkOutcome::Failed(_) => BulkOutcome::Failed(OTHER_REASONS.to_owned()),
            BulkOutcome::Skipped(_) | BulkOutcome::Done => BulkOutcome::Skipped(OTHER_REASONS.to_owned()),
        }
    }
}

/// How far an action has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkPosition {
    /// Instances that are done with.
    pub finished: usize,
    /// Within the next one: what is before this sequence is still to be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// How often the next one was tried in vain.
    #[serde(default)]
    pub tries: u32,
}

/// A bulk action. The instances that it is about are kept beside it until its end: they were named when it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bulk {
    /// Its id.
    pub id: BulkId,
    /// Who asked, with what they see.
    pub account: Account,
    /// When.
    pub asked_at: DateTime<Utc>,
    /// What is done.
    pub action: BulkAction,
    /// How the instances were named, as it was sent.
    pub selection: serde_json::Value,
    /// How many were named, those included that nothing was to be done to.
    pub selected: u64,
    /// How many there was something to be done to.
    pub instances: usize,
    /// How it is.
    pub status: BulkStatus,
    /// How far it is.
    pub position: BulkPosition,
    /// What came of it.
    pub tally: BulkTally,
    /// A worker has it until then.
    pub leased_until: Option<DateTime<Utc>>,
    /// When something of it was stored last.
    pub updated_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Goes up with each change.
    pub version: u64,
}

impl Bulk {
    /// Whether there is more to do.
    pub fn is_running(&self) -> bool {
        self.status == BulkStatus::Running
    }

    /// Whether it takes too long.
    pub fn is_overdue(&self, now: DateTime<Utc>) -> bool {
        now - self.asked_at >= Duration::hours(HOURS_MAX)
    }

    /// When it is no longer kept; `None` while it runs.
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.ended_at.map(|ended_at| ended_at + Duration::days(KEPT_DAYS))
    }

    /// The same, ended.
    pub fn ended(self, status: BulkStatus, now: DateTime<Utc>) -> Self {
        Bulk { status, ended_at: Some(now), ..self }
    }

    /// The clock was set back: nobody holds it for longer than was meant.
    pub fn set_back(&mut self, by: Duration, now: DateTime<Utc>) {
        self.leased_until =
            self.leased_until.map(|until| if until > now { (until - by).max(now) } else { until });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(number: u32) -> InstanceId {
        InstanceId::from_bytes(number.to_be_bytes())
    }

    #[test]
    fn ids_are_ordered_by_time_and_read_back() {
        let at = |ms| DateTime::from_timestamp_millis(ms).unwrap();
        let (first, second) =
            (BulkId::new(at(1_795_000_000_000), u16::MAX), BulkId::new(at(1_795_000_000_001), 0));
        assert!(first < second && first.to_string() < second.to_string());
        assert_eq!(BulkId::parse(&first.to_string()), Some(first));
        for text in ["", "1", "00000000000000001", "000000000000000G", "+000000000000001", "00000000000000AB"]
        {
            assert_eq!(BulkId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn whatever_happens_the_numbers_add_up_and_the_row_stays_small() {
        let mut tally = BulkTally::default();
        for number in 1..=10_000 {
            tally.add(
                instance(number),
                None,
                match number % 3 {
                    0 => BulkOutcome::Done,
                    1 => BulkOutcome::Skipped(format!("reason {number}")),
                    _ => BulkOutcome::Failed("x".repeat(10_000)),
                },
            );
        }
        assert_eq!(tally.done + tally.skipped() + tally.failed(), 10_000);
        assert_eq!((tally.done, tally.skipped()), (3_333, 3_334));
        assert_eq!((tally.notes.len(), tally.others.len()), (NOTES_COUNT_MAX, REASONS_COUNT_MAX + 1));
        assert!(serde_json::to_string(&tally).unwrap().len() < 25_000);
    }
}
