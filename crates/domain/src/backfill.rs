//! Reading a window of the past again: what was asked for, and how far it is.

use crate::ids::{InstanceId, digest64};
use crate::state::ResourceState;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Failures in a row after which a backfill gives up: with the back-off about two hours.
pub const FAILURES_COUNT_MAX: u32 = 15;
/// How long a backfill is borne in mind, hours: longer than one takes, and than a provider's lists lag.
pub const BORNE_IN_MIND_H: i64 = 48;
/// What the names of such rows begin with; no configured resource's does.
const PREFIX: &str = "backfill:";

/// One resource of a backfill. It is the position of a row of its own beside the polled resources.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Backfill {
    /// Names the backfill, the same for all its resources.
    pub id: String,
    /// The resource, as it is configured.
    pub resource: String,
    /// The window's first instant.
    pub from: DateTime<Utc>,
    /// The first instant after the window.
    pub to: DateTime<Utc>,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// Changes that the provider showed.
    pub changes_count: u64,
    /// Events made of them: what the event log did not have.
    pub events_count: u64,
    /// The whole window was listed.
    pub is_listed: bool,
    /// Where the next stretch begins, opaque; `None` before the first.
    pub position: Option<Value>,
}

/// How far a backfill of one resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Polls of the instance take it further.
    Running,
    /// Everything in the window is in the event log.
    Done,
    /// The provider refused, or failed too often.
    Failed,
}

impl Backfill {
    /// The name of its row.
    pub fn row_name(&self) -> String {
        format!("{PREFIX}{}:{}", self.id, self.resource)
    }

    /// The backfill whose row this is; `None` for the row of a polled resource.
    pub fn of(state: &ResourceState) -> Option<Self> {
        let position = state.cursor.as_ref().filter(|_| is_row(&state.resource))?;
        Backfill::deserialize(position).ok()
    }

    /// Whether it may have reported what the walk of its resource comes to now.
    pub fn is_recent(&self, now: DateTime<Utc>) -> bool {
        self.requested_at > now - Duration::hours(BORNE_IN_MIND_H)
    }

    /// As a row's position.
    pub fn to_value(&self) -> Value {
        // Plain data with text keys always serialises.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// How far it is, by its row. A record that failed alone is looked at again before it is done.
    pub fn status(&self, state: &ResourceState) -> Status {
        if state.failures >= FAILURES_COUNT_MAX {
            return Status::Failed;
        }
        match self.is_listed && state.retry_records.waiting_count() == 0 {
            true => Status::Done,
            false => Status::Running,
        }
    }
}

/// Whether a row is that of a backfill and not of a polled resource.
pub fn is_row(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Whether a row is that of a backfill that has still something to do.
pub fn is_running(state: &ResourceState) -> bool {
    Backfill::of(state).is_some_and(|backfill| backfill.status(state) == Status::Running)
}

/// Names a backfill by its instance and when it was asked for: 16 hexadecimal digits.
pub fn id_of(instance: InstanceId, requested_at: DateTime<Utc>) -> String {
    let at = requested_at.timestamp_micros().to_be_bytes();
    format!("{:016x}", digest64(&[b"backfill", &instance.get().to_be_bytes(), &at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_what_it_is_and_how_far() {
        let mut backfill = Backfill {
            id: "1f".to_owned(),
            resource: "messages".to_owned(),
            from: DateTime::UNIX_EPOCH,
            to: DateTime::UNIX_EPOCH,
            requested_at: DateTime::UNIX_EPOCH,
            changes_count: 1,
            events_count: 0,
            is_listed: false,
            position: None,
        };
        let row = |backfill: &Backfill| ResourceState {
            cursor: Some(backfill.to_value()),
            ..ResourceState::new(&backfill.row_name(), DateTime::UNIX_EPOCH)
        };
        let state = row(&backfill);
        assert_eq!(Backfill::of(&state).as_ref(), Some(&backfill));
        assert!(is_row(&state.resource) && is_running(&state));
        let given_up = ResourceState { failures: FAILURES_COUNT_MAX, ..state };
        assert_eq!(backfill.status(&given_up), Status::Failed);
        backfill.is_listed = true;
        assert_eq!(backfill.status(&row(&backfill)), Status::Done);
        let polled = ResourceState { resource: "messages".to_owned(), ..row(&backfill) };
        assert_eq!(Backfill::of(&polled), None);
    }
}
