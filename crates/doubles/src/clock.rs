//! Time as the doubles see it, and the date formats of the wire.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

/// Time source: microseconds since the Unix epoch. The caller supplies real or virtual time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// A clock that asks `read` for the time, in microseconds since the Unix epoch.
    pub fn new(read: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The time now, in microseconds since the Unix epoch.
    pub fn now_us(&self) -> i64 {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now_us()).finish()
    }
}

pub(crate) const SECOND_US: i64 = 1_000_000;
pub(crate) const DAY_US: i64 = 86_400 * SECOND_US;

fn date_time(at_us: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at_us).unwrap_or_default()
}

/// The form of the HTTP `Date` header (IMF-fixdate).
pub(crate) fn http_date(at_us: i64) -> String {
    date_time(at_us).format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The form of a mail's `Date` header.
pub(crate) fn mail_date(at_us: i64) -> String {
    date_time(at_us).format("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// Whole seconds, as Graph shows the dates of a message.
pub(crate) fn iso_seconds(at_us: i64) -> String {
    date_time(at_us).format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// With all that is known of the second, as Pub/Sub shows times.
pub(crate) fn iso_micros(at_us: i64) -> String {
    date_time(at_us).format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// Reads an ISO 8601 date, with or without a time of day, to microseconds.
pub(crate) fn parse_iso(text: &str) -> Option<i64> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.timestamp_micros());
    }
    parse_day(text, "%Y-%m-%d")
}

/// Reads a day in the given format to its first microsecond, in UTC.
pub(crate) fn parse_day(text: &str, format: &str) -> Option<i64> {
    let day = NaiveDate::parse_from_str(text, format).ok()?;
    Some(day.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_and_parses_dates() {
        let at_us = 1_795_347_600_123_456;
        assert_eq!(http_date(at_us), "Sun, 22 Nov 2026 11:40:00 GMT");
        assert_eq!(iso_seconds(at_us), "2026-11-22T11:40:00Z");
        assert_eq!(parse_iso("2026-11-22T11:40:00.123456Z"), Some(at_us));
        assert_eq!(parse_iso("2026-11-22"), Some(1_795_305_600_000_000));
        assert_eq!(parse_iso("yesterday"), None);
    }
}
