//! Seconds of a list that the provider can't show: the walk goes round them, and looks at them again for a while.
//!
//! Each page that holds such an item fails, so that every request ends before its second or begins behind it. What can be
//! read of the second was reported. The rest is retried, because the failure may be temporary.

use super::memory::Memory;
use serde::{Deserialize, Serialize};

/// A second is looked at again for so long, seconds: as long as a single record that can't be read.
const KEPT_S: i64 = 2 * 3600;
/// It is looked at again so often, seconds: each look costs a request, and a write of the position.
const LOOK_EVERY_S: i64 = 600;
/// Seconds gone round at a time: each is another request of every poll while it is in the overlap.
const HOLES_COUNT_MAX: usize = 32;

/// One second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Hole {
    /// Seconds since the Unix epoch, as the list is ordered.
    pub(crate) second: i64,
    /// When it was found, and last looked at; our clock, seconds.
    found_at: i64,
    pub(crate) looked_at: i64,
    /// What of it was reported.
    pub(crate) told: Memory,
}

/// Those of a position, in their order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Holes(Vec<Hole>);

impl Holes {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The seconds that requests go round.
    pub(crate) fn seconds(&self) -> Vec<i64> {
        self.0.iter().map(|hole| hole.second).collect()
    }

    /// Adds a second. If there are too many, the oldest is dropped: its gap was reported.
    pub(crate) fn add(&mut self, second: i64, told: Memory, now_s: i64) {
        self.remove(second);
        self.0.push(Hole { second, found_at: now_s, looked_at: now_s, told });
        self.0.sort_by_key(|hole| hole.second);
        if self.0.len() > HOLES_COUNT_MAX {
            self.0.remove(0);
        }
    }

    /// It can be read again.
    pub(crate) fn remove(&mut self, second: i64) {
        self.0.retain(|hole| hole.second != second);
    }

    /// One that it is time to look at.
    pub(crate) fn due(&self, now_s: i64) -> Option<&Hole> {
        let is_due = |hole: &&Hole| {
            now_s - hole.looked_at >= LOOK_EVERY_S && now_s - hole.found_at < KEPT_S + LOOK_EVERY_S
        };
        self.0.iter().filter(is_due).min_by_key(|hole| hole.looked_at)
    }

    /// It was looked at and can't be read yet.
    pub(crate) fn looked_at(&mut self, second: i64, now_s: i64) {
        for hole in self.0.iter_mut().filter(|hole| hole.second == second) {
            hole.looked_at = now_s;
        }
    }

    /// It was looked at, and this was reported of it until now.
    pub(crate) fn again(&mut self, second: i64, told: Memory, looked_at: i64) {
        for hole in self.0.iter_mut().filter(|hole| hole.second == second) {
            hole.told = told.clone();
            hole.looked_at = looked_at;
        }
    }

    /// Drops seconds that requests no longer reach and that are no longer retried.
    pub(crate) fn forget_before(&mut self, second: i64, now_s: i64) {
        self.0.retain(|hole| hole.second >= second || now_s - hole.found_at < KEPT_S);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_looked_at_every_ten_minutes_for_two_hours() {
        let mut holes = Holes::default();
        holes.add(1000, Memory::default(), 1100);
        let mut looks = 0;
        for now_s in (1100..20_000).step_by(60) {
            if let Some(second) = holes.due(now_s).map(|hole| hole.second) {
                holes.looked_at(second, now_s);
                looks += 1;
            }
        }
        assert_eq!(looks, 12);
    }

    #[test]
    fn a_second_within_the_overlap_is_gone_round_however_old_it_is() {
        let mut holes = Holes::default();
        holes.add(1000, Memory::default(), 1100);
        holes.forget_before(1000, 1_000_000);
        assert_eq!(holes.seconds(), [1000]);
        holes.forget_before(1001, 1100 + KEPT_S - 1);
        assert_eq!(holes.seconds(), [1000], "it is still looked at");
        holes.forget_before(1001, 1100 + KEPT_S);
        assert!(holes.is_empty());
    }

    #[test]
    fn there_are_never_more_than_requests_can_go_round() {
        let mut holes = Holes::default();
        (0..100).rev().for_each(|second| holes.add(second, Memory::default(), 0));
        holes.add(99, Memory::default(), 5);
        assert_eq!(holes.seconds().len(), HOLES_COUNT_MAX);
        assert!(holes.seconds().is_sorted());
    }
}
