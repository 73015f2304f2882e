//! JSON as compact text, and how long it is.

use serde_json::Value;
use std::io::{Result, Write};

/// The text of a value. `to_string` gives the same, and checks each piece of it on the way.
pub fn text(value: &Value) -> String {
    // A value has no keys that are not strings, and the memory that it is written to takes all.
    serde_json::to_string(value).unwrap_or_else(|_| value.to_string())
}

/// How long the text of a value is, bytes.
pub fn bytes(value: &Value) -> usize {
    let mut counted = Counted(0);
    // Neither the value nor the counting can fail.
    let _ = serde_json::to_writer(&mut counted, value);
    counted.0
}

struct Counted(usize);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_are_of_the_text_that_a_value_prints() {
        let value =
            json!({ "a": [1, -2.5, null, true, { "ä\"\\\u{1}\u{1F600}": "line\nbreak" }], "b": {}, "c": [] });
        assert_eq!(text(&value), value.to_string());
        assert_eq!(bytes(&value), value.to_string().len());
    }
}
