//! JSON as people paste it.

use serde_json::Value;

/// Parses JSON; line breaks and tabs inside strings, which pages put there, are taken as white space.
///
/// The error is the strict parser's, with line and column.
pub fn parse(text: &str) -> Result<Value, serde_json::Error> {
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(strict) => serde_json::from_str(&without_raw_controls(text)).map_err(|_| strict),
    }
}

/// Replaces control characters inside string literals by spaces.
fn without_raw_controls(text: &str) -> String {
    let mut in_string = false;
    let mut escaped = false;
    text.chars()
        .map(|c| {
            if escaped {
                escaped = false;
                return c;
            }
            match c {
                '"' => in_string = !in_string,
                '\\' => escaped = in_string,
                c if in_string && c.is_control() => return ' ',
                _ => {}
            }
            c
        })
        .collect()
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
    fn what_is_broken_is_refused_with_its_place() {
        let error = parse("{\n \"a\": }").unwrap_err();
        assert_eq!((error.line(), error.column()), (2, 7));
    }
}
