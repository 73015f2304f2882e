//! From a Graph object to a change with the record in the older API's spelling.

pub(super) mod conditions;
pub(super) mod entity;
pub(super) mod field;
pub(super) mod filter;
pub(super) mod selection;

use super::cursor::memory::MessageState;
use crate::FailedRecord;
use chrono::DateTime;
use conditions::Conditions;
use domain::event::{Change, ChangeKind};
use domain::resource::ResourceConfig;
use entity::Entity;
use field::raised;
use serde_json::{Map, Value};

/// A listed object.
#[derive(Clone)]
pub(super) struct Row {
    /// Empty if it can't be identified: it has no id, or is not an object.
    id: String,
    change_key: String,
    /// The second the list is ordered by, since the Unix epoch.
    pub(super) second: i64,
    is_draft: bool,
    entity: &'static Entity,
    pub(super) object: Value,
}

impl Row {
    /// Reads the fields the walk goes by. Without an id there is nothing to report; an ordering time that
    /// can't be read counts as `from`.
    pub(super) fn new(object: Value, entity: &'static Entity, ordered_by: &str, from: i64) -> Self {
        let id = object.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let text = |field: &str| object.get(field).and_then(Value::as_str);
        let tag = ["changeKey", "@odata.etag"].into_iter().find_map(text);
        let change_key = tag.or(text("lastModifiedDateTime")).unwrap_or_default().to_owned();
        let second = text(ordered_by).and_then(seconds).unwrap_or(from);
        let is_draft = entity.has_drafts && object.get("isDraft").and_then(Value::as_bool).unwrap_or(false);
        Row { id, change_key, second, is_draft, entity, object }
    }

    /// The rows of a page. One whose ordering time can't be read lies where the one before it does.
    pub(super) fn of_page(
        objects: Vec<Value>,
        entity: &'static Entity,
        ordered_by: &str,
        from: i64,
    ) -> Vec<Self> {
        let mut second = from;
        let row = |object| {
            let row = Row::new(object, entity, ordered_by, second);
            second = row.second;
            row
        };
        objects.into_iter().map(row).collect()
    }

    /// It is known what this is. What is not can't be reported, and holds nothing else up.
    pub(super) fn is_readable(&self) -> bool {
        !self.id.is_empty()
    }

    /// This state of the object.
    pub(super) fn seen(&self, conditions: &Conditions) -> MessageState {
        if !self.is_readable() {
            return MessageState::of("", &self.object.to_string(), false);
        }
        MessageState::of(&self.id, &self.change_key, self.is_suppressed(conditions))
    }

    /// Drafts are not reported, unless the configuration speaks of them.
    pub(super) fn is_suppressed(&self, conditions: &Conditions) -> bool {
        self.is_draft && !conditions.speak_of_drafts()
    }

    /// As the provider names it.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// When it came into the mailbox: the time received, or the time created for drafts and anything but messages.
    pub(super) fn born_s(&self, resource: &ResourceConfig) -> Option<i64> {
        if self.is_draft {
            return self.date("createdDateTime");
        }
        self.came_s().max(self.created_s(resource))
    }

    /// When it came, by the provider's own dates.
    pub(super) fn came_s(&self) -> Option<i64> {
        self.date(self.entity.came).or_else(|| self.date("createdDateTime"))
    }

    /// The configured creation date; the provider's own where none is configured, or its pattern does not fit.
    pub(super) fn created_s(&self, resource: &ResourceConfig) -> Option<i64> {
        let configured = resource.created.as_ref().and_then(|field| field.read(&self.object));
        configured.map(|at| at.timestamp()).or_else(|| self.date(self.entity.came))
    }

    fn date(&self, field: &str) -> Option<i64> {
        seconds(self.object.get(field)?.as_str()?)
    }

    pub(super) fn change(&self, resource: &ResourceConfig, kind: ChangeKind, recheck: bool) -> Change {
        let configured = resource.updated.as_ref().and_then(|field| field.read(&self.object));
        let modified =
            || DateTime::from_timestamp(self.date("lastModifiedDateTime").unwrap_or(self.second), 0);
        Change {
            object_id: self.id.clone(),
            shown_id: None,
            kind,
            version: self.change_key.clone(),
            at: configured.or_else(modified),
            record: pascal(&self.object, Nulls::Drop),
            recheck,
            again: false,
        }
    }
}

/// The change of an object whose content could not be read, for another try.
pub(super) fn failed(change: Change) -> FailedRecord {
    FailedRecord {
        object_id: change.object_id,
        kind: change.kind,
        version: change.version,
        stub: change.record,
    }
}

fn seconds(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.timestamp())
}

/// What becomes of fields without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nulls {
    Keep,
    Drop,
}

/// The record as the older API spelled it: each key with its first letter raised, annotations left out.
pub(super) fn pascal(value: &Value, nulls: Nulls) -> Value {
    match value {
        Value::Object(object) => Value::Object(
            object
                .iter()
                .filter(|(key, value)| !key.contains('@') && (nulls == Nulls::Keep || !value.is_null()))
                .map(|(key, value)| (raised(key), pascal(value, nulls)))
                .collect::<Map<_, _>>(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(|item| pascal(item, nulls)).collect()),
        other => other.clone(),
    }
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
            pascal(&message, Nulls::Drop),
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
