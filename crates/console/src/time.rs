//! Times as people read them, with the exact one beside.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

/// A time of the interface.
pub(crate) fn read(text: Option<&str>) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text?).ok().map(|at| at.to_utc())
}

/// "3 min ago" or "in 2 min", with the exact time for those who point at it.
pub(crate) fn relative(at: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    let seconds = (now - at).num_seconds();
    let words = match seconds {
        -1..=1 => "now".to_owned(),
        2.. => format!("{} ago", span(seconds)),
        _ => format!("in {}", span(-seconds)),
    };
    html! { time datetime=(at.to_rfc3339()) title=(exact(at)) { (words) } }
}

/// "for 3 min": of what began then and lasts.
pub(crate) fn lasting(since: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    html! {
        time datetime=(since.to_rfc3339()) title={ "since " (exact(since)) } data-lasting="" { "for " (span((now - since).num_seconds())) }
    }
}

/// As [`relative`] says a time that may not be there.
pub(crate) fn relative_or(at: Option<DateTime<Utc>>, now: DateTime<Utc>, none: &str) -> Markup {
    match at {
        Some(at) => relative(at, now),
        None => html! { span.muted { (none) } },
    }
}

/// As [`relative_or`] says a time that may have been later by so many seconds.
pub(crate) fn within(at: Option<DateTime<Utc>>, within_s: i64, now: DateTime<Utc>) -> Markup {
    match at.filter(|at| within_s > 0 && (now - *at).num_seconds() > 1) {
        Some(at) if now - at <= chrono::Duration::seconds(within_s) => {
            html! { time datetime=(at.to_rfc3339()) title=(exact(at)) data-within="" { "within " (span((now - at).num_seconds().max(60))) } }
        }
        _ => relative_or(at, now, "never"),
    }
}

/// Date and time of day, UTC.
pub(crate) fn exact(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A length of time in one unit.
pub(crate) fn span(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// A length of time, ms.
pub(crate) fn length(ms: i64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => span(ms / 1_000),
    }
}

/// What a browser's field for date and time gives has no zone; the page says that it is UTC.
pub(crate) fn utc(text: &str) -> String {
    let is_whole = text.ends_with('Z') || text.len() < "2026-11-22T12:00".len() || text.len() > 19;
    match text.len() {
        _ if is_whole => text.to_owned(),
        16 => format!("{text}:00Z"),
        _ => format!("{text}Z"),
    }
}
