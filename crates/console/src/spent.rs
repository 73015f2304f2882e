//! OAuth states that somebody came back with: each counts once in a process, also for whoever kept the browser's cookies.

use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// States remembered; beyond it all are refused until the oldest may be forgotten. Each belongs to a sealed cookie of a
/// session or of a link, so that strangers add none.
const STATES_COUNT_MAX: usize = 100_000;

/// What one process has seen within the time that a sign-in may take.
#[derive(Default)]
pub(crate) struct SpentStates(Mutex<HashMap<String, i64>>);

impl SpentStates {
    /// Takes a state that nobody accepts any more from then on, seconds; `false` where it was taken before.
    pub(crate) fn take(&self, state: &str, expires_at: i64, now: DateTime<Utc>) -> bool {
        let now = now.timestamp();
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.contains_key(state) {
            return false;
        }
        if spent.len() >= STATES_COUNT_MAX {
            spent.retain(|_, expires_at| *expires_at > now);
        }
        let has_room = spent.len() < STATES_COUNT_MAX;
        if has_room {
            spent.insert(state.to_owned(), expires_at);
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_expired_makes_room_and_nothing_else_does() {
        let (spent, now) = (SpentStates::default(), DateTime::UNIX_EPOCH);
        for number in 0..STATES_COUNT_MAX {
            assert!(spent.take(&number.to_string(), 10, now));
        }
        assert!(!spent.take("one more", 20, now));
        assert!(!spent.take("7", 20, now));
        let later = DateTime::from_timestamp(10, 0).unwrap();
        assert!(spent.take("one more", 20, later) && !spent.take("one more", 20, later));
    }
}
