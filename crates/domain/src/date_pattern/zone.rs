//! Time zones by the ids Java knows.

use std::fmt;

use super::region::Region;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use thiserror::Error;

/// Longest zone id accepted, in bytes; the longest real one has 32.
const ZONE_BYTES_MAX: usize = 64;
/// Largest distance from UTC, in hours: Java's own limit for an offset.
const OFFSET_HOURS_MAX: i32 = 18;

/// A time zone: UTC, a fixed distance from it, or a region with summer time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone(ZoneKind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ZoneKind {
    /// A fixed offset with a name of its own.
    Named(&'static str, i32),
    /// A fixed offset, in seconds east of UTC.
    Offset(i32),
    Region(Region),
}

/// The text names no time zone.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{id}` is not a time zone: use GMT, a region such as America/Denver, an offset such as -08:00, or a three-letter id such as PST"
)]
pub struct ZoneError {
    /// The id as given, cut after 64 bytes.
    pub id: String,
}

/// Java's three-letter ids that stand for a region (`ZoneId.SHORT_IDS`).
const SHORT_IDS: [(&str, &str); 25] = [
    ("ACT", "Australia/Darwin"),
    ("AET", "Australia/Sydney"),
    ("AGT", "America/Argentina/Buenos_Aires"),
    ("ART", "Africa/Cairo"),
    ("AST", "America/Anchorage"),
    ("BET", "America/Sao_Paulo"),
    ("BST", "Asia/Dhaka"),
    ("CAT", "Africa/Harare"),
    ("CNT", "America/St_Johns"),
    ("CST", "America/Chicago"),
    ("CTT", "Asia/Shanghai"),
    ("EAT", "Africa/Addis_Ababa"),
    ("ECT", "Europe/Paris"),
    ("IET", "America/Indiana/Indianapolis"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
    ("MIT", "Pacific/Apia"),
    ("NET", "Asia/Yerevan"),
    ("NST", "Pacific/Auckland"),
    ("PLT", "Asia/Karachi"),
    ("PNT", "America/Phoenix"),
    ("PRT", "America/Puerto_Rico"),
    ("PST", "America/Los_Angeles"),
    ("SST", "Pacific/Guadalcanal"),
    ("VST", "Asia/Ho_Chi_Minh"),
];

/// Names with a fixed offset, in hours.
const FIXED_IDS: [(&str, i32); 6] =
    [("UTC", 0), ("GMT", 0), ("UT", 0), ("EST", -5), ("MST", -7), ("HST", -10)];

/// What the North American abbreviations mean inside a date, in hours; as a zone of their own some mean a region.
const ABBREVIATIONS: [(&str, i32); 6] =
    [("EDT", -4), ("CST", -6), ("CDT", -5), ("MDT", -6), ("PST", -8), ("PDT", -7)];

impl Zone {
    /// Coordinated universal time, named `UTC`.
    pub const UTC: Self = Self(ZoneKind::Named("UTC", 0));
    /// The same instants as [`Zone::UTC`], named `GMT` where a pattern prints the name.
    pub const GMT: Self = Self(ZoneKind::Named("GMT", 0));

    /// Reads a zone id: `GMT`, `UTC`, `Z`; Java's three-letter ids, any case (`EST`, `MST`, `HST` are fixed, the
    /// others regions: `PST` is America/Los_Angeles); `America/Denver`; `-8:00`, `+06:00`, `+0600`, `GMT+2`.
    ///
    /// # Errors
    /// [`ZoneError`] if the text is none of these, or an offset of more than 18 hours.
    pub fn parse(id: &str) -> Result<Self, ZoneError> {
        let name = id.trim();
        if name.len() <= ZONE_BYTES_MAX
            && let Some(zone) = fixed(name).or_else(|| offset_id(name)).or_else(|| region(name))
        {
            return Ok(zone);
        }
        let kept = (0..=ZONE_BYTES_MAX.min(name.len())).rev().find_map(|end| name.get(..end));
        Err(ZoneError { id: kept.unwrap_or_default().to_owned() })
    }

    /// The zone an abbreviation or id inside a date text means, for a date with this wall-clock time.
    ///
    /// The default zone's own abbreviations come first, so `CEST` works where that zone is Europe/Paris.
    pub(super) fn in_date(name: &str, wall: NaiveDateTime, default_zone: Self) -> Option<Self> {
        if let Some(offset_s) = default_zone.offset_named(name, wall) {
            return Some(Self(ZoneKind::Offset(offset_s)));
        }
        let known = ABBREVIATIONS.iter().find(|(id, _)| id.eq_ignore_ascii_case(name));
        match known {
            Some(&(_, hours)) => Some(Self(ZoneKind::Offset(hours * 3600))),
            None => Self::parse(name).ok(),
        }
    }

    pub(super) fn from_offset_s(offset_s: i32) -> Self {
        Self(ZoneKind::Offset(offset_s))
    }

    /// Seconds east of UTC at that instant.
    pub(super) fn offset_s_at(self, at: DateTime<Utc>) -> i32 {
        match self.0 {
            ZoneKind::Named(_, offset_s) | ZoneKind::Offset(offset_s) => offset_s,
            ZoneKind::Region(region) => region.at(at).offset_s,
        }
    }

    /// The zone's short name at that instant: `GMT`, `EST`, `MDT`, or `GMT-03:00` where it has no letters.
    pub(super) fn abbreviation_at(self, at: DateTime<Utc>) -> String {
        match self.0 {
            ZoneKind::Named(name, _) => name.to_owned(),
            ZoneKind::Offset(offset_s) => gmt_offset(offset_s),
            ZoneKind::Region(region) => {
                let reading = region.at(at);
                match reading.abbreviation.starts_with(|c: char| c.is_ascii_alphabetic()) {
                    true => reading.abbreviation.to_owned(),
                    false => gmt_offset(reading.offset_s),
                }
            }
        }
    }

    /// The instant of a wall-clock time. A time that happens twice is the earlier one; a time skipped by a clock
    /// change is read with the offset from before the change, as Java does. `None` only at the ends of time.
    pub(super) fn instant(self, wall: NaiveDateTime) -> Option<DateTime<Utc>> {
        let offset_s = match self.0 {
            ZoneKind::Named(_, offset_s) | ZoneKind::Offset(offset_s) => offset_s,
            ZoneKind::Region(region) => region_offset_s(region, wall)?,
        };
        Some(wall.checked_sub_signed(TimeDelta::seconds(i64::from(offset_s)))?.and_utc())
    }

    /// The offset under which this zone uses that abbreviation at that wall-clock time.
    fn offset_named(self, name: &str, wall: NaiveDateTime) -> Option<i32> {
        let ZoneKind::Region(region) = self.0 else { return None };
        let showing = region.showing(wall);
        let named = showing.iter().find(|one| one.abbreviation.eq_ignore_ascii_case(name))?;
        Some(named.offset_s)
    }
}

/// Prints an id that [`Zone::parse`] reads back.
impl fmt::Display for Zone {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ZoneKind::Named(name, _) => out.write_str(name),
            ZoneKind::Offset(offset_s) => out.write_str(&offset(offset_s, ":")),
            ZoneKind::Region(region) => out.write_str(region.name()),
        }
    }
}

fn gmt_offset(offset_s: i32) -> String {
    format!("GMT{}", offset(offset_s, ":"))
}

/// `+hhmm` with that text between hours and minutes.
pub(super) fn offset(offset_s: i32, between: &str) -> String {
    let sign = if offset_s < 0 { '-' } else { '+' };
    let minutes = offset_s.abs() / 60;
    format!("{sign}{:02}{between}{:02}", minutes / 60, minutes % 60)
}

fn region_offset_s(region: Region, wall: NaiveDateTime) -> Option<i32> {
    if let Some(earlier) = region.showing(wall).first() {
        return Some(earlier.offset_s);
    }
    // A skipped time. The largest skip is a whole day, so two days earlier is before the change.
    Some(region.at(wall.checked_sub_signed(TimeDelta::days(2))?.and_utc()).offset_s)
}

fn fixed(name: &str) -> Option<Zone> {
    if name.eq_ignore_ascii_case("z") {
        return Some(Zone::UTC);
    }
    let (id, hours) = FIXED_IDS.iter().find(|(id, _)| id.eq_ignore_ascii_case(name))?;
    Some(Zone(ZoneKind::Named(id, hours * 3600)))
}

fn offset_id(name: &str) -> Option<Zone> {
    let lettered = name.get(..3).filter(|p| p.eq_ignore_ascii_case("GMT") || p.eq_ignore_ascii_case("UTC"));
    let sign_on = name.get(lettered.map_or(0, str::len)..)?;
    let (offset_s, length) = offset_prefix(sign_on)?;
    (length == sign_on.len()).then_some(Zone(ZoneKind::Offset(offset_s)))
}

fn region(name: &str) -> Option<Zone> {
    let short = SHORT_IDS.iter().find(|(id, _)| id.eq_ignore_ascii_case(name));
    Region::named(short.map_or(name, |&(_, region)| region)).map(|region| Zone(ZoneKind::Region(region)))
}

/// Reads a signed offset at the beginning of a text: `+6`, `-08`, `+6:30`, `-0800`, `+06:00`.
/// Returns seconds east of UTC and the bytes read.
pub(super) fn offset_prefix(text: &str) -> Option<(i32, usize)> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits = leading_digits(text.get(1..)?);
    let (hours, minutes, length) = match digits.len() {
        1 | 2 => {
            let after = text.get(1 + digits.len()..)?;
            let minutes = after.strip_prefix(':').map(leading_digits).filter(|m| m.len() == 2);
            (digits, minutes.unwrap_or("0"), 1 + digits.len() + minutes.map_or(0, |m| m.len() + 1))
        }
        3 | 4 => {
            let (hours, minutes) = digits.split_at_checked(digits.len() - 2)?;
            (hours, minutes, 1 + digits.len())
        }
        _ => return None,
    };
    let (hours, minutes) = (hours.parse::<i32>().ok()?, minutes.parse::<i32>().ok()?);
    let valid = minutes < 60 && hours * 60 + minutes <= OFFSET_HOURS_MAX * 60;
    valid.then_some((sign * (hours * 3600 + minutes * 60), length))
}

fn leading_digits(text: &str) -> &str {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    text.get(..length).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    /// Prints the zone's id, and its name and offset in a northern winter and summer.
    #[track_caller]
    fn check(id: &str, expect: Expect) {
        let actual = match Zone::parse(id) {
            Ok(zone) => {
                let seasons = [1_579_000_000, 1_594_000_000].map(|second| {
                    let at = DateTime::from_timestamp(second, 0).unwrap();
                    format!("{} {}", zone.abbreviation_at(at), f64::from(zone.offset_s_at(at)) / 3600.0)
                });
                assert_eq!(Zone::parse(&zone.to_string()), Ok(zone));
                format!("{zone}: {}", seasons.join(", "))
            }
            Err(error) => format!("no zone: {}", error.id),
        };
        expect.assert_eq(&actual);
    }

    #[test]
    fn names() {
        check("GMT", expect!["GMT: GMT 0, GMT 0"]);
        check("UTC", expect!["UTC: UTC 0, UTC 0"]);
        check("Z", expect!["UTC: UTC 0, UTC 0"]);
        check("est", expect!["EST: EST -5, EST -5"]);
        check("MST", expect!["MST: MST -7, MST -7"]);
        check("HST", expect!["HST: HST -10, HST -10"]);
        check("PST", expect!["America/Los_Angeles: PST -8, PDT -7"]);
        check("CST", expect!["America/Chicago: CST -6, CDT -5"]);
        check("IST", expect!["Asia/Kolkata: IST 5.5, IST 5.5"]);
        check("America/Denver", expect!["America/Denver: MST -7, MDT -6"]);
        check("America/Sao_Paulo", expect!["America/Sao_Paulo: GMT-03:00 -3, GMT-03:00 -3"]);
    }

    #[test]
    fn offsets() {
        check("-8:00", expect!["-08:00: GMT-08:00 -8, GMT-08:00 -8"]);
        check("+06:00", expect!["+06:00: GMT+06:00 6, GMT+06:00 6"]);
        check("+6", expect!["+06:00: GMT+06:00 6, GMT+06:00 6"]);
        check("+0530", expect!["+05:30: GMT+05:30 5.5, GMT+05:30 5.5"]);
        check("-930", expect!["-09:30: GMT-09:30 -9.5, GMT-09:30 -9.5"]);
        check("GMT+2", expect!["+02:00: GMT+02:00 2, GMT+02:00 2"]);
        check("UTC-03:30", expect!["-03:30: GMT-03:30 -3.5, GMT-03:30 -3.5"]);
        check("+18:00", expect!["+18:00: GMT+18:00 18, GMT+18:00 18"]);
    }

    #[test]
    fn no_zones() {
        check("", expect!["no zone: "]);
        check("Mars/Olympus", expect!["no zone: Mars/Olympus"]);
        check("+18:01", expect!["no zone: +18:01"]);
        check("+6:60", expect!["no zone: +6:60"]);
        check("+6:0", expect!["no zone: +6:0"]);
        check("+12345", expect!["no zone: +12345"]);
        check("8:00", expect!["no zone: 8:00"]);
        check(&"é".repeat(70), expect!["no zone: éééééééééééééééééééééééééééééééé"]);
    }
}
