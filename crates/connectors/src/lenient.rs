//! Reading JSON that holds mail.
//!
//! Mail is what strangers wrote, cut and converted by many programs. Now and then one text of one record holds half of
//! a surrogate pair (a preview that was cut inside an emoji), a byte of another encoding or a bare control character.
//! Read strictly, the whole answer is lost with it, and every later one that holds the record. So an answer that is not
//! JSON is mended, text by text, and read once more; what can't be mended is an error as before. Answers that hold
//! tokens are read strictly: there, odd bytes mean that something is wrong.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What replaces what is broken.
const REPLACEMENT: &str = "\u{FFFD}";
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Reads an answer that holds mail. The error is the strict reader's on what is left after mending.
pub(crate) fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    match serde_json::from_slice(bytes) {
        Err(error) if error.is_syntax() => serde_json::from_str(&mended(bytes)),
        read => read,
    }
}

/// The entries of a list that have the shape they should have, and how many have another: an odd entry spoils nothing
/// but itself.
pub(crate) struct Each<T> {
    pub(crate) entries: Vec<T>,
    pub(crate) odd_count: usize,
}

impl<T> Default for Each<T> {
    fn default() -> Self {
        Each { entries: Vec::new(), odd_count: 0 }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Each<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = match Value::deserialize(deserializer)? {
            Value::Array(values) => values,
            Value::Null => Vec::new(),
            // An entry where its list should be.
            odd => vec![odd],
        };
        let count = values.len();
        let entries: Vec<T> = values.into_iter().filter_map(|value| T::deserialize(value).ok()).collect();
        Ok(Each { odd_count: count - entries.len(), entries })
    }
}

/// What has another shape is not there.
pub(crate) fn if_readable<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(T::deserialize(Value::deserialize(deserializer)?).ok())
}

/// An id that names something: what is asked for by an empty one is the list that it stands in.
pub(crate) fn named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let id = String::deserialize(deserializer)?;
    if id.is_empty() { Err(serde::de::Error::custom("the id is empty")) } else { Ok(id) }
}

/// The same where another id serves without it.
pub(crate) fn if_named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(if_readable(deserializer)?.filter(|id: &String| !id.is_empty()))
}

/// The id of a record, where it has one that names something.
pub(crate) fn id_of(record: &Value) -> Option<&str> {
    record["id"].as_str().filter(|id| !id.is_empty())
}

/// One pass over the answer; the result has at most three bytes for each of it.
fn mended(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes));
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    let mut is_within = false;
    // All that is looked for is ASCII, so that the text is cut between characters.
    while let Some(at) = rest.bytes().position(|byte| byte == b'"' || is_within && is_special(byte)) {
        let (before, special) = rest.split_at(at);
        out.push_str(before);
        let taken = match special.as_bytes() {
            [b'"', ..] => {
                is_within = !is_within;
                out.push('"');
                1
            }
            [b'\\', ..] => escape(special, &mut out),
            [control, ..] => {
                out.push_str(shown(*control));
                1
            }
            [] => break,
        };
        rest = special.get(taken..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

fn is_special(byte: u8) -> bool {
    byte == b'\\' || byte < b' '
}

/// White space that somebody forgot to escape says what it means.
fn shown(control: u8) -> &'static str {
    match control {
        b'\n' => "\\n",
        b'\r' => "\\r",
        b'\t' => "\\t",
        _ => REPLACEMENT,
    }
}

/// Copies the escape that a text begins with, if it is whole; gives its length.
fn escape(text: &str, out: &mut String) -> usize {
    let length = match (text.as_bytes().get(1), unit(text)) {
        (Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't'), _) => 2,
        (_, Some(0xD800..=0xDBFF)) if matches!(text.get(6..).and_then(unit), Some(0xDC00..=0xDFFF)) => 12,
        (_, Some(0xD800..=0xDFFF)) => {
            out.push_str(REPLACEMENT);
            return 6;
        }
        (_, Some(_)) => 6,
        // Only the backslash is broken: what follows it may end the text.
        _ => {
            out.push_str(REPLACEMENT);
            return 1;
        }
    };
    out.push_str(text.get(..length).unwrap_or_default());
    length
}

/// The UTF-16 unit of an escape `\u1234` at the beginning.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(text: &[u8], expected: &str) {
        let answer = [b"{\"a\":\"", text, b"\",\"b\":[1,\"fine\"]}"].concat();
        let read: Value = from_slice(&answer).unwrap();
        assert_eq!(read, json!({ "a": expected, "b": [1, "fine"] }), "{text:?}");
    }

    #[test]
    fn what_is_broken_in_a_text_is_replaced_and_the_rest_stays() {
        check(br"see you \ud83d", "see you \u{FFFD}");
        check(br"\ude00 alone", "\u{FFFD} alone");
        check(br"\ud83d\ud83d\ude00", "\u{FFFD}\u{1F600}");
        check(br"\ud83d\u0041", "\u{FFFD}A");
        check(br"\uD83D\n\uDE00", "\u{FFFD}\n\u{FFFD}");
        check(b"caf\xe9", "caf\u{FFFD}");
        check(b"cut \xf0\x9f\x98", "cut \u{FFFD}");
        check(b"\xed\xa0\xbd", "\u{FFFD}\u{FFFD}\u{FFFD}");
        check(b"one\ntwo\tthree\0", "one\ntwo\tthree\u{FFFD}");
        check(br"a\qb\u12", "a\u{FFFD}qb\u{FFFD}u12");
        check("\\ud83d caf\u{e9} \\\\ \\\" ok \u{1F600}".as_bytes(), "\u{FFFD} caf\u{e9} \\ \" ok \u{1F600}");
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        assert_eq!(from_slice::<Value>(b"\xEF\xBB\xBF{\"a\":1}").unwrap(), json!({ "a": 1 }));
    }

    #[test]
    fn what_is_whole_is_read_as_it_is() {
        check(br#"\ud83d\ude00 \"quoted\" \\ud83d \/"#, "\u{1F600} \"quoted\" \\ud83d /");
    }

    #[test]
    fn odd_entries_are_counted_and_the_others_are_read() {
        for (list, entries, odd_count) in [
            (json!(["a", 7, "b", null]), &["a", "b"][..], 2),
            (json!([]), &[], 0),
            (json!(null), &[], 0),
            (json!("a"), &["a"], 0),
            (json!({ "a": [] }), &[], 1),
        ] {
            let each: Each<String> = serde_json::from_value(list.clone()).unwrap();
            assert_eq!(
                (each.entries, each.odd_count),
                (entries.iter().map(|one| one.to_string()).collect(), odd_count),
                "{list}"
            );
        }
    }

    #[test]
    fn an_empty_id_names_nothing() {
        #[derive(Deserialize)]
        struct Named {
            #[serde(deserialize_with = "named")]
            id: String,
            #[serde(default, deserialize_with = "if_named")]
            other: Option<String>,
        }
        let read = |record: &Value| Named::deserialize(record).ok().map(|one| (one.id, one.other));
        for (record, wanted) in [
            (json!({ "id": "a", "other": "b" }), Some(("a", Some("b")))),
            (json!({ "id": "a", "other": "" }), Some(("a", None))),
            (json!({ "id": "a", "other": 7 }), Some(("a", None))),
            (json!({ "id": "", "other": "b" }), None),
            (json!({ "other": "b" }), None),
        ] {
            assert_eq!(
                read(&record),
                wanted.map(|(id, other)| (id.into(), other.map(Into::into))),
                "{record}"
            );
            assert_eq!(id_of(&record), wanted.map(|(id, _)| id), "{record}");
        }
    }

    #[test]
    fn what_is_no_json_stays_an_error() {
        for answer in ["", "<html>\u{FFFD}</html>", "{\"a\":\"b", "{\"a\":\"\\", "{\"a\":\"\\u", "{\"a\":1,}"]
        {
            assert!(from_slice::<Value>(answer.as_bytes()).is_err(), "{answer}");
        }
        assert!(from_slice::<Vec<u8>>(b"{}").is_err(), "another shape is no matter of texts");
    }

    /// Quotes, escapes and controls in each place: nothing is lost, nothing is slow, nothing panics.
    #[test]
    fn an_answer_of_nothing_but_odd_bytes_is_read_in_one_pass() {
        for odd in [&b"\\ud800"[..], b"\xff", b"\0", b"\\x"] {
            let answer = [&b"\""[..], &odd.repeat(200_000), b"\""].concat();
            let read: String = from_slice(&answer).unwrap();
            assert!(read.starts_with(REPLACEMENT) && read.len() <= 3 * answer.len());
        }
    }
}
