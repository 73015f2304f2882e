//! How many tests of callbacks each organization sends.

use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Tests of an organization in a minute, in one process: a person tries again and again, a program that tests addresses
/// of others gets nowhere.
const TESTS_PER_MINUTE: u32 = 10;
/// Organizations remembered; beyond it those that did not test in this minute are forgotten.
const ORGANIZATIONS_COUNT_MAX: usize = 1_000;

/// How many tests each organization sent in which minute.
#[derive(Default)]
pub(crate) struct TestEvents(Mutex<HashMap<u32, (i64, u32)>>);

impl TestEvents {
    /// Counts one; seconds to wait where it is too many.
    pub(crate) fn count(&self, organization_id: u32, now: DateTime<Utc>) -> Result<(), u64> {
        let (minute, second) = (now.timestamp().div_euclid(60), now.timestamp().rem_euclid(60));
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= ORGANIZATIONS_COUNT_MAX {
            counts.retain(|_, (of_minute, _)| *of_minute == minute);
        }
        let (of_minute, count) = counts.entry(organization_id).or_insert((minute, 0));
        if *of_minute != minute {
            (*of_minute, *count) = (minute, 0);
        }
        *count = count.saturating_add(1);
        if *count <= TESTS_PER_MINUTE { Ok(()) } else { Err(u64::try_from(60 - second).unwrap_or(60)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organization_tests_ten_times_a_minute() {
        let tests = TestEvents::default();
        let at = |second: i64| DateTime::from_timestamp(1_795_348_800 + second, 0).unwrap();
        for _ in 0..TESTS_PER_MINUTE {
            assert_eq!(tests.count(1, at(20)), Ok(()));
        }
        assert_eq!(tests.count(1, at(21)), Err(39));
        assert_eq!(tests.count(2, at(21)), Ok(()), "others have their own");
        assert_eq!(tests.count(1, at(60)), Ok(()), "and the next minute is another one");
    }
}
