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

/// After a provider's outage its mailboxes come back within this, however long it was, ms.
const APART_MAX_MS: u64 = 300_000;

/// The pause that a provider or a callback asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// It named none.
    Unsaid,
    /// Of this mailbox, which asked too much: seconds.
    OfMailbox(u64),
    /// Of everybody, as it is out of service: seconds. All may have been told the same moment.
    OfEverybody(u64),
}

/// How long to leave a provider, or a callback that asks for it, alone after the n-th failure in a row (n from 1).
///
/// Doubling from 1 s to 15 min, with a quarter of jitter either way taken from the seed. A provider's own Retry-After is
/// never cut short, as requests made while throttled still count, and ends to the second where it is the mailbox's. After
/// an outage each mailbox waits up to four times as long again, by the seed and at most five minutes: a provider that is
/// back for a second must not be asked by all of them in it.
pub fn backoff(failures: u32, pause: Pause, seed: u64) -> Duration {
    let jitter = |ms: u64| digest64(&[b"jitter", &seed.to_be_bytes(), &failures.to_be_bytes()]) % (ms + 1);
    let asked_ms = |seconds: u64| seconds.clamp(1, RETRY_AFTER_MAX_S) * 1_000;
    let wait_ms = match pause {
        Pause::OfMailbox(seconds) => asked_ms(seconds),
        Pause::OfEverybody(seconds) => {
            let ms = asked_ms(seconds);
            ms + jitter((4 * ms).min(APART_MAX_MS))
        }
        Pause::Unsaid => {
            let base = (BACKOFF_FIRST_MS << failures.saturating_sub(1).min(20)).min(BACKOFF_MAX_MS);
            base - base / 4 + jitter(base / 2)
        }
    };
    Duration::milliseconds(wait_ms as i64)
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

    /// How many times as many as the mean the busiest second and minute of an interval have, of a million mailboxes.
    #[test]
    fn a_million_phases_fill_an_interval_evenly() {
        const MAILBOXES: u32 = 1_000_000;
        let mut by_second = vec![0_u32; 900];
        for number in 0..MAILBOXES {
            let phase_s = Timetable::new(InstanceId::from_bytes(number.to_be_bytes()), 15).phase_s;
            by_second[usize::try_from(phase_s).unwrap()] += 1;
        }
        let by_minute = by_second.chunks(60).map(|seconds| seconds.iter().sum::<u32>());
        let times = |busiest: u32, places: f64| f64::from(busiest) * places / f64::from(MAILBOXES);
        let second = times(by_second.iter().copied().max().unwrap(), 900.0);
        let minute = times(by_minute.max().unwrap(), 15.0);
        expect!["second 1.10, minute 1.006"].assert_eq(&format!("second {second:.2}, minute {minute:.3}"));
    }

    #[test]
    fn back_off_doubles_with_jitter_up_to_a_quarter_of_an_hour() {
        let line: Vec<String> = (1..=13)
            .map(|n| format!("{n}:{}s", backoff(n, Pause::Unsaid, 1).num_milliseconds() / 1000))
            .collect();
        expect!["1:0s 2:2s 3:4s 4:8s 5:13s 6:33s 7:48s 8:145s 9:313s 10:613s 11:1037s 12:771s 13:1042s"]
            .assert_eq(&line.join(" "));
        for n in 1..200 {
            let wait = backoff(n, Pause::Unsaid, 5).num_milliseconds();
            assert!((750..=1_125_000).contains(&wait));
        }
    }

    #[test]
    fn retry_after_is_obeyed_exactly_and_capped() {
        assert_eq!(backoff(7, Pause::OfMailbox(30), 1), Duration::seconds(30));
        assert_eq!(backoff(1, Pause::OfMailbox(0), 1), Duration::seconds(1));
        assert_eq!(backoff(1, Pause::OfMailbox(u64::MAX), 1), Duration::days(1));
    }

    /// A hundred thousand mailboxes, polled every quarter of an hour at their phases, and a provider that is out of service
    /// for an hour: how often as many as usual came in the busiest second of what followed.
    #[test]
    fn a_hundred_thousand_mailboxes_come_back_apart_after_an_outage() {
        const MAILBOXES: u32 = 100_000;
        let end_s = 3_600;
        let at = |seconds: i64| Utc.timestamp_opt(1_795_000_000 + seconds, 0).unwrap();
        let busiest = |interval_min: u32, says: fn(i64) -> Pause| {
            let mut by_second = std::collections::HashMap::<i64, u32>::new();
            for number in 0..MAILBOXES {
                let instance = InstanceId::from_bytes(number.to_be_bytes());
                let table = Timetable::new(instance, interval_min);
                let (mut now, mut failures) = (table.next_after(at(0)), 0);
                while now < at(end_s) {
                    failures += 1;
                    let left_s = (at(end_s) - now).num_seconds() + 1;
                    // The tick before it leaves a job for the moment at which the wait is over.
                    now += backoff(failures, says(left_s), u64::from(instance.get()));
                }
                *by_second.entry(now.timestamp()).or_default() += 1;
            }
            let usual = f64::from(MAILBOXES) / f64::from(interval_min * 60);
            f64::from(by_second.into_values().max().unwrap()) / usual
        };
        let told: Vec<String> = [1, 15]
            .into_iter()
            .flat_map(|interval| {
                [
                    ("nothing", busiest(interval, |_| Pause::Unsaid)),
                    ("one date", busiest(interval, |left_s| Pause::OfEverybody(left_s as u64))),
                    ("two minutes", busiest(interval, |_| Pause::OfEverybody(120))),
                    ("one date, as if to each", busiest(interval, |left_s| Pause::OfMailbox(left_s as u64))),
                ]
                .map(|(said, times)| format!("every {interval} min, said {said}: {times:.1}"))
            })
            .collect();
        expect![[r#"
            every 1 min, said nothing: 0.1
            every 1 min, said one date: 0.2
            every 1 min, said two minutes: 0.3
            every 1 min, said one date, as if to each: 60.0
            every 15 min, said nothing: 1.2
            every 15 min, said one date: 3.4
            every 15 min, said two minutes: 3.8
            every 15 min, said one date, as if to each: 900.0"#]]
        .assert_eq(&told.join("\n"));
    }
}
