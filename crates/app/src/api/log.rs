//! Pages of the event log, of one instance or of all that a caller sees, by what is asked of them.

use super::answers::event::{DeliveryStatus, EventStatus};
use super::auth::Caller;
use super::error::ApiError;
use super::paging::{PAGE_BYTES_MAX, PageRequest, SEQUENCE_END, answer_bytes, foreign};
use super::query::Params;
use crate::context::Context;
use crate::event_log::{self, LogStretch, OrganizationLog, Queued, mark_of, sequence_at};
use crate::ports::{LogKey, LogMark, LogSearch, LogWish, Notification, Progress, Rows};
use chrono::{DateTime, Duration, Utc};
use domain::event::ChangeKind;
use domain::ids::{InstanceId, Sequence};
use serde_json::{Value, json};

/// Maximum notifications looked at for one page where what is asked for has no index; its token goes on where the look
/// ended.
const LOOKS_COUNT_MAX: usize = 5_000;
/// Read at once, then.
const READ_COUNT: usize = 250;
/// A look ends after so long, too, s: a client waits.
const LOOK_S: i64 = 8;

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
    event_type: Option<ChangeKind>,
    object_id: Option<String>,
    status: Option<String>,
    /// A part of it, in small letters.
    subject: Option<String>,
}

const EVENT_TYPES: [ChangeKind; 3] = [ChangeKind::Created, ChangeKind::Updated, ChangeKind::Deleted];

/// Both statuses of what is neither queued nor over, as counts of what waits have them.
const ON_THE_WAY: &str = "onTheWay";

fn is_of(status: DeliveryStatus, wanted: &str) -> bool {
    let is_on_the_way = matches!(status, DeliveryStatus::Created | DeliveryStatus::Retry);
    status.text() == wanted || (wanted == ON_THE_WAY && is_on_the_way)
}

impl Filter {
    pub(super) fn of(params: &Params) -> Result<Self, ApiError> {
        let text = |name: &str| params.text(name).map(str::to_owned);
        let one_of = |name: &str, known: &[&str]| match params.text(name) {
            Some(value) if !known.contains(&value) => {
                Err(ApiError::rule(name, &format!("must be one of {}", known.join(", "))))
            }
            value => Ok(value.map(str::to_owned)),
        };
        let known = EventStatus::ALL.into_iter().chain(DeliveryStatus::ALL).chain([ON_THE_WAY]);
        let known: Vec<&str> = known.collect();
        let filter = Filter {
            from: params.time("from")?,
            to: params.time("to")?,
            object_type: text("objectType"),
            event_type: one_of("eventType", &EVENT_TYPES.map(ChangeKind::wire))?
                .and_then(|asked| EVENT_TYPES.into_iter().find(|kind| kind.wire() == asked)),
            object_id: text("objectId"),
            status: one_of("status", &known)?,
            subject: params.text("subject").map(str::to_lowercase),
        };
        match (filter.from, filter.to) {
            (Some(from), Some(to)) if to < from => Err(ApiError::rule("to", "must not be before `from`")),
            _ => Ok(filter),
        }
    }

    /// Whatever happened to this object.
    pub(super) fn of_object(id: &str) -> Self {
        Filter { object_id: Some(id.to_owned()), ..Filter::default() }
    }

    /// What a store may pass over.
    fn wish(&self) -> LogWish {
        LogWish { resource: self.object_type.clone(), kind: self.event_type, subject: self.subject.clone() }
    }

    fn first(&self) -> Option<Sequence> {
        self.from.map(sequence_at)
    }

    /// Nothing is asked but when.
    fn is_of_all(&self) -> bool {
        self.object_id.is_none() && self.status.is_none() && self.wish() == LogWish::default()
    }

    /// What leads to all that passes.
    fn keys(&self) -> Vec<LogKey> {
        if let Some(object) = &self.object_id {
            return vec![LogKey::Object(object.clone())];
        }
        let Some(wanted) = self.status.as_deref() else { return vec![LogKey::All] };
        let has = |progress: &Progress| {
            let deliveries: &[DeliveryStatus] = match progress {
                Progress::Pending => {
                    &[DeliveryStatus::Created, DeliveryStatus::Retry, DeliveryStatus::Queued]
                }
                Progress::Delivered => &[DeliveryStatus::Delivered],
                Progress::Dropped => &[DeliveryStatus::Dropped],
                Progress::Logged => &[DeliveryStatus::Logged],
            };
            wanted == EventStatus::of(*progress).text() || deliveries.iter().any(|one| is_of(*one, wanted))
        };
        let all = [Progress::Pending, Progress::Delivered, Progress::Dropped, Progress::Logged];
        all.into_iter().filter(has).map(LogKey::Progress).collect()
    }

    fn takes(&self, app: &Context, notification: &Notification, is_queued: bool) -> bool {
        let is_status = |wanted: &String| {
            wanted == EventStatus::of(notification.progress).text()
                || is_of(DeliveryStatus::of(notification, is_queued), wanted)
        };
        self.object_type.as_ref().is_none_or(|wanted| *wanted == notification.resource)
            && self.status.as_ref().is_none_or(is_status)
            && self.takes_body(app, &notification.body)
    }

    /// Event type, object and subject are in the body alone.
    fn takes_body(&self, app: &Context, body: &str) -> bool {
        if self.event_type.is_none() && self.object_id.is_none() && self.subject.is_none() {
            return true;
        }
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        let events = body["message"]["events"].as_array().map(Vec::as_slice).unwrap_or_default();
        let is = |event: &Value, field: &str, wanted: Option<&str>| {
            wanted.is_none_or(|wanted| event[field] == wanted)
        };
        let (kind, object) = (self.event_type.map(ChangeKind::wire), self.object_id.as_deref());
        events.iter().any(|event| is(event, "eventType", kind) && is(event, "objectId", object))
            && self.subject.as_ref().is_none_or(|wanted| {
                subjects(app, &body).iter().any(|subject| subject.to_lowercase().contains(wanted))
            })
    }
}

/// A page, and where the next one begins if there may be one.
pub(super) struct NotificationPage {
    pub(super) notifications: Vec<Notification>,
    pub(super) next: Option<Value>,
    /// How far was looked, where the look ended before the page was full.
    pub(super) searched_to: Option<DateTime<Utc>>,
    /// Rows that can't be read, where it was looked for.
    pub(super) unreadable_count: usize,
}

impl NotificationPage {
    fn full(found: Rows<Notification>, before: Option<LogMark>) -> Self {
        let Rows { rows: notifications, unreadable_count } = found;
        NotificationPage { notifications, next: before.map(token), searched_to: None, unreadable_count }
    }
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
        page: &PageRequest,
        filter: &Filter,
        queued: &mut Queued,
    ) -> Result<NotificationPage, ApiError> {
        let mut before = match &page.after {
            Some(after) => Some(mark(after).ok_or_else(foreign)?),
            None => filter.to.map(event_log::before),
        };
        let mut reader = Reader { scope: self, filter, log: OrganizationLog::of(app, caller.sight()) };
        let until = app.now() + Duration::seconds(LOOK_S);
        let mut found = Rows::default();
        let (mut bytes, mut looks_left) = (0, LOOKS_COUNT_MAX);
        // One more than a page has: there is a next one. A store that passes little over is asked for more at once.
        let mut read_count = page.size + 1;
        while looks_left > 0 && app.now() < until {
            let read = reader.next(app, before, read_count, looks_left).await?;
            looks_left = looks_left.saturating_sub(read.looked_count.max(1));
            read_count = READ_COUNT.max(read_count);
            found.unreadable_count += read.unreadable_count;
            for notification in read.notifications {
                let is_queued = queued.holds(app, notification.instance).await?;
                if filter.takes(app, &notification, is_queued) {
                    bytes += answer_bytes(&notification.body, 2);
                    let is_full = found.rows.len() == page.size || bytes > PAGE_BYTES_MAX;
                    if is_full && !found.rows.is_empty() {
                        return Ok(NotificationPage::full(found, before));
                    }
                    before = Some(mark_of(&notification));
                    found.rows.push(notification);
                }
            }
            if read.is_last {
                return Ok(NotificationPage::full(found, None));
            }
            before = read.end;
        }
        let searched_to = before.and_then(event_log::time_of);
        Ok(NotificationPage { searched_to, ..NotificationPage::full(found, before) })
    }
}

/// Reads a log a stretch at a time: along what leads to what is asked for.
struct Reader<'a> {
    scope: Scope,
    filter: &'a Filter,
    log: OrganizationLog<'a>,
}

impl Reader<'_> {
    async fn next(
        &mut self,
        app: &Context,
        before: Option<LogMark>,
        limit: usize,
        looks_count_max: usize,
    ) -> crate::ports::Result<LogStretch> {
        let from = self.filter.first();
        let instance = match (self.scope, self.filter.is_of_all()) {
            (Scope::Instance(id), true) => {
                let before = before.map(|mark| mark.sequence);
                return event_log::of_instance(app, id, before, from, limit).await;
            }
            (Scope::All, true) => return self.log.stretch(before, from, limit).await,
            (Scope::Instance(id), false) => Some(id),
            (Scope::All, false) => None,
        };
        let wish = self.filter.wish();
        // Each key takes the place of this one.
        let by = LogKey::All;
        let search = LogSearch { by, wish, instance, before, from, limit, looks_count_max };
        self.log.found(&self.filter.keys(), &search).await
    }
}

/// What the records of a callback's body are called, in their order, where they are called something.
pub(super) fn subjects<'a>(app: &Context, body: &'a Value) -> Vec<&'a str> {
    let message = &body["message"];
    let key = message["events"][0]["elementKey"].as_str().unwrap_or_default();
    let Some(connector) = app.connector(key) else { return Vec::new() };
    let lists =
        message["raw"].as_object().into_iter().flat_map(|raw| raw.values().filter_map(Value::as_array));
    lists.flatten().filter_map(|record| connector.subject(record)).collect()
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
