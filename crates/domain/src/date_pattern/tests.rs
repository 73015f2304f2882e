use super::*;
use expect_test::{Expect, expect};

const ISO: &str = "yyyy-MM-dd'T'HH:mm:ssXXX";

/// 2020-07-05 21:04:09.045678 UTC.
fn summer() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_593_983_049_045_678).unwrap()
}

/// Prints one summer instant by the pattern in a zone.
#[track_caller]
fn check_format(pattern: &str, zone: &str, expect: Expect) {
    let actual = match DatePattern::parse(pattern) {
        Ok(pattern) => pattern.format(summer(), Zone::parse(zone).unwrap()),
        Err(error) => error.to_string(),
    };
    expect.assert_eq(&actual);
}

/// Reads the date by the pattern; the zone is the default one.
#[track_caller]
fn check(pattern: &str, zone: &str, date: &str, expect: Expect) {
    let pattern = DatePattern::parse(pattern).unwrap();
    let actual = match pattern.parse_date(date, Zone::parse(zone).unwrap()) {
        Ok(at) => at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
        Err(error) => format!("byte {}: expected {}", error.position, error.expected),
    };
    expect.assert_eq(&actual);
}

#[test]
fn formats() {
    check_format(ISO, "UTC", expect!["2020-07-05T21:04:09Z"]);
    check_format(ISO, "America/Denver", expect!["2020-07-05T15:04:09-06:00"]);
    check_format("yyyy-MM-dd'T'HH:mm:ss'Z'", "GMT", expect!["2020-07-05T21:04:09Z"]);
    check_format("yyyy-MM-dd'T'HH:mm:ss.SSSZ", "-8:00", expect!["2020-07-05T13:04:09.045-0800"]);
    check_format("yyyy-MM-dd HH:mm:ss.SSSSSS z", "GMT", expect!["2020-07-05 21:04:09.045678 GMT"]);
    check_format(
        "y yy yyy yyyyy M MM MMM MMMM d dd",
        "GMT",
        expect!["2020 20 2020 02020 7 07 Jul July 5 05"],
    );
    check_format("h hh a H m s S SS SSSS SSSSSSSSS", "GMT", expect!["9 09 PM 21 4 9 45 45 0456 045678000"]);
    check_format("EEE, dd MMM yyyy HH:mm:ss Z", "PST", expect!["Sun, 05 Jul 2020 14:04:09 -0700"]);
    check_format("E EEEE 'o''clock' '' z zzzz", "PST", expect!["Sun Sunday o'clock ' PDT PDT"]);
    check_format("X XX XXX Z z", "IST", expect!["+05 +0530 +05:30 +0530 IST"]);
    check_format("X XX XXX Z z", "UTC", expect!["Z Z Z +0000 UTC"]);
    check_format("z", "America/Sao_Paulo", expect!["GMT-03:00"]);
    check_format("MM/dd/yyyy é 'é'", "EST", expect!["07/05/2020 é é"]);
    check_format("milliseconds", "EST", expect!["1593983049045"]);
}

#[test]
fn broken_patterns() {
    check_format("", "GMT", expect!["a date pattern must not be empty"]);
    check_format(
        "yyyy-MM-ddTHH:mm",
        "GMT",
        expect!["`T` at byte 10 is not a letter of date patterns; put text in single quotes"],
    );
    check_format(
        "YYYY",
        "GMT",
        expect!["`Y` at byte 0 is not a letter of date patterns; put text in single quotes"],
    );
    check_format("yyyy 'at", "GMT", expect!["the quote opened at byte 5 must be closed"]);
    check_format("XXXX", "GMT", expect!["`X` at byte 0 may be repeated at most 3 times"]);
    check_format("yyyyyyyyyy", "GMT", expect!["`y` at byte 0 may be repeated at most 9 times"]);
    check_format(&"-".repeat(257), "GMT", expect!["a date pattern has at most 256 bytes, this one has 257"]);
}

#[test]
fn dates_by_pattern() {
    check(ISO, "GMT", "2020-07-05T21:04:09Z", expect!["2020-07-05T21:04:09Z"]);
    check(ISO, "GMT", "2020-07-05T21:04:09-06:00", expect!["2020-07-06T03:04:09Z"]);
    check(
        "yyyy-MM-dd'T'HH:mm:ss'Z'",
        "America/Denver",
        "2020-07-05T21:04:09Z",
        expect!["2020-07-06T03:04:09Z"],
    );
    check("yyyy-MM-dd", "EST", " 2020-07-05 ", expect!["2020-07-05T05:00:00Z"]);
    check("MM/dd/yy h:mm a", "GMT", "7/5/20 12:04 pm", expect!["2020-07-05T12:04:00Z"]);
    check("MM/dd/yy", "GMT", "12/31/70", expect!["1970-12-31T00:00:00Z"]);
    check(
        "EEE, dd MMM yyyy HH:mm:ss Z",
        "GMT",
        "Sun, 05 Jul 2020 21:04:09 +0200",
        expect!["2020-07-05T19:04:09Z"],
    );
    check("EEEE d MMMM yyyy", "GMT", "sunday 5 JULY 2020", expect!["2020-07-05T00:00:00Z"]);
    check("yyyyMMddHHmmssSSS", "GMT", "20200705210409045", expect!["2020-07-05T21:04:09.045Z"]);
    check("HH:mm", "GMT", "21:04", expect!["1970-01-01T21:04:00Z"]);
    check("milliseconds", "GMT", "1593983049045", expect!["2020-07-05T21:04:09.045Z"]);
    check("milliseconds", "GMT", "-1", expect!["1969-12-31T23:59:59.999Z"]);
}

#[test]
fn fractions() {
    let pattern = "HH:mm:ss.SSS";
    check(pattern, "GMT", "21:04:09.045", expect!["1970-01-01T21:04:09.045Z"]);
    check(pattern, "GMT", "21:04:09.5", expect!["1970-01-01T21:04:09.500Z"]);
    check(pattern, "GMT", "21:04:09.045678", expect!["1970-01-01T21:04:09.045678Z"]);
    check("HH:mm:ss.SSSSSS", "GMT", "21:04:09.045678", expect!["1970-01-01T21:04:09.045678Z"]);
    check("HH:mm:ss.SSSSSS", "GMT", "21:04:09.045", expect!["1970-01-01T21:04:09.045Z"]);
    check("HH:mm:ss.S", "GMT", "21:04:09.45", expect!["1970-01-01T21:04:09.045Z"]);
}

#[test]
fn zones_in_dates() {
    let pattern = "yyyy-MM-dd HH:mm z";
    check(pattern, "GMT", "2020-07-05 12:00 GMT", expect!["2020-07-05T12:00:00Z"]);
    check(pattern, "GMT", "2020-07-05 12:00 PST", expect!["2020-07-05T20:00:00Z"]);
    check(pattern, "GMT", "2020-07-05 12:00 PDT", expect!["2020-07-05T19:00:00Z"]);
    check(pattern, "GMT", "2020-07-05 12:00 GMT+02:00", expect!["2020-07-05T10:00:00Z"]);
    check(pattern, "Europe/Paris", "2020-07-05 12:00 CEST", expect!["2020-07-05T10:00:00Z"]);
    check(pattern, "GMT", "2020-07-05 12:00 America/Denver", expect!["2020-07-05T18:00:00Z"]);
    check(
        pattern,
        "GMT",
        "2020-07-05 12:00 XYZ",
        expect!["byte 0: expected a day, time and zone that exist"],
    );
}

#[test]
fn clock_changes() {
    let pattern = "yyyy-MM-dd HH:mm";
    // 02:30 is skipped, 01:30 happens twice.
    check(pattern, "America/Denver", "2020-03-08 02:30", expect!["2020-03-08T09:30:00Z"]);
    check(pattern, "America/Denver", "2020-11-01 01:30", expect!["2020-11-01T07:30:00Z"]);
    check(pattern, "Pacific/Apia", "2011-12-30 12:00", expect!["2011-12-30T22:00:00Z"]);
    check(&format!("{pattern} z"), "America/Denver", "2020-11-01 01:30 MST", expect!["2020-11-01T08:30:00Z"]);
}

#[test]
fn other_forms_than_the_pattern() {
    let pattern = "yyyy-MM-dd'T'HH:mm:ss'Z'";
    check(pattern, "EST", "2020-07-05T21:04:09.045Z", expect!["2020-07-05T21:04:09.045Z"]);
    check(pattern, "EST", "2020-07-05T21:04:09+0200", expect!["2020-07-05T19:04:09Z"]);
    check(pattern, "EST", "2020-07-05 21:04:09", expect!["2020-07-06T02:04:09Z"]);
    check(pattern, "EST", "2020-07-05T21:04", expect!["2020-07-06T02:04:00Z"]);
    check(pattern, "EST", "2020-07-05", expect!["2020-07-05T05:00:00Z"]);
    check(pattern, "EST", "1593983049045", expect!["2020-07-05T21:04:09.045Z"]);
    check(
        "yyyy-MM-dd",
        "GMT",
        "2020-07-05T21:04:09.123456789123Z",
        expect!["2020-07-05T21:04:09.123456789Z"],
    );
    check("milliseconds", "GMT", "2020-07-05T21:04:60Z", expect!["2020-07-05T21:04:59Z"]);
}

#[test]
fn no_dates() {
    check(ISO, "GMT", "", expect!["byte 0: expected a number"]);
    check(ISO, "GMT", "yesterday", expect!["byte 0: expected a number"]);
    check(ISO, "GMT", " 2020-07x", expect!["byte 8: expected `-`"]);
    check(ISO, "GMT", "2020-02-30T00:00:00Z", expect!["byte 0: expected a day, time and zone that exist"]);
    check(ISO, "GMT", "2020-07-05T21:04:09 and more", expect!["byte 19: expected a time zone"]);
    check("yyyy-MM-dd", "GMT", "2020-07-05 and more", expect!["byte 10: expected the end"]);
    check("MM/dd/yyyy", "GMT", "1593983049", expect!["byte 2: expected `/`"]);
    check("milliseconds", "GMT", "9223372036854775807", expect!["byte 0: expected a number of milliseconds"]);
    check("milliseconds", "GMT", "999999999999999", expect!["byte 0: expected a year from 0 to 9999"]);
    check(ISO, "GMT", &"é".repeat(100), expect!["byte 128: expected at most 128 bytes"]);
}

#[test]
fn what_is_printed_reads_back() {
    let zones =
        ["UTC", "EST", "+05:30", "Europe/Paris", "America/Sao_Paulo"].map(|id| Zone::parse(id).unwrap());
    let patterns =
        ["yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX", "EEE, d MMM y h:m:s.SSSSSS a Z", "yyyyMMddHHmmss.SSSSSS z"];
    for pattern in patterns.map(|pattern| DatePattern::parse(pattern).unwrap()) {
        for zone in zones {
            // A prime step walks over all hours and seasons of about thirty years.
            for step in 0..500 {
                let at = summer() + chrono::TimeDelta::microseconds(step * 1_900_000_000_037);
                let text = pattern.format(at, zone);
                assert_eq!(pattern.parse_date(&text, zone), Ok(at), "{pattern} in {zone}: {text}");
            }
        }
    }
}

#[test]
fn the_ends_of_time_print() {
    let pattern = DatePattern::parse("yyyy yy EEEE z X SSSSSS").unwrap();
    for zone in ["-18:00", "+18:00", "America/Denver", "Pacific/Apia"].map(|id| Zone::parse(id).unwrap()) {
        assert!(!pattern.format(DateTime::<Utc>::MIN_UTC, zone).is_empty());
        assert!(!pattern.format(DateTime::<Utc>::MAX_UTC, zone).is_empty());
    }
}
