//! Sums of a process as metrics of CloudWatch: a line of its log in the embedded metric format, without a call.
//!
//! Only what no other metric tells is in it. A line comes with an invocation that has something to tell, and of a busy
//! process once a minute; an idle poll has none. One metric is declared, for each costs as much as the lines of a thousand
//! mailboxes: the other sums are counted of the lines, when somebody looks at the dashboard.

use app::signals::{Metric, Readings, Sample};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Between lines of a process, seconds: CloudWatch's own resolution.
const EVERY_S: i64 = 60;
const CHANGE_TO_CALLBACK: &str = "carillon_change_to_callback_seconds";
const PROVIDER_ANSWERS: &str = "carillon_provider_answers_total";
const TOKEN_REFRESHES: &str = "carillon_token_refreshes_total";
/// Of the label `class`: what has a line, though nothing was delivered. Other refusals have one of their own.
const FAILED_ANSWERS: [&str; 2] = ["5xx", "none"];
/// Of the label `end`.
const REFRESHED: &str = "done";

/// What a process has told, and how much it had counted by then.
#[derive(Default)]
pub(super) struct Sums {
    told_at: Option<DateTime<Utc>>,
    told: Counted,
}

/// Since the process began.
#[derive(Debug, Clone, Default, PartialEq)]
struct Counted {
    /// Deliveries by how long they took at most, in the histogram's own seconds.
    waits: Vec<(f64, u64)>,
    /// Providers' answers by class.
    answers: Words,
    /// Refreshes of access tokens, by what they ended in.
    refreshes: Words,
}

/// Counts by a word.
type Words = BTreeMap<String, u64>;

impl Counted {
    fn of(metrics: &[Metric]) -> Self {
        let mut counted = Counted::default();
        for metric in metrics {
            match (metric.name, &metric.readings) {
                (CHANGE_TO_CALLBACK, Readings::Histograms(all)) => {
                    counted.waits = all.iter().flat_map(|one| apart(&one.buckets, one.count)).collect();
                }
                (PROVIDER_ANSWERS, Readings::Counters(samples)) => {
                    counted.answers = by_word(samples, "class");
                }
                (TOKEN_REFRESHES, Readings::Counters(samples)) => {
                    counted.refreshes = by_word(samples, "end");
                }
                _ => {}
            }
        }
        counted
    }

    /// What came since. One that is less was counted anew, by use cases that were made again.
    fn since(&self, before: &Self) -> Self {
        let before_of: BTreeMap<u64, u64> =
            before.waits.iter().map(|(s, count)| (s.to_bits(), *count)).collect();
        let waits = self
            .waits
            .iter()
            .map(|(s, count)| (*s, more(*count, before_of.get(&s.to_bits()).copied().unwrap_or_default())));
        Counted {
            waits: waits.filter(|(_, count)| *count > 0).collect(),
            answers: words_since(&self.answers, &before.answers),
            refreshes: words_since(&self.refreshes, &before.refreshes),
        }
    }

    /// Whether a line is worth its price.
    fn is_news(&self) -> bool {
        let has_failed = |word: &String| FAILED_ANSWERS.contains(&word.as_str());
        !self.waits.is_empty()
            || self.answers.keys().any(has_failed)
            || self.refreshes.keys().any(|end| end != REFRESHED)
    }
}

fn more(now: u64, before: u64) -> u64 {
    now.checked_sub(before).unwrap_or(now)
}

/// Of all connectors.
fn by_word(samples: &[Sample], label: &str) -> Words {
    let mut words = Words::new();
    for sample in samples {
        let word = sample.labels.iter().find(|(name, _)| *name == label).map(|(_, word)| word.clone());
        *words.entry(word.unwrap_or_default()).or_default() += sample.value as u64;
    }
    words
}

/// Those that are more.
fn words_since(now: &Words, before: &Words) -> Words {
    let each = now
        .iter()
        .map(|(word, count)| (word.clone(), more(*count, before.get(word).copied().unwrap_or_default())));
    each.filter(|(_, count)| *count > 0).collect()
}

/// Buckets that hold all up to a bound, as what is in each alone; what is beyond the last counts as the last.
fn apart(buckets: &[(f64, u64)], total: u64) -> Vec<(f64, u64)> {
    let mut below = 0;
    let last = buckets.len().saturating_sub(1);
    let alone = buckets.iter().enumerate().map(|(place, (bound, up_to))| {
        let up_to = if place == last { total } else { *up_to };
        let count = up_to.saturating_sub(below);
        below = up_to;
        (*bound, count)
    });
    alone.collect()
}

impl Sums {
    /// The line to write now, if there is any.
    pub(super) fn line(&mut self, namespace: &str, metrics: &[Metric], now: DateTime<Utc>) -> Option<String> {
        let is_soon = self.told_at.is_some_and(|at| now - at < TimeDelta::seconds(EVERY_S));
        let counted = Counted::of(metrics);
        let new = counted.since(&self.told);
        if is_soon || !new.is_news() {
            return None;
        }
        (self.told_at, self.told) = (Some(now), counted);
        Some(embedded(namespace, &new, now).to_string())
    }
}

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>;
/// without a delivery it declares no metric, and is a line as any other.
fn embedded(namespace: &str, new: &Counted, now: DateTime<Utc>) -> Value {
    let mut line = json!({});
    for (name, words) in [("answers", &new.answers), ("refreshes", &new.refreshes)] {
        if !words.is_empty() {
            line[name] = json!(words);
        }
    }
    if new.waits.is_empty() {
        return line;
    }
    let (values, counts): (Vec<f64>, Vec<u64>) = new.waits.iter().copied().unzip();
    let metric = json!({ "Name": "ChangeToCallback", "Unit": "Seconds" });
    let declared = json!([{ "Namespace": namespace, "Dimensions": [[]], "Metrics": [metric] }]);
    line["ChangeToCallback"] = json!({ "Values": values, "Counts": counts });
    line["_aws"] = json!({ "Timestamp": now.timestamp_millis(), "CloudWatchMetrics": declared });
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use app::signals::Distribution;

    /// What CloudWatch adds to each line.
    const BYTES_OF_EVENT: usize = 26;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000 + seconds, 0).unwrap()
    }

    /// Of a process with these waits up to a second, five, and beyond, and these answers.
    fn counted(waits: [u64; 3], well: u64, failed: u64) -> Vec<Metric> {
        let [first, second, third] = waits;
        let buckets = vec![(1.0, first), (5.0, first + second)];
        let distribution =
            Distribution { labels: Vec::new(), buckets, count: first + second + third, sum_s: 0.0 };
        vec![
            Metric { name: CHANGE_TO_CALLBACK, help: "", readings: Readings::Histograms(vec![distribution]) },
            answers(well, failed),
        ]
    }

    fn answers(well: u64, failed: u64) -> Metric {
        answers_of(&[("2xx", well), ("5xx", failed), ("none", 1)])
    }

    fn answers_of(classes: &[(&str, u64)]) -> Metric {
        let samples = classes.iter().map(|(class, count)| Sample {
            labels: vec![("connector", "gmail".to_owned()), ("class", (*class).to_owned())],
            value: *count as f64,
        });
        Metric { name: PROVIDER_ANSWERS, help: "", readings: Readings::Counters(samples.collect()) }
    }

    fn told(sums: &mut Sums, metrics: &[Metric], now: DateTime<Utc>) -> Option<Value> {
        sums.line("Carillon/stack", metrics, now).map(|line| serde_json::from_str(&line).unwrap())
    }

    #[test]
    fn a_line_has_what_came_since_the_last_one() {
        let mut sums = Sums::default();
        let first = told(&mut sums, &counted([2, 0, 1], 9, 3), at(0)).unwrap();
        assert_eq!(first["ChangeToCallback"], json!({ "Values": [1.0, 5.0], "Counts": [2, 1] }));
        assert_eq!(first["answers"], json!({ "2xx": 9, "5xx": 3, "none": 1 }));
        let declared = &first["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(
            (&declared["Namespace"], &declared["Dimensions"]),
            (&json!("Carillon/stack"), &json!([[]]))
        );
        assert_eq!(first["_aws"]["Timestamp"], 1_795_000_000_000_i64);
        let second = told(&mut sums, &counted([2, 5, 1], 20, 3), at(60)).unwrap();
        assert_eq!(second["ChangeToCallback"], json!({ "Values": [5.0], "Counts": [5] }));
        assert_eq!(
            second["_aws"]["CloudWatchMetrics"][0]["Metrics"],
            json!([{ "Name": "ChangeToCallback", "Unit": "Seconds" }])
        );
        assert_eq!(second["answers"], json!({ "2xx": 11 }));
    }

    /// Of two connectors.
    fn refreshed(done: u64, refused: u64) -> Metric {
        let of = |connector: &str, end: &str, value: u64| Sample {
            labels: vec![("connector", connector.to_owned()), ("end", end.to_owned())],
            value: value as f64,
        };
        let samples =
            vec![of("gmail", "done", done), of("other", "done", 1), of("other", "sign_in_refused", refused)];
        Metric { name: TOKEN_REFRESHES, help: "", readings: Readings::Counters(samples) }
    }

    #[test]
    fn what_failed_is_told_without_a_delivery_and_declares_no_metric() {
        let mut sums = Sums::default();
        assert!(told(&mut sums, &[refreshed(3, 0)], at(0)).is_none(), "a refresh that went well");
        let refused = told(&mut sums, &[refreshed(4, 2)], at(1)).unwrap();
        assert_eq!(refused, json!({ "refreshes": { "done": 5, "sign_in_refused": 2 } }));
        let failed = told(&mut sums, &[refreshed(4, 2), answers(7, 1)], at(90)).unwrap();
        assert_eq!(failed, json!({ "answers": { "2xx": 7, "5xx": 1, "none": 1 } }));
    }

    #[test]
    fn an_idle_poll_has_no_line_and_a_busy_minute_has_one() {
        let mut sums = Sums::default();
        assert!(told(&mut sums, &[], at(0)).is_none());
        assert!(told(&mut sums, &counted([1, 0, 0], 1, 0), at(1)).is_some());
        assert!(told(&mut sums, &counted([1, 0, 0], 50, 0), at(100)).is_none(), "answers that are well");
        assert!(told(&mut sums, &counted([2, 0, 0], 50, 0), at(130)).is_some());
        assert!(told(&mut sums, &counted([3, 0, 0], 50, 0), at(150)).is_none(), "too soon");
        let both = told(&mut sums, &counted([4, 0, 0], 50, 0), at(190)).unwrap();
        assert_eq!(both["ChangeToCallback"]["Counts"], json!([2]));
    }

    #[test]
    fn counts_that_began_anew_are_told_whole() {
        let mut sums = Sums::default();
        told(&mut sums, &counted([9, 0, 0], 1, 7), at(0));
        let line = told(&mut sums, &counted([2, 0, 0], 1, 3), at(100)).unwrap();
        assert_eq!(
            (&line["ChangeToCallback"]["Counts"], &line["answers"]),
            (&json!([2]), &json!({ "5xx": 3 }))
        );
    }

    /// What a line costs: docs/signals.md multiplies one of one delivery, the cost model those of busy processes, which say
    /// more.
    #[test]
    fn lines_are_as_short_and_as_seldom_as_the_cost_model_assumes() {
        let line = |metrics: &[Metric]| Sums::default().line("Carillon/carillon", metrics, at(0)).unwrap();
        let one = line(&counted([1, 0, 0], 1, 0)[..1]);
        assert!(one.len() <= 230, "{} bytes: {one}", one.len());
        let assumed = include_str!("../../../../infra/cost/assumed.json");
        let assumed: Value = serde_json::from_str(assumed).unwrap();
        let classes = ["3xx", "401", "429", "4xx", "5xx", "none"].map(|class| (class, 99));
        let mut busy = counted([0, 0, 0], 1, 999);
        busy[1] = answers_of(&[&[("2xx", 9999)], &classes[..]].concat());
        busy.push(refreshed(998, 99));
        if let Readings::Histograms(all) = &mut busy[0].readings {
            let bounds = [0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 21600.0, 86400.0];
            let buckets = bounds.iter().enumerate().map(|(place, bound)| (*bound, 999 * (place as u64 + 1)));
            (all[0].buckets, all[0].count) = (buckets.collect(), 999 * 11);
        }
        let busy = line(&busy);
        let bytes = (busy.len() + BYTES_OF_EVENT) as f64;
        assert!(bytes <= assumed["log_bytes_per_sums"].as_f64().unwrap(), "{bytes} bytes: {busy}");
        assert_eq!(assumed["sums_every_s"], EVERY_S);
    }
}
