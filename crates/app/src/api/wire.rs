//! What instances look like on the wire.

use super::answers::delivery::{Channel, SubscriptionConfig};
use super::answers::element::Element;
use super::answers::instance::{CallbackState, Listing, Notice, Owner, ProviderData};
use super::answers::moment::Moment;
use super::answers::resource::{Gap, LastPush, PolledResource, PollerRecord};
use crate::context::Context;
use crate::instances;
use crate::instances::{mailbox_address, token_of};
use crate::ports::{Mailbox, PortError, ResourceRow};
use crate::settle;
use chrono::{DateTime, Utc};
use connectors::Descriptor;
use domain::address;
use domain::catalogue;
use domain::delivery::Subscription;
use domain::health::Pulse;
use domain::instance::{Instance, Validity};
use domain::poller_urls;
use domain::schedule::Timetable;
use domain::settings::{
    CALLBACK_URL, EVENTS_ENABLED, MASK, OAUTH_REFRESH_TOKEN, OAUTH_SCOPE, POLLER_CONFIGURATION, POLLER_URLS,
    Settings, given,
};
use domain::state::frozen_after;
use serde_json::{Map, Value};

/// An instance as documented, in the documented order; ours at the end.
pub(super) fn listing(app: &Context, instance: &Instance) -> Result<Listing, PortError> {
    let sealed = (token_of(app, instance)?, mailbox_address::opened(app, instance)?);
    with_opened(app, instance, sealed)
}

fn with_opened(
    app: &Context,
    instance: &Instance,
    (token, mailbox): (String, Option<String>),
) -> Result<Listing, PortError> {
    let (connector, settings) = instances::understood(app, instance)?;
    let descriptor = connector.descriptor();
    let url = callback(instance);
    let invalid_reason = match &instance.validity {
        Validity::NeedsSignIn(reason) => Some(reason.clone()),
        Validity::Valid => None,
    };
    let notice =
        |one: &domain::instance::Notice| Notice { date: Moment::of(one.at), message: one.text.clone() };
    Ok(Listing {
        id: instance.id.get(),
        name: instance.name.clone(),
        created_date: Moment::of(instance.created_at),
        token,
        element: Element::of(descriptor),
        element_id: descriptor.id,
        tags: instance.tags.clone(),
        provision_interactions: [],
        valid: instance.is_valid(),
        disabled: instance.disabled,
        max_cache_size: 0,
        cache_time_to_live: 0,
        provider_data: Some(ProviderData { code: MASK }),
        configuration: Some(configuration(instance, Some(descriptor))),
        events_enabled: settings.events_enabled,
        trace_logging_enabled: false,
        caching_enabled: false,
        external_authentication: instance.external_authentication.clone(),
        user: Owner { id: instance.account.user_id, email_address: "", first_name: "", last_name: "" },
        subscription_id: url.is_some().then(|| instance.id.subscription_id()),
        events_notification_callback_url: url,
        mailbox,
        invalid_reason,
        application_error: instance.application_error.clone(),
        notices: instance.notices.iter().map(notice).collect(),
    })
}

/// [`listing`] as lists show it; without its configuration where that is not wanted. What does not open of one instance
/// is left out there, so that it does not hide the others.
pub(super) fn listed(app: &Context, one: &Instance, is_hydrated: bool) -> Result<Listing, PortError> {
    let say = |error: &PortError| tracing::error!(instance.id = one.id.get(), %error, "instance.unreadable");
    let token = token_of(app, one).inspect_err(say).unwrap_or_else(|_| MASK.to_owned());
    let mailbox = mailbox_address::opened(app, one).inspect_err(say).unwrap_or_default();
    let shown = with_opened(app, one, (token, mailbox))?;
    Ok(Listing { configuration: shown.configuration.filter(|_| is_hydrated), ..shown })
}

/// [`listing`], with where its resources and its callback stand.
pub(super) fn mailbox(
    app: &Context,
    mailbox: &Mailbox,
) -> Result<super::answers::instance::Instance, PortError> {
    let (_, settings) = instances::understood(app, &mailbox.instance)?;
    let rows = mailbox.resources.iter().filter(|row| is_polled(row, &settings));
    Ok(super::answers::instance::Instance {
        resources: Some(rows.map(|row| resource(app, mailbox, row, &settings)).collect()),
        subscription: Some(callback_state(mailbox)),
        next_poll: Some(next_poll(app, &mailbox.instance, &settings).map(Moment::of)),
        ..listing(app, &mailbox.instance)?.into()
    })
}

/// Where the callback of a mailbox stands.
pub(super) fn callback_state(mailbox: &Mailbox) -> CallbackState {
    CallbackState { status: mailbox.subscription.status.into(), reason: mailbox.subscription.reason.clone() }
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
) -> PollerRecord {
    PollerRecord {
        resource: resource(app, mailbox, row, settings),
        object_type: row.state.resource.clone(),
        instance_id: mailbox.instance.id.get(),
        element_key: mailbox.instance.connector.clone(),
        interval: settings.interval_min,
        next_poll: next_poll(app, &mailbox.instance, settings).map(Moment::of),
    }
}

/// When the timetable polls it next; nothing where it does not.
pub(super) fn next_poll(app: &Context, instance: &Instance, settings: &Settings) -> Option<DateTime<Utc>> {
    let table = Timetable::new(instance.id, settings.interval_min);
    settle::is_polled(instance, settings).then(|| table.next_after(app.now()))
}

fn resource(app: &Context, mailbox: &Mailbox, row: &ResourceRow, settings: &Settings) -> PolledResource {
    let state = &row.state;
    let now = app.now();
    let known = app.last_reads.get(mailbox.instance.id, &state.resource);
    let last_success_at = state.last_success_at.max(known);
    let pulse = Pulse { last_success_at, ..Pulse::of(state) };
    let age_s = |at: DateTime<Utc>| (now - at).num_seconds().max(0);
    let gap = |gap: &domain::state::Gap| Gap {
        from: Moment::of(gap.from),
        to: Moment::of(gap.to),
        reason: gap.reason.clone(),
    };
    PolledResource {
        name: state.resource.clone(),
        last_poll: last_success_at.map(Moment::of),
        last_poll_age_seconds: last_success_at.map(age_s),
        last_change: state.changed_at.map(Moment::of),
        last_change_age_seconds: state.changed_at.map(age_s),
        last_push: state.pushed.map(|pushed| LastPush {
            hint_at: Moment::of(pushed.hint_at),
            latency_milliseconds: (pushed.found_at - pushed.hint_at).num_milliseconds(),
        }),
        last_success: last_success_at.map(Moment::of),
        failures: state.failures,
        error: state.last_error.clone(),
        retry_at: state.backoff_until.map(Moment::of),
        frozen: pulse.is_frozen(frozen_after(settings.interval_min * 60, app.config.heartbeat), now),
        records_to_retry: state.retry_records.waiting_count(),
        gaps: state.gaps.iter().map(gap).collect(),
    }
}

/// Items as texts; the secret ones masked, events always said, and a polling configuration of the older form in the newer
/// one too.
pub(super) fn configuration(instance: &Instance, descriptor: Option<&Descriptor>) -> Map<String, Value> {
    // The kept refresh token was not configured, unless it was.
    let is_shown = |key: &str| key != OAUTH_REFRESH_TOKEN || instance.external_authentication == "initial";
    let items = instance.shown_configuration().into_iter().filter(|(key, _)| is_shown(key));
    let mut items: Map<String, Value> = items.map(|(key, value)| (key, value.into())).collect();
    items.entry(EVENTS_ENABLED).or_insert_with(|| "false".into());
    let newer = given(&instance.configuration, POLLER_CONFIGURATION);
    if let (None, Some(urls), Some(descriptor)) =
        (newer, given(&instance.configuration, POLLER_URLS), descriptor)
    {
        let entry = |name: &str| descriptor.poller_of(name);
        items.insert(POLLER_CONFIGURATION.to_owned(), poller_urls::as_json(urls, &entry).into());
    }
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

/// The callback's address, without what it holds of secrets.
pub(super) fn callback(instance: &Instance) -> Option<String> {
    given(&instance.configuration, CALLBACK_URL).map(address::shown)
}

/// Where notifications go; an instance with both destinations is a webhook's.
pub(super) fn channel(instance: &Instance) -> Option<Channel> {
    match given(&instance.configuration, CALLBACK_URL) {
        Some(_) => Some(Channel::Webhook),
        None => crate::destinations::wants_bus(instance).then_some(Channel::EventBridge),
    }
}

/// A subscription as documented; `status` and the reason are ours.
pub(super) fn subscription_of(
    instance: &Instance,
    state: &Subscription,
) -> Option<super::answers::delivery::Subscription> {
    Some(super::answers::delivery::Subscription {
        id: instance.id.subscription_id(),
        channel: channel(instance)?,
        topics: [domain::envelope::topic(instance.id, &instance.connector)],
        config: SubscriptionConfig { url: callback(instance) },
        active: state.status == domain::delivery::SubscriptionStatus::Active,
        status: state.status.into(),
        reason: state.reason.clone(),
        instance_id: instance.id.get(),
    })
}
