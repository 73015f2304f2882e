//! Pages of the event log, of one instance or of all that a caller sees, by what is asked of them.

use super::answers::event::{DeliveryStatus, EventStatus};
use super::auth::Caller;
use super::error::ApiError;
use super::paging::{PAGE_BYTES_MAX, PageRequest, SEQUENCE_END, answer_bytes, foreign};
use super::query::Params;
use crate::context::Context;
use crate::event_log::{self, LogStretch, OrganizationLog, Queued, mark_of, sequence_at};
use crate::ports::{LogKey, LogMark, LogSearch, Notification, Progress};
use chrono::{DateTime, Duration, Utc};
use domain::ids::{InstanceId, Sequence};
use serde_json::{Value, json};

/// Maximum notifications read for one page where what is asked for has no index; its token goes on where the look ended.
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
    event_type: Option<String>,
    object_id: Option<String>,
    status: Option<String>,
    /// A part of it, in small letters.
    subject: Option<String>,
}

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
        let known: Vec<&str> = EventStatus::ALL.into_iter().chain(DeliveryStatus::ALL).collect();
        let filter = Filter {
            from: params.time("from")?,
            to: params.time("to")?,
            object_type: text("objectType"),
            event_type: one_of("eventType", &EVENT_TYPES)?,
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

    fn first(&self) -> Option<Sequence> {
        self.from.map(sequence_at)
    }

    /// What leads to all that passes, where something does.
    fn keys(&self) -> Option<Vec<LogKey>> {
        if let Some(object) = &self.object_id {
            return Some(vec![LogKey::Object(object.clone())]);
        }
        let wanted = self.status.as_deref()?;
        let has = |progress: &Progress| {
            let deliveries: &[DeliveryStatus] = match progress {
                Progress::Pending => {
                    &[DeliveryStatus::Created, DeliveryStatus::Retry, DeliveryStatus::Queued]
                }
                Progress::Delivered => &[DeliveryStatus::Delivered],
                Progress::Dropped => &[DeliveryStatus::Dropped],
                Progress::Logged => &[DeliveryStatus::Logged],
            };
            wanted == EventStatus::of(*progress).text() || deliveries.iter().any(|one| one.text() == wanted)
        };
        let all = [Progress::Pending, Progress::Delivered, Progress::Dropped, Progress::Logged];
        Some(all.into_iter().filter(has).map(LogKey::Progress).collect())
    }

    /// All that is found passes, or nearly all: a page needs no more than it shows.
    fn is_all_taken(&self) -> bool {
        self.event_type.is_none() && self.object_type.is_none() && self.subject.is_none()
    }

    fn takes(&self, app: &Context, notification: &Notification, is_queued: bool) -> bool {
        let is_status = |wanted: &String| {
            wanted == EventStatus::of(notification.progress).text()
                || wanted == DeliveryStatus::of(notification, is_queued).text()
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
        let is = |event: &Value, field: &str, wanted: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| event[field] == wanted.as_str())
        };
        events
            .iter()
            .any(|event| is(event, "eventType", &self.event_type) && is(event, "objectId", &self.object_id))
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
}

impl NotificationPage {
    fn full(notifications: Vec<Notification>, before: Option<LogMark>) -> Self {
        NotificationPage { notifications, next: before.map(token), searched_to: None }
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
        let mut reader =
            Reader { scope: self, keys: filter.keys(), log: OrganizationLog::of(app, caller.sight()) };
        let until = app.now() + Duration::seconds(LOOK_S);
        // One more than a page has: there is a next one.
        let read_count = if filter.is_all_taken() { page.size + 1 } else { READ_COUNT };
        let mut notifications: Vec<Notification> = Vec::new();
        let (mut bytes, mut looked_count) = (0, 0);
        while looked_count < LOOKS_COUNT_MAX && app.now() < until {
            let read = reader.next(app, before, filter.first(), read_count).await?;
            looked_count += read_count;
            for notification in read.notifications {
                let is_queued = queued.holds(app, notification.instance).await?;
                if filter.takes(app, &notification, is_queued) {
                    bytes += answer_bytes(&notification.body, 2);
                    let is_full = notifications.len() == page.size || bytes > PAGE_BYTES_MAX;
                    if is_full && !notifications.is_empty() {
                        return Ok(NotificationPage::full(notifications, before));
                    }
                    before = Some(mark_of(&notification));
                    notifications.push(notification);
                }
            }
            if read.is_last {
                return Ok(NotificationPage::full(notifications, None));
            }
            before = read.end;
        }
        let searched_to = before.and_then(event_log::time_of);
        Ok(NotificationPage { searched_to, ..NotificationPage::full(notifications, before) })
    }
}

/// Reads a log a stretch at a time: along what leads to what is asked for, else along all of it.
struct Reader<'a> {
    scope: Scope,
    keys: Option<Vec<LogKey>>,
    log: OrganizationLog<'a>,
}

impl Reader<'_> {
    async fn next(
        &mut self,
        app: &Context,
        before: Option<LogMark>,
        from: Option<Sequence>,
        limit: usize,
    ) -> crate::ports::Result<LogStretch> {
        let instance = match self.scope {
            Scope::Instance(id) => Some(id),
            Scope::All => None,
        };
        match (&self.keys, instance) {
            (Some(keys), _) => {
                // Each key of them takes the place of this one.
                let by = LogKey::Progress(Progress::Pending);
                self.log.found(keys, &LogSearch { by, instance, before, from, limit }).await
            }
            (None, Some(id)) => {
                event_log::of_instance(app, id, before.map(|mark| mark.sequence), from, limit).await
            }
            (None, None) => self.log.stretch(before, from, limit).await,
        }
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
