//! Prints an instant by a pattern.

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Timelike, Utc};

use super::part::{Field, MONTHS, PatternPart, WEEKDAYS};
use super::zone::{Zone, offset};

/// An instant as the clocks of a zone show it.
struct Local {
    at: DateTime<Utc>,
    wall: NaiveDateTime,
    zone: Zone,
    offset_s: i32,
}

pub(super) fn format(parts: &[PatternPart], at: DateTime<Utc>, zone: Zone) -> String {
    let offset_s = zone.offset_s_at(at);
    let wall = at.naive_utc();
    // Only the first and last day chrono can hold have no wall-clock time; they print as UTC.
    let local = match wall.checked_add_signed(TimeDelta::seconds(i64::from(offset_s))) {
        Some(wall) => Local { at, wall, zone, offset_s },
        None => Local { at, wall, zone: Zone::UTC, offset_s: 0 },
    };
    let print = |part: &PatternPart| match part {
        PatternPart::Literal(text) => text.clone(),
        PatternPart::Field(field, count) => local.field(*field, *count),
    };
    parts.iter().map(print).collect()
}

impl Local {
    fn field(&self, field: Field, count: usize) -> String {
        let wall = self.wall;
        match field {
            Field::Year if count == 2 => padded(wall.year().rem_euclid(100), 2),
            Field::Year => padded(wall.year(), count),
            Field::Month if count < 3 => padded(wall.month(), count),
            Field::Month => name(&MONTHS, wall.month0(), count),
            Field::Day => padded(wall.day(), count),
            Field::Hour24 => padded(wall.hour(), count),
            Field::Hour12 => padded(wall.hour12().1, count),
            Field::Minute => padded(wall.minute(), count),
            Field::Second => padded(wall.second(), count),
            Field::Fraction => fraction(wall.nanosecond(), count),
            Field::Weekday => name(&WEEKDAYS, wall.weekday().num_days_from_monday(), count),
            Field::HalfDay => if wall.hour12().0 { "PM" } else { "AM" }.to_owned(),
            Field::IsoOffset => iso_offset(self.offset_s, count),
            Field::Offset => offset(self.offset_s, ""),
            Field::ZoneName => self.zone.abbreviation_at(self.at),
        }
    }
}

fn padded(number: impl std::fmt::Display, count: usize) -> String {
    format!("{number:0>count$}")
}

/// Up to three letters are a number of milliseconds, as in Java; more are that many digits after the point.
fn fraction(nanosecond: u32, count: usize) -> String {
    // chrono writes a leap second as nanoseconds beyond the second.
    let nanosecond = nanosecond.min(999_999_999);
    if count <= 3 {
        return padded(nanosecond / 1_000_000, count);
    }
    padded(nanosecond, 9).chars().take(count).collect()
}

/// Fewer than four letters print the first three letters of the name.
fn name(names: &[&str], index: u32, count: usize) -> String {
    let name = usize::try_from(index).ok().and_then(|index| names.get(index)).copied().unwrap_or_default();
    let letters = if count < 4 { 3 } else { name.len() };
    name.chars().take(letters).collect()
}

fn iso_offset(offset_s: i32, count: usize) -> String {
    match count {
        _ if offset_s == 0 => "Z".to_owned(),
        1 => offset(offset_s, "").chars().take(3).collect(),
        2 => offset(offset_s, ""),
        _ => offset(offset_s, ":"),
    }
}
