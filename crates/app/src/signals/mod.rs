//! What a process counts of its work: the use cases report here, and a host shows it in its own form. Nothing is
//! labelled by an instance, an address or an id, so the number of series does not grow with the mailboxes.

mod measure;

pub use measure::{Distribution, Histogram, Label, Listener, Metric, Readings, Sample, Timed};

use chrono::Duration;
use measure::Tally;

/// A poll later than the first is seldom noticed; than the last, the schedule is not held.
const LATENESS_BOUNDS_S: [f64; 10] = [0.1, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0];
/// From seconds (a notice) over an interval to a callback that was away for a night.
const LATENCY_BOUNDS_S: [f64; 11] =
    [0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 21600.0, 86400.0];

const POLL_ENDS: [&str; 3] = ["idle", "found", "failed"];
const VERDICTS: [&str; 3] = ["delivered", "retry", "suspend"];
const LETTER_ENDS: [&str; 3] = ["delivered", "retry", "given_up"];
const REFRESH_ENDS: [&str; 4] = ["done", "sign_in_refused", "application_refused", "failed"];
const ANSWER_CLASSES: [&str; 7] = ["2xx", "3xx", "401", "429", "4xx", "5xx", "none"];
const WATCH_TURNS: [&str; 3] = ["watched", "failed", "lapsed"];

/// How a poll ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PollEnd {
    Idle,
    Found,
    Failed,
}

impl PollEnd {
    pub(crate) fn word(self) -> &'static str {
        POLL_ENDS[self as usize]
    }
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttemptEnd {
    Delivered,
    Retry,
    Suspend,
}

/// What became of an attempt at a health event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LetterEnd {
    Delivered,
    Retry,
    GivenUp,
}

/// How a refresh of an access token ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefreshEnd {
    Done,
    SignInRefused,
    ApplicationRefused,
    Failed,
}

/// What became of a provider's watch over a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WatchTurn {
    /// Made or renewed.
    Watched,
    Failed,
    /// It had ended before it was renewed.
    Lapsed,
}

/// The counts of one process.
pub struct Signals {
    poll_lateness: Histogram,
    polls: Tally<3>,
    change_to_callback: Histogram,
    commit_to_callback: Histogram,
    attempts: Tally<3>,
    letters: Tally<3>,
    /// By the place of the connector in the registry.
    of_connectors: Vec<ConnectorSignals>,
}

struct ConnectorSignals {
    key: &'static str,
    refreshes: Tally<4>,
    answers: Tally<7>,
    watches: Tally<3>,
}

impl Signals {
    /// For these connectors; what is reported of others is not counted.
    pub(crate) fn new(connectors: impl Iterator<Item = &'static str>) -> Self {
        let of_connector = |key| ConnectorSignals {
            key,
            refreshes: Tally::of(&REFRESH_ENDS),
            answers: Tally::of(&ANSWER_CLASSES),
            watches: Tally::of(&WATCH_TURNS),
        };
        Signals {
            poll_lateness: Histogram::new(&LATENESS_BOUNDS_S),
            polls: Tally::of(&POLL_ENDS),
            change_to_callback: Histogram::new(&LATENCY_BOUNDS_S),
            commit_to_callback: Histogram::new(&LATENCY_BOUNDS_S),
            attempts: Tally::of(&VERDICTS),
            letters: Tally::of(&LETTER_ENDS),
            of_connectors: connectors.map(of_connector).collect(),
        }
    }

    /// The schedule's poll began so long after it was due.
    pub(crate) fn poll_began(&self, late_by: Duration) {
        self.poll_lateness.note(late_by);
    }

    pub(crate) fn poll_ended(&self, end: PollEnd) {
        self.polls.add(end as usize);
    }

    pub(crate) fn attempted(&self, end: AttemptEnd) {
        self.attempts.add(end as usize);
    }

    pub(crate) fn told(&self, end: LetterEnd) {
        self.letters.add(end as usize);
    }

    /// A callback has what it did not have, so long after it can have been seen at the provider, and after the commit.
    pub(crate) fn arrived(&self, since_change: Duration, since_commit: Duration) {
        self.change_to_callback.note(since_change);
        self.commit_to_callback.note(since_commit);
    }

    pub(crate) fn refreshed(&self, connector: &str, end: RefreshEnd) {
        self.of(connector, |one| one.refreshes.add(end as usize));
    }

    /// A provider's answer to a poll or a read; `None`: there was none.
    pub(crate) fn answered(&self, connector: &str, status: Option<u16>) {
        self.of(connector, |one| one.answers.add(class(status)));
    }

    pub(crate) fn watch_turned(&self, connector: &str, turn: WatchTurn) {
        self.of(connector, |one| one.watches.add(turn as usize));
    }

    fn of(&self, connector: &str, note: impl FnOnce(&ConnectorSignals)) {
        if let Some(one) = self.of_connectors.iter().find(|one| one.key == connector) {
            note(one);
        }
    }

    /// What is timed.
    pub fn timed(&self) -> [Timed<'_>; 3] {
        let of = |name, help, histogram| Timed { name, help, labels: Vec::new(), histogram };
        [
            of(
                "carillon_poll_lateness_seconds",
                "From when the schedule's poll was due to its begin.",
                &self.poll_lateness,
            ),
            of(
                "carillon_change_to_callback_seconds",
                "From the last complete poll without a change to the callback's 2xx: at most so long was it under way.",
                &self.change_to_callback,
            ),
            of(
                "carillon_commit_to_callback_seconds",
                "From a notification's commit to the callback's 2xx.",
                &self.commit_to_callback,
            ),
        ]
    }

    /// All of them as they are now.
    pub fn read(&self) -> Vec<Metric> {
        let timed = self.timed().map(|Timed { name, help, labels, histogram }| Metric {
            name,
            help,
            readings: Readings::Histograms(vec![histogram.read(labels)]),
        });
        timed.into_iter().chain(self.counted()).collect()
    }

    fn counted(&self) -> Vec<Metric> {
        vec![
            Metric {
                name: "carillon_polls_total",
                help: "Polls, by what they ended in.",
                readings: Readings::Counters(self.polls.read("end", &[])),
            },
            Metric {
                name: "carillon_delivery_attempts_total",
                help: "Delivery attempts, by what followed.",
                readings: Readings::Counters(self.attempts.read("verdict", &[])),
            },
            Metric {
                name: "carillon_health_letters_total",
                help: "Attempts at health events, by what followed.",
                readings: Readings::Counters(self.letters.read("end", &[])),
            },
            Metric {
                name: "carillon_token_refreshes_total",
                help: "Refreshes of access tokens.",
                readings: self.by_connector(|one, key| one.refreshes.read("end", key)),
            },
            Metric {
                name: "carillon_provider_answers_total",
                help: "Providers' answers to polls and reads, by class of status.",
                readings: self.by_connector(|one, key| one.answers.read("class", key)),
            },
            Metric {
                name: "carillon_push_turns_total",
                help: "What became of providers' watches: made or renewed, failed, renewed too late.",
                readings: self.by_connector(|one, key| one.watches.read("turn", key)),
            },
        ]
    }

    fn by_connector(&self, read: impl Fn(&ConnectorSignals, &[Label]) -> Vec<Sample>) -> Readings {
        let each = self.of_connectors.iter().map(|one| read(one, &[("connector", one.key.to_owned())]));
        Readings::Counters(each.flatten().collect())
    }
}

/// The place of a status in [`ANSWER_CLASSES`].
fn class(status: Option<u16>) -> usize {
    match status {
        Some(200..=299) => 0,
        Some(300..=399) => 1,
        Some(401) => 2,
        Some(429) => 3,
        Some(400..=499) => 4,
        Some(_) => 5,
        None => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_class() {
        let text = |status| ANSWER_CLASSES[class(status)];
        let statuses = [204, 304, 401, 403, 404, 410, 429, 500, 503, 99];
        let classes: Vec<&str> = statuses.iter().map(|status| text(Some(*status))).collect();
        assert_eq!(classes, ["2xx", "3xx", "401", "4xx", "4xx", "4xx", "429", "5xx", "5xx", "5xx"]);
        assert_eq!(text(None), "none");
    }

    #[test]
    fn what_nobody_knows_is_not_counted() {
        let signals = Signals::new(["known"].into_iter());
        signals.answered("strange", Some(200));
        signals.answered("known", None);
        let answers = signals.read().into_iter().find(|one| one.name == "carillon_provider_answers_total");
        let Some(Metric { readings: Readings::Counters(samples), .. }) = answers else {
            panic!("no counters")
        };
        assert_eq!(samples.iter().map(|sample| sample.value).sum::<f64>(), 1.0);
    }
}
