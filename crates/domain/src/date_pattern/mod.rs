//! Dates by the patterns of Java's `SimpleDateFormat`, which poller configurations use.

mod letters;
mod part;
mod read;
mod region;
mod write;
mod zone;

use std::fmt;

use chrono::{DateTime, Datelike, Utc};
use thiserror::Error;

pub(crate) use letters::is_pattern_letter;
use part::PatternPart;
pub use zone::{Zone, ZoneError};

/// Longest pattern accepted, in bytes.
pub const PATTERN_BYTES_MAX: usize = 256;
/// Longest date text accepted, in bytes.
pub const DATE_BYTES_MAX: usize = 128;
/// The word that stands for epoch milliseconds in place of a pattern.
const MILLISECONDS: &str = "milliseconds";

/// A date pattern: Java letters `y M d H h m s S E a X Z z`, text in single quotes (`''` is a quote), any other
/// character for itself; or the word `milliseconds` for epoch milliseconds.
///
/// `S`, `SS` and `SSS` are a number of milliseconds as in Java; longer runs are that many digits of the fraction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatePattern {
    source: String,
    kind: PatternKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum PatternKind {
    Milliseconds,
    Parts(Vec<PatternPart>),
}

/// Why a text is not a date pattern. Positions are byte offsets.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    /// No characters at all.
    #[error("a date pattern must not be empty")]
    Empty,
    /// More than [`PATTERN_BYTES_MAX`] bytes.
    #[error("a date pattern has at most {PATTERN_BYTES_MAX} bytes, this one has {length}")]
    TooLong {
        /// Bytes given.
        length: usize,
    },
    /// A letter outside quotes that stands for nothing.
    #[error("`{letter}` at byte {position} is not a letter of date patterns; put text in single quotes")]
    UnknownLetter {
        /// The letter.
        letter: char,
        /// Where it stands.
        position: usize,
    },
    /// A letter repeated more often than it can be: three times for `X`, nine for the others.
    #[error("`{letter}` at byte {position} may be repeated at most {limit} times")]
    RunTooLong {
        /// The letter.
        letter: char,
        /// Where its run begins.
        position: usize,
        /// How often it may stand.
        limit: usize,
    },
    /// A single quote without its partner.
    #[error("the quote opened at byte {position} must be closed")]
    UnclosedQuote {
        /// Where the quote opens.
        position: usize,
    },
}

/// A text that is not a date, neither by its pattern nor in one of the common forms.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "the date does not follow its pattern at byte {position} (expected {expected}), nor is it RFC 3339 or epoch milliseconds"
)]
pub struct DateError {
    /// Where the text leaves its pattern, in bytes; 0 if it names no day, time or zone that exists.
    pub position: usize,
    /// What should have stood there.
    pub expected: String,
}

impl DatePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PatternError`] names the letter or quote at fault and its byte.
    pub fn parse(pattern: &str) -> Result<Self, PatternError> {
        if pattern.is_empty() {
            return Err(PatternError::Empty);
        }
        if pattern.len() > PATTERN_BYTES_MAX {
            return Err(PatternError::TooLong { length: pattern.len() });
        }
        let kind = if pattern.trim() == MILLISECONDS {
            PatternKind::Milliseconds
        } else {
            PatternKind::Parts(letters::parts(pattern)?)
        };
        Ok(Self { source: pattern.to_owned(), kind })
    }

    /// Prints an instant as the clocks of that zone show it.
    pub fn format(&self, at: DateTime<Utc>, zone: Zone) -> String {
        match &self.kind {
            PatternKind::Milliseconds => at.timestamp_millis().to_string(),
            PatternKind::Parts(parts) => write::format(parts, at, zone),
        }
    }

    /// Reads a date by the pattern, and if it does not follow the pattern, as RFC 3339 (with or without fraction,
    /// offset and time) or as epoch milliseconds of 11 to 13 digits.
    ///
    /// `default_zone` is the zone of a text that names none. White space around the text is ignored. Years are 0
    /// to 9999; `yy` means 1970 to 2069. Fields the pattern lacks are those of 1970-01-01 00:00.
    ///
    /// # Errors
    /// [`DateError`] says where the text leaves the pattern.
    pub fn parse_date(&self, text: &str, default_zone: Zone) -> Result<DateTime<Utc>, DateError> {
        let date = text.trim();
        if date.len() > DATE_BYTES_MAX {
            return Err(DateError {
                position: DATE_BYTES_MAX,
                expected: format!("at most {DATE_BYTES_MAX} bytes"),
            });
        }
        let by_pattern = match &self.kind {
            PatternKind::Milliseconds => milliseconds(date).ok_or_else(|| read::Mismatch {
                position: 0,
                expected: "a number of milliseconds".to_owned(),
            }),
            PatternKind::Parts(parts) => read::by_pattern(parts, date, default_zone),
        };
        let read = by_pattern.or_else(|mismatch| fallback(date, default_zone).ok_or(mismatch));
        let start = text.len() - text.trim_start().len();
        match read {
            Ok(at) if is_common_era(&at) => Ok(at),
            Ok(_) => Err(DateError { position: start, expected: "a year from 0 to 9999".to_owned() }),
            Err(error) => Err(DateError { position: start + error.position, expected: error.expected }),
        }
    }
}

/// Prints the pattern as it was written.
impl fmt::Display for DatePattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.source)
    }
}

/// Reads RFC 3339, leniently: a space may stand for the `T`, and seconds, fraction, offset and the whole time may
/// be missing; `default_zone` is the zone of a text that names none. `None` for any other text.
pub fn parse_rfc3339(text: &str, default_zone: Zone) -> Option<DateTime<Utc>> {
    if text.len() > DATE_BYTES_MAX {
        return None;
    }
    read::iso(text, default_zone).filter(is_common_era)
}

fn is_common_era(at: &DateTime<Utc>) -> bool {
    (0..=9999).contains(&at.year())
}

fn fallback(date: &str, default_zone: Zone) -> Option<DateTime<Utc>> {
    // Eleven digits are 1970-04-26 at the earliest, thirteen 2286-11-20 at the latest. Fewer would be seconds or a
    // year, more a packed date; to guess milliseconds there would be a wrong date rather than none.
    let epoch = (11..=13).contains(&date.len()) && date.bytes().all(|b| b.is_ascii_digit());
    read::iso(date, default_zone).or_else(|| milliseconds(date).filter(|_| epoch))
}

fn milliseconds(date: &str) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(date.parse().ok()?)
}

#[cfg(test)]
mod tests;
