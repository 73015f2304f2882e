//! Instances.

use super::element::Element;
use super::moment::Moment;
use super::named::OrderedObject;
use super::resource::{PolledResource, PollerRecord};
use crate::instances::Outcome;
use crate::ports::WAITING_COUNT_MAX;
use domain::delivery::SubscriptionStatus;
use domain::health::Health;
use domain::health_ledger::HealthLedger;
use domain::push::PushStatus;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What every answer says of an instance, as documented, in the documented order; ours at the end.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct Listing {
    /// A positive 31-bit integer.
    pub(in crate::api) id: u32,
    pub(in crate::api) name: String,
    pub(in crate::api) created_date: Moment,
    /// Sent as `Element <token>` with calls through the instance.
    pub(in crate::api) token: String,
    pub(in crate::api) element: Element,
    pub(in crate::api) element_id: u32,
    pub(in crate::api) tags: Vec<String>,
    #[schemars(with = "Vec<String>")]
    pub(in crate::api) provision_interactions: [String; 0],
    /// False: a person has to sign in again.
    pub(in crate::api) valid: bool,
    pub(in crate::api) disabled: bool,
    pub(in crate::api) max_cache_size: u32,
    pub(in crate::api) cache_time_to_live: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) provider_data: Option<ProviderData>,
    /// Items as texts, secrets masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    pub(in crate::api) configuration: Option<Map<String, Value>>,
    pub(in crate::api) events_enabled: bool,
    pub(in crate::api) trace_logging_enabled: bool,
    pub(in crate::api) caching_enabled: bool,
    pub(in crate::api) external_authentication: String,
    pub(in crate::api) user: Owner,
    /// A password in it is masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) events_notification_callback_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) subscription_id: Option<u32>,
    /// The mailbox's address, where the provider tells it; known from the first baseline on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) mailbox: Option<String>,
    /// Why it is not valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) invalid_reason: Option<String>,
    /// A fault of the application's credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) application_error: Option<String>,
    /// What its owner should know, newest last.
    pub(in crate::api) notices: Vec<Notice>,
}

/// A code that was signed in with; masked.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::api) struct ProviderData {
    pub(in crate::api) code: &'static str,
}

/// Whose an instance is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct Owner {
    pub(in crate::api) id: u32,
    pub(in crate::api) email_address: &'static str,
    pub(in crate::api) first_name: &'static str,
    pub(in crate::api) last_name: &'static str,
}

/// What the owner of an instance should know.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::api) struct Notice {
    pub(in crate::api) date: Moment,
    pub(in crate::api) message: String,
}

/// A connected mailbox.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = example())]
pub(in crate::api) struct Instance {
    #[serde(flatten)]
    pub(in crate::api) listing: Listing,
    /// How it is. Only where one instance is read, or a list is asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) health: Option<HealthState>,
    /// How much waits to be delivered to it. Only in a list that is asked for how its instances are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) waiting: Option<Waiting>,
    /// Where each polled resource stands. Only where one instance is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) resources: Option<Vec<PolledResource>>,
    /// Where its callback stands. Only where one instance is read, or a list is asked for how its instances are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) subscription: Option<CallbackState>,
    /// When the schedule polls it next; null if it is not polled. Only when one instance is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-keeps-null" = true))]
    pub(in crate::api) next_poll: Option<Option<Moment>>,
    /// Whether the provider gives notice of changes. Only where push is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) push: Option<PushState>,
    /// What each resource would do, by its name. Only where the poller configuration was tried.
    #[serde(skip_serializing_if = "OrderedObject::is_empty")]
    pub(in crate::api) trial: OrderedObject<Outcome>,
}

impl From<Listing> for Instance {
    fn from(listing: Listing) -> Self {
        Instance {
            listing,
            health: None,
            waiting: None,
            resources: None,
            subscription: None,
            next_poll: None,
            push: None,
            trial: OrderedObject::from_iter([]),
        }
    }
}

/// Notifications that wait to be delivered.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct Waiting {
    pub(in crate::api) count: u64,
    /// There may be more: of one instance not more than 1,000 are counted.
    pub(in crate::api) at_least: bool,
}

impl Waiting {
    pub(in crate::api) fn of(count: u32) -> Self {
        Waiting { count: count.into(), at_least: count >= WAITING_COUNT_MAX }
    }

    pub(in crate::api) fn add(&mut self, count: u32) {
        let more = Waiting::of(count);
        (self.count, self.at_least) = (self.count + more.count, self.at_least || more.at_least);
    }
}

/// How an instance is, over its sign-in, its polls and its deliveries.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct HealthState {
    pub(in crate::api) status: HealthName,
    /// Why, in words, where it is not healthy.
    pub(in crate::api) reason: Option<String>,
    /// The last poll that read something.
    pub(in crate::api) last_poll: Option<Moment>,
    /// The last poll may be later than `lastPoll` by at most so much: idle polls are stored every ten minutes, on
    /// AWS every hour, and a process knows its own exactly.
    pub(in crate::api) last_poll_within_seconds: i64,
    /// Everything was read at that time or later; null if something was never read.
    pub(in crate::api) last_success: Option<Moment>,
    /// When it is polled next, its back-off included; null if it is not polled.
    pub(in crate::api) next_poll: Option<Moment>,
    /// What health events told the beginning of, and not yet the end.
    pub(in crate::api) open: Vec<OpenHealth>,
}

/// What holds of a connection for a while.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(example = json!({
    "type": "mailbox.needs_sign_in", "since": super::AT, "reason": "sign in again: invalid_grant",
}))]
pub(in crate::api) struct OpenHealth {
    /// As the health event is called.
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["mailbox.needs_sign_in", "mailbox.failing", "mailbox.push_lost", "callback.suspended"]))]
    pub(in crate::api) transition: &'static str,
    /// Since when, as far as it is known.
    pub(in crate::api) since: Moment,
    /// Why, in words.
    pub(in crate::api) reason: String,
}

impl OpenHealth {
    /// Of what was told.
    pub(in crate::api) fn all(ledger: &HealthLedger) -> Vec<Self> {
        let open = ledger.open.iter().map(|(condition, open)| OpenHealth {
            transition: condition.begins().text(),
            since: Moment::of(open.since),
            reason: open.reason.clone(),
        });
        open.collect()
    }
}

/// What only a person mends comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(in crate::api) enum HealthName {
    NeedsSignIn,
    Disabled,
    Suspended,
    EventsOff,
    Stopped,
    Failing,
    BackingOff,
    Releasing,
    Starting,
    Healthy,
}

impl From<Health> for HealthName {
    fn from(health: Health) -> Self {
        match health {
            Health::NeedsSignIn => HealthName::NeedsSignIn,
            Health::Disabled => HealthName::Disabled,
            Health::Suspended => HealthName::Suspended,
            Health::EventsOff => HealthName::EventsOff,
            Health::Stopped => HealthName::Stopped,
            Health::Failing => HealthName::Failing,
            Health::BackingOff => HealthName::BackingOff,
            Health::Releasing => HealthName::Releasing,
            Health::Starting => HealthName::Starting,
            Health::Healthy => HealthName::Healthy,
        }
    }
}

/// Notices of the provider, beside the polls.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(in crate::api) struct PushState {
    /// Notices come of everything that is polled.
    pub(in crate::api) active: bool,
    /// Since when it is active.
    pub(in crate::api) since: Option<Moment>,
    /// Until when, if nothing is renewed.
    pub(in crate::api) until: Option<Moment>,
    /// The last notice that led to a poll.
    pub(in crate::api) last_hint_at: Option<Moment>,
    /// Why it is not active; changes are polled for then.
    pub(in crate::api) reason: Option<String>,
}

impl From<PushStatus> for PushState {
    fn from(status: PushStatus) -> Self {
        PushState {
            active: status.is_active,
            since: status.since.map(Moment::of),
            until: status.until.map(Moment::of),
            last_hint_at: status.last_hint_at.map(Moment::of),
            reason: status.reason,
        }
    }
}

/// What a configuration would do, without anything being stored.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "dryRun": true,
    "resources": { "messages": {
        "reads": "messages", "method": "dates", "where": "LastModifiedDateTime >= '2026-11-22T11:40:00Z'",
        "records": 5, "withId": 5, "withUpdatedDate": 5, "withCreatedDate": 5,
    } },
}))]
pub(in crate::api) struct DryRun {
    #[schemars(extend("const" = true))]
    pub(in crate::api) dry_run: bool,
    /// What each resource would do, by its name.
    pub(in crate::api) resources: OrderedObject<Outcome>,
}

/// Whether a callback takes notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(in crate::api) enum SubscriptionState {
    Active,
    Suspended,
    Releasing,
}

impl From<SubscriptionStatus> for SubscriptionState {
    fn from(status: SubscriptionStatus) -> Self {
        match status {
            SubscriptionStatus::Active => SubscriptionState::Active,
            SubscriptionStatus::Suspended => SubscriptionState::Suspended,
            SubscriptionStatus::Releasing => SubscriptionState::Releasing,
        }
    }
}

/// Where an instance's callback stands.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::api) struct CallbackState {
    pub(in crate::api) status: SubscriptionState,
    /// Why it is not active.
    pub(in crate::api) reason: Option<String>,
}

/// An instance whose polls stopped, wholly or in a resource.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::api) struct StoppedInstance {
    #[serde(flatten)]
    pub(in crate::api) listing: Listing,
    /// Of the whole instance.
    pub(in crate::api) reason: Option<String>,
    /// Those that stopped, each with its error.
    pub(in crate::api) resources: Vec<PollerRecord>,
}

/// Whether an instance is switched off.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(example = json!({ "id": 4711, "disabled": true }))]
pub(in crate::api) struct Enabled {
    pub(in crate::api) id: u32,
    pub(in crate::api) disabled: bool,
}

/// How many instances there are.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "totalInstances": 3,
    "elementInstances": [{
        "elementId": super::element::first().id, "elementKey": super::element::first().key, "totalInstances": 3,
    }],
}))]
pub(in crate::api) struct InstanceCount {
    pub(in crate::api) total_instances: u64,
    pub(in crate::api) element_instances: Vec<ElementCount>,
}

/// How many instances there are of each kind.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "total": 3, "needSomebody": 1, "suspendedCallbacks": 0, "byStatus": { "needsSignIn": 1, "healthy": 2 },
    "byConnector": { super::element::first().key: 3 }, "byTag": [{ "tag": "Sales", "count": 2 }], "otherTags": 0,
    "byApplication": [{ "application": "mail", "count": 2 }], "otherApplications": 0,
    "queued": { "count": 0, "atLeast": false }, "onTheWay": { "count": 1, "atLeast": false },
}))]
pub(in crate::api) struct FleetCounts {
    pub(in crate::api) total: u64,
    /// Those whose status only a person mends: `needsSignIn`, `suspended`, `stopped`, `failing`.
    pub(in crate::api) need_somebody: u64,
    /// Callbacks that take nothing until they are released, but for those of disabled instances.
    pub(in crate::api) suspended_callbacks: u64,
    /// By status; those that no instance has are left out.
    pub(in crate::api) by_status: BTreeMap<&'static str, u64>,
    /// By the connector's key.
    pub(in crate::api) by_connector: BTreeMap<String, u64>,
    /// The most frequent tags, at most 100.
    pub(in crate::api) by_tag: Vec<TagCount>,
    /// Tags beside those.
    pub(in crate::api) other_tags: u64,
    /// The stored applications that most instances name, at most 100.
    pub(in crate::api) by_application: Vec<ApplicationCount>,
    /// Applications beside those.
    pub(in crate::api) other_applications: u64,
    /// Of callbacks that are suspended or being released.
    pub(in crate::api) queued: Waiting,
    /// Of callbacks that take notifications.
    pub(in crate::api) on_the_way: Waiting,
    /// When this page was counted, where a fleet takes several: up to a minute ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) counted_at: Option<Moment>,
}

/// How many instances have a tag.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::api) struct TagCount {
    pub(in crate::api) tag: String,
    pub(in crate::api) count: u64,
}

/// How many instances name an application.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::api) struct ApplicationCount {
    pub(in crate::api) application: String,
    pub(in crate::api) count: u64,
}

/// How many instances of a connector there are.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct ElementCount {
    pub(in crate::api) element_id: u32,
    pub(in crate::api) element_key: &'static str,
    pub(in crate::api) total_instances: u64,
}

fn example() -> Value {
    json!({
        "id": 4711, "name": "Sales mailbox", "createdDate": super::AT,
        "token": "Zm9yIGFuIGV4YW1wbGUsIG5vdCBhIHJlYWwgdG9rZW4=",
        "element": super::element::example(), "elementId": super::element::first().id, "tags": ["Sales"], "provisionInteractions": [],
        "valid": true, "disabled": false, "maxCacheSize": 0, "cacheTimeToLive": 0,
        "providerData": { "code": "********" },
        "configuration": { "event.poller.refresh_interval": "15", "oauth.api.secret": "********" },
        "eventsEnabled": true, "traceLoggingEnabled": false, "cachingEnabled": false,
        "externalAuthentication": "none",
        "user": { "id": 1, "emailAddress": "", "firstName": "", "lastName": "" },
        "eventsNotificationCallbackUrl": "https://app.example/events", "subscriptionId": 6500000,
        "mailbox": "sales@example.com", "notices": [],
    })
}
