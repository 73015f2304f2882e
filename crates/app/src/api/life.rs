//! The lives of changes: of one object, or of a notification's events.

use super::answer::{Answered, PagedList};
use super::answers::event::{DeliveryStatus, Life};
use super::answers::life::LifeStage;
use super::answers::moment::Moment;
use super::auth::Own;
use super::log::{Filter, Scope};
use super::paging::PageRequest;
use super::query::Params;
use crate::context::Context;
use crate::event_log::Queued;
use crate::ports::Notification;
use axum::extract::{Path, State};
use chrono::{DateTime, Utc};
use domain::life::{Stage, stages};
use serde_json::Value;
use std::sync::Arc;

/// Of each change of an object, newest first.
pub(super) async fn of_object(
    State(app): State<Arc<Context>>,
    own: Own,
    Path((_, object)): Path<(String, String)>,
    params: Params,
) -> Answered<PagedList<Life>> {
    let page = PageRequest::of(&params)?;
    let mut queued = Queued::default();
    let scope = Scope::Instance(own.instance.id);
    let found = scope.take(&app, &own.caller, &page, &Filter::of_object(&object), &mut queued).await?;
    let is_queued = queued.holds(&app, own.instance.id).await?;
    let all = found.notifications.iter().flat_map(|notification| of(notification, is_queued));
    let lives = all.filter(|life| life.object_id == object).collect();
    Ok(PagedList::new(lives, page.size, found.next).lacking(found.unreadable_count))
}

/// Of each event of a notification, in their order.
pub(super) fn of(notification: &Notification, is_queued: bool) -> Vec<Life> {
    let body: Value = serde_json::from_str(&notification.body).unwrap_or_default();
    let events = body["message"]["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |event: &Value, field: &str| event[field].as_str().unwrap_or_default().to_owned();
    let life = |event: &Value| Life {
        id: text(event, "id"),
        event_id: notification.name.event_id.clone(),
        instance_id: notification.instance.get(),
        object_id: text(event, "objectId"),
        object_type: text(event, "objectType"),
        event_type: text(event, "eventType"),
        delivery: DeliveryStatus::of(notification, is_queued),
        stages: line(notification, arrived_at(event)),
    };
    events.iter().map(life).collect()
}

fn line(notification: &Notification, arrived_at: Option<DateTime<Utc>>) -> Vec<LifeStage> {
    let line = stages(arrived_at, notification.sighting, notification.created_at, &notification.attempts);
    let shown = |stage: Stage| LifeStage {
        stage: stage.kind.into(),
        date: Moment::in_ms(stage.at),
        after_ms: stage.after_ms,
        attempt: stage.attempt,
    };
    line.into_iter().map(shown).collect()
}

/// Where the provider names no time, the event has that of the poll.
fn arrived_at(event: &Value) -> Option<DateTime<Utc>> {
    let date = event["date"].as_str().filter(|date| event["pollDate"] != *date)?;
    DateTime::parse_from_rfc3339(date).ok().map(|at| at.with_timezone(&Utc))
}
