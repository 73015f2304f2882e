//! `events.list` and `events.get`.

use serde_json::{Value, json};

use super::store::{Calendar, Event};
use crate::call::Call;
use crate::clock::parse_iso;
use crate::google::error;
use crate::odd::Corruption;
use crate::reply::Reply;

const PAGE_DEFAULT: usize = 250;
const PAGE_MAX: usize = 2500;
/// What can't accompany a sync token.
const RESTRICTIONS: [&str; 6] = ["iCalUID", "orderBy", "q", "timeMin", "timeMax", "updatedMin"];
const KNOWN: [&str; 8] = [
    "maxResults",
    "pageToken",
    "syncToken",
    "showDeleted",
    "singleEvents",
    "fields",
    "prettyPrint",
    "timeZone",
];

/// What can be listed of an event whose content is corrupt.
const OUTSIDE: [&str; 6] = ["created", "etag", "id", "recurringEventId", "status", "updated"];

/// What is listed, and where a page of it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Walk {
    /// Changes after this one; `None`: the whole calendar.
    since: Option<u64>,
    /// Up to this change, which the sync token of the last page names.
    through: u64,
    /// Entries passed over before.
    skip: usize,
}

impl Walk {
    fn token(&self) -> String {
        let since = self.since.map_or_else(|| "-".to_owned(), |since| since.to_string());
        format!("CiAK.{since}.{}.{}", self.through, self.skip)
    }

    fn parse(token: &str) -> Option<Self> {
        let mut parts = token.strip_prefix("CiAK.")?.split('.');
        let since = parts.next()?;
        let since = if since == "-" { None } else { Some(since.parse().ok()?) };
        Some(Walk { since, through: parts.next()?.parse().ok()?, skip: parts.next()?.parse().ok()? })
    }
}

pub(super) fn get(calendar: &Calendar, id: &str) -> Reply {
    match calendar.events.get(id) {
        Some(_) if calendar.corrupt.contains_key(id) => error::backend(),
        Some(event) => Reply::json(200, &event.shown(id)),
        None => error::not_found(),
    }
}

pub(super) fn list(calendar: &Calendar, call: &Call) -> Reply {
    let is_known = |name: &str| KNOWN.contains(&name) || RESTRICTIONS.contains(&name);
    if let Some((name, _)) = call.query().iter().find(|(name, _)| !is_known(name)) {
        return error::unknown_parameter(name);
    }
    let size = match call.number("maxResults") {
        Ok(number) => number.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX),
        Err(_) => return error::invalid_argument("Bad Request"),
    };
    let walk = match begin(calendar, call) {
        Ok(walk) => walk,
        Err(reply) => return reply,
    };
    let mut listed = match listed(calendar, call, &walk) {
        Ok(listed) => listed,
        Err(reply) => return reply,
    };
    if call.param("orderBy") == Some("updated") {
        listed.sort_by_key(|(_, event)| event.updated_us);
    } else if walk.since.is_some() {
        listed.sort_by_key(|(_, event)| event.change);
    }
    let page = listed.iter().skip(walk.skip).take(size);
    if page.clone().any(|(id, _)| fails(calendar.corrupt.get(*id), call.param("fields"))) {
        return error::backend();
    }
    let page: Vec<Value> = page.map(|(id, event)| event.shown(id)).collect();
    let mut body = json!({ "kind": "calendar#events", "timeZone": "Europe/Berlin", "items": page });
    if listed.len() > walk.skip + size {
        body["nextPageToken"] = Walk { skip: walk.skip + size, ..walk }.token().into();
    } else if !RESTRICTIONS.iter().any(|name| call.param(name).is_some()) {
        body["nextSyncToken"] = format!("CPDA{}=", walk.through).into();
    }
    Reply::json(200, &body)
}

/// Whether an event can't be listed with these fields. Where none of it are asked for, it does no harm.
fn fails(corruption: Option<&Corruption>, fields: Option<&str>) -> bool {
    let of_items = fields.map(|fields| fields.split_once("items(").map(|(_, rest)| rest));
    match (corruption, of_items) {
        (None, _) | (Some(_), Some(None)) => false,
        (Some(Corruption::Whole | Corruption::Missing), _) | (Some(Corruption::Content), None) => true,
        (Some(Corruption::Content), Some(Some(rest))) => {
            let asked = rest.split(')').next().unwrap_or(rest);
            asked.split(',').any(|name| !OUTSIDE.contains(&name))
        }
    }
}

fn begin(calendar: &Calendar, call: &Call) -> Result<Walk, Reply> {
    let since = match call.param("syncToken") {
        None => None,
        Some(_) if RESTRICTIONS.iter().any(|name| call.param(name).is_some()) => {
            let message = "Sync token cannot be used with other request restrictions.";
            return Err(error::api(400, "calendar", "syncTokenWithRequestRestrictions", message));
        }
        Some(token) => {
            let number = token.strip_prefix("CPDA").and_then(|rest| rest.strip_suffix('='));
            let since: Option<u64> = number.and_then(|number| number.parse().ok());
            let is_good = |since: &u64| (calendar.expired_before..=calendar.changes).contains(since);
            Some(since.filter(is_good).ok_or_else(|| {
                let message = "Sync token is no longer valid, a full sync is required.";
                error::api(410, "calendar", "fullSyncRequired", message)
            })?)
        }
    };
    match call.param("pageToken") {
        None => Ok(Walk { since, through: calendar.changes, skip: 0 }),
        Some(token) => Walk::parse(token)
            .filter(|walk| walk.since == since && walk.through >= calendar.expired_before)
            .ok_or_else(|| error::invalid_argument("Invalid page token value.")),
    }
}

/// What a walk lists, in the order of ids. A change behind its end is for the next walk; what it changed is shown as it
/// is now.
fn listed<'a>(
    calendar: &'a Calendar,
    call: &Call,
    walk: &Walk,
) -> Result<Vec<(&'a String, &'a Event)>, Reply> {
    let date = |name| match call.param(name) {
        None => Ok(None),
        Some(text) => parse_iso(text).map(Some).ok_or_else(|| error::invalid_argument("Bad Request")),
    };
    let updated_min = date("updatedMin")?;
    let (time_min, time_max) = (date("timeMin")?, date("timeMax")?);
    let shows_deleted = walk.since.is_some() || call.param("showDeleted") == Some("true");
    let is_listed = |event: &Event| {
        let is_exception = event.fields.get("recurringEventId").is_some();
        walk.since.is_none_or(|since| event.change > since && event.change <= walk.through)
            && (shows_deleted || !event.is_cancelled || is_exception)
            && updated_min.is_none_or(|least| event.updated_us >= least)
            && time_min.is_none_or(|least| at(event, "end").is_none_or(|at| at > least))
            && time_max.is_none_or(|most| at(event, "start").is_none_or(|at| at < most))
    };
    let holds = |id: &str, event: &Event| {
        let text = event.fields.to_string().to_lowercase();
        call.param("q").is_none_or(|words| text.contains(&words.to_lowercase()))
            && call.param("iCalUID").is_none_or(|uid| uid == format!("{id}@google.com"))
    };
    Ok(calendar.events.iter().filter(|(id, event)| is_listed(event) && holds(id, event)).collect())
}

/// The instant of `start` or `end`; an all-day event's is a date.
fn at(event: &Event, field: &str) -> Option<i64> {
    let moment = &event.fields[field];
    parse_iso(moment["dateTime"].as_str().or_else(|| moment["date"].as_str())?)
}
