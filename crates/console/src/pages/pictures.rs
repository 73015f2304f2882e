//! The picture of the last day, or hour: events, how long deliveries took, and how the polled resources are.

use crate::api::address;
use crate::chart::{Bar, Chart, chart};
use crate::event::Event;
use crate::fleet::Counts;
use crate::signed::Signed;
use crate::time;
use crate::ui;
use chrono::{Duration, SecondsFormat};
use maud::{Markup, html};
use serde_json::Value;

/// Events whose deliveries are measured: enough to tell, and their bodies come along.
const MEASURED_COUNT_MAX: &str = "100";
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

pub(super) async fn draw(signed: &Signed, span: Span, counts: &Counts) -> Markup {
    let from = (signed.now - span.length()).to_rfc3339_opts(SecondsFormat::Secs, true);
    let by_time = address(
        &["instances", "events", "analytics", "accounts"],
        &[("from", &from), ("interval", span.interval())],
    );
    let events = address(&["instances", "events"], &[("from", &from), ("pageSize", MEASURED_COUNT_MAX)]);
    let (by_time, events) = tokio::join!(signed.api.get(&by_time), signed.api.get(&events));
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
            @match &by_time {
                Ok(rows) => { (events_chart(span, rows.rows())) }
                Err(refused) => { p.muted { "There is no picture: " (ui::marked(&refused.0.message())) "." } }
            }
            @if let Ok(events) = &events { (latency_chart(events.rows())) }
            (statuses(counts))
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

/// How many mailboxes there are of each status: each number leads to its list.
fn statuses(counts: &Counts) -> Markup {
    html! {
        figure.chart {
            figcaption {
                h3 { "Mailboxes by status" }
                p { (counts.bound()) (counts.total()) " mailboxes." }
            }
            ul.counts {
                @for (status, count) in counts.by_status() {
                    li { a href=(address(&["instances"], &[("status", status.key())])) { (ui::count_of(status, count)) } }
                }
            }
        }
    }
}
