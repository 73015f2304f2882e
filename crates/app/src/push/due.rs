//! When a watch is to be renewed, or tried again.

use chrono::{DateTime, Duration, Utc};
use domain::push::CHECK_AFTER_H_MAX;
use domain::schedule::{Pause, backoff};

/// Longest wait before a failed watch is tried again, minutes.
const FAILED_WAIT_MIN: i64 = 60;
/// Tries after which that is the wait, unless the provider says another: a quarter of an hour by then.
const QUICK_TRIES_COUNT: u32 = 10;

/// When to renew a watch that ends at `until`: within a day, less up to a quarter, so that a fleet does not renew at once;
/// but after half of its life at the latest. That a provider lost it is found out then, too.
pub(super) fn renewal(now: DateTime<Utc>, until: DateTime<Utc>, seed: u64) -> DateTime<Utc> {
    let longest = ((until - now) / 2).min(Duration::hours(CHECK_AFTER_H_MAX)).max(Duration::zero());
    now + spread(longest, seed)
}

/// How long to wait after so many failures in a row, and what the provider said of it.
pub(super) fn wait_after(failures: u32, pause: Pause, seed: u64) -> Duration {
    let longest = Duration::minutes(FAILED_WAIT_MIN);
    let wait = match pause {
        Pause::Unsaid if failures > QUICK_TRIES_COUNT => spread(longest, seed),
        told => backoff(failures, told, seed),
    };
    wait.clamp(Duration::seconds(1), longest)
}

/// A time less up to a quarter of it, so that not all come at once.
fn spread(longest: Duration, seed: u64) -> Duration {
    longest / 100 * (75 + i32::try_from(seed % 26).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    #[test]
    fn renewals_come_within_a_day_and_well_before_the_end_and_not_all_at_once() {
        let now = Utc.timestamp_opt(1_795_000_000, 0).unwrap();
        let after = |until, seed| (renewal(now, until, seed) - now).num_minutes();
        let week = now + Duration::days(7);
        let minutes: std::collections::BTreeSet<i64> = (0..1_000).map(|seed| after(week, seed)).collect();
        assert!(minutes.len() > 20, "a thousand mailboxes renew in {} minutes", minutes.len());
        assert!(minutes.iter().all(|minutes| (18 * 60..=24 * 60).contains(minutes)), "{minutes:?}");
        assert!((22..=30).contains(&after(now + Duration::hours(1), 3)));
        assert_eq!(after(now - Duration::hours(1), 3), 0);
    }
}
