//! The event log: each notification with its attempts.

use super::auth::Caller;
use super::error::ApiError;
use super::paging::{self, PageQuery};
use crate::app::App;
use crate::ports::{Job, LogPage, Notification, Progress};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::delivery::SubscriptionStatus;
use domain::envelope::iso_seconds;
use domain::ids::{InstanceId, Sequence};
use domain::instance::Instance;
use serde_json::{Value, json};

pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, ApiError> {
    let instance = caller.instance(&app, &id).await?;
    page(&app, &instance, &query).await
}

pub(super) async fn list_own(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Response, ApiError> {
    page(&app, caller.element()?, &query).await
}

async fn page(app: &App, instance: &Instance, query: &PageQuery) -> Result<Response, ApiError> {
    let page = query.page()?;
    let wanted = LogPage { before: page.after.map(Sequence), limit: page.size, pending_only: false };
    let found = app.0.ports.store.notifications(instance.id, wanted).await?;
    let is_queued = is_queued(app, instance.id).await?;
    let headers = paging::headers(
        found.len(),
        &page,
        found.last().filter(|_| found.len() == page.size).map(|last| last.sequence.0),
    );
    let shown: Vec<Value> = found.iter().map(|one| record(one, is_queued)).collect();
    Ok((headers, Json(shown)).into_response())
}

pub(super) async fn one(
    State(app): State<App>,
    caller: Caller,
    Path((id, event)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let instance = caller.instance(&app, &id).await?;
    let notification = find(&app, instance.id, &event).await?;
    Ok(Json(record(&notification, is_queued(&app, instance.id).await?)))
}

pub(super) async fn one_own(
    State(app): State<App>,
    caller: Caller,
    Path(event): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let id = caller.element()?.id;
    let notification = find(&app, id, &event).await?;
    Ok(Json(record(&notification, is_queued(&app, id).await?)))
}

async fn find(app: &App, id: InstanceId, event: &str) -> Result<Notification, ApiError> {
    let found = app.0.ports.store.notification(id, event).await?;
    found.ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "no such event"))
}

/// What is pending waits for a release.
async fn is_queued(app: &App, id: InstanceId) -> Result<bool, ApiError> {
    let subscription = app.0.ports.store.subscription(id).await?;
    Ok(subscription.is_some_and(|subscription| subscription.status != SubscriptionStatus::Active))
}

/// Delivers again: the same event id, the same body.
pub(super) async fn retry(
    State(app): State<App>,
    caller: Caller,
    Path((id, event)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let instance = caller.instance(&app, &id).await?;
    let notification = find(&app, instance.id, &event).await?;
    let now = app.0.now();
    let key = app.0.ports.store.reopen(instance.id, notification.sequence, now).await?;
    let key = key.ok_or_else(|| {
        ApiError::new(StatusCode::CONFLICT, "this event is only logged, or was dropped: it is not delivered")
    })?;
    app.0.ports.queue.send(&[(Job::Deliver(key), now)]).await?;
    Ok(Json(json!({ "eventId": notification.name.event_id, "attempt": key.attempt })))
}

/// Callbacks that point at the platform itself: taken and logged, nothing follows.
pub(super) async fn sink(body: Bytes) -> StatusCode {
    tracing::info!(body_bytes = body.len(), "event.received");
    StatusCode::OK
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

fn record(notification: &Notification, is_queued: bool) -> Value {
    let status = match notification.progress {
        Progress::Delivered => "NOTIFIED",
        Progress::Pending => "RECEIVED",
        Progress::Dropped | Progress::Logged => "CONSUMED",
    };
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
        "status": status,
        "providerData": notification.body,
        "notificationId": notification.name.id,
        "objectType": notification.resource,
        "events": notification.events.iter().map(|event| event.text()).collect::<Vec<_>>(),
        "delivery": delivery_status(notification, is_queued),
        "nextAttempt": notification.due_at.filter(|_| status == "RECEIVED" && !is_queued).map(iso_seconds),
        "attempts": attempts,
    })
}
