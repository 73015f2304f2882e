//! What a url asks of polls. Filters can't accompany a sync token, so that conditions are applied to the records.

use super::root;
use crate::Call;
use crate::error::{Error, ErrorKind};
use crate::googlecalendar::descriptor::DESCRIPTOR;
use crate::values::{Holds, in_any_case};
use chrono::{DateTime, Utc};
use domain::ceql::{Expr, Op, Truth};
use domain::resource::ResourceConfig;
use serde_json::Value;

/// Fields of an event. <https://developers.google.com/workspace/calendar/api/v3/reference/events>
pub(crate) const FIELDS: [&str; 43] = [
    "anyoneCanAddSelf",
    "attachments",
    "attendees",
    "attendeesOmitted",
    "birthdayProperties",
    "colorId",
    "conferenceData",
    "created",
    "creator",
    "description",
    "end",
    "endTimeUnspecified",
    "etag",
    "eventType",
    "extendedProperties",
    "focusTimeProperties",
    "gadget",
    "guestsCanInviteOthers",
    "guestsCanModify",
    "guestsCanSeeOtherGuests",
    "hangoutLink",
    "htmlLink",
    "iCalUID",
    "id",
    "kind",
    "location",
    "locked",
    "organizer",
    "originalStartTime",
    "outOfOfficeProperties",
    "privateCopy",
    "recurrence",
    "recurringEventId",
    "reminders",
    "sequence",
    "source",
    "start",
    "status",
    "summary",
    "transparency",
    "updated",
    "visibility",
    "workingLocationProperties",
];

/// What is polled, checked.
#[derive(Debug)]
pub(crate) struct Conditions {
    conditions: Vec<Expr>,
    pub(crate) fields: Vec<String>,
}

impl Conditions {
    /// The error is the broken rule.
    pub(crate) fn of(resource: &ResourceConfig, now: DateTime<Utc>) -> Result<Self, String> {
        let read = resource.read_at(now, now)?;
        if DESCRIPTOR.resource(&read.resource).is_none() {
            return Err(format!("`{}` is not a resource that Google Calendar polls", read.resource));
        }
        if let Some(field) = unknown(read.fields.iter().map(String::as_str)) {
            return Err(format!("fields: `{field}` is not a field of an event"));
        }
        let conditions: Vec<Expr> =
            read.conditions.into_iter().filter(|condition| !is_cursor_bound(condition)).collect();
        let is_of_words = |field: &str| matches!(held(field), Ok(Some(Holds::Word(_))));
        let conditions: Vec<Expr> =
            conditions.into_iter().map(|condition| in_any_case(condition, &is_of_words)).collect();
        match unknown(conditions.iter().flat_map(Expr::fields)) {
            Some("q") => Err("where: polls can't search by `q`, only compare fields of events".to_owned()),
            Some(field) => Err(format!("where: `{field}` is not a field of an event")),
            None => Ok(Conditions { conditions, fields: read.fields }),
        }
    }

    /// The same for a configuration that was accepted.
    pub(crate) fn at_poll(resource: &ResourceConfig, call: &Call<'_>) -> Result<Self, Error> {
        Self::of(resource, call.now)
            .map_err(|rule| Error::new(ErrorKind::Rejected, format!("the url is broken: {rule}")))
    }

    /// Whether a record is reported. What it does not tell does not hold it back: of a deleted event there is only the
    /// id.
    pub(crate) fn allow(&self, record: &Value) -> bool {
        self.conditions.iter().all(|condition| condition.matches(record) != Truth::No)
    }
}

/// A lower bound on the last change is the position's business.
pub(crate) fn is_cursor_bound(condition: &Expr) -> bool {
    matches!(condition, Expr::Compare { field, op: Op::Gt | Op::Ge, .. } if field.eq_ignore_ascii_case("updated"))
}

/// Objects, with a part of them that is compared.
const OBJECTS: [(&str, &str); 16] = [
    ("attachments", "attachments[*].title"),
    ("attendees", "attendees[*].email"),
    ("birthdayProperties", "birthdayProperties.type"),
    ("conferenceData", "conferenceData.conferenceId"),
    ("creator", "creator.email"),
    ("end", "end.dateTime"),
    ("extendedProperties", "extendedProperties.private.name"),
    ("focusTimeProperties", "focusTimeProperties.chatStatus"),
    ("gadget", "gadget.title"),
    ("organizer", "organizer.email"),
    ("originalStartTime", "originalStartTime.dateTime"),
    ("outOfOfficeProperties", "outOfOfficeProperties.declineMessage"),
    ("reminders", "reminders.useDefault"),
    ("source", "source.title"),
    ("start", "start.dateTime"),
    ("workingLocationProperties", "workingLocationProperties.type"),
];

/// What fields hold beside texts. The error is the rule that one is compared by a part.
pub(crate) fn held(field: &str) -> Result<Option<Holds>, String> {
    if let Some((_, part)) = OBJECTS.into_iter().find(|(object, _)| object.eq_ignore_ascii_case(field)) {
        return Err(format!("`{field}` has parts, and is compared by one of them, as `{part}`"));
    }
    Ok(match field.to_ascii_lowercase().as_str() {
        "created" | "updated" | "start.datetime" | "end.datetime" | "originalstarttime.datetime" => {
            Some(Holds::Date)
        }
        "sequence" => Some(Holds::Number),
        "status" => Some(Holds::Word(&["confirmed", "tentative", "cancelled"])),
        "transparency" => Some(Holds::Word(&["opaque", "transparent"])),
        "visibility" => Some(Holds::Word(&["default", "public", "private", "confidential"])),
        "anyonecanaddself"
        | "attendeesomitted"
        | "endtimeunspecified"
        | "guestscaninviteothers"
        | "guestscanmodify"
        | "guestscanseeotherguests"
        | "locked"
        | "privatecopy" => Some(Holds::Flag),
        _ => None,
    })
}

/// The first of these that no event has.
pub(crate) fn unknown<'a>(fields: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let is_known = |field: &str| FIELDS.iter().any(|known| known.eq_ignore_ascii_case(root(field)));
    fields.into_iter().find(|field| !is_known(field))
}
