//! The contacts, calendars, events and attachments of a mailbox.

use serde_json::{Map, Value, json};

use super::folder::random_id;
use super::mailbox::{Mailbox, change_key};
use super::record::{Record, Type};

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
}

/// A contact, calendar or event. Lists show its changes at once.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) id: String,
    kind: Type,
    change_key: String,
    created_us: i64,
    modified_us: i64,
    /// Of an event: its calendar's id.
    pub(super) calendar: Option<String>,
    pub(super) attachments: Vec<Attachment>,
    fields: Map<String, Value>,
}

impl Stored {
    pub(super) fn record(&self) -> Record {
        let mut fields = defaults(self.kind);
        fields.extend(self.fields.clone());
        fields.insert("id".to_owned(), self.id.as_str().into());
        fields.insert("changeKey".to_owned(), self.change_key.as_str().into());
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
            "categories": [], "parentFolderId": "AQMkADcontacts=", "emailAddresses": [], "imAddresses": [],
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

impl Mailbox {
    /// The calendar that is there from the start.
    pub(super) fn default_calendar(user_id: &str) -> Stored {
        let fields = json!({"name": "Calendar", "isDefaultCalendar": true, "isRemovable": false});
        Stored {
            id: format!("AQMkADcalendar{user_id}="),
            kind: Type::Calendar,
            change_key: format!("DQAAABYAAAcalendar{user_id}="),
            created_us: 0,
            modified_us: 0,
            calendar: None,
            attachments: Vec::new(),
            fields: fields.as_object().cloned().unwrap_or_default(),
        }
    }

    pub(super) fn stored(&self, kind: Type, id: &str) -> Option<&Stored> {
        self.stored.iter().find(|stored| stored.kind == kind && stored.id == id)
    }

    pub(super) fn all_of(&self, kind: Type) -> impl Iterator<Item = &Stored> {
        self.stored.iter().filter(move |stored| stored.kind == kind)
    }

    /// The events of a calendar, or of the first one.
    pub(super) fn events_of(&self, calendar: Option<&str>) -> impl Iterator<Item = &Stored> {
        let first = self.all_of(Type::Calendar).next().map(|calendar| calendar.id.as_str());
        let calendar = calendar.or(first).map(str::to_owned);
        self.all_of(Type::Event).filter(move |event| event.calendar == calendar)
    }

    pub(super) fn store(
        &mut self,
        kind: Type,
        calendar: Option<&str>,
        fields: &Value,
        now_us: i64,
        rng: &mut fastrand::Rng,
    ) -> String {
        let first = self.all_of(Type::Calendar).next().map(|calendar| calendar.id.clone());
        let id = random_id("AAMkADhi", rng, 60);
        self.stored.push(Stored {
            id: id.clone(),
            kind,
            change_key: change_key(rng),
            created_us: now_us,
            modified_us: now_us,
            calendar: (kind == Type::Event).then(|| calendar.map(str::to_owned).or(first)).flatten(),
            attachments: Vec::new(),
            fields: fields.as_object().cloned().unwrap_or_default(),
        });
        id
    }

    /// Changes a contact, calendar or event; false without it.
    pub(super) fn change_stored(
        &mut self,
        id: &str,
        now_us: i64,
        rng: &mut fastrand::Rng,
        change: impl FnOnce(&mut Map<String, Value>, &mut Vec<Attachment>),
    ) -> bool {
        let Some(stored) = self.stored.iter_mut().find(|stored| stored.id == id) else { return false };
        change(&mut stored.fields, &mut stored.attachments);
        stored.modified_us = now_us.max(stored.modified_us);
        stored.change_key = change_key(rng);
        true
    }

    /// Removes it, and a calendar's events with it.
    pub(super) fn remove_stored(&mut self, id: &str) -> bool {
        let before = self.stored.len();
        self.stored.retain(|stored| stored.id != id && stored.calendar.as_deref() != Some(id));
        self.stored.len() < before
    }
}
