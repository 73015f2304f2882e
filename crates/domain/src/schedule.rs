//! When an instance is polled: a stable phase, and how long to wait after a failure.

use crate::ids::{InstanceId, digest64};
use chrono::{DateTime, Duration, TimeZone as _, Utc};

/// Interval and phase of one instance's polls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timetable {
    /// Seconds between polls.
    pub interval_s: u32,
    /// Seconds after a multiple of the interval (counted from the Unix epoch) at which polls are due.
    pub phase_s: u32,
}

impl Timetable {
    /// The phase is a hash of the instance, so that polls spread over the interval and stay put over
    /// restarts.
    pub fn new(instance: InstanceId, interval_min: u32) -> Self {
        let interval_s = interval_min.max(1) * 60;
        let hash = digest64(&[b"phase", &instance.get().to_be_bytes()]);
        Timetable { interval_s, phase_s: (hash % u64::from(interval_s)) as u32 }
    }

    /// The first due time after `now`. Missed ones collapse into none: the caller polls once when it is late.
    pub fn next_after(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let interval = i64::from(self.interval_s);
        let phase = i64::from(self.phase_s);
        let rounds = (now.timestamp() - phase).div_euclid(interval) + 1;
        Utc.timestamp_opt(rounds * interval + phase, 0).single().unwrap_or(now)
    }

    /// The number of the poll that is due next to `now`, counted from the Unix epoch: one that comes a little early or
    /// late has its own number all the same.
    pub fn number_at(&self, now: DateTime<Utc>) -> u64 {
        let interval = i64::from(self.interval_s);
        let number = (now.timestamp() - i64::from(self.phase_s) + interval / 2).div_euclid(interval);
        u64::try_from(number).unwrap_or(0)
    }
}

/// First wait after a failure, ms.
const BACKOFF_FIRST_MS: u64 = 1_000;
/// Longest wait that we choose ourselves, ms; a provider's Retry-After may ask for more.
const BACKOFF_MAX_MS: u64 = 900_000;
/// A Retry-After beyond this is taken as this: a day.
pub const RETRY_AFTER_MAX_S: u64 = 86_400;

/// How long to leave a provider alone after the n-th failure in a row (n from 1).
///
/// Doubling from 1 s to 15 min, with a quarter of jitter either way taken from the seed; a provider's own
/// Retry-After is obeyed exactly, as requests made while throttled still count.
pub fn backoff(failures: u32, retry_after_s: Option<u64>, seed: u64) -> Duration {
    if let Some(seconds) = retry_after_s {
        return Duration::seconds(seconds.clamp(1, RETRY_AFTER_MAX_S) as i64);
    }
    let doubled = BACKOFF_FIRST_MS << failures.saturating_sub(1).min(20);
    let base = doubled.min(BACKOFF_MAX_MS);
    let jitter = digest64(&[b"jitter", &seed.to_be_bytes(), &failures.to_be_bytes()]) % (base / 2 + 1);
    Duration::milliseconds((base - base / 4 + jitter) as i64)
}

/// A wait until a time ahead, after the clock was set back by so much: it takes as long as it was meant to.
pub fn set_back(until: &mut DateTime<Utc>, by: Duration, now: DateTime<Utc>) {
    if *until > now {
        *until = (*until - by).max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn instance(n: u8) -> InstanceId {
        InstanceId::from_bytes([0, 0, 0, n])
    }

    #[test]
    fn the_phase_is_stable_and_spread() {
        let phases: std::collections::BTreeSet<u32> =
            (1..=50).map(|n| Timetable::new(instance(n), 15).phase_s).collect();
        assert!(phases.len() > 40, "50 mailboxes share {} phases", phases.len());
        let table = Timetable::new(instance(9), 15);
        let start = Utc.timestamp_opt(1_795_000_000, 0).unwrap();
        let first = table.next_after(start);
        assert!(first > start && first <= start + Duration::minutes(15));
        assert_eq!(table.next_after(first), first + Duration::minutes(15));
        assert_eq!(table.next_after(first - Duration::seconds(1)), first);
        let number = table.number_at(first);
        let beside = [-449, 449].map(|seconds| table.number_at(first + Duration::seconds(seconds)));
        assert_eq!(beside, [number, number], "a poll that is early or late");
        assert_eq!(table.number_at(table.next_after(first)), number + 1);
    }

    #[test]
    fn back_off_doubles_with_jitter_up_to_a_quarter_of_an_hour() {
        let line: Vec<String> =
            (1..=13).map(|n| format!("{n}:{}s", backoff(n, None, 1).num_milliseconds() / 1000)).collect();
        expect!["1:0s 2:2s 3:4s 4:8s 5:13s 6:33s 7:48s 8:145s 9:313s 10:613s 11:1037s 12:771s 13:1042s"]
            .assert_eq(&line.join(" "));
        for n in 1..200 {
            let wait = backoff(n, None, 5).num_milliseconds();
            assert!((750..=1_125_000).contains(&wait));
        }
    }

    #[test]
    fn retry_after_is_obeyed_exactly_and_capped() {
        assert_eq!(backoff(7, Some(30), 1), Duration::seconds(30));
        assert_eq!(backoff(1, Some(0), 1), Duration::seconds(1));
        assert_eq!(backoff(1, Some(u64::MAX), 1), Duration::days(1));
    }
}
