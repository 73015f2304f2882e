//! Broken rules, and the values that come in several spellings.

use serde_json::Value;

/// A broken rule: which key, and which rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}`: {rule}")]
pub struct Invalid {
    /// The key as the client wrote it.
    pub key: String,
    /// The rule, in words.
    pub rule: String,
}

impl Invalid {
    /// One broken rule.
    pub fn new(key: impl Into<String>, rule: impl Into<String>) -> Self {
        Invalid { key: key.into(), rule: rule.into() }
    }
}

/// All broken rules in one sentence.
pub fn in_words(errors: &[Invalid]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// `true`, `false`, and the same as texts.
pub fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) => text_boolean(text),
        _ => None,
    }
}

/// The same for a text alone.
pub fn text_boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}
