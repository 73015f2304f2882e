//! The picture of the last day, or hour: events, how long deliveries took, and how the polled resources are.

use crate::api::address;
use crate::chart::{Bar, Chart, chart};
use crate::event::Event;
use crate::signed::Signed;
use crate::status::{failures, is_stopped};
use crate::time;
use crate::ui::{self, Mark, shape};
use chrono::{Duration, SecondsFormat};
use maud::{Markup, html};
use serde_json::Value;

/// Events whose deliveries are measured: enough to tell, and their bodies come along.
const MEASURED_COUNT_MAX: &str = "100";
/// Resources drawn.
const DRAWN_COUNT_MAX: usize = 200;
/// Ends of the classes of delivery times, ms, and their names.
const CLASSES: [(i64, &str); 6] = [
    (1_000, "under 1 s"),
    (5_000, "1 to 5 s"),
    (30_000, "5 to 30 s"),
    (300_000, "30 s to 5 min"),
    (3_600_000, "5 min to 1 h"),
    (i64::MAX, "over 1 h"),
];

/// How far back the picture looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    Hour,
    Day,
}

impl Span {
    pub(super) fn of(text: &str, is_young: bool) -> Self {
        match (text, is_young) {
            ("hour", _) => Span::Hour,
            ("day", _) => Span::Day,
            (_, true) => Span::Hour,
            (_, false) => Span::Day,
        }
    }

    fn interval(self) -> &'static str {
        match self {
            Span::Hour => "minute",
            Span::Day => "hour",
        }
    }

    /// From the first row to the last; both count.
    fn length(self) -> Duration {
        match self {
            Span::Hour => Duration::minutes(59),
            Span::Day => Duration::hours(23),
        }
    }

    fn heading(self) -> &'static str {
        match self {
            Span::Hour => "The last hour",
            Span::Day => "The last day",
        }
    }

    fn axis(self) -> [&'static str; 5] {
        match self {
            Span::Hour => ["1 h ago", "45 min", "30 min", "15 min", "now"],
            Span::Day => ["1 day ago", "18 h", "12 h", "6 h", "now"],
        }
    }
}

pub(super) async fn draw(signed: &Signed, span: Span, records: &[Value]) -> Markup {
    let from = (signed.now - span.length()).to_rfc3339_opts(SecondsFormat::Secs, true);
    let counts = address(
        &["instances", "events", "analytics", "instances"],
        &[("from", &from), ("interval", span.interval())],
    );
    let events = address(&["instances", "events"], &[("from", &from), ("pageSize", MEASURED_COUNT_MAX)]);
    let (counts, events) = tokio::join!(signed.api.get(&counts), signed.api.get(&events));
    let link = |wanted: Span, path: &str, label: &str| {
        html! { a href=(path) aria-current=[(wanted == span).then_some("true")] { (label) } }
    };
    html! {
        section.card {
            div.heading {
                h2 { (span.heading()) }
                nav.spans aria-label="Length of the picture" {
                    (link(Span::Hour, "/?span=hour", "Hour")) (link(Span::Day, "/?span=day", "Day"))
                }
            }
            @match &counts {
                Ok(counts) => { (events_chart(span, counts.rows())) }
                Err(_) => { p.muted { "There are too many events to count for this picture." } }
            }
            @if let Ok(events) = &events { (latency_chart(events.rows())) }
            (polls(records))
        }
    }
}

fn events_chart(span: Span, rows: &[Value]) -> Markup {
    let sum = |row: &Value, field: &str| -> u64 {
        row["records"].as_array().into_iter().flatten().filter_map(|one| one[field].as_u64()).sum()
    };
    let bar = |row: &Value| {
        let at = time::read(row["timestamp"].as_str());
        let label = at.map_or(String::new(), |at| at.format("%m-%d %H:%M UTC").to_string());
        Bar { label, values: vec![sum(row, "success"), sum(row, "failed")] }
    };
    let bars: Vec<Bar> = rows.iter().map(bar).collect();
    let total = |part: usize| bars.iter().map(|bar| bar.values[part]).sum::<u64>();
    let (delivered, not) = (total(0), total(1));
    let summary = match delivered + not {
        0 => "No events in this time.".to_owned(),
        count if not == 0 => format!("{count} events, all delivered."),
        count => format!("{count} events: {delivered} delivered, {not} not yet."),
    };
    chart(&Chart {
        id: "events-chart",
        heading: if span == Span::Hour { "Events by minute" } else { "Events by hour" },
        summary: &summary,
        of: "Time",
        parts: &["delivered", "not delivered yet"],
        bars: &bars,
        axis: &span.axis(),
    })
}

fn latency_chart(records: &[Value]) -> Markup {
    let mut took: Vec<i64> = records.iter().filter_map(|one| Event::of(one).latency_ms()).collect();
    took.sort_unstable();
    let mut counts = [0_u64; CLASSES.len()];
    for ms in &took {
        counts[CLASSES.iter().position(|(end, _)| ms < end).unwrap_or(CLASSES.len() - 1)] += 1;
    }
    let bars: Vec<Bar> = CLASSES
        .iter()
        .zip(counts)
        .map(|((_, label), count)| Bar { label: (*label).to_owned(), values: vec![count] })
        .collect();
    let summary = match (took.get(took.len().saturating_sub(1) / 2), took.last()) {
        (Some(median), Some(slowest)) => format!(
            "Of the last {} deliveries, half took at most {}; the slowest took {}.",
            took.len(),
            time::length(*median),
            time::length(*slowest)
        ),
        _ => "Nothing was delivered in this time.".to_owned(),
    };
    chart(&Chart {
        id: "latency-chart",
        heading: "From event to delivery",
        summary: &summary,
        of: "Time taken",
        parts: &["deliveries"],
        bars: &bars,
        axis: &["<1 s", "1–5 s", "5–30 s", "<5 min", "<1 h", "longer"],
    })
}

/// Each polled resource as a shape, those in trouble first.
fn polls(records: &[Value]) -> Markup {
    let judged = |one: &Value| match failures(one) {
        _ if is_stopped(one) => (0, Mark::Bad, "stopped"),
        0 if one["lastPoll"].is_null() => (2, Mark::Waiting, "waiting for its first poll"),
        0 => (3, Mark::Good, "polled well"),
        _ => (1, Mark::Warning, "failing"),
    };
    let mut resources: Vec<((u8, Mark, &str), &Value)> =
        records.iter().map(|one| (judged(one), one)).collect();
    resources.sort_by_key(|((order, _, _), _)| *order);
    let told: Vec<(Mark, &str, usize)> = (0..4)
        .filter_map(|order| {
            let mut of = resources.iter().filter(|((one, _, _), _)| *one == order);
            let ((_, mark, word), _) = of.next()?;
            Some((*mark, *word, of.count() + 1))
        })
        .collect();
    let rate: f64 = records
        .iter()
        .filter_map(|one| one["interval"].as_f64())
        .filter(|min| *min > 0.0)
        .map(|min| 60.0 / min)
        .sum();
    html! {
        figure.chart {
            figcaption {
                h3 { "Polls and failures" }
                p { (records.len()) " polled resources, about " (rate.round()) " polls an hour." }
            }
            div.shapes aria-hidden="true" {
                @for ((_, mark, word), one) in resources.iter().take(DRAWN_COUNT_MAX) {
                    span class={ "badge " (ui::class(*mark)) } title={ (one["name"].as_str().unwrap_or_default()) " of " (one["instanceId"]) ": " (word) } { (shape(*mark)) }
                }
            }
            ul.legend { @for (mark, word, count) in &told { li { span class={ "badge " (ui::class(*mark)) } { (shape(*mark)) (count) " " (word) } } } }
            (failing(&resources))
        }
    }
}

fn failing(resources: &[((u8, Mark, &str), &Value)]) -> Markup {
    let mut failing = resources.iter().filter(|((order, _, _), _)| *order < 2).peekable();
    html! {
        @if failing.peek().is_some() {
            table.plain {
                caption.unseen { "Resources whose polls fail" }
                thead { tr { th scope="col" { "Resource" } th.number scope="col" { "Failures in a row" } th scope="col" { "Error" } } }
                tbody {
                    @for (_, one) in failing.take(ROWS_COUNT_MAX) {
                        tr {
                            th scope="row" { a href={ "/instances/" (one["instanceId"]) } { code { (one["name"].as_str().unwrap_or_default()) } } }
                            td.number { (failures(one)) }
                            td { (one["error"].as_str().unwrap_or("not read for too long")) }
                        }
                    }
                }
            }
        }
    }
}

/// Failing resources named one by one.
const ROWS_COUNT_MAX: usize = 10;
