//! Tests a record against an expression, in three-valued logic.

use std::cmp::Ordering;

use serde_json::Value as Json;

use super::parse::is_number;
use super::{Expr, Op, Value};
use crate::date_pattern::{Zone, parse_rfc3339};
use crate::field_path::{FieldPath, member};

/// Whether a record fulfils an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// The record matches.
    Yes,
    /// It does not.
    No,
    /// Unknown: the record lacks the field, or its value can't be compared.
    Unknown,
}

impl Expr {
    /// Tests a record.
    ///
    /// A field is looked up as a key first (exactly, then with its first letter's case changed), then as a
    /// [`FieldPath`]. Numbers compare as numbers, digits in text too; RFC 3339 dates as instants; true and false
    /// with text of any case; everything else as text. `LIKE` does not mind case. An array fulfils a test if one
    /// of its elements does, and `!=` if none equals the value. A null equals only null. A missing field makes
    /// any test `Unknown` except `IS [NOT] NULL`.
    pub fn matches(&self, record: &Json) -> Truth {
        match self {
            Self::And(members) => !any(members.iter().map(|member| !member.matches(record))),
            Self::Or(members) => any(members.iter().map(|member| member.matches(record))),
            Self::Not(inner) => !inner.matches(record),
            Self::Compare { field, op: Op::Ne, value } => {
                !test(record, field, |held| compare(held, Op::Eq, value))
            }
            Self::Compare { field, op, value } => test(record, field, |held| compare(held, *op, value)),
            Self::Like { field, pattern } => test(record, field, |held| like(held, pattern)),
            Self::In { field, values } => {
                test(record, field, |held| any(values.iter().map(|value| compare(held, Op::Eq, value))))
            }
            Self::IsNull { field, negated } => {
                let is_null = lookup(record, field).is_none_or(Json::is_null);
                Truth::from(is_null != *negated)
            }
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

impl std::ops::Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }
}

fn any(truths: impl Iterator<Item = Truth>) -> Truth {
    let mut found = Truth::No;
    for truth in truths {
        match truth {
            Truth::Yes => return Truth::Yes,
            Truth::Unknown => found = Truth::Unknown,
            Truth::No => {}
        }
    }
    found
}

fn lookup<'a>(record: &'a Json, field: &str) -> Option<&'a Json> {
    member(record, field).or_else(|| FieldPath::parse(field).ok()?.get(record))
}

/// Tests what the field holds: each element of an array, or the value itself.
fn test(record: &Json, field: &str, holds: impl Fn(&Json) -> Truth) -> Truth {
    match lookup(record, field) {
        None => Truth::Unknown,
        Some(Json::Array(items)) => any(items.iter().map(holds)),
        Some(held) => holds(held),
    }
}

/// Compares a single JSON value; things without an order with the value are unequal to it.
fn compare(held: &Json, op: Op, value: &Value) -> Truth {
    let Some(order) = order(held, value) else {
        return if matches!(op, Op::Eq | Op::Ne) { Truth::from(op == Op::Ne) } else { Truth::Unknown };
    };
    Truth::from(match op {
        Op::Eq => order.is_eq(),
        Op::Ne => order.is_ne(),
        Op::Lt => order.is_lt(),
        Op::Gt => order.is_gt(),
        Op::Le => order.is_le(),
        Op::Ge => order.is_ge(),
    })
}

fn order(held: &Json, value: &Value) -> Option<Ordering> {
    match (held, value) {
        (Json::Null, Value::Null) => Some(Ordering::Equal),
        (Json::Null, _) | (_, Value::Null) => None,
        (Json::Bool(held), value) => Some(held.cmp(&as_bool(value)?)),
        (Json::String(held), Value::Bool(value)) => Some(text_as_bool(held)?.cmp(value)),
        (Json::Number(held), Value::Text(digits) | Value::Number(digits) | Value::Bare(digits)) => {
            number_order(&held.to_string(), digits)
        }
        (Json::String(held), Value::Number(digits)) => {
            number_order(held, digits).or_else(|| Some(held.as_str().cmp(digits)))
        }
        (Json::String(held), Value::Text(text) | Value::Bare(text)) => Some(text_order(held, text)),
        (Json::Number(_), Value::Bool(_)) | (Json::Array(_) | Json::Object(_), _) => None,
    }
}

/// Orders two texts: as whole numbers, else as instants, else by their letters.
fn text_order(held: &str, text: &str) -> Ordering {
    if is_plain_integer(held) && is_plain_integer(text) {
        // Without sign and leading zeros the longer one is the greater one, however many digits they have.
        return held.len().cmp(&text.len()).then_with(|| held.cmp(text));
    }
    match (instant(held), instant(text)) {
        (Some(held), Some(text)) => held.cmp(&text),
        _ => held.cmp(text),
    }
}

/// A leading zero marks a code (a postal code, say), which is not the number it looks like.
fn is_plain_integer(text: &str) -> bool {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits && (text == "0" || !text.starts_with('0'))
}

fn instant(text: &str) -> Option<chrono::DateTime<chrono::Utc>> {
    parse_rfc3339(text, Zone::UTC)
}

/// Orders two decimal numbers: exactly where both are whole and fit, else as floating point.
fn number_order(left: &str, right: &str) -> Option<Ordering> {
    if !is_number(left) || !is_number(right) {
        return None;
    }
    if let (Ok(left), Ok(right)) = (left.parse::<i128>(), right.parse::<i128>()) {
        return Some(left.cmp(&right));
    }
    left.parse::<f64>().ok()?.partial_cmp(&right.parse::<f64>().ok()?)
}

fn as_bool(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Text(text) | Value::Bare(text) => text_as_bool(text),
        Value::Number(_) | Value::Null => None,
    }
}

fn text_as_bool(text: &str) -> Option<bool> {
    let is_true = text.eq_ignore_ascii_case("true");
    (is_true || text.eq_ignore_ascii_case("false")).then_some(is_true)
}

fn like(held: &Json, pattern: &str) -> Truth {
    let text = match held {
        Json::String(text) => text.to_lowercase(),
        Json::Number(number) => number.to_string(),
        Json::Bool(value) => value.to_string(),
        Json::Null | Json::Array(_) | Json::Object(_) => return Truth::No,
    };
    Truth::from(has_form(&text, &pattern.to_lowercase()))
}

/// Whether the text is the pattern with each `%` replaced by some text. Each piece between two `%` takes its
/// first place in what is left, which is enough, so nothing is tried twice.
fn has_form(text: &str, pattern: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('%') else { return text == pattern };
    let (middle, last) = rest.rsplit_once('%').unwrap_or(("", rest));
    let inner = text.strip_prefix(first).and_then(|text| text.strip_suffix(last));
    let placed = inner.and_then(|inner| {
        middle.split('%').try_fold(inner, |left, piece| left.split_once(piece).map(|(_, after)| after))
    });
    placed.is_some()
}
