//! How the fleet comes back from an outage of its providers: from a minute in real time, and from an hour by the functions
//! that polls use.

use crate::quiet::row;
use chrono::{DateTime, Duration as Span, Utc};
use domain::ids::InstanceId;
use domain::schedule::{Pause, Timetable, backoff};
use doubles::{Double, FaultKind};
use scenarios::Outside;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

const WATCHED_BEFORE: Duration = Duration::from_secs(20);
const DOWN: Duration = Duration::from_secs(60);
/// Before a double forgets the first of its requests.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Those who asked last come back first: the busiest second is soon after the end.
const LOOKS_COUNT: usize = 6;
const HOUR_S: i64 = 3_600;

/// How many times as many requests, or polls, as usual the busiest second after the end may have.
pub(crate) const TIMES_MAX: f64 = 4.0;

/// Prints both; the most of these times.
pub(crate) async fn rows(outside: &Outside, mailboxes_count: usize) -> f64 {
    let mark = format!("{TIMES_MAX} times");
    let (usual, busiest) = minute(outside).await;
    let times = busiest as f64 / usual;
    row(
        "requests in the busiest second after a minute in which both providers are out",
        &format!("{busiest}, {times:.1} times as usual"),
        &mark,
    );
    let [unsaid, date, pause] = hour(mailboxes_count);
    row(
        "polls in it after an hour, computed, if they say nothing, a date, two minutes",
        &format!("{unsaid:.1}, {date:.1}, {pause:.1} times as usual"),
        &mark,
    );
    [unsaid, date, pause].into_iter().fold(times, f64::max)
}

/// Both providers are out of service for a minute, and tell everybody the date of its end. How many requests they get in a
/// second before, and in the busiest one after it.
async fn minute(outside: &Outside) -> (f64, usize) {
    let doubles = outside.providers.doubles();
    taken(&doubles);
    tokio::time::sleep(WATCHED_BEFORE).await;
    let usual = taken(&doubles).into_values().sum::<usize>() as f64 / WATCHED_BEFORE.as_secs_f64();
    let until_s = now_s() + DOWN.as_secs().cast_signed();
    outside.providers.set_fault_rate(1.0, &[FaultKind::Down { until_s }]);
    tokio::time::sleep(DOWN).await;
    outside.providers.set_fault_rate(0.0, &[]);
    taken(&doubles);
    let mut busiest = 0;
    for _ in 0..LOOKS_COUNT {
        tokio::time::sleep(LOOK_EVERY).await;
        busiest = taken(&doubles).into_values().max().unwrap_or(0).max(busiest);
    }
    (usual, busiest)
}

/// The requests since the last time, by the second in which they came.
fn taken(doubles: &[Arc<dyn Double>]) -> HashMap<i64, usize> {
    let mut by_second = HashMap::new();
    for double in doubles {
        for request in double.requests() {
            *by_second.entry(request.at_us / 1_000_000).or_default() += request.count();
        }
        double.clear_requests();
    }
    by_second
}

/// How many times as many polls as usual begin in the busiest second after an hour, where the provider says nothing, one date,
/// and two minutes again and again.
fn hour(mailboxes_count: usize) -> [f64; 3] {
    let says: [fn(i64) -> Pause; 3] =
        [|_| Pause::Unsaid, |left_s| Pause::OfEverybody(left_s.unsigned_abs()), |_| Pause::OfEverybody(120)];
    let usual = mailboxes_count as f64 / 60.0;
    says.map(|says| {
        let mut by_second = HashMap::<i64, usize>::new();
        for number in 0..mailboxes_count {
            *by_second.entry(back_s(u32::try_from(number).unwrap(), says)).or_default() += 1;
        }
        by_second.into_values().max().unwrap_or(0) as f64 / usual
    })
}

/// The second in which a mailbox that is polled every minute is read again, counted from the beginning of the outage.
fn back_s(number: u32, says: fn(i64) -> Pause) -> i64 {
    let (began, end) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + Span::seconds(HOUR_S));
    let mut next = Timetable::new(InstanceId::from_bytes(number.to_be_bytes()), 1).next_after(began);
    let mut failures = 0;
    while next < end {
        failures += 1;
        next += backoff(failures, says((end - next).num_seconds() + 1), u64::from(number));
    }
    next.timestamp()
}

#[allow(clippy::disallowed_methods)] // real time is what is measured
fn now_s() -> i64 {
    Utc::now().timestamp()
}
