//! The stored state of one polled resource.

use crate::ids::Sequence;
use crate::retry_list::{Looks, RetryList};
use crate::schedule::set_back;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Gaps kept for the instance to show.
const GAPS_COUNT_MAX: usize = 10;

/// Where a resource stands: one row, compared and set on `version`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResourceState {
    /// The resource's name: the key of its configuration without a leading slash.
    pub resource: String,
    /// Goes up by one with each commit.
    pub version: u64,
    /// The connector's position; `None` until the baseline is taken.
    pub cursor: Option<Value>,
    /// When the baseline was taken: what is older was there before us.
    pub baseline_at: Option<DateTime<Utc>>,
    /// The last poll that read the provider and was stored.
    pub last_success_at: Option<DateTime<Utc>>,
    /// When the position last moved because something was found; `None` before that.
    #[serde(default)]
    pub changed_at: Option<DateTime<Utc>>,
    /// The last change that a provider's notice led to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed: Option<Pushed>,
    /// When the last stored poll began that read everything the provider showed: what comes later became visible later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete_at: Option<DateTime<Utc>>,
    /// The last time the row was written.
    pub written_at: DateTime<Utc>,
    /// Failures in a row.
    pub failures: u32,
    /// No provider call for this resource before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff_until: Option<DateTime<Utc>>,
    /// When the connector has to look again, if that is before the next poll of the timetable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again_at: Option<DateTime<Utc>>,
    /// What went wrong last, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// The last sequence number given out; the next is greater.
    pub last_sequence: Sequence,
    /// Records that failed on their own, to be tried again.
    #[serde(default, skip_serializing_if = "RetryList::is_empty")]
    pub retry_records: RetryList,
    /// How looking at them goes.
    #[serde(default, skip_serializing_if = "Looks::is_new")]
    pub looks: Looks,
    /// A part of the step behind the position was committed: what follows may be in the event log.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_partial: bool,
    /// Intervals in which changes may have been missed, newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}

/// A change that a provider's notice led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// When the notice came.
    pub hint_at: DateTime<Utc>,
    /// When the change was found.
    pub found_at: DateTime<Utc>,
}

/// An interval in which changes may have been missed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// The last success before it.
    pub from: DateTime<Utc>,
    /// When it was noticed.
    pub to: DateTime<Utc>,
    /// What may be missing, in words.
    pub reason: String,
}

/// Without a success for longer than this a resource counts as frozen: three intervals, or a heartbeat and two, as an
/// idle poll stores its success with the heartbeat alone.
pub fn frozen_after(interval_s: u32, heartbeat: Duration) -> Duration {
    let interval = Duration::seconds(i64::from(interval_s));
    (interval * 3).max(heartbeat + interval * 2)
}

impl ResourceState {
    /// The clock was set back by so much: nothing waits longer than it was meant to.
    pub fn set_back(&mut self, by: Duration, now: DateTime<Utc>) {
        let waits = [&mut self.backoff_until, &mut self.looks.paused_until, &mut self.again_at];
        waits.into_iter().flatten().for_each(|until| set_back(until, by, now));
        self.retry_records.set_back(by, now);
    }

    /// A resource without a baseline.
    pub fn new(resource: &str, now: DateTime<Utc>) -> Self {
        ResourceState {
            resource: resource.to_owned(),
            version: 0,
            cursor: None,
            baseline_at: None,
            last_success_at: None,
            changed_at: None,
            pushed: None,
            complete_at: None,
            written_at: now,
            failures: 0,
            backoff_until: None,
            again_at: None,
            last_error: None,
            last_sequence: Sequence(0),
            retry_records: RetryList::default(),
            looks: Looks::default(),
            is_partial: false,
            gaps: Vec::new(),
        }
    }

    /// The state after its baseline, whose read began then: what is found later became visible later.
    pub fn with_baseline(mut self, cursor: Value, now: DateTime<Utc>) -> Self {
        self.cursor = Some(cursor);
        self.complete_at = Some(now);
        self.baseline_at = Some(now);
        self.succeeded(now)
    }

    /// The state after a poll that read the provider.
    pub fn succeeded(mut self, now: DateTime<Utc>) -> Self {
        self.last_success_at = Some(now);
        self.written_at = now;
        self.failures = 0;
        self.backoff_until = None;
        self.last_error = None;
        self
    }

    /// The state after a poll that failed: the cursor stays.
    pub fn failed(mut self, error: String, until: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        self.failures = self.failures.saturating_add(1);
        self.backoff_until = Some(until);
        self.last_error = Some(error);
        self.written_at = now;
        self
    }

    /// The state with its failures forgotten, to replace the one it was: nothing keeps the next poll from reading.
    pub fn forgiven(mut self) -> Self {
        self.version += 1;
        self.failures = 0;
        self.backoff_until = None;
        self.looks.failures = 0;
        self.looks.paused_until = None;
        self
    }

    /// When records that failed are to be looked at again.
    pub fn next_look(&self) -> Option<DateTime<Utc>> {
        self.retry_records
            .next_due()
            .map(|due_at| self.looks.paused_until.map_or(due_at, |until| until.max(due_at)))
    }

    /// Back-off has not run out.
    pub fn is_backing_off(&self, now: DateTime<Utc>) -> bool {
        self.backoff_until.is_some_and(|until| now < until)
    }

    /// An idle poll writes nothing but this now and then, so that the cursor of an idle mailbox stays young.
    pub fn is_heartbeat_due(&self, heartbeat: Duration, now: DateTime<Utc>) -> bool {
        self.failures > 0 || now - self.written_at >= heartbeat
    }

    /// No success for longer than [`frozen_after`] says.
    pub fn is_frozen(&self, after: Duration, now: DateTime<Utc>) -> bool {
        self.last_success_at.is_some_and(|at| now - at > after)
    }

    /// The next sequence number of a notification, above the instance's last one known to the row.
    pub fn next_sequence(&mut self, now: DateTime<Utc>) -> Sequence {
        let clock = u64::try_from(now.timestamp_micros()).unwrap_or(0);
        self.last_sequence = Sequence(clock.max(self.last_sequence.0 + 1));
        self.last_sequence
    }

    /// Notes a gap; the oldest note makes room.
    pub fn note_gap(&mut self, gap: Gap) {
        self.gaps.push(gap);
        if self.gaps.len() > GAPS_COUNT_MAX {
            self.gaps.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    fn at(seconds: i64) -> DateTime<Utc> {
        Utc.timestamp_opt(1_795_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn sequences_increase_even_when_the_clock_stands_or_goes_back() {
        let mut state = ResourceState::new("messages", at(0));
        let first = state.next_sequence(at(0));
        let second = state.next_sequence(at(0));
        let third = state.next_sequence(at(-60));
        assert!(first < second && second < third);
        assert!(third.0 < 1 << 53);
    }

    #[test]
    fn a_poller_that_silently_stopped_is_noticed() {
        let state = ResourceState::new("messages", at(0)).with_baseline(Value::Null, at(0));
        let heartbeat = Duration::minutes;
        for (interval_s, heartbeat, frozen_after_s) in [
            (60, heartbeat(10), 12 * 60),
            (60, heartbeat(60), 62 * 60),
            (900, heartbeat(10), 45 * 60),
            (900, heartbeat(60), 90 * 60),
            (3600, heartbeat(60), 3 * 3600),
        ] {
            let after = frozen_after(interval_s, heartbeat);
            assert!(!state.is_frozen(after, at(frozen_after_s)));
            assert!(state.is_frozen(after, at(frozen_after_s + 1)));
        }
    }

    #[test]
    fn an_idle_poll_writes_with_the_heartbeat() {
        let state = ResourceState::new("messages", at(0)).with_baseline(Value::Null, at(0));
        for minutes in [10, 60] {
            let heartbeat = Duration::minutes(minutes);
            assert!(!state.is_heartbeat_due(heartbeat, at(60 * minutes - 1)));
            assert!(state.is_heartbeat_due(heartbeat, at(60 * minutes)));
        }
    }
}
