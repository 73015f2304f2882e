//! Subscriptions: what there is, and releasing what is queued for them.

use super::answer::{Answered, PagedList};
use super::answers::delivery::{self as answers, Release};
use super::answers::event::DeliveryStatus;
use super::auth::Caller;
use super::error::ApiError;
use super::paging::PageRequest;
use super::query::Params;
use super::wire;
use crate::context::Context;
use crate::instances::{self, LOOKS_COUNT_MAX, READS_COUNT_MAX, Walk};
use axum::Json;
use axum::extract::{Path, State};
use chrono::Duration;
use domain::ceql::{self, Expr, Op, Truth};
use domain::delivery::SubscriptionStatus;
use domain::ids::InstanceId;
use domain::instance::Instance;
use serde_json::{Value, json};
use std::sync::Arc;

/// Instances among which one subscription is looked for: its number does not lead to its instance.
const FIND_COUNT_MAX: usize = 10_000;
/// Then a page of releases ends, seconds: each is some writes, and a request may take half a minute.
const RELEASES_S: i64 = 15;

/// What records of subscriptions and of deliveries have.
const FIELDS: [&str; 14] = [
    "id",
    "subscriptionId",
    "channel",
    "topics",
    "active",
    "status",
    "reason",
    "instanceId",
    "notificationId",
    "eventId",
    "createdDate",
    "updatedDate",
    "attempts",
    "config",
];
/// Those that have fields themselves.
const DEEP_FIELDS: [&str; 3] = ["config", "notification", "subscription"];

/// `where`, as in `channel='webhook' and status='queued' and config.url='https://…'`. Where it says which instance or
/// subscription, the others are not even read.
pub(super) struct SubscriptionFilter {
    condition: Option<Expr>,
    instance: Option<InstanceId>,
    subscription: Option<u32>,
}

impl SubscriptionFilter {
    /// `id_field` is what the records call a subscription's number.
    pub(super) fn of(params: &Params, id_field: &str) -> Result<Self, ApiError> {
        let given = params.text("where").filter(|condition| !condition.trim().is_empty());
        let condition = given.map(ceql::parse).transpose();
        let condition = condition.map_err(|error| ApiError::rule("where", &error.to_string()))?;
        let fields = condition.as_ref().map(Expr::fields).unwrap_or_default();
        let is_known = |field: &&str| {
            let root = field.split('.').next().unwrap_or_default();
            *field == id_field || FIELDS.contains(field) || DEEP_FIELDS.contains(&root)
        };
        if let Some(field) = fields.into_iter().find(|field| !is_known(field)) {
            return Err(ApiError::rule("where", &format!("`{field}` is not a field of these records")));
        }
        let equal = |field| condition.as_ref().and_then(|condition| equal_to(condition, field));
        let instance = equal("instanceId").and_then(|id| InstanceId::parse(&id));
        let subscription = equal(id_field).and_then(|id| id.parse().ok());
        Ok(SubscriptionFilter { condition, instance, subscription })
    }

    /// The instances that come into question.
    pub(super) async fn walk<'a>(
        &self,
        app: &'a Context,
        caller: &'a Caller,
        after: Option<InstanceId>,
    ) -> Result<Walk<'a>, ApiError> {
        let looks_count_max = if self.subscription.is_some() { LOOKS_COUNT_MAX } else { READS_COUNT_MAX };
        let walk = Walk::new(app, caller.sight(), after, looks_count_max);
        match self.instance {
            Some(id) => Ok(walk.over(caller.sight().instance(app, id).await?)),
            None => Ok(walk),
        }
    }

    /// Whether it is worth reading more of an instance.
    pub(super) fn may_be(&self, instance: &Instance) -> bool {
        self.subscription.is_none_or(|id| id == instance.id.subscription_id())
    }

    /// Whether a record of one of these statuses comes into question.
    pub(super) fn may_have(&self, statuses: &[DeliveryStatus]) -> bool {
        let Some(condition) = &self.condition else { return true };
        let parts = condition.clone().conjuncts();
        let of_status: Vec<&Expr> = parts.iter().filter(|part| part.fields() == ["status"]).collect();
        let holds = |status: &DeliveryStatus| {
            let record = json!({ "status": status.text() });
            of_status.iter().all(|part| part.matches(&record) == Truth::Yes)
        };
        statuses.iter().any(holds)
    }

    pub(super) fn holds(&self, record: &Value) -> bool {
        self.condition.as_ref().is_none_or(|condition| condition.matches(record) == Truth::Yes)
    }
}

/// What a field must be equal to for the condition to hold.
fn equal_to(condition: &Expr, wanted: &str) -> Option<String> {
    let value = |one: Expr| match one {
        Expr::Compare { field, op: Op::Eq, value } if field == wanted => match value {
            ceql::Value::Text(text) | ceql::Value::Number(text) | ceql::Value::Bare(text) => Some(text),
            ceql::Value::Bool(_) | ceql::Value::Null => None,
        },
        _ => None,
    };
    condition.clone().conjuncts().into_iter().find_map(value)
}

pub(super) async fn list(
    State(app): State<Arc<Context>>,
    caller: Caller,
    params: Params,
) -> Answered<PagedList<answers::Subscription>> {
    let (wanted, page) = (SubscriptionFilter::of(&params, "id")?, PageRequest::large(&params)?);
    let mut walk = wanted.walk(&app, &caller, page.after_instance()?).await?;
    let mut found: Vec<(InstanceId, answers::Subscription)> = Vec::new();
    let mut next = None;
    while let Some(instance) = walk.next().await? {
        if !wanted.may_be(&instance) || wire::channel(&instance).is_none() {
            continue;
        }
        let state = instances::subscription(&app, instance.id).await;
        let Some(state) = walk.passed.readable(state)? else { continue };
        let Some(record) = wire::subscription_of(&instance, &state).filter(|one| wanted.holds(&json!(one)))
        else {
            continue;
        };
        if found.len() == page.size {
            next = found.last().map(|(id, _)| *id);
            break;
        }
        found.push((instance.id, record));
    }
    Ok(answer(&page, &walk, next, found))
}

fn answer<T>(
    page: &PageRequest,
    walk: &Walk<'_>,
    next: Option<InstanceId>,
    found: Vec<(InstanceId, T)>,
) -> PagedList<T> {
    let next = next.or_else(|| walk.stopped_at()).map(|id| id.get().into());
    let records = found.into_iter().map(|(_, one)| one).collect();
    PagedList::new(records, page.size, next).lacking(walk.passed.count)
}

pub(super) async fn one(
    State(app): State<Arc<Context>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answered<Json<answers::Subscription>> {
    let missing = || ApiError::not_found("subscription");
    let id: u32 = id.parse().map_err(|_| missing())?;
    let mut walk = Walk::new(&app, caller.sight(), None, FIND_COUNT_MAX);
    while let Some(instance) = walk.next().await? {
        if instance.id.subscription_id() == id {
            let state = instances::subscription(&app, instance.id).await?;
            return wire::subscription_of(&instance, &state).map(Json).ok_or_else(missing);
        }
    }
    match walk.stopped_at() {
        Some(_) => {
            let looked = format!("{FIND_COUNT_MAX} instances: list with `where=instanceId=…`");
            Err(ApiError::too_much("subscription", &looked))
        }
        None => Err(missing()),
    }
}

/// Starts to deliver what is queued, for each callback that the condition names, a page of them at a time.
pub(super) async fn release(
    State(app): State<Arc<Context>>,
    caller: Caller,
    params: Params,
) -> Answered<PagedList<Release>> {
    let (wanted, page) = (SubscriptionFilter::of(&params, "subscriptionId")?, PageRequest::large(&params)?);
    let until = app.now() + Duration::seconds(RELEASES_S);
    let mut walk = wanted.walk(&app, &caller, page.after_instance()?).await?;
    let mut released: Vec<(InstanceId, Release)> = Vec::new();
    let mut next = None;
    while let Some(instance) = walk.next().await? {
        if !wanted.may_be(&instance) || instance.disabled {
            continue;
        }
        let state = instances::subscription(&app, instance.id).await;
        let Some(state) = walk.passed.readable(state)? else { continue };
        let Some(record) = wire::subscription_of(&instance, &state) else { continue };
        let mut record = json!(record);
        record["subscriptionId"] = instance.id.subscription_id().into();
        record["status"] = "queued".into();
        if state.status == SubscriptionStatus::Active || !wanted.holds(&record) {
            continue;
        }
        if released.len() == page.size || (app.now() >= until && !released.is_empty()) {
            next = released.last().map(|(id, _)| *id);
            break;
        }
        instances::release(&app, instance.id, &caller.by).await?;
        let told = Release {
            subscription_id: instance.id.subscription_id(),
            instance_id: instance.id.get(),
            status: "releasing",
        };
        released.push((instance.id, told));
    }
    Ok(answer(&page, &walk, next, released))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_must_hold_narrows_the_walk() {
        let wanted = |condition: &str| {
            let equal = |field| equal_to(&ceql::parse(condition).unwrap(), field);
            (equal("instanceId"), equal("subscriptionId"))
        };
        let text = |id: &str| Some(id.to_owned());
        assert_eq!(wanted("instanceId=17"), (text("17"), None));
        assert_eq!(
            wanted("status='queued' AND subscriptionId='5' AND instanceId=17"),
            (text("17"), text("5"))
        );
        assert_eq!(wanted("instanceId=17 OR instanceId=18"), (None, None));
        assert_eq!(wanted("NOT instanceId=17 AND subscriptionId > 5"), (None, None));
    }
}
