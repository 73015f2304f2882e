//! What Graph has of each kind of object, as data: requests, checks and records derive from it.

use super::field::{Can, Field, FieldKind, Share, field};
use Can::{Filter, Read, Sort, Walk};
use FieldKind::{Date, Each, Flag, FolderId, Number, Other, Parts, Text, Word, ZonedDate};
use Share::{Always, Large, Named, Usual};

/// A kind of object.
pub(crate) struct Entity {
    /// With its article, for people.
    pub(crate) noun: &'static str,
    /// The permission that reading it needs.
    pub(crate) permission: &'static str,
    pub(crate) fields: &'static [Field],
    /// When an object came to be where it is; what a stretch of new ones is read by.
    pub(crate) came: &'static str,
    /// The field whose window shows what arrived after a loss.
    pub(crate) refilled_by: &'static str,
    /// A filtered list is ordered only by what its filter begins with; else it is refused as inefficient.
    pub(crate) order_leads_filter: bool,
    /// Drafts exist, which are not reported.
    pub(crate) has_drafts: bool,
    /// Lists are cut into pages.
    pub(crate) is_paged: bool,
    /// Objects are below one another.
    pub(crate) is_tree: bool,
    /// Where objects have no dates: the fields whose values are a state of one.
    pub(crate) state: &'static [&'static str],
}

const PERSON: &[(&str, FieldKind)] = &[("emailAddress/address", Text), ("emailAddress/name", Text)];
const IMPORTANCE: FieldKind = Word(&["low", "normal", "high"]);
const MOMENT: &[(&str, FieldKind)] = &[("dateTime", ZonedDate)];

pub(crate) static MESSAGE: Entity = Entity {
    noun: "a message",
    permission: "Mail.Read",
    came: "receivedDateTime",
    refilled_by: "receivedDateTime",
    order_leads_filter: true,
    has_drafts: true,
    is_paged: true,
    is_tree: false,
    state: &[],
    fields: &[
        field("id", Text, Always, Read),
        field("changeKey", Text, Always, Read),
        field("lastModifiedDateTime", Date, Always, Sort),
        field("receivedDateTime", Date, Always, Sort),
        field("createdDateTime", Date, Always, Sort),
        field("parentFolderId", FolderId, Always, Read),
        field("isDraft", Flag, Always, Sort),
        field("sentDateTime", Date, Usual, Sort),
        field("subject", Text, Usual, Sort),
        field("bodyPreview", Text, Usual, Read),
        field("importance", IMPORTANCE, Usual, Sort),
        field("hasAttachments", Flag, Usual, Sort),
        field("internetMessageId", Text, Usual, Filter),
        field("conversationId", Text, Usual, Walk),
        field("from", Parts(PERSON), Usual, Sort),
        field("sender", Parts(PERSON), Usual, Sort),
        field("toRecipients", Other, Usual, Read),
        field("ccRecipients", Other, Usual, Read),
        field("bccRecipients", Other, Usual, Read),
        field("replyTo", Other, Usual, Read),
        field("isRead", Flag, Usual, Sort),
        field("categories", Each(""), Usual, Filter),
        field("flag", Parts(&[("flagStatus", Word(&["notFlagged", "flagged", "complete"]))]), Usual, Filter),
        field("inferenceClassification", Word(&["focused", "other"]), Usual, Walk),
        field("webLink", Text, Usual, Read),
        field("body", Other, Large, Read),
        field("uniqueBody", Other, Large, Read),
        field("internetMessageHeaders", Other, Large, Read),
        field("conversationIndex", Text, Named, Read),
        field("isReadReceiptRequested", Flag, Named, Read),
        field("isDeliveryReceiptRequested", Flag, Named, Read),
        field("unsubscribeEnabled", Flag, Named, Read),
    ],
};

/// The content is not a field: files do not belong into events and lists.
pub(crate) static ATTACHMENT: Entity = Entity {
    noun: "an attachment",
    permission: "Mail.Read (Calendars.Read for those of events)",
    came: "lastModifiedDateTime",
    refilled_by: "lastModifiedDateTime",
    order_leads_filter: false,
    has_drafts: false,
    is_paged: false,
    is_tree: false,
    state: &[],
    fields: &[
        field("id", Text, Always, Read),
        field("lastModifiedDateTime", Date, Usual, Read),
        field("name", Text, Usual, Read),
        field("contentType", Text, Usual, Read),
        field("size", Number, Usual, Read),
        field("isInline", Flag, Usual, Read),
    ],
};

pub(crate) static FOLDER: Entity = Entity {
    noun: "a folder",
    permission: "Mail.Read",
    came: "",
    refilled_by: "",
    order_leads_filter: false,
    has_drafts: false,
    is_paged: true,
    is_tree: true,
    // Not the counts: they change with every mail.
    state: &["displayName", "parentFolderId"],
    fields: &[
        field("id", Text, Always, Read),
        field("displayName", Text, Always, Sort),
        field("parentFolderId", FolderId, Always, Read),
        field("childFolderCount", Number, Always, Read),
        field("unreadItemCount", Number, Usual, Sort),
        field("totalItemCount", Number, Usual, Sort),
        field("isHidden", Flag, Usual, Read),
    ],
};

pub(crate) static CONTACT: Entity = Entity {
    noun: "a contact",
    permission: "Contacts.Read",
    came: "createdDateTime",
    refilled_by: "lastModifiedDateTime",
    order_leads_filter: false,
    has_drafts: false,
    is_paged: true,
    is_tree: false,
    state: &[],
    fields: &[
        field("id", Text, Always, Read),
        field("changeKey", Text, Always, Read),
        field("lastModifiedDateTime", Date, Always, Sort),
        field("createdDateTime", Date, Always, Sort),
        field("parentFolderId", FolderId, Usual, Read),
        field("displayName", Text, Usual, Sort),
        field("givenName", Text, Usual, Sort),
        field("middleName", Text, Usual, Filter),
        field("surname", Text, Usual, Sort),
        field("nickName", Text, Usual, Filter),
        field("initials", Text, Usual, Filter),
        field("title", Text, Usual, Filter),
        field("generation", Text, Usual, Filter),
        field("fileAs", Text, Usual, Sort),
        field("emailAddresses", Each("address"), Usual, Walk),
        field("homePhones", Each(""), Usual, Read),
        field("businessPhones", Each(""), Usual, Read),
        field("mobilePhone", Text, Usual, Filter),
        field("imAddresses", Each(""), Usual, Read),
        field("companyName", Text, Usual, Sort),
        field("department", Text, Usual, Sort),
        field("jobTitle", Text, Usual, Sort),
        field("profession", Text, Usual, Filter),
        field("manager", Text, Usual, Filter),
        field("assistantName", Text, Usual, Filter),
        field("officeLocation", Text, Usual, Filter),
        field("businessHomePage", Text, Usual, Filter),
        field("homeAddress", Other, Usual, Read),
        field("businessAddress", Other, Usual, Read),
        field("otherAddress", Other, Usual, Read),
        field("birthday", Date, Usual, Filter),
        field("spouseName", Text, Usual, Filter),
        field("children", Each(""), Usual, Read),
        field("categories", Each(""), Usual, Filter),
        field("personalNotes", Text, Large, Read),
        field("yomiGivenName", Text, Named, Read),
        field("yomiSurname", Text, Named, Read),
        field("yomiCompanyName", Text, Named, Read),
    ],
};

pub(crate) static CALENDAR: Entity = Entity {
    noun: "a calendar",
    permission: "Calendars.Read",
    came: "",
    refilled_by: "",
    order_leads_filter: false,
    has_drafts: false,
    is_paged: true,
    is_tree: false,
    state: &["changeKey"],
    fields: &[
        field("id", Text, Always, Read),
        field("changeKey", Text, Always, Read),
        field("name", Text, Usual, Sort),
        field("color", Text, Usual, Read),
        field("hexColor", Text, Usual, Read),
        field("isDefaultCalendar", Flag, Usual, Read),
        field("canShare", Flag, Usual, Read),
        field("canViewPrivateItems", Flag, Usual, Read),
        field("canEdit", Flag, Usual, Read),
        field("isRemovable", Flag, Usual, Read),
        field("isTallyingResponses", Flag, Usual, Read),
        field("allowedOnlineMeetingProviders", Each(""), Usual, Read),
        field("defaultOnlineMeetingProvider", Text, Usual, Read),
        field("owner", Other, Usual, Read),
    ],
};

pub(crate) static EVENT: Entity = Entity {
    noun: "an event",
    permission: "Calendars.Read",
    came: "createdDateTime",
    refilled_by: "lastModifiedDateTime",
    order_leads_filter: false,
    has_drafts: false,
    is_paged: true,
    is_tree: false,
    state: &[],
    fields: &[
        field("id", Text, Always, Read),
        field("changeKey", Text, Always, Read),
        field("lastModifiedDateTime", Date, Always, Sort),
        field("createdDateTime", Date, Always, Sort),
        field("subject", Text, Usual, Sort),
        field("bodyPreview", Text, Usual, Read),
        field("start", Parts(MOMENT), Usual, Sort),
        field("end", Parts(MOMENT), Usual, Sort),
        field("originalStart", Date, Usual, Read),
        field("originalStartTimeZone", Text, Usual, Read),
        field("originalEndTimeZone", Text, Usual, Read),
        field("isAllDay", Flag, Usual, Filter),
        field("isCancelled", Flag, Usual, Filter),
        field("isDraft", Flag, Usual, Read),
        field("isOrganizer", Flag, Usual, Filter),
        field("organizer", Parts(PERSON), Usual, Filter),
        field("attendees", Other, Usual, Read),
        field("responseRequested", Flag, Usual, Read),
        field("responseStatus", Other, Usual, Read),
        field("location", Parts(&[("displayName", Text)]), Usual, Filter),
        field("locations", Other, Usual, Read),
        field("importance", IMPORTANCE, Usual, Filter),
        field("sensitivity", Word(&["normal", "personal", "private", "confidential"]), Usual, Filter),
        field(
            "showAs",
            Word(&["free", "tentative", "busy", "oof", "workingElsewhere", "unknown"]),
            Usual,
            Filter,
        ),
        field("type", Word(&["singleInstance", "occurrence", "exception", "seriesMaster"]), Usual, Filter),
        field("seriesMasterId", Text, Usual, Filter),
        field("recurrence", Other, Usual, Read),
        field("iCalUId", Text, Usual, Filter),
        field("transactionId", Text, Usual, Read),
        field("categories", Each(""), Usual, Filter),
        field("hasAttachments", Flag, Usual, Filter),
        field("hideAttendees", Flag, Usual, Read),
        field("allowNewTimeProposals", Flag, Usual, Read),
        field("isReminderOn", Flag, Usual, Read),
        field("reminderMinutesBeforeStart", Number, Usual, Read),
        field("isOnlineMeeting", Flag, Usual, Read),
        field("onlineMeeting", Other, Usual, Read),
        field("onlineMeetingProvider", Text, Usual, Read),
        field("onlineMeetingUrl", Text, Usual, Read),
        field("webLink", Text, Usual, Read),
        field("body", Other, Large, Read),
    ],
};

/// A list: how it is called on the hub, and how at Graph. `{id}` is another object's id.
pub(crate) struct List {
    pub(crate) hub: &'static str,
    pub(crate) graph: &'static str,
    pub(crate) entity: &'static Entity,
    /// The provider counts it exactly. Over a whole mailbox it does not: a filtered count is -1, others are too high
    /// after purges.
    pub(crate) is_counted: bool,
}

const fn list(hub: &'static str, graph: &'static str, entity: &'static Entity, is_counted: bool) -> List {
    List { hub, graph, entity, is_counted }
}

pub(crate) static LISTS: [List; 10] = [
    list("messages", "messages", &MESSAGE, false),
    list("messages/{id}/attachments", "messages/{id}/attachments", &ATTACHMENT, false),
    list("folders", "mailFolders", &FOLDER, false),
    list("folders/{id}/folders", "mailFolders/{id}/childFolders", &FOLDER, false),
    list("folders/{id}/messages", "mailFolders/{id}/messages", &MESSAGE, true),
    list("contacts", "contacts", &CONTACT, true),
    list("calendars", "calendars", &CALENDAR, false),
    list("calendars/{id}/events", "calendars/{id}/events", &EVENT, true),
    list("events", "events", &EVENT, true),
    list("events/{id}/attachments", "events/{id}/attachments", &ATTACHMENT, false),
];

impl List {
    /// The list of this name, its ids still open.
    pub(crate) fn named(hub: &str) -> Option<&'static List> {
        LISTS.iter().find(|list| list.hub == hub)
    }
}
