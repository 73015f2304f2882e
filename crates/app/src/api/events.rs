//! The event log: each notification with its attempts, of one instance or of all.

use super::auth::{Caller, Own};
use super::error::ApiError;
use super::log::{Filter, Scope};
use super::paging::{self, Page};
use super::query::Params;
use crate::context::Context;
use crate::event_log::{self, Queued};
use crate::ports::{Notification, Progress};
use crate::redelivery::redeliver;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use domain::envelope::iso_seconds;
use domain::ids::InstanceId;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn list(
    State(app): State<Arc<Context>>,
    own: Own,
    params: Params,
) -> Result<Response, ApiError> {
    page(&app, &own.caller, Scope::Instance(own.instance.id), &params, record).await
}

/// With an Element token its own instance's, else those of all of the caller's.
pub(super) async fn list_all(
    State(app): State<Arc<Context>>,
    caller: Caller,
    params: Params,
) -> Result<Response, ApiError> {
    page(&app, &caller, Scope::of(&caller), &params, record).await
}

/// What became of each event, in the words of the original.
pub(super) async fn dispositions(
    State(app): State<Arc<Context>>,
    caller: Caller,
    params: Params,
) -> Result<Response, ApiError> {
    page(&app, &caller, Scope::of(&caller), &params, |notification, _| disposition(notification)).await
}

async fn page(
    app: &Context,
    caller: &Caller,
    scope: Scope,
    params: &Params,
    shown: impl Fn(&Notification, bool) -> Value,
) -> Result<Response, ApiError> {
    let page = Page::of(params)?;
    let filter = Filter::of(params)?;
    let mut queued = Queued::default();
    let found = scope.take(app, caller, &page, &filter, &mut queued).await?;
    let headers = paging::headers(found.notifications.len(), None, page.size, found.next);
    let mut records = Vec::new();
    for notification in &found.notifications {
        records.push(shown(notification, queued.holds(app, notification.instance).await?));
    }
    Ok((headers, Json(records)).into_response())
}

pub(super) async fn one(
    State(app): State<Arc<Context>>,
    caller: Caller,
    Path((id, event)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let instance = caller.instance(&app, &id).await?;
    let notification = find(&app, instance.id, &event).await?;
    Ok(Json(record(&notification, Queued::default().holds(&app, instance.id).await?)))
}

/// One event by its id alone.
pub(super) async fn one_of_all(
    State(app): State<Arc<Context>>,
    caller: Caller,
    Path(event): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let notification = find_any(&app, &caller, &event).await?;
    Ok(Json(record(&notification, Queued::default().holds(&app, notification.instance).await?)))
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
) -> Result<Json<Value>, ApiError> {
    let instance = caller.instance(&app, &id).await?;
    let notification = find(&app, instance.id, &event).await?;
    let key = redeliver(&app, &caller.by, &instance, &notification).await?.ok_or_else(|| {
        ApiError::conflict("this event is only logged, or was dropped: it is not delivered")
    })?;
    Ok(Json(json!({ "eventId": notification.name.event_id, "attempt": key.attempt })))
}

/// Where a notification stands, in the words of delivery records.
pub(super) fn delivery_status(notification: &Notification, is_queued: bool) -> &'static str {
    match notification.progress {
        Progress::Delivered => "delivered",
        Progress::Dropped => "dropped",
        Progress::Logged => "logged",
        Progress::Pending if is_queued => "queued",
        Progress::Pending if notification.attempts.is_empty() => "created",
        Progress::Pending => "retry",
    }
}

/// The same in the words of event records.
pub(super) fn event_status(progress: Progress) -> &'static str {
    match progress {
        Progress::Delivered => "NOTIFIED",
        Progress::Pending => "RECEIVED",
        Progress::Dropped | Progress::Logged => "CONSUMED",
    }
}

fn record(notification: &Notification, is_queued: bool) -> Value {
    let is_pending = notification.progress == Progress::Pending;
    let attempts: Vec<Value> = notification
        .attempts
        .iter()
        .map(|attempt| {
            json!({
                "number": attempt.number,
                "date": attempt.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
                "durationMs": attempt.duration_ms,
                "status": attempt.status,
                "error": attempt.error,
                "answer": attempt.answer,
            })
        })
        .collect();
    json!({
        "id": notification.name.event_id,
        "eventDate": iso_seconds(notification.created_at),
        "status": event_status(notification.progress),
        "providerData": notification.body,
        "instanceId": notification.instance.get(),
        "notificationId": notification.name.id,
        "objectType": notification.resource,
        "events": notification.events.iter().map(|event| event.text()).collect::<Vec<_>>(),
        "delivery": delivery_status(notification, is_queued),
        "nextAttempt": notification.due_at.filter(|_| is_pending && !is_queued).map(iso_seconds),
        "attempts": attempts,
    })
}

fn disposition(notification: &Notification) -> Value {
    let told = notification.attempts.iter().map(|attempt| {
        let message = match (attempt.status, &attempt.error) {
            (Some(status @ 200..=299), _) => format!("Delivered event: the callback answered {status}"),
            (Some(status), _) => format!("Error delivering event: the callback answered {status}"),
            (None, Some(error)) => format!("Error delivering event: {error}"),
            (None, None) => "Published event".to_owned(),
        };
        json!({ "message": message, "date": iso_seconds(attempt.at) })
    });
    json!({
        "eventId": notification.name.event_id,
        "elementInstanceId": notification.instance.get(),
        "notificationData": told.collect::<Vec<_>>(),
    })
}
