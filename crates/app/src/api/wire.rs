//! What instances look like on the wire.

use crate::context::Context;
use crate::instances;
use crate::instances::token_of;
use crate::ports::{Mailbox, PortError, ResourceRow};
use connectors::Descriptor;
use domain::address;
use domain::catalogue;
use domain::delivery::Subscription;
use domain::envelope::iso_seconds;
use domain::instance::{Instance, Validity};
use domain::schedule::Timetable;
use domain::settings::{
    CALLBACK_URL, EVENTS_ENABLED, MASK, OAUTH_REFRESH_TOKEN, OAUTH_SCOPE, POLLER_CONFIGURATION, Settings,
    given,
};
use serde_json::{Map, Value, json};

/// An instance as documented, in the documented order; ours at the end.
pub(super) fn instance(app: &Context, instance: &Instance) -> Result<Value, PortError> {
    let (connector, settings) = instances::understood(app, instance)?;
    let descriptor = connector.descriptor();
    let mut value = json!({
        "id": instance.id.get(),
        "name": instance.name,
        "createdDate": iso_seconds(instance.created_at),
        "token": token_of(app, instance)?,
        "element": element(descriptor),
        "elementId": descriptor.id,
        "tags": instance.tags,
        "provisionInteractions": [],
        "valid": instance.is_valid(),
        "disabled": instance.disabled,
        "maxCacheSize": 0,
        "cacheTimeToLive": 0,
        "providerData": { "code": MASK },
        "configuration": configuration(instance),
        "eventsEnabled": settings.events_enabled,
        "traceLoggingEnabled": false,
        "cachingEnabled": false,
        "externalAuthentication": instance.external_authentication,
        "user": { "id": instance.account.user_id, "emailAddress": "", "firstName": "", "lastName": "" },
    });
    if let Some(url) = callback(instance) {
        value["eventsNotificationCallbackUrl"] = url.into();
        value["subscriptionId"] = instance.id.subscription_id().into();
    }
    if let Validity::NeedsSignIn(reason) = &instance.validity {
        value["invalidReason"] = reason.as_str().into();
    }
    if let Some(error) = &instance.application_error {
        value["applicationError"] = error.as_str().into();
    }
    let notice =
        |notice: &domain::instance::Notice| json!({ "date": iso_seconds(notice.at), "message": notice.text });
    value["notices"] = instance.notices.iter().map(notice).collect();
    Ok(value)
}

/// [`instance`] as lists show it; without its configuration where that is not wanted.
pub(super) fn listed(app: &Context, one: &Instance, is_hydrated: bool) -> Result<Value, PortError> {
    let mut value = instance(app, one)?;
    if let Some(object) = value.as_object_mut().filter(|_| !is_hydrated) {
        object.remove("configuration");
    }
    Ok(value)
}

/// [`instance`], with where its resources and its callback stand.
pub(super) fn mailbox(app: &Context, mailbox: &Mailbox) -> Result<Value, PortError> {
    let mut value = instance(app, &mailbox.instance)?;
    let (_, settings) = instances::understood(app, &mailbox.instance)?;
    let rows = mailbox.resources.iter().filter(|row| is_polled(row, &settings));
    value["resources"] = rows.map(|row| resource(app, row, &settings)).collect();
    value["subscription"] = subscription(&mailbox.subscription);
    value["nextPoll"] = next_poll(app, &mailbox.instance, &settings);
    Ok(value)
}

/// Whether a row belongs to a configured resource.
pub(super) fn is_polled(row: &ResourceRow, settings: &Settings) -> bool {
    !row.removed && settings.resources.iter().any(|config| config.name == row.state.resource)
}

/// Where a polled resource stands, with whose it is.
pub(super) fn poller_record(
    app: &Context,
    mailbox: &Mailbox,
    row: &ResourceRow,
    settings: &Settings,
) -> Value {
    let mut value = resource(app, row, settings);
    value["objectType"] = row.state.resource.as_str().into();
    value["instanceId"] = mailbox.instance.id.get().into();
    value["elementKey"] = mailbox.instance.connector.as_str().into();
    value["interval"] = settings.interval_min.into();
    value["nextPoll"] = next_poll(app, &mailbox.instance, settings);
    value
}

/// When the timetable polls it next; null where it does not.
fn next_poll(app: &Context, instance: &Instance, settings: &Settings) -> Value {
    let is_polled = settings.events_enabled && !instance.disabled && instance.is_valid();
    let table = Timetable::new(instance.id, settings.interval_min);
    is_polled.then(|| iso_seconds(table.next_after(app.now()))).into()
}

fn resource(app: &Context, row: &ResourceRow, settings: &Settings) -> Value {
    let state = &row.state;
    let now = app.now();
    let age_s = |at: chrono::DateTime<chrono::Utc>| (now - at).num_seconds().max(0);
    let gap = |gap: &domain::state::Gap| json!({ "from": iso_seconds(gap.from), "to": iso_seconds(gap.to), "reason": gap.reason });
    json!({
        "name": state.resource,
        "lastPoll": state.last_success_at.map(iso_seconds),
        "lastPollAgeSeconds": state.last_success_at.map(age_s),
        "lastChange": state.changed_at.map(iso_seconds),
        "lastChangeAgeSeconds": state.changed_at.map(age_s),
        "lastSuccess": state.last_success_at.map(iso_seconds),
        "failures": state.failures,
        "error": state.last_error,
        "retryAt": state.backoff_until.map(iso_seconds),
        "frozen": state.is_frozen(settings.interval_min * 60, now),
        "recordsToRetry": state.retry_records.waiting_count(),
        "gaps": state.gaps.iter().map(gap).collect::<Vec<_>>(),
    })
}

fn subscription(subscription: &Subscription) -> Value {
    json!({ "status": subscription.status, "reason": subscription.reason })
}

/// Items as texts; the secret ones masked, events always said.
pub(super) fn configuration(instance: &Instance) -> Map<String, Value> {
    // The kept refresh token was not configured, unless it was.
    let is_shown = |key: &str| key != OAUTH_REFRESH_TOKEN || instance.external_authentication == "initial";
    let items = instance.shown_configuration().into_iter().filter(|(key, _)| is_shown(key));
    let mut items: Map<String, Value> = items.map(|(key, value)| (key, value.into())).collect();
    items.entry(EVENTS_ENABLED).or_insert_with(|| "false".into());
    items
}

/// What an item is where nothing is given.
pub(super) fn default_of(key: &str, descriptor: &Descriptor) -> Option<String> {
    match key {
        POLLER_CONFIGURATION => Some(descriptor.default_poller()),
        OAUTH_SCOPE => Some(descriptor.authentication.scopes()?.to_owned()),
        key => catalogue::item(key)?.default.map(str::to_owned),
    }
}

pub(super) fn element(descriptor: &Descriptor) -> Value {
    json!({
        "id": descriptor.id,
        "name": descriptor.name,
        "key": descriptor.key,
        "description": descriptor.description,
        "image": "elements/custom-element-default-logo.png",
        "logo": descriptor.key,
        "active": true,
        "deleted": false,
        "typeOauth": false,
        "trialAccount": false,
        "resources": [],
        "transformationsEnabled": true,
        "bulkDownloadEnabled": descriptor.odata,
        "bulkUploadEnabled": descriptor.odata,
        "cloneable": true,
        "extendable": descriptor.odata,
        "beta": false,
        "authentication": { "type": descriptor.authentication.wire() },
        "extended": false,
        "useModelsForMetadata": descriptor.odata,
        "hub": descriptor.hub,
        "protocolType": descriptor.protocol_type,
        "parameters": [],
        "private": false,
    })
}

/// The callback's address, without what it holds of secrets.
pub(super) fn callback(instance: &Instance) -> Option<String> {
    given(&instance.configuration, CALLBACK_URL).map(address::shown)
}

/// Where notifications go; an instance with both destinations is a webhook's.
pub(super) fn channel(instance: &Instance) -> Option<&'static str> {
    match given(&instance.configuration, CALLBACK_URL) {
        Some(_) => Some("webhook"),
        None => crate::destinations::wants_bus(instance).then_some("eventbridge"),
    }
}

/// A subscription as documented; `status` and the reason are ours.
pub(super) fn subscription_of(instance: &Instance, state: &Subscription) -> Option<Value> {
    Some(json!({
        "id": instance.id.subscription_id(),
        "channel": channel(instance)?,
        "topics": [domain::envelope::topic(instance.id, &instance.connector)],
        "config": { "url": callback(instance) },
        "active": state.status == domain::delivery::SubscriptionStatus::Active,
        "status": state.status,
        "reason": state.reason,
        "instanceId": instance.id.get(),
    }))
}
