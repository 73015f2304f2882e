//! Pages of the event log, of one instance or of all that a caller sees, by what is asked of them.

use super::auth::Caller;
use super::error::ApiError;
use super::events::{Queued, delivery_status, event_status};
use super::paging::{PAGE_BYTES_MAX, Page, SEQUENCE_END, answer_bytes, foreign};
use super::query::Params;
use crate::context::Context;
use crate::ports::{LogLine, LogMark, LogPage, Notification, OrganizationPage};
use chrono::{DateTime, Utc};
use domain::ids::{InstanceId, Sequence};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Notifications looked at for one page at the most; its token goes on where the look ended.
const LOOKS_COUNT_MAX: usize = 1_000;
/// Notifications read at once.
const READ_COUNT: usize = 100;

/// Whose log.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scope {
    Instance(InstanceId),
    /// All instances that the caller sees.
    All,
}

/// What a page has to be about.
#[derive(Debug, Default)]
pub(super) struct Filter {
    pub(super) from: Option<DateTime<Utc>>,
    pub(super) to: Option<DateTime<Utc>>,
    object_type: Option<String>,
    event_type: Option<String>,
    object_id: Option<String>,
    status: Option<String>,
}

const EVENT_STATUS: [&str; 5] = ["NEW", "RECEIVED", "DISPATCHED", "CONSUMED", "NOTIFIED"];
const DELIVERY_STATUS: [&str; 6] = ["created", "delivered", "retry", "queued", "dropped", "logged"];
const EVENT_TYPES: [&str; 3] = ["CREATED", "UPDATED", "DELETED"];

impl Filter {
    pub(super) fn of(params: &Params) -> Result<Self, ApiError> {
        let text = |name: &str| params.text(name).map(str::to_owned);
        let one_of = |name: &str, known: &[&str]| match params.text(name) {
            Some(value) if !known.contains(&value) => {
                Err(ApiError::rule(name, &format!("must be one of {}", known.join(", "))))
            }
            value => Ok(value.map(str::to_owned)),
        };
        let known: Vec<&str> = EVENT_STATUS.into_iter().chain(DELIVERY_STATUS).collect();
        let filter = Filter {
            from: params.time("from")?,
            to: params.time("to")?,
            object_type: text("objectType"),
            event_type: one_of("eventType", &EVENT_TYPES)?,
            object_id: text("objectId"),
            status: one_of("status", &known)?,
        };
        match (filter.from, filter.to) {
            (Some(from), Some(to)) if to < from => Err(ApiError::rule("to", "must not be before `from`")),
            _ => Ok(filter),
        }
    }

    /// A sequence is the time of its commit, or a little more.
    fn first(&self) -> Option<Sequence> {
        self.from.map(|from| Sequence(micros(from)))
    }

    fn takes(&self, notification: &Notification, is_queued: bool) -> bool {
        let is_status = |wanted: &String| {
            wanted == event_status(notification.progress)
                || wanted == delivery_status(notification, is_queued)
        };
        self.object_type.as_ref().is_none_or(|wanted| *wanted == notification.resource)
            && self.status.as_ref().is_none_or(is_status)
            && self.takes_body(&notification.body)
    }

    /// Event type and object stand in the body alone.
    fn takes_body(&self, body: &str) -> bool {
        if self.event_type.is_none() && self.object_id.is_none() {
            return true;
        }
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        let events = body["message"]["events"].as_array().map(Vec::as_slice).unwrap_or_default();
        let is = |event: &Value, field: &str, wanted: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| event[field] == wanted.as_str())
        };
        events
            .iter()
            .any(|event| is(event, "eventType", &self.event_type) && is(event, "objectId", &self.object_id))
    }
}

pub(super) fn micros(at: DateTime<Utc>) -> u64 {
    u64::try_from(at.timestamp_micros()).unwrap_or(0)
}

/// A page, and where the next one begins if there may be one.
pub(super) struct Found {
    pub(super) notifications: Vec<Notification>,
    pub(super) next: Option<Value>,
}

impl Scope {
    /// The instance of the Element token, else all.
    pub(super) fn of(caller: &Caller) -> Self {
        caller.element.as_ref().map_or(Scope::All, |instance| Scope::Instance(instance.id))
    }

    /// A page of what passes, newest first.
    pub(super) async fn take(
        self,
        app: &Context,
        caller: &Caller,
        page: &Page,
        filter: &Filter,
        queued: &mut Queued,
    ) -> Result<Found, ApiError> {
        let mut before = match &page.after {
            Some(after) => Some(mark(after).ok_or_else(foreign)?),
            None => filter.to.map(|to| LogMark { sequence: Sequence(micros(to)), instance: LAST }),
        };
        let mut seen = Seen::default();
        let mut notifications: Vec<Notification> = Vec::new();
        let mut bytes = 0;
        for _ in 0..LOOKS_COUNT_MAX / READ_COUNT {
            let read = self.read(app, caller, before, filter, &mut seen).await?;
            let is_last = read.looked_count < READ_COUNT;
            for notification in read.notifications {
                let is_queued = queued.holds(app, notification.instance).await?;
                if filter.takes(&notification, is_queued) {
                    bytes += answer_bytes(&notification.body, 2);
                    // One more than there is room for: there is a next page.
                    let is_full = notifications.len() == page.size || bytes > PAGE_BYTES_MAX;
                    if is_full && !notifications.is_empty() {
                        return Ok(Found { notifications, next: before.map(token) });
                    }
                    before = Some(mark_of(&notification));
                    notifications.push(notification);
                }
            }
            if is_last {
                return Ok(Found { notifications, next: None });
            }
            before = read.last;
        }
        Ok(Found { notifications, next: before.map(token) })
    }

    async fn read(
        self,
        app: &Context,
        caller: &Caller,
        before: Option<LogMark>,
        filter: &Filter,
        seen: &mut Seen,
    ) -> Result<Read, ApiError> {
        let store = &app.ports.store;
        match self {
            Scope::Instance(id) => {
                let before = before.map(|mark| mark.sequence);
                let page = LogPage { before, limit: READ_COUNT, pending_only: false };
                let mut read = store.notifications(id, page).await?;
                let mut looked_count = read.len();
                let last = read.last().map(mark_of);
                if let Some(first) = filter.first() {
                    read.retain(|notification| notification.sequence >= first);
                    // What is older than asked for ends the list.
                    looked_count = if read.len() < looked_count { 0 } else { looked_count };
                }
                Ok(Read { notifications: read, looked_count, last })
            }
            Scope::All => {
                let page = OrganizationPage { before, from: filter.first(), limit: READ_COUNT };
                let lines = store.organization_log(caller.account.organization_id, page).await?;
                let last = lines.last().map(|line| line.mark);
                let mut notifications = Vec::new();
                for line in &lines {
                    if seen.sees(app, caller, line.mark.instance).await? {
                        notifications.extend(store.notification_at(line.mark).await?);
                    }
                }
                Ok(Read { notifications, looked_count: lines.len(), last })
            }
        }
    }
}

struct Read {
    notifications: Vec<Notification>,
    /// How many the store gave: fewer than asked for are the last.
    looked_count: usize,
    last: Option<LogMark>,
}

/// Which instances the caller sees, each asked once.
#[derive(Default)]
pub(super) struct Seen(HashMap<InstanceId, Option<u32>>);

impl Seen {
    pub(super) async fn sees(
        &mut self,
        app: &Context,
        caller: &Caller,
        id: InstanceId,
    ) -> Result<bool, ApiError> {
        Ok(self.account_of(app, caller, id).await?.is_some())
    }

    /// The account of an instance that the caller sees.
    pub(super) async fn account_of(
        &mut self,
        app: &Context,
        caller: &Caller,
        id: InstanceId,
    ) -> Result<Option<u32>, ApiError> {
        if let Some(known) = self.0.get(&id) {
            return Ok(*known);
        }
        let instance = app.ports.store.instance(id).await?;
        let account = instance.filter(|instance| caller.owns(instance)).map(|one| one.account.account_id);
        self.0.insert(id, account);
        Ok(account)
    }
}

/// Lines of the log that the caller sees, newest first, read in stretches.
struct Lines<'a> {
    app: &'a Context,
    caller: &'a Caller,
    from: Sequence,
    before: Option<LogMark>,
    seen: Seen,
    /// Also those that the caller does not see.
    looked_count: usize,
    is_last: bool,
}

impl<'a> Lines<'a> {
    fn new(app: &'a Context, caller: &'a Caller, (from, to): (DateTime<Utc>, DateTime<Utc>)) -> Self {
        let before = Some(LogMark { sequence: Sequence(micros(to)), instance: LAST });
        let from = Sequence(micros(from));
        Lines { app, caller, from, before, seen: Seen::default(), looked_count: 0, is_last: false }
    }

    async fn next(&mut self) -> Result<Vec<(LogLine, u32)>, ApiError> {
        let page = OrganizationPage { before: self.before, from: Some(self.from), limit: LINES_READ_COUNT };
        let organization_id = self.caller.account.organization_id;
        let read = self.app.ports.store.organization_log(organization_id, page).await?;
        self.is_last = read.len() < LINES_READ_COUNT;
        self.before = read.last().map(|line| line.mark).or(self.before);
        self.looked_count += read.len();
        let mut found = Vec::new();
        for line in read {
            if let Some(account) = self.seen.account_of(self.app, self.caller, line.mark.instance).await? {
                found.push((line, account));
            }
        }
        Ok(found)
    }
}

/// Lines of the log that the caller sees; whether there are more than `limit`, seen or not: then these are not all.
pub(super) async fn lines(
    app: &Context,
    caller: &Caller,
    range: (DateTime<Utc>, DateTime<Utc>),
    limit: usize,
) -> Result<(Vec<(LogLine, u32)>, bool), ApiError> {
    let mut lines = Lines::new(app, caller, range);
    let mut found = Vec::new();
    while !lines.is_last && lines.looked_count <= limit {
        found.extend(lines.next().await?);
    }
    Ok((found, lines.looked_count > limit))
}

/// How a search ended.
pub(super) enum Search {
    Found(LogMark),
    /// Everything was looked at.
    NotThere,
    /// More than enough was looked at, and there is more.
    Stopped {
        looked_count: usize,
    },
}

/// Looks for the notification of this number, among `limit` lines or a few more, and until a time.
pub(super) async fn find(
    app: &Context,
    caller: &Caller,
    range: (DateTime<Utc>, DateTime<Utc>),
    (limit, until): (usize, DateTime<Utc>),
    number: u64,
) -> Result<Search, ApiError> {
    let mut lines = Lines::new(app, caller, range);
    while !lines.is_last {
        if lines.looked_count > limit || app.now() > until {
            return Ok(Search::Stopped { looked_count: lines.looked_count });
        }
        if let Some((line, _)) = lines.next().await?.iter().find(|(line, _)| line.number == number) {
            return Ok(Search::Found(line.mark));
        }
    }
    Ok(Search::NotThere)
}

/// Lines are short: more of them at once.
const LINES_READ_COUNT: usize = 1_000;
/// Behind every instance of the same sequence.
const LAST: InstanceId = InstanceId::MAX;

fn mark_of(notification: &Notification) -> LogMark {
    LogMark { sequence: notification.sequence, instance: notification.instance }
}

fn token(mark: LogMark) -> Value {
    json!([mark.sequence.0, mark.instance.get()])
}

fn mark(token: &Value) -> Option<LogMark> {
    let [sequence, instance] = token.as_array()?.as_slice() else { return None };
    let instance = InstanceId::parse(&instance.as_u64()?.to_string())?;
    let sequence = sequence.as_u64().filter(|sequence| *sequence < SEQUENCE_END)?;
    Some(LogMark { sequence: Sequence(sequence), instance })
}
