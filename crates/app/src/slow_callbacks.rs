//! How long polls of this process waited for callbacks that were slow, by organization: where polls make first attempts
//! themselves, callbacks that hang must not take more than a share of them.
//!
//! It is of one process, and in memory: a process that starts finds it out anew.

use chrono::{DateTime, Duration, Utc};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// An attempt that took longer is slow, seconds: as with the places of deliveries in one process.
const SLOW_S: i64 = 5;
/// Of so much time, seconds, ...
const WINDOW_S: i64 = 600;
/// ... an organization's slow attempts take at most so much, and the end of the one that went beyond it.
const SHARE_S: i64 = 60;
/// Organizations remembered; beyond it those whose window is over are forgotten, and if that is not enough, all.
const ORGANIZATIONS_COUNT_MAX: usize = 10_000;

/// What was waited for.
#[derive(Default)]
pub(crate) struct SlowCallbacks(Mutex<HashMap<u32, Waited>>);

/// Of one organization, since its window began.
#[derive(Debug, Clone, Copy)]
struct Waited {
    since: DateTime<Utc>,
    total: Duration,
}

impl Waited {
    fn is_over(&self, now: DateTime<Utc>) -> bool {
        // Also where the clock went back.
        now < self.since || now - self.since >= Duration::seconds(WINDOW_S)
    }
}

impl SlowCallbacks {
    /// An attempt of the organization ended, and took so long.
    pub(crate) fn note(&self, organization_id: u32, took: Duration, now: DateTime<Utc>) {
        if took < Duration::seconds(SLOW_S) {
            return;
        }
        let mut waited = self.waited();
        if waited.len() >= ORGANIZATIONS_COUNT_MAX {
            waited.retain(|_, one| !one.is_over(now));
        }
        if waited.len() >= ORGANIZATIONS_COUNT_MAX {
            waited.clear();
        }
        let new = Waited { since: now - took, total: Duration::zero() };
        let one = waited.entry(organization_id).or_insert(new);
        if one.is_over(now) {
            *one = new;
        }
        one.total += took;
    }

    /// Whether the organization has had its share.
    pub(crate) fn are_too_many(&self, organization_id: u32, now: DateTime<Utc>) -> bool {
        let waited = self.waited();
        let one = waited.get(&organization_id).filter(|one| !one.is_over(now));
        one.is_some_and(|one| one.total >= Duration::seconds(SHARE_S))
    }

    fn waited(&self) -> MutexGuard<'_, HashMap<u32, Waited>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000 + seconds, 0).unwrap()
    }

    fn noted(slow: &SlowCallbacks, took_s: i64, now_s: i64) -> bool {
        slow.note(1, Duration::seconds(took_s), at(now_s));
        slow.are_too_many(1, at(now_s))
    }

    #[test]
    fn two_attempts_that_hang_are_the_share_of_ten_minutes() {
        let slow = SlowCallbacks::default();
        assert!(!noted(&slow, 30, 30));
        assert!(noted(&slow, 30, 300));
        assert!(!slow.are_too_many(2, at(300)), "another organization's");
        assert!(slow.are_too_many(1, at(599)));
        assert!(!slow.are_too_many(1, at(600)), "the window began with the first");
        assert!(!noted(&slow, 30, 700), "and then another");
        assert!(!slow.are_too_many(1, at(-1)), "a clock that went back");
    }

    #[test]
    fn attempts_that_end_soon_are_not_counted_however_many() {
        let slow = SlowCallbacks::default();
        assert!((0..500).all(|second| !noted(&slow, 4, second)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let slow = SlowCallbacks::default();
        for organization_id in 0..=ORGANIZATIONS_COUNT_MAX as u32 {
            slow.note(organization_id, Duration::seconds(60), at(60));
        }
        assert!(slow.waited().len() <= ORGANIZATIONS_COUNT_MAX);
        assert!(slow.are_too_many(ORGANIZATIONS_COUNT_MAX as u32, at(60)));
    }
}
