//! Notifications, subscriptions and deliveries.

use super::event::DeliveryStatus;
use super::instance::SubscriptionState;
use super::moment::Moment;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Value, json};
use std::borrow::Cow;

/// A notification as its callback had it, with its number as a number, and its time as everywhere else.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(in crate::api) struct Notification(pub(in crate::api) Value);

impl JsonSchema for Notification {
    fn schema_name() -> Cow<'static, str> {
        "Notification".into()
    }

    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        super::callback::StoredNotification::json_schema(schemas)
    }
}

/// Where notifications of an instance go.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = example())]
pub(in crate::api) struct Subscription {
    pub(in crate::api) id: u32,
    pub(in crate::api) channel: Channel,
    pub(in crate::api) topics: [String; 1],
    pub(in crate::api) config: SubscriptionConfig,
    pub(in crate::api) active: bool,
    pub(in crate::api) status: SubscriptionState,
    /// Why it is not active.
    pub(in crate::api) reason: Option<String>,
    pub(in crate::api) instance_id: u32,
}

/// How notifications go out; an instance with both destinations has a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::api) enum Channel {
    Webhook,
    EventBridge,
}

/// What a subscription delivers to.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::api) struct SubscriptionConfig {
    /// A password in it is masked.
    pub(in crate::api) url: Option<String>,
}

/// The delivery of a notification to a subscription.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "notificationId": 1400001, "subscriptionId": 6500000, "instanceId": 4711, "eventId": super::ID, "status": "queued",
    "channel": "webhook", "config": { "url": "https://app.example/events" }, "createdDate": super::AT,
    "updatedDate": null, "attempts": 6,
}))]
pub(in crate::api) struct Delivery {
    pub(in crate::api) notification_id: u64,
    pub(in crate::api) subscription_id: u32,
    pub(in crate::api) instance_id: u32,
    pub(in crate::api) event_id: String,
    pub(in crate::api) status: DeliveryStatus,
    pub(in crate::api) channel: Option<Channel>,
    pub(in crate::api) config: SubscriptionConfig,
    pub(in crate::api) created_date: Moment,
    pub(in crate::api) updated_date: Option<Moment>,
    pub(in crate::api) attempts: usize,
    /// With `hydrate=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) notification: Option<Notification>,
    /// With `hydrate=true`; null where the instance has no destination any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Subscription>", extend("x-keeps-null" = true))]
    pub(in crate::api) subscription: Option<Option<Subscription>>,
}

/// A subscription whose queue is being delivered.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({ "subscriptionId": 6500000, "instanceId": 4711, "status": "releasing" }))]
pub(in crate::api) struct Release {
    pub(in crate::api) subscription_id: u32,
    pub(in crate::api) instance_id: u32,
    #[schemars(extend("const" = "releasing"))]
    pub(in crate::api) status: &'static str,
}

fn example() -> Value {
    json!({
        "id": 6500000, "channel": "webhook", "topics": ["instance-4711-mailbox-events"],
        "config": { "url": "https://app.example/events" }, "active": true, "status": "active", "reason": null,
        "instanceId": 4711,
    })
}
