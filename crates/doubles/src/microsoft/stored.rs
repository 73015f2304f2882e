//! A contact, calendar or event as it is kept, and the files of messages and events.

use serde_json::{Map, Value, json};

use super::kind::Type;
use super::noticed::Sight;
use super::record::Record;
use crate::clock::parse_iso;

/// A file of a message or an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The file's name.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// How long it is.
    pub size_bytes: u64,
    /// Whether the text shows it.
    pub is_inline: bool,
    /// What it is.
    pub kind: AttachmentKind,
}

/// What an attachment is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AttachmentKind {
    /// A file.
    #[default]
    File,
    /// A message, whose content is MIME.
    Item,
    /// A link to a file elsewhere.
    Reference,
}

impl AttachmentKind {
    fn name(self) -> &'static str {
        match self {
            Self::File => "#microsoft.graph.fileAttachment",
            Self::Item => "#microsoft.graph.itemAttachment",
            Self::Reference => "#microsoft.graph.referenceAttachment",
        }
    }
}

/// A time of an event, or of a window of events, which may lack its zone.
pub(super) fn instant_us(text: &str) -> Option<i64> {
    parse_iso(text)
        .filter(|_| text.contains('Z') || text.contains('+'))
        .or_else(|| parse_iso(&format!("{text}Z")))
}

/// The place of an attachment among those of its owner.
pub(super) fn index_of(owner: &str, id: &str) -> Option<usize> {
    id.strip_prefix(owner)?.strip_prefix('-')?.parse().ok()
}

/// A contact, calendar or event. Lists show its changes at once.
#[derive(Clone, Debug)]
pub(super) struct StoredItem {
    pub(super) id: String,
    pub(super) kind: Type,
    pub(super) change_key: String,
    pub(super) created_us: i64,
    pub(super) modified_us: i64,
    /// Of an event its calendar's id, of a contact or a folder of contacts that of the folder it is in.
    pub(super) container: Option<String>,
    pub(super) attachments: Vec<Attachment>,
    pub(super) fields: Map<String, Value>,
}

impl StoredItem {
    /// As a notice shows it: its id never changes.
    pub(super) fn sight(&self) -> Sight {
        Sight {
            id: self.id.clone(),
            immutable_id: self.id.clone(),
            change_key: self.change_key.clone(),
            folder: None,
        }
    }

    /// Of an event: whether it takes place in a window of a calendar.
    pub(super) fn is_within(&self, calendar: &str, from_us: i64, to_us: i64) -> bool {
        let at = |name: &str| self.fields.get(name)?["dateTime"].as_str().and_then(instant_us);
        let Some(start_us) = at("start") else { return false };
        let ends_us = at("end").unwrap_or(start_us);
        let overlaps = start_us < to_us && (ends_us > from_us || start_us >= from_us);
        overlaps && self.container.as_deref() == Some(calendar)
    }

    pub(super) fn record(&self) -> Record {
        let mut fields = defaults(self.kind);
        fields.extend(self.fields.clone());
        fields.insert("id".to_owned(), self.id.as_str().into());
        fields.insert("changeKey".to_owned(), self.change_key.as_str().into());
        if matches!(self.kind, Type::Contact | Type::ContactFolder) {
            fields.insert("parentFolderId".to_owned(), self.container.as_deref().into());
        }
        if self.kind == Type::Event {
            fields.insert("hasAttachments".to_owned(), (!self.attachments.is_empty()).into());
        }
        Record { kind: self.kind, created_us: self.created_us, modified_us: self.modified_us, fields }
    }
}

/// What the service fills in.
fn defaults(kind: Type) -> Map<String, Value> {
    let fields = match kind {
        Type::Contact => json!({
            "categories": [], "emailAddresses": [], "imAddresses": [],
            "homePhones": [], "businessPhones": [], "homeAddress": {}, "businessAddress": {},
            "otherAddress": {}, "children": [], "personalNotes": "",
        }),
        Type::Calendar => json!({
            "color": "auto", "hexColor": "", "isDefaultCalendar": false, "canShare": true,
            "canViewPrivateItems": true, "canEdit": true, "allowedOnlineMeetingProviders": [],
            "defaultOnlineMeetingProvider": "unknown", "isTallyingResponses": true, "isRemovable": true,
        }),
        Type::Event => json!({
            "categories": [], "originalStartTimeZone": "UTC", "originalEndTimeZone": "UTC",
            "reminderMinutesBeforeStart": 15, "isReminderOn": true, "bodyPreview": "", "importance": "normal",
            "sensitivity": "normal", "isAllDay": false, "isCancelled": false, "isOrganizer": true,
            "responseRequested": true, "showAs": "busy", "type": "singleInstance", "isOnlineMeeting": false,
            "onlineMeetingProvider": "unknown", "allowNewTimeProposals": true, "isDraft": false,
            "hideAttendees": false, "responseStatus": {"response": "organizer", "time": "0001-01-01T00:00:00Z"},
            "body": {"contentType": "html", "content": ""}, "location": {"displayName": ""}, "locations": [],
            "attendees": [],
        }),
        _ => Value::Null,
    };
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// The files as records. Whoever selects nothing gets their content too.
pub(super) fn attachments(owner: &str, attachments: &[Attachment], modified_us: i64) -> Vec<Record> {
    let record = |(index, attachment): (usize, &Attachment)| {
        let fields = json!({
            "@odata.type": attachment.kind.name(),
            "id": format!("{owner}-{index}"),
            "name": attachment.name,
            "contentType": attachment.content_type,
            "size": attachment.size_bytes,
            "isInline": attachment.is_inline,
            "contentBytes": "Y29udGVudA==",
        });
        let Value::Object(fields) = fields else { return None };
        Some(Record { kind: Type::Attachment, created_us: modified_us, modified_us, fields })
    };
    attachments.iter().enumerate().filter_map(record).collect()
}
