//! One row of a list, of whatever kind.

use serde_json::{Value, json};

use super::item::Message;
use super::record::Record;

/// One row of a list.
#[derive(Clone)]
pub(super) enum Row<'a> {
    Message(&'a Message),
    Record(Record),
}

impl Row<'_> {
    /// What a collection holds, or this part of its elements, in lower case.
    pub(super) fn elements(&self, collection: &str, part: &str) -> Vec<String> {
        let held = match self {
            Self::Message(message) => json!(message.categories),
            Self::Record(record) => record.fields.get(collection).cloned().unwrap_or_default(),
        };
        let text = |value: &Value| if part.is_empty() { value.clone() } else { value[part].clone() };
        let items = held.as_array().into_iter().flatten().map(text);
        items.filter_map(|value| value.as_str().map(str::to_lowercase)).collect()
    }

    /// Its immutable id.
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Message(message) => &message.immutable_id,
            Self::Record(record) => record.fields.get("id").and_then(Value::as_str).unwrap_or_default(),
        }
    }
}
