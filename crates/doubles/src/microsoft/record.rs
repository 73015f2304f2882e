//! Folders, contacts, calendars, events and attachments as Graph shows them: plain records, unlike messages.

use serde_json::{Map, Value};

use super::property::{PropertyKind, Scalar};
use crate::clock::{SECOND_US, iso_seconds, parse_iso};

/// The kinds of objects of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Message,
    Folder,
    Contact,
    Calendar,
    Event,
    Attachment,
}

const FOLDER: &[&str] = &[
    "id",
    "displayName",
    "parentFolderId",
    "childFolderCount",
    "unreadItemCount",
    "totalItemCount",
    "sizeInBytes",
    "isHidden",
];
const CONTACT: &[&str] = &[
    "id",
    "createdDateTime",
    "lastModifiedDateTime",
    "changeKey",
    "categories",
    "parentFolderId",
    "birthday",
    "fileAs",
    "displayName",
    "givenName",
    "initials",
    "middleName",
    "nickName",
    "surname",
    "title",
    "yomiGivenName",
    "yomiSurname",
    "yomiCompanyName",
    "generation",
    "emailAddresses",
    "imAddresses",
    "jobTitle",
    "companyName",
    "department",
    "officeLocation",
    "profession",
    "businessHomePage",
    "assistantName",
    "manager",
    "homePhones",
    "mobilePhone",
    "businessPhones",
    "homeAddress",
    "businessAddress",
    "otherAddress",
    "spouseName",
    "personalNotes",
    "children",
];
const CALENDAR: &[&str] = &[
    "id",
    "name",
    "color",
    "hexColor",
    "isDefaultCalendar",
    "changeKey",
    "canShare",
    "canViewPrivateItems",
    "canEdit",
    "allowedOnlineMeetingProviders",
    "defaultOnlineMeetingProvider",
    "isTallyingResponses",
    "isRemovable",
    "owner",
];
const EVENT: &[&str] = &[
    "id",
    "createdDateTime",
    "lastModifiedDateTime",
    "changeKey",
    "categories",
    "transactionId",
    "originalStartTimeZone",
    "originalEndTimeZone",
    "originalStart",
    "iCalUId",
    "reminderMinutesBeforeStart",
    "isReminderOn",
    "hasAttachments",
    "subject",
    "bodyPreview",
    "importance",
    "sensitivity",
    "isAllDay",
    "isCancelled",
    "isOrganizer",
    "responseRequested",
    "seriesMasterId",
    "showAs",
    "type",
    "webLink",
    "onlineMeetingUrl",
    "isOnlineMeeting",
    "onlineMeetingProvider",
    "allowNewTimeProposals",
    "isDraft",
    "hideAttendees",
    "recurrence",
    "onlineMeeting",
    "responseStatus",
    "body",
    "start",
    "end",
    "location",
    "locations",
    "attendees",
    "organizer",
];
const ATTACHMENT: &[&str] =
    &["id", "lastModifiedDateTime", "name", "contentType", "size", "isInline", "contentBytes"];

/// What lists of records can be filtered and ordered by.
const FILTERABLE: [(Type, &[(&str, PropertyKind)]); 4] = [
    (
        Type::Folder,
        &[
            ("displayName", PropertyKind::Text),
            ("totalItemCount", PropertyKind::Number),
            ("unreadItemCount", PropertyKind::Number),
        ],
    ),
    (
        Type::Contact,
        &[
            ("createdDateTime", PropertyKind::Time),
            ("lastModifiedDateTime", PropertyKind::Time),
            ("birthday", PropertyKind::Time),
            ("displayName", PropertyKind::Text),
            ("givenName", PropertyKind::Text),
            ("middleName", PropertyKind::Text),
            ("surname", PropertyKind::Text),
            ("nickName", PropertyKind::Text),
            ("fileAs", PropertyKind::Text),
            ("companyName", PropertyKind::Text),
            ("department", PropertyKind::Text),
            ("jobTitle", PropertyKind::Text),
            ("mobilePhone", PropertyKind::Text),
            ("officeLocation", PropertyKind::Text),
        ],
    ),
    (Type::Calendar, &[("name", PropertyKind::Text)]),
    (
        Type::Event,
        &[
            ("createdDateTime", PropertyKind::Time),
            ("lastModifiedDateTime", PropertyKind::Time),
            ("subject", PropertyKind::Text),
            ("importance", PropertyKind::Text),
            ("sensitivity", PropertyKind::Text),
            ("showAs", PropertyKind::Text),
            ("type", PropertyKind::Text),
            ("iCalUId", PropertyKind::Text),
            ("seriesMasterId", PropertyKind::Text),
            ("isAllDay", PropertyKind::Flag),
            ("isCancelled", PropertyKind::Flag),
            ("isOrganizer", PropertyKind::Flag),
            ("hasAttachments", PropertyKind::Flag),
            // Texts to the filter: a local time beside a zone.
            ("start/dateTime", PropertyKind::Text),
            ("end/dateTime", PropertyKind::Text),
            ("location/displayName", PropertyKind::Text),
            ("organizer/emailAddress/address", PropertyKind::Text),
            ("organizer/emailAddress/name", PropertyKind::Text),
        ],
    ),
];

impl Type {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Folder => "mailFolder",
            Self::Contact => "contact",
            Self::Calendar => "calendar",
            Self::Event => "event",
            Self::Attachment => "attachment",
        }
    }

    /// The last segment of its lists.
    pub(super) fn collection(self) -> &'static str {
        match self {
            Self::Message => "messages",
            Self::Folder => "mailFolders",
            Self::Contact => "contacts",
            Self::Calendar => "calendars",
            Self::Event => "events",
            Self::Attachment => "attachments",
        }
    }

    /// Every property a selection may name.
    pub(super) fn properties(self) -> &'static [&'static str] {
        match self {
            Self::Message => super::item::PROPERTIES,
            Self::Folder => FOLDER,
            Self::Contact => CONTACT,
            Self::Calendar => CALENDAR,
            Self::Event => EVENT,
            Self::Attachment => ATTACHMENT,
        }
    }

    pub(super) fn filterable(self, path: &str) -> Option<(&'static str, PropertyKind)> {
        let (_, paths) = FILTERABLE.iter().find(|(kind, _)| *kind == self)?;
        paths.iter().find(|(known, _)| *known == path).copied()
    }

    /// Collections of which a filter may ask for any element, with the element's part it compares.
    pub(super) fn any(self, path: &str) -> Option<&'static str> {
        match (self, path) {
            (Self::Message | Self::Contact | Self::Event, "categories") => Some(""),
            (Self::Contact, "emailAddresses") => Some("address"),
            _ => None,
        }
    }
}

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
            shown.insert("@odata.type".to_owned(), "#microsoft.graph.fileAttachment".into());
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
