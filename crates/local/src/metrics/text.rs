//! Prometheus's text format, version 0.0.4.

use app::signals::{Distribution, Label, Metric, Readings, Sample};
use std::fmt::Write as _;

pub(super) const TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn of(metrics: &[Metric]) -> String {
    let mut text = String::new();
    for metric in metrics {
        let kind = match metric.readings {
            Readings::Counters(_) => "counter",
            Readings::Gauges(_) => "gauge",
            Readings::Histograms(_) => "histogram",
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "# HELP {0} {1}\n# TYPE {0} {kind}", metric.name, metric.help);
        match &metric.readings {
            Readings::Counters(samples) | Readings::Gauges(samples) => {
                samples.iter().for_each(|one| sample(&mut text, metric.name, one));
            }
            Readings::Histograms(all) => all.iter().for_each(|one| distribution(&mut text, metric.name, one)),
        }
    }
    text
}

fn sample(text: &mut String, name: &str, of: &Sample) {
    let _ = writeln!(text, "{name}{} {}", labels(&of.labels, None), of.value);
}

fn distribution(text: &mut String, name: &str, of: &Distribution) {
    for (bound, count) in &of.buckets {
        let _ = writeln!(text, "{name}_bucket{} {count}", labels(&of.labels, Some(&bound.to_string())));
    }
    let _ = writeln!(text, "{name}_bucket{} {}", labels(&of.labels, Some("+Inf")), of.count);
    let _ = writeln!(text, "{name}_sum{} {}", labels(&of.labels, None), of.sum_s);
    let _ = writeln!(text, "{name}_count{} {}", labels(&of.labels, None), of.count);
}

/// Values are words of ours: none has a quote, a backslash or a line's end.
fn labels(of: &[Label], bound: Option<&str>) -> String {
    let bound = bound.map(|bound| format!("le=\"{bound}\""));
    let all: Vec<String> =
        of.iter().map(|(name, value)| format!("{name}=\"{value}\"")).chain(bound).collect();
    if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn each_form_is_written_as_prometheus_reads_it() {
        let one = |labels, value| Sample { labels, value };
        let distribution =
            Distribution { labels: Vec::new(), buckets: vec![(0.5, 1), (60.0, 3)], count: 4, sum_s: 61.25 };
        let metrics = [
            Metric {
                name: "a_total",
                help: "Counted.",
                readings: Readings::Counters(vec![one(
                    vec![("x", "y".to_owned()), ("z", "1".to_owned())],
                    3.0,
                )]),
            },
            Metric { name: "b", help: "Now.", readings: Readings::Gauges(vec![one(Vec::new(), 0.5)]) },
            Metric { name: "c_seconds", help: "Took.", readings: Readings::Histograms(vec![distribution]) },
        ];
        expect![[r#"
            # HELP a_total Counted.
            # TYPE a_total counter
            a_total{x="y",z="1"} 3
            # HELP b Now.
            # TYPE b gauge
            b 0.5
            # HELP c_seconds Took.
            # TYPE c_seconds histogram
            c_seconds_bucket{le="0.5"} 1
            c_seconds_bucket{le="60"} 3
            c_seconds_bucket{le="+Inf"} 4
            c_seconds_sum 61.25
            c_seconds_count 4
        "#]]
        .assert_eq(&of(&metrics));
    }
}
