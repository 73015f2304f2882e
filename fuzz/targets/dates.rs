//! Three lines: a pattern, a zone, a date. Whatever they are, each is read or refused, and any instant prints.

#![no_main]

use chrono::{DateTime, Datelike, Utc};
use domain::date_pattern::{DATE_BYTES_MAX, DatePattern, PATTERN_BYTES_MAX, Zone, parse_rfc3339};
use libfuzzer_sys::fuzz_target;

/// Instants from the beginning of time to its end.
const SECONDS: [i64; 7] =
    [i64::MIN, -62_135_596_800, -1, 951_782_400, 1_795_348_799, 4_102_444_800, 253_402_300_799];

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.splitn(3, '\n');
    let (pattern, zone, date) = (
        lines.next().unwrap_or_default(),
        lines.next().unwrap_or_default(),
        lines.next().unwrap_or_default(),
    );
    let zone = Zone::parse(zone).unwrap_or(Zone::GMT);
    assert_eq!(Zone::parse(&zone.to_string()), Ok(zone));
    if let Some(at) = parse_rfc3339(date, zone) {
        assert!((0..=9999).contains(&at.year()));
        let canonical = at.to_rfc3339();
        assert_eq!(parse_rfc3339(&canonical, Zone::GMT), Some(at), "{canonical}");
    }
    let Ok(pattern) = DatePattern::parse(pattern) else { return };
    match pattern.parse_date(date, zone) {
        Ok(at) => {
            assert!((0..=9999).contains(&at.year()));
            let _ = pattern.format(at, zone);
        }
        Err(error) => assert!(error.position <= date.len().max(DATE_BYTES_MAX), "{error}"),
    }
    for seconds in SECONDS {
        let at = DateTime::from_timestamp(seconds, 999_999_999).unwrap_or(DateTime::<Utc>::MIN_UTC);
        let printed = pattern.format(at, zone);
        // One letter prints at most `GMT+hh:mm` or the name of a month.
        assert!(printed.len() <= PATTERN_BYTES_MAX * 10, "{printed}");
        let _ = pattern.parse_date(&printed, zone);
    }
});
