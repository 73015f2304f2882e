//! Takes a pattern apart into fields and text.

use super::PatternError;
use super::part::{Field, PatternPart};

/// Longest run of one letter: nine digits are nanoseconds.
const RUN_MAX: usize = 9;
/// Longest run of `X`: `+hh`, `+hhmm`, `+hh:mm`.
const RUN_ISO_OFFSET_MAX: usize = 3;

/// Whether the letter, outside quotes, stands for a field of a pattern.
pub(crate) fn is_pattern_letter(letter: char) -> bool {
    field(letter).is_some()
}

fn field(letter: char) -> Option<Field> {
    Some(match letter {
        'y' => Field::Year,
        'M' => Field::Month,
        'd' => Field::Day,
        'H' => Field::Hour24,
        'h' => Field::Hour12,
        'm' => Field::Minute,
        's' => Field::Second,
        'S' => Field::Fraction,
        'E' => Field::Weekday,
        'a' => Field::HalfDay,
        'X' => Field::IsoOffset,
        'Z' => Field::Offset,
        'z' => Field::ZoneName,
        _ => return None,
    })
}

/// Takes a pattern apart; neighbouring pieces of text become one.
pub(super) fn parts(pattern: &str) -> Result<Vec<PatternPart>, PatternError> {
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(letter) = pattern.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = pattern.get(at..).unwrap_or_default();
        at += match letter {
            '\'' => {
                let (text, length) = quoted(rest).ok_or(PatternError::UnclosedQuote { position: at })?;
                push_literal(&mut parts, &text);
                length
            }
            _ if letter.is_ascii_alphabetic() => {
                let (field, count) = run(rest, letter, at)?;
                parts.push(PatternPart::Field(field, count));
                count
            }
            _ => {
                push_literal(&mut parts, letter.encode_utf8(&mut [0; 4]));
                letter.len_utf8()
            }
        };
    }
    Ok(parts)
}

/// Reads the run of one letter at the beginning of `rest`.
fn run(rest: &str, letter: char, position: usize) -> Result<(Field, usize), PatternError> {
    let field = field(letter).ok_or(PatternError::UnknownLetter { letter, position })?;
    let count = rest.chars().take_while(|&c| c == letter).count();
    let limit = if field == Field::IsoOffset { RUN_ISO_OFFSET_MAX } else { RUN_MAX };
    if count > limit {
        return Err(PatternError::RunTooLong { letter, position, limit });
    }
    Ok((field, count))
}

/// Reads the quoted text at the beginning of `rest`; returns it and its length with the quotes.
fn quoted(rest: &str) -> Option<(String, usize)> {
    if rest.starts_with("''") {
        return Some(("'".to_owned(), 2));
    }
    let mut text = String::new();
    let mut letters = rest.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if letter == '\'' && letters.next_if(|&(_, next)| next == '\'').is_none() {
            return Some((text, at + 1));
        }
        text.push(letter);
    }
    None
}

fn push_literal(parts: &mut Vec<PatternPart>, text: &str) {
    match parts.last_mut() {
        Some(PatternPart::Literal(before)) => before.push_str(text),
        _ => parts.push(PatternPart::Literal(text.to_owned())),
    }
}
