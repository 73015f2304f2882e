//! Pages of the event log, of one instance or of all that a caller sees, by what is asked of them.

use super::answers::event::{DeliveryStatus, EventStatus};
use super::auth::Caller;
use super::error::ApiError;
use super::paging::{PAGE_BYTES_MAX, PageRequest, SEQUENCE_END, answer_bytes, foreign};
use super::query::Params;
use crate::context::Context;
use crate::event_log::{self, OrganizationLog, Queued, mark_of, sequence_at};
use crate::ports::{LogMark, Notification, Progress};
use chrono::{DateTime, Utc};
use domain::ids::{InstanceId, Sequence};
use serde_json::{Value, json};

/// Maximum notifications looked at for one page; its token goes on where the look ended.
const LOOKS_COUNT_MAX: usize = 1_000;
/// Notifications read at once.
const READ_COUNT: usize = 100;
/// Maximum lines looked at for one page where the status tells from a line whether its notification is wanted.
const LINES_COUNT_MAX: usize = 50_000;
/// Lines read at once, then.
const LINES_READ_COUNT: usize = 1_000;

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

    /// Whether a notification that is so far can have the status.
    fn may_be(&self, progress: Progress) -> bool {
        let Some(wanted) = self.status.as_deref() else { return true };
        let deliveries: &[DeliveryStatus] = match progress {
            Progress::Pending => &[DeliveryStatus::Created, DeliveryStatus::Retry, DeliveryStatus::Queued],
            Progress::Delivered => &[DeliveryStatus::Delivered],
            Progress::Dropped => &[DeliveryStatus::Dropped],
            Progress::Logged => &[DeliveryStatus::Logged],
        };
        wanted == EventStatus::of(progress).text() || deliveries.iter().any(|one| one.text() == wanted)
    }

    fn takes(&self, notification: &Notification, is_queued: bool) -> bool {
        let is_status = |wanted: &String| {
            wanted == EventStatus::of(notification.progress).text()
                || wanted == DeliveryStatus::of(notification, is_queued).text()
        };
        self.object_type.as_ref().is_none_or(|wanted| *wanted == notification.resource)
            && self.status.as_ref().is_none_or(is_status)
            && self.takes_body(&notification.body)
    }

    /// Event type and object are in the body alone.
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

/// A page, and where the next one begins if there may be one.
pub(super) struct NotificationPage {
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
        page: &PageRequest,
        filter: &Filter,
        queued: &mut Queued,
    ) -> Result<NotificationPage, ApiError> {
        let mut before = match &page.after {
            Some(after) => Some(mark(after).ok_or_else(foreign)?),
            None => filter.to.map(event_log::before),
        };
        let mut all = OrganizationLog::of(app, caller.sight());
        let mut notifications: Vec<Notification> = Vec::new();
        let mut bytes = 0;
        let is_by_line = matches!(self, Scope::All) && filter.status.is_some();
        let (rounds, looks) = match is_by_line {
            true => (LINES_COUNT_MAX / LINES_READ_COUNT, LINES_READ_COUNT),
            false => (LOOKS_COUNT_MAX / READ_COUNT, READ_COUNT),
        };
        let mut read_count = 0;
        for _ in 0..rounds {
            if read_count >= LOOKS_COUNT_MAX {
                break;
            }
            let read = match self {
                Scope::Instance(id) => {
                    let before = before.map(|mark| mark.sequence);
                    event_log::of_instance(app, id, before, filter.first(), READ_COUNT).await?
                }
                Scope::All => {
                    let is_wanted = |progress| filter.may_be(progress);
                    all.stretch(before, filter.first(), (looks, READ_COUNT), is_wanted).await?
                }
            };
            read_count += read.notifications.len();
            for notification in read.notifications {
                let is_queued = queued.holds(app, notification.instance).await?;
                if filter.takes(&notification, is_queued) {
                    bytes += answer_bytes(&notification.body, 2);
                    // One more than there is room for: there is a next page.
                    let is_full = notifications.len() == page.size || bytes > PAGE_BYTES_MAX;
                    if is_full && !notifications.is_empty() {
                        return Ok(NotificationPage { notifications, next: before.map(token) });
                    }
                    before = Some(mark_of(&notification));
                    notifications.push(notification);
                }
            }
            if read.is_last {
                return Ok(NotificationPage { notifications, next: None });
            }
            before = read.end;
        }
        Ok(NotificationPage { notifications, next: before.map(token) })
    }
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
