//! Subscriptions, and what is queued for them: list and release.

use super::auth::Caller;
use super::error::ApiError;
use super::events::delivery_status;
use super::wire;
use crate::app::App;
use crate::ports::{Job, LogPage, Notification};
use axum::Json;
use axum::extract::{Query, State};
use domain::ceql::{self, Expr, Truth};
use domain::delivery::{Subscription, SubscriptionStatus};
use domain::envelope::iso_seconds;
use domain::instance::Instance;
use serde::Deserialize;
use serde_json::{Value, json};

/// Instances read at once, and deliveries listed at the most.
const INSTANCES_PAGE_SIZE: usize = 200;
const DELIVERIES_COUNT_MAX: usize = 200;

/// `where`, as in `channel='webhook' and status='queued' and config.url='https://…'`.
#[derive(Deserialize)]
pub(super) struct Where {
    #[serde(rename = "where")]
    condition: Option<String>,
}

impl Where {
    fn parse(&self) -> Result<Option<Expr>, ApiError> {
        let given = self.condition.as_deref().filter(|condition| !condition.trim().is_empty());
        given.map(ceql::parse).transpose().map_err(|error| ApiError::rule("where", &error.to_string()))
    }
}

pub(super) async fn subscriptions(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Vec<Value>>, ApiError> {
    let all = all(&app, &caller).await?;
    Ok(Json(all.iter().filter_map(|(instance, state)| wire::subscription_of(instance, state)).collect()))
}

/// What waits to be delivered, oldest first in each instance.
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<Where>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let condition = query.parse()?;
    let mut listed = Vec::new();
    for (instance, state) in all(&app, &caller).await? {
        if listed.len() == DELIVERIES_COUNT_MAX {
            break;
        }
        let page = LogPage { before: None, limit: DELIVERIES_COUNT_MAX, pending_only: true };
        for notification in app.0.ports.store.notifications(instance.id, page).await? {
            let record = delivery(&instance, &state, &notification);
            if holds(condition.as_ref(), &record) && listed.len() < DELIVERIES_COUNT_MAX {
                listed.push(record);
            }
        }
    }
    Ok(Json(listed))
}

/// Starts to deliver what is queued, for each callback that the condition names.
pub(super) async fn release(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<Where>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let condition = query.parse()?;
    let mut released = Vec::new();
    for (instance, state) in all(&app, &caller).await? {
        let Some(mut record) = wire::subscription_of(&instance, &state) else { continue };
        record["subscriptionId"] = instance.id.subscription_id().into();
        record["status"] = "queued".into();
        let waits = state.status != SubscriptionStatus::Active && !instance.disabled;
        if !waits || !holds(condition.as_ref(), &record) {
            continue;
        }
        app.0.ports.queue.send(&[(Job::Release(instance.id), app.0.now())]).await?;
        released.push(json!({
            "subscriptionId": instance.id.subscription_id(),
            "instanceId": instance.id.get(),
            "status": "releasing",
        }));
    }
    Ok(Json(released))
}

fn holds(condition: Option<&Expr>, record: &Value) -> bool {
    condition.is_none_or(|condition| condition.matches(record) == Truth::Yes)
}

/// The organization's instances with their callbacks' states.
async fn all(app: &App, caller: &Caller) -> Result<Vec<(Instance, Subscription)>, ApiError> {
    let store = &app.0.ports.store;
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = store.instances(caller.account.organization_id, after, INSTANCES_PAGE_SIZE).await?;
        let is_last = page.len() < INSTANCES_PAGE_SIZE;
        after = page.last().map(|last| last.id);
        for instance in page {
            let state = store.subscription(instance.id).await?.unwrap_or_default();
            found.push((instance, state));
        }
        if is_last {
            return Ok(found);
        }
    }
}

fn delivery(instance: &Instance, state: &Subscription, notification: &Notification) -> Value {
    let is_queued = state.status != SubscriptionStatus::Active;
    json!({
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
    })
}
