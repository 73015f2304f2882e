//! The event log: each notification with its attempts, of one instance or of all.

use super::answer::{Answered, PagedList};
use super::answers::event::{
    Attempt, DeliveryStatus, Disposition, DispositionMessage, Event, EventStatus, Retry,
};
use super::answers::moment::Moment;
use super::auth::{Caller, Own};
use super::error::ApiError;
use super::life;
use super::log::{Filter, Scope, subjects};
use super::paging::PageRequest;
use super::query::Params;
use crate::context::Context;
use crate::event_log::{self, Queued};
use crate::ports::{Notification, Progress};
use crate::redelivery::redeliver;
use axum::Json;
use axum::extract::{Path, State};
use domain::ids::InstanceId;
use serde_json::Value;
use std::sync::Arc;

/// Characters of a subject that a list shows; a header's line has at most 998 bytes.
const SUBJECT_CHARS_MAX: usize = 300;

pub(super) async fn list(
    State(app): State<Arc<Context>>,
    own: Own,
    params: Params,
) -> Answered<PagedList<Event>> {
    page(&app, &own.caller, Scope::Instance(own.instance.id), &params, record).await
}

/// With an Element token its own instance's, else those of all of the caller's.
pub(super) async fn list_all(
    State(app): State<Arc<Context>>,
    caller: Caller,
    params: Params,
) -> Answered<PagedList<Event>> {
    page(&app, &caller, Scope::of(&caller), &params, record).await
}

/// What became of each event, in the words of the original.
pub(super) async fn dispositions(
    State(app): State<Arc<Context>>,
    caller: Caller,
    params: Params,
) -> Answered<PagedList<Disposition>> {
    page(&app, &caller, Scope::of(&caller), &params, |_, notification, _| disposition(notification)).await
}

async fn page<T>(
    app: &Context,
    caller: &Caller,
    scope: Scope,
    params: &Params,
    shown: impl Fn(&Context, &Notification, bool) -> T,
) -> Answered<PagedList<T>> {
    let page = PageRequest::of(params)?;
    let filter = Filter::of(params)?;
    let mut queued = Queued::default();
    let found = scope.take(app, caller, &page, &filter, &mut queued).await?;
    let mut records = Vec::new();
    for notification in &found.notifications {
        records.push(shown(app, notification, queued.holds(app, notification.instance).await?));
    }
    let list = PagedList::new(records, page.size, found.next).lacking(found.unreadable_count);
    Ok(PagedList { searched_to: found.searched_to, ..list })
}

pub(super) async fn one(
    State(app): State<Arc<Context>>,
    caller: Caller,
    Path((id, event)): Path<(String, String)>,
) -> Answered<Json<Event>> {
    let instance = caller.instance(&app, &id).await?;
    let notification = find(&app, instance.id, &event).await?;
    Ok(Json(whole(&app, &notification, Queued::default().holds(&app, instance.id).await?)))
}

/// One event by its id alone.
pub(super) async fn one_of_all(
    State(app): State<Arc<Context>>,
    caller: Caller,
    Path(event): Path<String>,
) -> Answered<Json<Event>> {
    let notification = find_any(&app, &caller, &event).await?;
    Ok(Json(whole(&app, &notification, Queued::default().holds(&app, notification.instance).await?)))
}

async fn find_any(app: &Context, caller: &Caller, event: &str) -> Result<Notification, ApiError> {
    let found = match &caller.element {
        Some(instance) => event_log::event_of(app, instance.id, event).await?,
        None => event_log::event(app, caller.sight(), event).await?,
    };
    found.ok_or_else(|| ApiError::not_found("event"))
}

async fn find(app: &Context, id: InstanceId, event: &str) -> Result<Notification, ApiError> {
    event_log::event_of(app, id, event).await?.ok_or_else(|| ApiError::not_found("event"))
}

/// Delivers again: the same event id, the same body.
pub(super) async fn retry(
    State(app): State<Arc<Context>>,
    caller: Caller,
    Path((id, event)): Path<(String, String)>,
) -> Answered<Json<Retry>> {
    let instance = caller.instance(&app, &id).await?;
    let notification = find(&app, instance.id, &event).await?;
    let key = redeliver(&app, &caller.by, &instance, &notification).await?.ok_or_else(|| {
        ApiError::conflict("this event is only logged, or was dropped: it is not delivered")
    })?;
    Ok(Json(Retry { event_id: notification.name.event_id, attempt: key.attempt }))
}

fn record(app: &Context, notification: &Notification, is_queued: bool) -> Event {
    let body: Value = serde_json::from_str(&notification.body).unwrap_or_default();
    let is_pending = notification.progress == Progress::Pending;
    let attempt = |attempt: &domain::delivery::Attempt| Attempt {
        number: attempt.number,
        date: Moment::in_ms(attempt.at),
        duration_ms: attempt.duration_ms,
        status: attempt.status,
        error: attempt.error.clone(),
        answer: attempt.answer.clone(),
    };
    Event {
        id: notification.name.event_id.clone(),
        event_date: Moment::of(notification.created_at),
        status: EventStatus::of(notification.progress),
        provider_data: notification.body.clone(),
        instance_id: notification.instance.get(),
        notification_id: notification.name.id,
        object_type: notification.resource.clone(),
        events: notification.events.iter().map(|event| event.text()).collect(),
        delivery: DeliveryStatus::of(notification, is_queued),
        next_attempt: notification.due_at.filter(|_| is_pending && !is_queued).map(Moment::of),
        attempts: notification.attempts.iter().map(attempt).collect(),
        subject: subjects(app, &body).first().map(|&subject| cut(subject)),
        lives: None,
    }
}

/// With the life of each of its events.
fn whole(app: &Context, notification: &Notification, is_queued: bool) -> Event {
    Event { lives: Some(life::of(notification, is_queued)), ..record(app, notification, is_queued) }
}

/// Its beginning: a subject may be as long as a message.
fn cut(subject: &str) -> String {
    subject.chars().take(SUBJECT_CHARS_MAX).collect()
}

fn disposition(notification: &Notification) -> Disposition {
    let told = notification.attempts.iter().map(|attempt| {
        let message = match (attempt.status, &attempt.error) {
            (Some(status @ 200..=299), _) => format!("Delivered event: the callback answered {status}"),
            (Some(status), _) => format!("Error delivering event: the callback answered {status}"),
            (None, Some(error)) => format!("Error delivering event: {error}"),
            (None, None) => "Published event".to_owned(),
        };
        DispositionMessage { message, date: Moment::of(attempt.at) }
    });
    Disposition {
        event_id: notification.name.event_id.clone(),
        element_instance_id: notification.instance.get(),
        notification_data: told.collect(),
    }
}
