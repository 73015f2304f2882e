//! Deliveries: those of a notification, and of all instances.

use super::answer::{Answered, PagedList};
use super::answers::delivery::{Delivery, SubscriptionConfig};
use super::answers::event::DeliveryStatus;
use super::answers::moment::Moment;
use super::auth::Caller;
use super::error::ApiError;
use super::notifications::{READ_COUNT, numbered, of_body};
use super::paging::{ListPosition, PAGE_BYTES_MAX, PageRequest, SEQUENCE_END, answer_bytes, foreign};
use super::query::Params;
use super::subscriptions::SubscriptionFilter;
use super::wire;
use crate::context::Context;
use crate::event_log::{self, LogStretch};
use crate::instances;
use crate::ports::Notification;
use crate::unreadable::PassedOver;
use axum::Json;
use axum::extract::{Path, State};
use domain::delivery::{Subscription, SubscriptionStatus};
use domain::ids::{InstanceId, Sequence};
use domain::instance::Instance;
use serde_json::{Value, json};
use std::sync::Arc;

/// Maximum notifications looked at for one page; its token goes on where the look ended.
const LOOKS_COUNT_MAX: usize = 1_000;

/// Notifications of an instance, in two parts, one behind the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DeliveryPart {
    /// What waits to be delivered, oldest first.
    Waiting,
    /// What does not any more, newest first.
    Over,
}

impl DeliveryPart {
    /// Statuses that deliveries of this part have.
    fn statuses(self) -> &'static [DeliveryStatus] {
        match self {
            DeliveryPart::Waiting => {
                &[DeliveryStatus::Created, DeliveryStatus::Retry, DeliveryStatus::Queued]
            }
            DeliveryPart::Over => &[DeliveryStatus::Delivered, DeliveryStatus::Dropped],
        }
    }

    /// The sequence that all of it is behind.
    fn begin(self) -> u64 {
        match self {
            DeliveryPart::Waiting => 0,
            DeliveryPart::Over => SEQUENCE_END - 1,
        }
    }

    /// What stands behind a sequence.
    async fn read(self, app: &Context, id: InstanceId, behind: u64) -> crate::ports::Result<LogStretch> {
        let behind = Sequence(behind);
        match self {
            DeliveryPart::Waiting => event_log::waiting(app, id, behind, READ_COUNT).await,
            DeliveryPart::Over => event_log::of_instance(app, id, Some(behind), None, READ_COUNT).await,
        }
    }
}

/// A place in the list of deliveries.
#[derive(Debug, Clone, Copy)]
struct Place {
    part: DeliveryPart,
    at: ListPosition,
}

impl Place {
    fn read(token: &Value) -> Option<Self> {
        let (part, at) = match token.as_array()?.as_slice() {
            [instance, behind, over] if *over == true => (DeliveryPart::Over, json!([instance, behind])),
            _ => (DeliveryPart::Waiting, token.clone()),
        };
        Some(Place { part, at: ListPosition::read(&at)? })
    }

    fn token(self) -> Value {
        match self.part {
            DeliveryPart::Waiting => self.at.token(),
            DeliveryPart::Over => json!([self.at.instance.get(), self.at.behind, true]),
        }
    }
}

/// In each instance what waits to be delivered, oldest first, then what was, newest first.
pub(super) async fn list(
    State(app): State<Arc<Context>>,
    caller: Caller,
    params: Params,
) -> Answered<PagedList<Delivery>> {
    let (wanted, page) = (SubscriptionFilter::of(&params, "subscriptionId")?, PageRequest::large(&params)?);
    let place = page.after.as_ref().map(|after| Place::read(after).ok_or_else(foreign)).transpose()?;
    let mut walk = wanted.walk(&app, &caller, place.and_then(|place| place.at.walked())).await?;
    let mut found = Found::new(&wanted, page.size, params.flag("hydrate")?);
    while found.next.is_none() {
        let Some(instance) = walk.next().await? else { break };
        if wanted.may_be(&instance) {
            found.read(&app, &instance, place.filter(|place| place.at.instance == instance.id)).await?;
        }
    }
    let walked = || walk.stopped_at().and_then(ListPosition::after).map(ListPosition::token);
    let next = found.next.map(Place::token).or_else(walked);
    Ok(PagedList::new(found.listed, page.size, next).lacking(walk.passed.count + found.unreadable_count))
}

/// A page of deliveries.
struct Found<'a> {
    wanted: &'a SubscriptionFilter,
    size: usize,
    is_hydrated: bool,
    listed: Vec<Delivery>,
    bytes: usize,
    looked_count: usize,
    /// Of the instances that were read.
    unreadable_count: usize,
    /// Where the next page begins, once this one ended before the list did.
    next: Option<Place>,
}

impl<'a> Found<'a> {
    fn new(wanted: &'a SubscriptionFilter, size: usize, is_hydrated: bool) -> Self {
        let (listed, bytes, looked_count, unreadable_count) = (Vec::new(), 0, 0, 0);
        Found { wanted, size, is_hydrated, listed, bytes, looked_count, unreadable_count, next: None }
    }

    /// Both parts of one instance, or what is behind a place in them.
    async fn read(
        &mut self,
        app: &Context,
        instance: &Instance,
        from: Option<Place>,
    ) -> Result<(), ApiError> {
        // What waits may be met in both parts.
        let mut unreadable_count = 0;
        for part in [DeliveryPart::Waiting, DeliveryPart::Over] {
            let is_passed =
                part == DeliveryPart::Waiting && from.is_some_and(|place| place.part == DeliveryPart::Over);
            if !is_passed && self.next.is_none() && self.wanted.may_have(part.statuses()) {
                let behind =
                    from.filter(|place| place.part == part).map_or(part.begin(), |place| place.at.behind);
                let passed = self.read_part(app, instance, part, behind).await?;
                unreadable_count = unreadable_count.max(passed.count);
            }
        }
        self.unreadable_count += unreadable_count;
        Ok(())
    }

    async fn read_part(
        &mut self,
        app: &Context,
        instance: &Instance,
        part: DeliveryPart,
        mut behind: u64,
    ) -> Result<PassedOver, ApiError> {
        let (mut state, mut passed) = (None, PassedOver::default());
        loop {
            let read = part.read(app, instance.id, behind).await;
            let Some(read) = passed.readable(read)? else { return Ok(passed) };
            passed.count += read.unreadable_count;
            let state = match &state {
                None if read.notifications.is_empty() => return Ok(passed),
                None => match passed.readable(instances::subscription(app, instance.id).await)? {
                    Some(read) => state.insert(read),
                    None => return Ok(passed),
                },
                Some(state) => state,
            };
            for notification in &read.notifications {
                if !self.show(instance, state, notification, part) {
                    self.next = Some(Place { part, at: ListPosition { instance: instance.id, behind } });
                    return Ok(passed);
                }
                behind = notification.sequence.0;
            }
            if read.is_last {
                return Ok(passed);
            }
        }
    }

    /// `false` where the page ends before it.
    fn show(
        &mut self,
        instance: &Instance,
        state: &Subscription,
        notification: &Notification,
        part: DeliveryPart,
    ) -> bool {
        if self.looked_count == LOOKS_COUNT_MAX {
            return false;
        }
        self.looked_count += 1;
        let record = delivery(instance, state, notification, self.is_hydrated);
        if !part.statuses().contains(&record.status) || !self.wanted.holds(&json!(record)) {
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
        status: DeliveryStatus::of(notification, is_queued),
        channel: wire::channel(instance),
        config: SubscriptionConfig { url: wire::callback(instance) },
        created_date: Moment::of(notification.created_at),
        updated_date: notification.attempts.last().map(|attempt| Moment::of(attempt.at)),
        attempts: notification.attempts.len(),
        notification: is_hydrated.then(|| of_body(notification)),
        subscription: is_hydrated.then(|| wire::subscription_of(instance, state)),
    }
}
