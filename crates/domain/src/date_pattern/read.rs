//! Reads a date by a pattern, or as RFC 3339.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use super::part::{Field, MONTHS, PatternPart, WEEKDAYS};
use super::zone::{Zone, offset_prefix};

/// Where a text stops following its pattern, and what should stand there.
pub(super) struct Mismatch {
    pub(super) position: usize,
    pub(super) expected: String,
}

/// A place in the text; each step moves it on or says what it expected.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

/// What a text said about its zone.
enum ZoneFound<'a> {
    Absent,
    Offset(i32),
    Name(&'a str),
}

/// The numbers found so far; those never found keep Java's values, midnight on 1970-01-01.
struct DateNumbers<'a> {
    year: i32,
    month: u32,
    day: u32,
    hour: u32,
    hour12: Option<u32>,
    is_pm: bool,
    minute: u32,
    second: u32,
    nanosecond: u32,
    zone: ZoneFound<'a>,
}

/// Reads the whole text by the pattern.
pub(super) fn by_pattern(
    parts: &[PatternPart],
    text: &str,
    default_zone: Zone,
) -> Result<DateTime<Utc>, Mismatch> {
    let mut reader = Reader { text, at: 0 };
    let mut found = DateNumbers::new();
    for (index, part) in parts.iter().enumerate() {
        match part {
            PatternPart::Literal(literal) => reader.literal(literal)?,
            PatternPart::Field(field, count) => {
                let packed = parts.get(index + 1).is_some_and(PatternPart::is_number);
                found.read(&mut reader, *field, *count, packed)?;
            }
        }
    }
    if !reader.rest().is_empty() {
        return Err(reader.mismatch("the end"));
    }
    found
        .instant(default_zone)
        .ok_or_else(|| Mismatch { position: 0, expected: "a day, time and zone that exist".into() })
}

/// Reads RFC 3339, more leniently: a space for the `T`, no seconds, any fraction, offsets without a colon, and
/// neither offset nor time at all (then the default zone, and midnight there).
pub(super) fn iso(text: &str, default_zone: Zone) -> Option<DateTime<Utc>> {
    let mut reader = Reader { text, at: 0 };
    let mut found = DateNumbers::new();
    found.year = reader.number(4, 4).ok()?.parse().ok()?;
    found.month = reader.after("-", 2)?;
    found.day = reader.after("-", 2)?;
    if reader.rest().is_empty() {
        return found.instant(default_zone);
    }
    reader.eat_one_of(&['T', 't', ' '])?;
    found.hour = reader.number(2, 2).ok()?.parse().ok()?;
    found.minute = reader.after(":", 2)?;
    if reader.rest().starts_with(':') {
        found.second = reader.after(":", 2)?;
    }
    if reader.eat_one_of(&['.', ',']).is_some() {
        found.nanosecond = fraction(reader.number(1, usize::MAX).ok()?)?;
    }
    reader.eat_one_of(&[' ']);
    if !reader.rest().is_empty() {
        found.zone = reader.zone(false).ok()?;
    }
    reader.rest().is_empty().then(|| found.instant(default_zone)).flatten()
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn mismatch(&self, expected: &str) -> Mismatch {
        Mismatch { position: self.at, expected: expected.to_owned() }
    }

    /// Takes the next `length` bytes; callers have seen that they are there.
    fn take(&mut self, length: usize) -> &'a str {
        let taken = self.rest().get(..length).unwrap_or_default();
        self.at += taken.len();
        taken
    }

    fn literal(&mut self, literal: &str) -> Result<(), Mismatch> {
        if !self.rest().starts_with(literal) {
            return Err(self.mismatch(&format!("`{literal}`")));
        }
        self.at += literal.len();
        Ok(())
    }

    fn eat_one_of(&mut self, letters: &[char]) -> Option<char> {
        let first = self.rest().chars().next().filter(|c| letters.contains(c))?;
        self.at += first.len_utf8();
        Some(first)
    }

    /// Takes at least `least` and at most `most` digits.
    fn number(&mut self, least: usize, most: usize) -> Result<&'a str, Mismatch> {
        let length = self.rest().bytes().take(most).take_while(u8::is_ascii_digit).count();
        if length < least {
            return Err(self.mismatch("a number"));
        }
        Ok(self.take(length))
    }

    /// A mark and a number of exactly that many digits.
    fn after(&mut self, mark: &str, count: usize) -> Option<u32> {
        self.literal(mark).ok()?;
        self.number(count, count).ok()?.parse().ok()
    }

    /// Takes the full or three-letter form of one of the names, any case; returns its index.
    fn name(&mut self, names: &[&str], expected: &str) -> Result<usize, Mismatch> {
        let rest = self.rest();
        let starts = |name: &str| rest.get(..name.len()).is_some_and(|r| r.eq_ignore_ascii_case(name));
        let full = names.iter().position(|name| starts(name)).map(|index| (index, usize::MAX));
        let short =
            || names.iter().position(|name| starts(name.get(..3).unwrap_or(name))).map(|index| (index, 3));
        let (index, most) = full.or_else(short).ok_or_else(|| self.mismatch(expected))?;
        self.at += names.get(index).map_or(0, |name| name.len().min(most));
        Ok(index)
    }

    /// Takes `Z`, an offset, or (where names are allowed) a zone's name, `GMT+2` among them.
    fn zone(&mut self, names: bool) -> Result<ZoneFound<'a>, Mismatch> {
        if let Some((offset_s, length)) = offset_prefix(self.rest()) {
            self.at += length;
            return Ok(ZoneFound::Offset(offset_s));
        }
        let word = |c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '_');
        let length = self.rest().chars().take_while(|&c| word(c)).count();
        let name = self.rest().get(..length).unwrap_or_default();
        if name.eq_ignore_ascii_case("z") {
            self.at += length;
            return Ok(ZoneFound::Offset(0));
        }
        if !names || name.is_empty() {
            return Err(self.mismatch("a time zone"));
        }
        self.at += length;
        let offset = offset_prefix(self.rest()).filter(|_| ["GMT", "UTC"].contains(&name));
        self.at += offset.map_or(0, |(_, length)| length);
        Ok(offset.map_or(ZoneFound::Name(name), |(offset_s, _)| ZoneFound::Offset(offset_s)))
    }
}

impl<'a> DateNumbers<'a> {
    fn new() -> Self {
        Self {
            year: 1970,
            month: 1,
            day: 1,
            hour: 0,
            hour12: None,
            is_pm: false,
            minute: 0,
            second: 0,
            nanosecond: 0,
            zone: ZoneFound::Absent,
        }
    }

    /// Reads one field. `packed` means that another number follows at once (`yyyyMMdd`): then the count of
    /// letters is the count of digits.
    fn read(
        &mut self,
        reader: &mut Reader<'a>,
        field: Field,
        count: usize,
        packed: bool,
    ) -> Result<(), Mismatch> {
        let digits = |reader: &mut Reader<'a>, most: usize| {
            let (least, most) = if packed { (count, count) } else { (1, most) };
            let start = reader.at;
            let text = reader.number(least, most)?;
            let number = text.parse::<u32>();
            number
                .map(|n| (n, text))
                .map_err(|_| Mismatch { position: start, expected: "a smaller number".into() })
        };
        let two = count.max(2);
        match field {
            Field::Year => self.year = full_year(digits(reader, count.max(4))?, count),
            Field::Month if count < 3 => self.month = digits(reader, two)?.0,
            Field::Month => self.month = month_number(reader.name(&MONTHS, "a month's name")?),
            Field::Day => self.day = digits(reader, two)?.0,
            Field::Hour24 => self.hour = digits(reader, two)?.0,
            Field::Hour12 => self.hour12 = Some(digits(reader, two)?.0),
            Field::Minute => self.minute = digits(reader, two)?.0,
            Field::Second => self.second = digits(reader, two)?.0,
            Field::Fraction => self.nanosecond = subsecond(digits(reader, 9)?.1, count),
            Field::Weekday => drop(reader.name(&WEEKDAYS, "a weekday's name")?),
            Field::HalfDay => self.is_pm = reader.name(&["AM", "PM"], "AM or PM")? == 1,
            Field::IsoOffset | Field::Offset | Field::ZoneName => self.zone = reader.zone(true)?,
        }
        Ok(())
    }

    fn wall(&self) -> Option<NaiveDateTime> {
        let hour = match self.hour12 {
            None => self.hour,
            Some(hour @ 1..=12) => hour % 12 + if self.is_pm { 12 } else { 0 },
            Some(_) => return None,
        };
        // A leap second has no instant of its own; it becomes the second before.
        let second = if self.second == 60 { 59 } else { self.second };
        let date = NaiveDate::from_ymd_opt(self.year, self.month, self.day)?;
        date.and_hms_nano_opt(hour, self.minute, second, self.nanosecond)
    }

    fn instant(&self, default_zone: Zone) -> Option<DateTime<Utc>> {
        let wall = self.wall()?;
        let zone = match self.zone {
            ZoneFound::Absent => default_zone,
            ZoneFound::Offset(offset_s) => Zone::from_offset_s(offset_s),
            ZoneFound::Name(name) => Zone::in_date(name, wall, default_zone)?,
        };
        zone.instant(wall)
    }
}

/// With `yy`, two digits mean 1970 to 2069; anything else is the year itself.
fn full_year((number, digits): (u32, &str), count: usize) -> i32 {
    let century = match number {
        _ if count != 2 || digits.len() != 2 => 0,
        0..70 => 2000,
        _ => 1900,
    };
    i32::try_from(number).map_or(i32::MAX, |year| year.saturating_add(century))
}

fn month_number(index: usize) -> u32 {
    u32::try_from(index).map_or(0, |index| index + 1)
}

/// Nanoseconds of what stands for `S` letters. One or two letters are a number of milliseconds, as in Java. From
/// three letters on it is a fraction of the second: the same for three digits, and what providers mean by more
/// digits (finer) or fewer (zeros cut off).
fn subsecond(digits: &str, count: usize) -> u32 {
    let milliseconds = digits.parse::<u32>().ok().filter(|_| count < 3 && digits.len() <= 3);
    milliseconds.map_or_else(|| fraction(digits).unwrap_or(0), |ms| ms * 1_000_000)
}

/// Nanoseconds of the digits after a decimal point; digits beyond the ninth are dropped.
fn fraction(digits: &str) -> Option<u32> {
    let nine: String = digits.chars().chain(std::iter::repeat('0')).take(9).collect();
    nine.parse().ok()
}
