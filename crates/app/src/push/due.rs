//! When a watch is to be renewed, or tried again.

use chrono::{DateTime, Duration, Utc};
use domain::ids::digest64;
use domain::push::{CHECK_AFTER_H_MAX, WatchedTarget};
use domain::schedule::{Pause, backoff};

/// Longest wait before a failed watch is tried again, minutes.
const FAILED_WAIT_MIN: i64 = 60;
/// Tries after which that is the wait, unless the provider says another: a quarter of an hour by then.
const QUICK_TRIES_COUNT: u32 = 10;
/// A poll comes as late as its interval and so much more, minutes, without anything having been out of service.
const LATE_MIN: i64 = 6;
/// What fell due while nobody could ask comes apart over this time, hours: some four times as many as usual, as polls do.
const APART_H: i64 = 6;
/// The same where no notices come until then, hours.
const APART_WITHOUT_H: i64 = 1;

/// When to renew a watch that ends at `until`: within a day, less up to a quarter, so that a fleet does not renew at once;
/// but after half of its life at the latest. That a provider lost it is found out then, too.
pub(super) fn renewal(now: DateTime<Utc>, until: DateTime<Utc>, seed: u64) -> DateTime<Utc> {
    let longest = ((until - now) / 2).min(Duration::hours(CHECK_AFTER_H_MAX)).max(Duration::zero());
    now + spread(longest, seed)
}

/// Until when what is overdue is put off, if it is: after a long outage of the provider, or of the host, the watches of all
/// mailboxes are. Half of what is left of a watch stays for the renewal, and the poll that it falls to comes before the end;
/// what the provider demands, and what was never asked for, is not put off.
pub(super) fn put_off(
    watched: &WatchedTarget,
    interval_min: u32,
    seed: u64,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let late = now - watched.check_at;
    let is_new = watched.watch.is_none() && watched.failures == 0;
    let usual = Duration::minutes(i64::from(interval_min) + LATE_MIN);
    if is_new || watched.wanted(now).is_some() || late <= usual {
        return None;
    }
    let left = watched.watch.as_ref().map_or(Duration::zero(), |watch| watch.until - now);
    // A poll comes so long after what it was put off to; what failed has one of its own.
    let looked_at = if watched.failures > 0 { Duration::zero() } else { usual };
    let without = Duration::hours(APART_WITHOUT_H);
    let longest = match left > Duration::zero() {
        true => Duration::hours(APART_H).min(left / 2).min(left - looked_at),
        false if looked_at <= without => without,
        false => return None,
    };
    let seconds = u64::try_from(longest.num_seconds()).ok().filter(|seconds| *seconds > 0)?;
    // As long as that, whatever `seed` says of the time of its renewal.
    let drawn = digest64(&[b"apart", &seed.to_be_bytes()]) % (seconds + 1);
    Some(now + Duration::seconds(i64::try_from(drawn).unwrap_or(0)))
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
    use domain::ids::InstanceId;
    use domain::push::{Demand, Watch};
    use domain::schedule::Timetable;

    const WEEK_H: i64 = 168;

    fn at(seconds: i64) -> DateTime<Utc> {
        Utc.timestamp_opt(1_795_000_000 + seconds, 0).unwrap()
    }

    /// One that was to be renewed then, and ends so long after.
    fn watched(check_at: DateTime<Utc>, left: Duration) -> WatchedTarget {
        let watch = Watch { state: "w".into(), until: check_at + left };
        WatchedTarget { watch: Some(watch), ..WatchedTarget::new("a", "t", check_at) }
    }

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

    /// By how many minutes five hundred are put off, the first and the last of them; nothing where none is.
    fn put_off_by(one: &WatchedTarget, now: DateTime<Utc>) -> Option<(i64, i64)> {
        let all =
            (0..500).filter_map(|seed| put_off(one, 15, seed, now)).map(|until| (until - now).num_minutes());
        let all: Vec<i64> = all.collect();
        Some((*all.iter().min()?, *all.iter().max()?))
    }

    #[test]
    fn what_is_long_overdue_is_put_off_and_not_beyond_half_of_what_is_left() {
        let (soon, late) = (at(20 * 60), at(3_600));
        let due = watched(at(0), Duration::hours(WEEK_H));
        assert_eq!(put_off_by(&due, soon), None, "its poll comes as late as that");
        let new = WatchedTarget::new("a", "t", at(0));
        let demanded = WatchedTarget { demand: Some(Demand::Anew), ..due.clone() };
        for at_once in [&new, &demanded] {
            assert_eq!(put_off_by(at_once, late), None);
        }
        let (short, over) = (watched(at(0), Duration::hours(3)), watched(at(0), Duration::minutes(5)));
        let refused = WatchedTarget { failures: 3, ..new };
        for (one, minutes) in [(&due, 360), (&short, 60), (&over, 60), (&refused, 60)] {
            let (first, last) = put_off_by(one, late).unwrap();
            assert!(
                first <= minutes / 20 && (minutes * 19 / 20..=minutes).contains(&last),
                "{first} to {last}"
            );
        }
        let later = put_off(&due, 15, 1, late).unwrap();
        assert_eq!(put_off(&WatchedTarget { check_at: later, ..due }, 15, 1, later), None, "once");
    }

    /// Whoever is polled seldom has no poll to spare.
    #[test]
    fn what_is_put_off_is_looked_at_before_the_watch_ends() {
        const DAY_MIN: u32 = 1_440;
        let late = at(2 * 86_400);
        let ends_after = |left_min: i64| watched(at(0), late - at(0) + Duration::minutes(left_min));
        let later = |left_min, interval_min, seed| put_off(&ends_after(left_min), interval_min, seed, late);
        for (left_min, interval_min) in [(180, DAY_MIN), (1_446, DAY_MIN), (-5, DAY_MIN), (60, 55), (-5, 55)]
        {
            let put_off = (0..500).filter_map(|seed| later(left_min, interval_min, seed)).max();
            assert_eq!(put_off, None, "{left_min} minutes are left, polled every {interval_min}");
        }
        for (left_min, interval_min) in [(1_500, DAY_MIN), (180, 120), (90, 60), (25, 15)] {
            let latest = (0..500).filter_map(|seed| later(left_min, interval_min, seed)).max().unwrap();
            let looked_at = latest + Duration::minutes(i64::from(interval_min) + LATE_MIN);
            assert!(looked_at <= late + Duration::minutes(left_min), "{left_min} minutes, {interval_min}");
        }
    }

    /// A hundred thousand watched mailboxes, polled every quarter of an hour, and a provider that is out of service and says
    /// one date to all: how many times as many as usual are renewed in the busiest minute of the day that follows.
    #[test]
    fn a_hundred_thousand_watches_come_apart_after_an_outage() {
        const MAILBOXES: u32 = 100_000;
        let day_s: i64 = 86_400;
        let busiest = |outage_h: i64, is_apart: bool| {
            let end = at(outage_h * 3_600);
            let mut by_minute = std::collections::HashMap::<i64, u32>::new();
            for number in 0..MAILBOXES {
                let table = Timetable::new(InstanceId::from_bytes(number.to_be_bytes()), 15);
                let seed = digest64(&[b"watch", &number.to_be_bytes()]);
                let made = at(-i64::try_from(seed % 86_400).unwrap() * 3 / 4);
                let mut one = watched(renewal(made, made + Duration::hours(WEEK_H), seed), Duration::days(6));
                let mut now = table.next_after(at(0));
                while now < end + Duration::seconds(day_s) {
                    if now < end {
                        // The pause that the date is told as, which is over at a time of the mailbox's own.
                        let left_s = u64::try_from((end - now).num_seconds()).unwrap();
                        now += backoff(1, Pause::OfEverybody(left_s + 1), u64::from(number));
                    }
                    if one.is_due(now) {
                        let later = put_off(&one, 15, seed, now).filter(|_| is_apart);
                        if later.is_none() {
                            *by_minute.entry((now - end).num_minutes()).or_default() += 1;
                        }
                        one.check_at =
                            later.unwrap_or_else(|| renewal(now, now + Duration::hours(WEEK_H), seed));
                        one.watch.as_mut().unwrap().until = now + Duration::hours(WEEK_H);
                    }
                    now = table.next_after(now.max(one.check_at));
                }
            }
            let usual = f64::from(MAILBOXES) / (0.875 * 24.0 * 60.0);
            f64::from(by_minute.into_values().max().unwrap()) / usual
        };
        let (six_hours, a_day) = (busiest(6, true), busiest(24, true));
        assert!(six_hours < 8.0 && a_day < 8.0, "{six_hours:.1} and {a_day:.1} times as many as usual");
        let (six_hours, a_day) = (busiest(6, false), busiest(24, false));
        assert!(six_hours > 30.0 && a_day > 200.0, "all at once: {six_hours:.0} and {a_day:.0} times");
    }
}
