//! Push of an instance as its owner sees it.

use super::key;
use super::reach::unreachable;
use crate::context::Context;
use crate::heard::PULLED_COUNT_MAX;
use crate::ports::Result;
use connectors::Connector;
use domain::health_reading::{self, Reading};
use domain::instance::Instance;
use domain::push::PushStatus;
use domain::settings::Settings;
use std::sync::Arc;

/// `None` where it is not asked for. One read at most.
pub(crate) async fn status(
    app: &Context,
    instance: &Instance,
    connector: &Arc<dyn Connector>,
    settings: &Settings,
) -> Result<Option<PushStatus>> {
    let Some(push) = &settings.push else { return Ok(None) };
    let inactive = |reason: &str| Ok(Some(PushStatus::inactive(reason)));
    if instance.disabled {
        return inactive("the instance is disabled");
    }
    if !instance.is_valid() {
        return inactive("nothing is polled until the mailbox's owner signs in again");
    }
    let Some(way) = connector.push() else { return inactive("this connector has no push") };
    let targets = match way.targets(push, &settings.resources) {
        Ok(targets) => targets,
        Err(reason) => return inactive(&reason),
    };
    if let Some(reason) = unreachable(&app.config, connector.as_ref(), way, push) {
        return inactive(&reason);
    }
    let Some(key) = key::key_of(app, instance) else {
        return inactive("the provider has not said yet whose mailbox this is");
    };
    if app.heard.waits_for_a_place(instance.id) {
        return inactive(&format!(
            "this process pulls from {PULLED_COUNT_MAX} subscriptions, and from no more: it waits for a place"
        ));
    }
    let Some((state, hints)) = app.ports.store.push_state(&key).await? else {
        return inactive("it is being set up");
    };
    match state.members.get(&instance.id) {
        Some(member) if member.targets == targets => {
            Ok(Some(PushStatus::of(member, &state, hints.last_at_of(instance.id), app.now())))
        }
        _ => inactive("it is being set up"),
    }
}

/// Whether notices come, for health events. One read at most.
pub(crate) async fn reading(
    app: &Context,
    instance: &Instance,
    connector: &Arc<dyn Connector>,
    settings: &Settings,
) -> Result<Reading> {
    let Some(push) = settings.push.as_ref().filter(|_| settings.events_enabled) else {
        return Ok(Reading::Moot);
    };
    let Some(Ok(targets)) = connector.push().map(|way| way.targets(push, &settings.resources)) else {
        return Ok(Reading::Moot);
    };
    // What follows from something else is not told by itself.
    let Some(key) = key::key_of(app, instance).filter(|_| !instance.disabled && instance.is_valid()) else {
        return Ok(Reading::Unknown);
    };
    let Some((state, _)) = app.ports.store.push_state(&key).await? else { return Ok(Reading::Unknown) };
    Ok(match state.members.get(&instance.id) {
        Some(member) if member.targets == targets => health_reading::push(member, &state, app.now()),
        _ => Reading::Unknown,
    })
}
