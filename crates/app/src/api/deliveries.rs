//! Subscriptions, and what is queued for them: list and release.

use super::auth::Caller;
use super::error::ApiError;
use super::events::delivery_status;
use super::lists::all;
use super::log::{self, Filter};
use super::query::Params;
use super::wire;
use crate::app::App;
use crate::ports::{Job, LogMark, LogPage, Notification};
use axum::Json;
use axum::extract::{Path, State};
use chrono::Duration;
use domain::ceql::{self, Expr, Truth};
use domain::delivery::{Subscription, SubscriptionStatus};
use domain::envelope::iso_seconds;
use domain::instance::Instance;
use serde_json::{Value, json};

/// Deliveries listed at the most.
const DELIVERIES_COUNT_MAX: usize = 200;
/// How far back a notification is looked for by its number, and how many are looked at.
const LOOK_BACK_DAYS: i64 = 31;
const LOOK_COUNT_MAX: usize = 100_000;

/// `where`, as in `channel='webhook' and status='queued' and config.url='https://…'`.
fn condition(params: &Params) -> Result<Option<Expr>, ApiError> {
    let given = params.text("where").filter(|condition| !condition.trim().is_empty());
    given.map(ceql::parse).transpose().map_err(|error| ApiError::rule("where", &error.to_string()))
}

fn holds(condition: Option<&Expr>, record: &Value) -> bool {
    condition.is_none_or(|condition| condition.matches(record) == Truth::Yes)
}

pub(super) async fn subscriptions(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Json<Vec<Value>>, ApiError> {
    let condition = condition(&params)?;
    let mut found = Vec::new();
    for instance in all(&app, &caller).await? {
        let state = state(&app, &instance).await?;
        found.extend(wire::subscription_of(&instance, &state).filter(|one| holds(condition.as_ref(), one)));
    }
    Ok(Json(found))
}

pub(super) async fn subscription(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let (instance, state) = find(&app, &caller, &id).await?;
    wire::subscription_of(&instance, &state).map(Json).ok_or_else(|| ApiError::not_found("subscription"))
}

async fn find(app: &App, caller: &Caller, id: &str) -> Result<(Instance, Subscription), ApiError> {
    let missing = || ApiError::not_found("subscription");
    let id: u32 = id.parse().map_err(|_| missing())?;
    let instance = all(app, caller).await?.into_iter().find(|one| one.id.subscription_id() == id);
    let instance = instance.ok_or_else(missing)?;
    let state = state(app, &instance).await?;
    Ok((instance, state))
}

async fn state(app: &App, instance: &Instance) -> Result<Subscription, ApiError> {
    Ok(app.0.ports.store.subscription(instance.id).await?.unwrap_or_default())
}

/// What waits to be delivered, oldest first in each instance.
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Json<Vec<Value>>, ApiError> {
    let (condition, is_hydrated) = (condition(&params)?, params.flag("hydrate")?);
    let mut listed = Vec::new();
    for instance in all(&app, &caller).await? {
        if listed.len() == DELIVERIES_COUNT_MAX {
            break;
        }
        let state = state(&app, &instance).await?;
        let page = LogPage { before: None, limit: DELIVERIES_COUNT_MAX, pending_only: true };
        for notification in app.0.ports.store.notifications(instance.id, page).await? {
            let record = delivery(&instance, &state, &notification, is_hydrated);
            if holds(condition.as_ref(), &record) && listed.len() < DELIVERIES_COUNT_MAX {
                listed.push(record);
            }
        }
    }
    Ok(Json(listed))
}

/// The deliveries of one notification, named by the number of its callback body: one, as each instance has one
/// subscription.
pub(super) async fn of_notification(
    State(app): State<App>,
    caller: Caller,
    Path(number): Path<String>,
    params: Params,
) -> Result<Json<Vec<Value>>, ApiError> {
    let (instance, state, notification) = numbered(&app, &caller, &number).await?;
    Ok(Json(vec![delivery(&instance, &state, &notification, params.flag("hydrate")?)]))
}

pub(super) async fn of_notification_and_subscription(
    State(app): State<App>,
    caller: Caller,
    Path((number, subscription)): Path<(String, String)>,
    params: Params,
) -> Result<Json<Value>, ApiError> {
    let (instance, state, notification) = numbered(&app, &caller, &number).await?;
    if subscription != instance.id.subscription_id().to_string() {
        return Err(ApiError::not_found("subscription of this notification"));
    }
    Ok(Json(delivery(&instance, &state, &notification, params.flag("hydrate")?)))
}

/// A notification by its number, as its callback had it.
pub(super) async fn notification(
    State(app): State<App>,
    caller: Caller,
    Path(number): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let (_, _, notification) = numbered(&app, &caller, &number).await?;
    Ok(Json(of_body(&notification)))
}

/// The newest notifications of topics, as their callbacks had them.
pub(super) async fn notifications(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Json<Vec<Value>>, ApiError> {
    let topics: Vec<&str> = params.texts("topics").collect();
    if topics.is_empty() {
        return Err(ApiError::rule("topics[]", "is required"));
    }
    Filter::of(&params)?;
    let mut found = Vec::new();
    for topic in topics {
        let id = topic.strip_prefix("instance-").and_then(|rest| rest.split('-').next()).unwrap_or_default();
        let Ok(instance) = caller.instance(&app, id).await else { continue };
        let page = LogPage { before: None, limit: DELIVERIES_COUNT_MAX, pending_only: false };
        let read = app.0.ports.store.notifications(instance.id, page).await?;
        found.extend(read.iter().filter(|one| !one.events.is_empty()).map(of_body));
    }
    found.truncate(DELIVERIES_COUNT_MAX);
    Ok(Json(found))
}

fn of_body(notification: &Notification) -> Value {
    let mut body: Value = serde_json::from_str(&notification.body).unwrap_or_default();
    body["id"] = notification.name.id.into();
    body["createdDate"] = iso_seconds(notification.created_at).into();
    body
}

async fn numbered(
    app: &App,
    caller: &Caller,
    number: &str,
) -> Result<(Instance, Subscription, Notification), ApiError> {
    let missing = || ApiError::not_found("notification");
    let number: u64 = number.parse().map_err(|_| missing())?;
    let now = app.0.now();
    let since = (now - Duration::days(LOOK_BACK_DAYS), now + Duration::minutes(1));
    let (lines, _) = log::lines(app, caller, since, LOOK_COUNT_MAX).await?;
    let mark: LogMark = lines.iter().find(|(line, _)| line.number == number).ok_or_else(missing)?.0.mark;
    let instance = caller.instance(app, &mark.instance.to_string()).await?;
    let state = state(app, &instance).await?;
    let notification = app.0.ports.store.notification_at(mark).await?.ok_or_else(missing)?;
    Ok((instance, state, notification))
}

/// Starts to deliver what is queued, for each callback that the condition names.
pub(super) async fn release(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Json<Vec<Value>>, ApiError> {
    let condition = condition(&params)?;
    let mut released = Vec::new();
    for instance in all(&app, &caller).await? {
        let state = state(&app, &instance).await?;
        let Some(mut record) = wire::subscription_of(&instance, &state) else { continue };
        record["subscriptionId"] = instance.id.subscription_id().into();
        record["status"] = "queued".into();
        let waits = state.status != SubscriptionStatus::Active && !instance.disabled;
        if !waits || !holds(condition.as_ref(), &record) {
            continue;
        }
        app.0.ports.queue.send(&[(Job::Release(instance.id), app.0.now())]).await?;
        let documents = (Some(json!({ "status": state.status, "reason": state.reason })), None);
        let subject = format!("instances/{}/subscription", instance.id);
        let organization_id = instance.account.organization_id;
        let entry = caller.by.entry(&app.0, organization_id, "subscription.released", subject, documents);
        app.0.ports.accounts.note(&entry).await?;
        released.push(json!({
            "subscriptionId": instance.id.subscription_id(),
            "instanceId": instance.id.get(),
            "status": "releasing",
        }));
    }
    Ok(Json(released))
}

fn delivery(
    instance: &Instance,
    state: &Subscription,
    notification: &Notification,
    is_hydrated: bool,
) -> Value {
    let is_queued = state.status != SubscriptionStatus::Active;
    let mut record = json!({
        "notificationId": notification.name.id,
        "subscriptionId": instance.id.subscription_id(),
        "instanceId": instance.id.get(),
        "eventId": notification.name.event_id,
        "status": delivery_status(notification, is_queued),
        "channel": wire::channel(instance),
        "config": { "url": instance.configuration.get(domain::settings::CALLBACK_URL) },
        "createdDate": iso_seconds(notification.created_at),
        "updatedDate": notification.attempts.last().map(|attempt| iso_seconds(attempt.at)),
        "attempts": notification.attempts.len(),
    });
    if is_hydrated {
        record["notification"] = of_body(notification);
        record["subscription"] = wire::subscription_of(instance, state).into();
    }
    record
}
