//! From a Graph message to a change with the record in the older API's spelling.

use super::conditions::Conditions;
use super::memory::Seen;
use chrono::DateTime;
use domain::event::{Change, ChangeKind};
use domain::resource::ResourceConfig;
use serde_json::{Map, Value};

/// A listed message.
pub(super) struct Row {
    id: String,
    change_key: String,
    /// When it was modified, seconds since the Unix epoch.
    pub(super) second: i64,
    is_draft: bool,
    pub(super) message: Value,
}

impl Row {
    /// Reads the fields the walk goes by. Without an id there is nothing to report; a modification time that
    /// can't be read counts as the page's first second.
    pub(super) fn new(message: Value, from: i64) -> Option<Self> {
        let id = message.get("id")?.as_str()?.to_owned();
        let modified = message.get("lastModifiedDateTime").and_then(Value::as_str).unwrap_or_default();
        let tag = ["changeKey", "@odata.etag"].into_iter().find_map(|field| message.get(field)?.as_str());
        let change_key = tag.unwrap_or(modified).to_owned();
        let second = seconds(modified).unwrap_or(from);
        let is_draft = message.get("isDraft").and_then(Value::as_bool).unwrap_or(false);
        Some(Row { id, change_key, second, is_draft, message })
    }

    /// This state of the message.
    pub(super) fn seen(&self, conditions: &Conditions) -> Seen {
        Seen::of(&self.id, &self.change_key, self.is_suppressed(conditions))
    }

    /// Drafts are not reported, unless the configuration speaks of them.
    pub(super) fn is_suppressed(&self, conditions: &Conditions) -> bool {
        self.is_draft && !conditions.speak_of_drafts()
    }

    /// When it came into the mailbox: received, or for a draft created.
    pub(super) fn born_s(&self, resource: &ResourceConfig) -> Option<i64> {
        if self.is_draft {
            return self.date("createdDateTime");
        }
        let received = self.date("receivedDateTime").or_else(|| self.date("createdDateTime"));
        received.max(self.created_s(resource))
    }

    /// The configured creation date; reception where none is configured.
    pub(super) fn created_s(&self, resource: &ResourceConfig) -> Option<i64> {
        match &resource.created {
            Some(field) => field.read(&self.message).map(|at| at.timestamp()),
            None => self.date("receivedDateTime"),
        }
    }

    fn date(&self, field: &str) -> Option<i64> {
        seconds(self.message.get(field)?.as_str()?)
    }

    pub(super) fn change(&self, resource: &ResourceConfig, kind: ChangeKind, recheck: bool) -> Change {
        let at = match &resource.updated {
            Some(field) => field.read(&self.message),
            None => DateTime::from_timestamp(self.second, 0),
        };
        Change {
            object_id: self.id.clone(),
            shown_id: None,
            kind,
            version: self.change_key.clone(),
            at,
            record: pascal(&self.message),
            recheck,
        }
    }
}

fn seconds(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.timestamp())
}

/// The record as the older API spelled it: each key with its first letter raised, annotations and nulls left
/// out.
pub(super) fn pascal(value: &Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(
            object
                .iter()
                .filter(|(key, value)| !key.starts_with('@') && !value.is_null())
                .map(|(key, value)| (raised(key), pascal(value)))
                .collect::<Map<_, _>>(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(pascal).collect()),
        other => other.clone(),
    }
}

fn raised(key: &str) -> String {
    let mut chars = key.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn records_come_out_in_the_older_spelling() {
        let message = json!({
            "@odata.etag": "W/\"x\"",
            "id": "AAMk",
            "subject": "s",
            "categories": [],
            "flag": { "flagStatus": "notFlagged", "dueDateTime": null },
            "toRecipients": [{ "emailAddress": { "name": "n", "address": "a@example.com" } }]
        });
        assert_eq!(
            pascal(&message),
            json!({
                "Id": "AAMk",
                "Subject": "s",
                "Categories": [],
                "Flag": { "FlagStatus": "notFlagged" },
                "ToRecipients": [{ "EmailAddress": { "Name": "n", "Address": "a@example.com" } }]
            })
        );
    }
}
