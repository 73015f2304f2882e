//! The life of a change, from the provider to the receiver, as a line of timed stages.

use crate::delivery::Attempt;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

/// How a change was found, stored with its notification in whole microseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// When the answer had been read that shows it.
    #[serde(rename = "s", with = "chrono::serde::ts_microseconds")]
    pub seen_at: DateTime<Utc>,
    /// When a poll that read everything there was began without finding it: it became visible later. `None` where that
    /// is not known.
    #[serde(
        rename = "u",
        default,
        with = "chrono::serde::ts_microseconds_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub unseen_at: Option<DateTime<Utc>>,
    /// When a notice of the provider announced it.
    #[serde(
        rename = "h",
        default,
        with = "chrono::serde::ts_microseconds_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub hint_at: Option<DateTime<Utc>>,
}

/// What happened to a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageKind {
    /// It happened at the provider, by the provider's clock.
    Arrived,
    /// A poll read everything there was, without it.
    NotShown,
    /// The provider announced it.
    Announced,
    /// An answer of the provider showed it.
    Seen,
    /// It was stored, with the position behind it.
    Committed,
    /// It was sent to the callback.
    Sent,
    /// The callback did not take it.
    Refused,
    /// The callback took it.
    Taken,
}

/// One stage of a life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// What happened.
    pub kind: StageKind,
    /// When.
    pub at: DateTime<Utc>,
    /// Since the stage before, ms. Below zero where two clocks disagree.
    pub after_ms: Option<i64>,
    /// Of a delivery: the number of its attempt.
    pub attempt: Option<u32>,
}

/// The line of a change. What preceded its first sight is in the order of time: a poll without a change that had arrived
/// shows how late the provider was.
pub fn stages(
    arrived_at: Option<DateTime<Utc>>,
    sighting: Option<Sighting>,
    committed_at: DateTime<Utc>,
    attempts: &[Attempt],
) -> Vec<Stage> {
    let unseen_at = sighting.and_then(|sighting| sighting.unseen_at);
    let hint_at = sighting.and_then(|sighting| sighting.hint_at);
    let mut line: Vec<(StageKind, DateTime<Utc>, Option<u32>)> =
        [(StageKind::Arrived, arrived_at), (StageKind::NotShown, unseen_at), (StageKind::Announced, hint_at)]
            .into_iter()
            .filter_map(|(kind, at)| Some((kind, at?, None)))
            .collect();
    line.sort_by_key(|(_, at, _)| *at);
    line.extend(sighting.map(|sighting| (StageKind::Seen, sighting.seen_at, None)));
    line.push((StageKind::Committed, committed_at, None));
    for attempt in attempts {
        let took = Duration::milliseconds(i64::try_from(attempt.duration_ms).unwrap_or(i64::MAX));
        let answered_at = attempt.at.checked_add_signed(took).unwrap_or(attempt.at);
        let end = if is_success(attempt) { StageKind::Taken } else { StageKind::Refused };
        line.push((StageKind::Sent, attempt.at, Some(attempt.number)));
        line.push((end, answered_at, Some(attempt.number)));
    }
    let before = std::iter::once(None).chain(line.iter().map(|(_, at, _)| Some(*at)));
    let timed = line.iter().zip(before).map(|((kind, at, attempt), before)| Stage {
        kind: *kind,
        at: *at,
        after_ms: before.map(|before| (*at - before).num_milliseconds()),
        attempt: *attempt,
    });
    timed.collect()
}

/// The callback answered 2xx, or the event bus alone was to have it, and does.
pub fn is_success(attempt: &Attempt) -> bool {
    match attempt.status {
        Some(status) => (200..300).contains(&status),
        None => attempt.error.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;
    use expect_test::{Expect, expect};

    fn at(seconds: i64) -> DateTime<Utc> {
        Utc.timestamp_opt(1_795_000_000 + seconds, 0).unwrap()
    }

    fn attempt(number: u32, seconds: i64, status: Option<u16>, error: Option<&str>) -> Attempt {
        let error = error.map(str::to_owned);
        Attempt { number, at: at(seconds), duration_ms: 250, status, error, answer: String::new() }
    }

    #[track_caller]
    fn check(arrived_s: Option<i64>, sighting: Option<Sighting>, attempts: &[Attempt], expected: Expect) {
        let shown: Vec<String> = stages(arrived_s.map(at), sighting, at(100), attempts)
            .iter()
            .map(|stage| {
                let number = stage.attempt.map(|number| format!(" #{number}")).unwrap_or_default();
                let after = stage.after_ms.map(|ms| format!(" +{ms}")).unwrap_or_default();
                format!("{:?}{number}{after}", stage.kind)
            })
            .collect();
        expected.assert_eq(&shown.join(", "));
    }

    fn seen(unseen_s: Option<i64>, hint_s: Option<i64>) -> Option<Sighting> {
        Some(Sighting { seen_at: at(99), unseen_at: unseen_s.map(at), hint_at: hint_s.map(at) })
    }

    #[test]
    fn each_gap_is_timed() {
        let taken = attempt(1, 101, Some(204), None);
        check(
            Some(50),
            seen(Some(10), None),
            &[taken],
            expect!["NotShown, Arrived +40000, Seen +49000, Committed +1000, Sent #1 +1000, Taken #1 +250"],
        );
    }

    #[test]
    fn a_provider_that_shows_it_late_is_told_from_a_poll_that_came_late() {
        check(
            Some(5),
            seen(Some(10), Some(98)),
            &[],
            expect!["Arrived, NotShown +5000, Announced +88000, Seen +1000, Committed +1000"],
        );
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        check(None, None, &[], expect!["Committed"]);
        check(None, seen(None, None), &[], expect!["Seen, Committed +1000"]);
    }

    #[test]
    fn each_attempt_is_sent_and_then_refused_or_taken() {
        let attempts = [
            attempt(1, 101, Some(500), None),
            attempt(2, 109, None, Some("timeout")),
            attempt(3, 173, None, None),
        ];
        check(
            None,
            None,
            &attempts,
            expect![
                "Committed, Sent #1 +1000, Refused #1 +250, Sent #2 +7750, Refused #2 +250, Sent #3 +63750, Taken #3 +250"
            ],
        );
    }

    #[test]
    fn a_clock_that_is_ahead_is_not_hidden() {
        check(Some(120), seen(None, None), &[], expect!["Arrived, Seen +-21000, Committed +1000"]);
    }

    #[test]
    fn a_sighting_is_stored_in_few_bytes_and_read_without_what_it_lacks() {
        let whole = Sighting { seen_at: at(99), unseen_at: Some(at(10)), hint_at: Some(at(98)) };
        let text = serde_json::to_string(&whole).unwrap();
        assert!(text.len() <= 80, "{text}");
        assert_eq!(serde_json::from_str::<Sighting>(&text).unwrap(), whole);
        let least = Sighting { unseen_at: None, hint_at: None, ..whole };
        let text = serde_json::to_string(&least).unwrap();
        assert_eq!(text, r#"{"s":1795000099000000}"#);
        assert_eq!(serde_json::from_str::<Sighting>(&text).unwrap(), least);
    }
}
