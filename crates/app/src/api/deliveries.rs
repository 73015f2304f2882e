//! Deliveries: those of a notification, and all that wait.

use super::answer::{Answered, Listed};
use super::answers::delivery::{Delivery, SubscriptionConfig};
use super::answers::moment::Moment;
use super::auth::Caller;
use super::error::ApiError;
use super::events::delivery_status;
use super::notifications::{READ_COUNT, numbered, of_body};
use super::paging::{ListPosition, PAGE_BYTES_MAX, PageRequest, answer_bytes};
use super::query::Params;
use super::subscriptions::Wanted;
use super::wire;
use crate::context::Context;
use crate::event_log;
use crate::instances;
use crate::ports::Notification;
use axum::Json;
use axum::extract::{Path, State};
use domain::delivery::{Subscription, SubscriptionStatus};
use domain::ids::Sequence;
use domain::instance::Instance;
use serde_json::json;
use std::sync::Arc;

/// Maximum notifications looked at for one page; its token goes on where the look ended.
const LOOKS_COUNT_MAX: usize = 1_000;

/// What waits to be delivered, oldest first in each instance.
pub(super) async fn list(
    State(app): State<Arc<Context>>,
    caller: Caller,
    params: Params,
) -> Answered<Listed<Delivery>> {
    let (wanted, page) = (Wanted::of(&params, "subscriptionId")?, PageRequest::large(&params)?);
    let place = page.place()?;
    let mut walk = wanted.walk(&app, &caller, place.and_then(ListPosition::walked)).await?;
    let mut waiting = Waiting::new(&wanted, page.size, params.flag("hydrate")?);
    while waiting.next.is_none() {
        let Some(instance) = walk.next().await? else { break };
        if wanted.may_be(&instance) {
            let behind = place.filter(|place| place.instance == instance.id).map_or(0, |place| place.behind);
            waiting.read(&app, &instance, behind).await?;
        }
    }
    let next =
        waiting.next.or_else(|| walk.stopped_at().and_then(ListPosition::after)).map(ListPosition::token);
    Ok(Listed::new(waiting.listed, page.size, next))
}

/// A page of what waits.
struct Waiting<'a> {
    wanted: &'a Wanted,
    size: usize,
    is_hydrated: bool,
    listed: Vec<Delivery>,
    bytes: usize,
    looked_count: usize,
    /// Where the next page begins, once this one ended before the list did.
    next: Option<ListPosition>,
}

impl<'a> Waiting<'a> {
    fn new(wanted: &'a Wanted, size: usize, is_hydrated: bool) -> Self {
        Waiting { wanted, size, is_hydrated, listed: Vec::new(), bytes: 0, looked_count: 0, next: None }
    }

    /// What waits of one instance, behind a sequence.
    async fn read(&mut self, app: &Context, instance: &Instance, mut behind: u64) -> Result<(), ApiError> {
        let mut state = None;
        loop {
            let read = event_log::waiting(app, instance.id, Sequence(behind), READ_COUNT).await?;
            let state = match &state {
                None if read.notifications.is_empty() => return Ok(()),
                None => state.insert(instances::subscription(app, instance.id).await?),
                Some(state) => state,
            };
            for notification in &read.notifications {
                if !self.show(instance, state, notification) {
                    self.next = Some(ListPosition { instance: instance.id, behind });
                    return Ok(());
                }
                behind = notification.sequence.0;
            }
            if read.is_last {
                return Ok(());
            }
        }
    }

    /// `false` where the page ends before it.
    fn show(&mut self, instance: &Instance, state: &Subscription, notification: &Notification) -> bool {
        if self.looked_count == LOOKS_COUNT_MAX {
            return false;
        }
        self.looked_count += 1;
        let record = delivery(instance, state, notification, self.is_hydrated);
        if !self.wanted.holds(&json!(record)) {
            return true;
        }
        let bytes = if self.is_hydrated { answer_bytes(&notification.body, 1) } else { 0 };
        let is_full = self.listed.len() == self.size || self.bytes + bytes > PAGE_BYTES_MAX;
        if is_full && !self.listed.is_empty() {
            return false;
        }
        self.bytes += bytes;
        self.listed.push(record);
        true
    }
}

/// The deliveries of one notification, named by the number of its callback body: one, as each instance has one
/// subscription.
pub(super) async fn of_notification(
    State(app): State<Arc<Context>>,
    caller: Caller,
    Path(number): Path<String>,
    params: Params,
) -> Answered<Json<Vec<Delivery>>> {
    let (instance, notification) = numbered(&app, &caller, &number, &params).await?;
    let state = instances::subscription(&app, instance.id).await?;
    Ok(Json(vec![delivery(&instance, &state, &notification, params.flag("hydrate")?)]))
}

pub(super) async fn of_notification_and_subscription(
    State(app): State<Arc<Context>>,
    caller: Caller,
    Path((number, subscription)): Path<(String, String)>,
    params: Params,
) -> Answered<Json<Delivery>> {
    let (instance, notification) = numbered(&app, &caller, &number, &params).await?;
    if subscription != instance.id.subscription_id().to_string() {
        return Err(ApiError::not_found("subscription of this notification"));
    }
    let state = instances::subscription(&app, instance.id).await?;
    Ok(Json(delivery(&instance, &state, &notification, params.flag("hydrate")?)))
}

fn delivery(
    instance: &Instance,
    state: &Subscription,
    notification: &Notification,
    is_hydrated: bool,
) -> Delivery {
    let is_queued = state.status != SubscriptionStatus::Active;
    Delivery {
        notification_id: notification.name.id,
        subscription_id: instance.id.subscription_id(),
        instance_id: instance.id.get(),
        event_id: notification.name.event_id.clone(),
        status: delivery_status(notification, is_queued),
        channel: wire::channel(instance),
        config: SubscriptionConfig { url: wire::callback(instance) },
        created_date: Moment::of(notification.created_at),
        updated_date: notification.attempts.last().map(|attempt| Moment::of(attempt.at)),
        attempts: notification.attempts.len(),
        notification: is_hydrated.then(|| of_body(notification)),
        subscription: is_hydrated.then(|| wire::subscription_of(instance, state)),
    }
}
