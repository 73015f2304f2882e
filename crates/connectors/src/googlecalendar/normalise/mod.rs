//! From events as the API has them to changes. Records keep the API's spelling, with dates, zones and all-day events as
//! they are.

pub(super) mod conditions;

use crate::lenient;
use crate::snapshot::packed::ID_BYTES_MAX;
use chrono::{DateTime, Utc};
use domain::event::{Change, ChangeKind};
use domain::ids::digest64;
use serde_json::Value;

/// An event of a page.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: String,
    /// It is deleted; of such an event only the id is certain to be told.
    pub(super) is_cancelled: bool,
    /// It stands for one day of a series.
    pub(super) is_exception: bool,
    /// Another one with each change.
    pub(super) version: String,
    pub(super) updated: Option<DateTime<Utc>>,
    pub(super) created: Option<DateTime<Utc>>,
    pub(super) record: Value,
}

impl Entry {
    /// `None`: it can't be told from others, having no id, or a longer one than is remembered. One such event must not
    /// stop the rest of the calendar.
    pub(super) fn of(record: Value) -> Option<Self> {
        let text = |field: &str| record.get(field).and_then(Value::as_str);
        let date = |field| Some(DateTime::parse_from_rfc3339(text(field)?).ok()?.to_utc());
        let id = lenient::id_of(&record).filter(|id| id.len() <= ID_BYTES_MAX)?.to_owned();
        let version = text("etag").map(|etag| etag.trim_matches('"')).or(text("updated"));
        Some(Entry {
            id,
            is_cancelled: text("status") == Some("cancelled"),
            is_exception: text("recurringEventId").is_some(),
            version: version.unwrap_or_default().to_owned(),
            updated: date("updated"),
            created: date("created"),
            record,
        })
    }

    /// The state, in short; never that of a cancelled exception.
    pub(super) fn digest(&self) -> u64 {
        digest64(&[self.version.as_bytes()]).max(1)
    }

    /// The change of this kind that it tells.
    pub(super) fn change(self, kind: ChangeKind, fields: &[String], recheck: bool, again: bool) -> Change {
        let at = match kind {
            ChangeKind::Created => self.created.or(self.updated),
            ChangeKind::Updated | ChangeKind::Deleted => self.updated,
        };
        Change {
            object_id: self.id,
            shown_id: None,
            kind,
            version: self.version,
            at,
            record: cut(self.record, fields),
            recheck,
            again,
        }
    }
}

/// The asked fields of a record, by their first parts; none asked: all of them.
pub(super) fn cut(record: Value, fields: &[String]) -> Value {
    match record {
        Value::Object(object) if !fields.is_empty() => {
            let is_asked = |key: &str| fields.iter().any(|field| root(field).eq_ignore_ascii_case(key));
            Value::Object(object.into_iter().filter(|(key, _)| key == "id" || is_asked(key)).collect())
        }
        whole => whole,
    }
}

/// `start` of `start.dateTime`.
pub(super) fn root(field: &str) -> &str {
    field.split(['.', '[']).next().unwrap_or(field).trim()
}
