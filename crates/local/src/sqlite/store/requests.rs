//! How many requests, and tests of callbacks, each organization made in a minute.
//!
//! Counts are in memory: one process serves a data folder, so they are exact, and a request costs no write. The
//! next process begins at zero, which lets an organization have at most one minute's requests twice.

use app::ports::Counted;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Minutes that are counted: the present one, and the one before for requests that came at its end.
const MINUTES_KEPT: i64 = 2;

#[derive(Default)]
pub(super) struct Requests(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    newest: i64,
    /// By minute, organization, and what is counted. Only who is known is counted, so there are no more than three times
    /// the organizations, and the users.
    counts: HashMap<(i64, u32, Counted), u32>,
}

impl Requests {
    /// Counts one, and says how many that makes.
    pub(super) fn count(&self, organization_id: u32, what: Counted, minute: i64) -> u32 {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if minute > counted.newest {
            counted.newest = minute;
            counted.counts.retain(|(one, ..), _| *one > minute - MINUTES_KEPT);
        }
        let count = counted.counts.entry((minute, organization_id, what)).or_default();
        *count = count.saturating_add(1);
        *count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earlier_minutes_are_forgotten() {
        let requests = Requests::default();
        for minute in 0..100 {
            for organization_id in 1..=3 {
                assert_eq!(requests.count(organization_id, Counted::Requests, minute), 1);
            }
        }
        assert_eq!(requests.0.lock().unwrap().counts.len(), 6);
    }
}
