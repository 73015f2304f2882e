//! Folders, contacts, calendars, events and attachments as Graph shows them: plain records, unlike messages.

use serde_json::{Map, Value};

use super::kind::Type;
use super::scalar::{PropertyKind, Scalar};
use crate::clock::{SECOND_US, iso_seconds, parse_iso};

/// One object, ready to show.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) kind: Type,
    pub(super) created_us: i64,
    pub(super) modified_us: i64,
    /// By property; what is not here is null.
    pub(super) fields: Map<String, Value>,
}

impl Record {
    pub(super) fn scalar(&self, path: &str, kind: PropertyKind) -> Scalar {
        match (path, kind) {
            ("createdDateTime", _) => return Scalar::Time(self.created_us),
            ("lastModifiedDateTime", _) => return Scalar::Time(self.modified_us),
            _ => {}
        }
        let mut segments = path.split('/');
        let first = segments.next().and_then(|first| self.fields.get(first));
        let held = first.and_then(|first| segments.try_fold(first, |value, segment| value.get(segment)));
        match (held, kind) {
            (Some(Value::String(text)), PropertyKind::Time) => {
                parse_iso(text).map_or(Scalar::Null, Scalar::Time)
            }
            (Some(Value::String(text)), _) => Scalar::text(text),
            (Some(Value::Bool(flag)), _) => Scalar::Flag(*flag),
            (Some(Value::Number(number)), _) => number.as_i64().map_or(Scalar::Null, Scalar::Number),
            _ => Scalar::Null,
        }
    }

    pub(super) fn render(&self, metadata: bool, select: Option<&[String]>) -> Value {
        let mut shown = Map::new();
        if let (true, Some(key)) = (metadata, self.fields.get("changeKey").and_then(Value::as_str)) {
            shown.insert("@odata.etag".to_owned(), format!("W/\"{key}\"").into());
        }
        if metadata && self.kind == Type::Attachment {
            let kind = self.fields.get("@odata.type").cloned().unwrap_or_default();
            shown.insert("@odata.type".to_owned(), kind);
        }
        for name in self.kind.properties() {
            if *name == "id" || select.is_none_or(|select| select.iter().any(|selected| selected == name)) {
                shown.insert((*name).to_owned(), self.property(name));
            }
        }
        Value::Object(shown)
    }

    fn property(&self, name: &str) -> Value {
        match name {
            "createdDateTime" => self.instant(self.created_us).into(),
            "lastModifiedDateTime" => self.instant(self.modified_us).into(),
            name => self.fields.get(name).cloned().unwrap_or(Value::Null),
        }
    }

    /// Events show all seven digits, everything else whole seconds.
    fn instant(&self, at_us: i64) -> String {
        let seconds = iso_seconds(at_us);
        match self.kind {
            Type::Event => {
                format!("{}.{:06}0Z", seconds.trim_end_matches('Z'), at_us.rem_euclid(SECOND_US))
            }
            _ => seconds,
        }
    }
}
