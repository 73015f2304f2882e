//! The kinds of objects of a mailbox, and their properties.

use super::scalar::PropertyKind;

/// The kinds of objects of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Message,
    Folder,
    Contact,
    ContactFolder,
    Calendar,
    Event,
    Attachment,
}

const MESSAGE: &[&str] = &[
    "id",
    "createdDateTime",
    "lastModifiedDateTime",
    "changeKey",
    "categories",
    "receivedDateTime",
    "sentDateTime",
    "hasAttachments",
    "internetMessageId",
    "internetMessageHeaders",
    "subject",
    "bodyPreview",
    "importance",
    "parentFolderId",
    "conversationId",
    "conversationIndex",
    "isDeliveryReceiptRequested",
    "isReadReceiptRequested",
    "isRead",
    "isDraft",
    "webLink",
    "inferenceClassification",
    "body",
    "uniqueBody",
    "sender",
    "from",
    "toRecipients",
    "ccRecipients",
    "bccRecipients",
    "replyTo",
    "flag",
];
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
const CONTACT_FOLDER: &[&str] = &["id", "displayName", "parentFolderId"];
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
            Self::ContactFolder => "contactFolder",
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
            Self::ContactFolder => "contactFolders",
            Self::Calendar => "calendars",
            Self::Event => "events",
            Self::Attachment => "attachments",
        }
    }

    /// Every property a selection may name.
    pub(super) fn properties(self) -> &'static [&'static str] {
        match self {
            Self::Message => MESSAGE,
            Self::Folder => FOLDER,
            Self::Contact => CONTACT,
            Self::ContactFolder => CONTACT_FOLDER,
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
