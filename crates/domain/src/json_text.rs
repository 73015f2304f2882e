//! JSON as people paste it.

use crate::pasted::without_mark;
use serde_json::Value;

/// Parses JSON; line breaks and tabs inside strings, which pages put there, are taken as white space. So are the
/// letters `\n`, `\t` and `\r` between tokens, which come from escaping twice. A byte order mark is passed over.
///
/// # Errors
/// The strict parser's, with line and column.
pub fn parse(text: &str) -> Result<Value, serde_json::Error> {
    let text = without_mark(text);
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(strict) => serde_json::from_str(&as_meant(text)).map_err(|_| strict),
    }
}

/// Replaces control characters inside string literals, and escaped ones outside, by spaces.
fn as_meant(text: &str) -> String {
    let mut in_string = false;
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if in_string => {
                out.push(letter);
                out.extend(letters.next());
            }
            '\\' if letters.next_if(|next| matches!(next, 'n' | 't' | 'r')).is_some() => out.push(' '),
            '"' => {
                in_string = !in_string;
                out.push(letter);
            }
            letter if in_string && letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::parse;
    use serde_json::json;

    #[test]
    fn a_pasted_line_break_is_white_space() {
        let pasted = "{\"url\": \"x>=\n'y'\",\n\t\"quote\": \"a\\\"\tb\"}";
        assert_eq!(parse(pasted).unwrap(), json!({ "url": "x>= 'y'", "quote": "a\" b" }));
    }

    #[test]
    fn escaped_breaks_between_tokens_are_white_space() {
        let twice = r#"{\n\t"a": "b\nc",\r\n "d": "\\"\n}"#;
        assert_eq!(parse(twice).unwrap(), json!({ "a": "b\nc", "d": "\\" }));
        assert!(parse(r#"{\x"a": 1}"#).is_err());
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        assert_eq!(parse("\u{feff}{\r\n\"a\": 1}\r").unwrap(), json!({ "a": 1 }));
        assert!(parse("\u{feff}\u{feff}{}").is_err() && parse("{}\u{feff}").is_err());
    }

    #[test]
    fn what_is_broken_is_refused_with_its_place() {
        let error = parse("{\n \"a\": }").unwrap_err();
        assert_eq!((error.line(), error.column()), (2, 7));
    }
}
