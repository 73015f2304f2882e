//! Asking for a window of the past to be read again.

use super::Refusal;
use super::change::{TRIES_COUNT_MAX, living};
use super::stored::understood;
use crate::audit::By;
use crate::context::Context;
use crate::ports::{InstanceChange, Mailbox, SubscriptionChange, Written};
use crate::settle::{self, Promise};
use chrono::{DateTime, Duration, Utc};
use connectors::{Connector, Polling};
use domain::backfill::{self, Backfill};
use domain::ids::InstanceId;
use domain::instance::Unsettled;
use domain::invalid::Invalid;
use domain::resource::ResourceConfig;
use domain::settings::Settings;
use domain::state::ResourceState;
use serde_json::json;
use std::sync::Arc;

/// Lists may show this late what came in before, seconds: until then it is the polls' to report.
const LAG_S: i64 = 120;

/// What a client wants read again.
#[derive(Debug, Clone)]
pub(crate) struct BackfillOrder {
    pub(crate) from: DateTime<Utc>,
    pub(crate) to: DateTime<Utc>,
    /// Configured names; empty: all that can be read by time.
    pub(crate) resources: Vec<String>,
}

/// Notes what is to be read; polls of the instance do it. Returns the backfill's id.
pub(crate) async fn begin(
    app: &Context,
    id: InstanceId,
    by: &By,
    wanted: &BackfillOrder,
) -> Result<String, Refusal> {
    let mut promise = Promise::about(id);
    for _ in 0..TRIES_COUNT_MAX {
        let _held = app.locks.hold(id).await;
        let mailbox = living(app, id).await?;
        let (connector, settings) = understood(app, &mailbox.instance)?;
        let now = app.now();
        check(app, &mailbox, &settings, wanted, now)?;
        let resources = chosen(connector, &settings, wanted, now)?;
        let backfill_id = backfill::id_of(id, now);
        let mut instance = mailbox.instance.clone();
        instance.version += 1;
        instance.unsettled.insert(Unsettled::Poll);
        let documents = (None, Some(json!({ "from": wanted.from, "to": wanted.to, "id": backfill_id })));
        let subject = format!("instances/{id}/backfill");
        let organization_id = instance.account.organization_id;
        let rows = resources.iter().map(|resource| row(&mailbox, resource, &backfill_id, wanted, now));
        let change = InstanceChange {
            audit: Some(by.entry(app, organization_id, "instance.backfill", subject, documents)),
            instance,
            put_states: rows.chain(touched(&mailbox, &resources)).collect(),
            remove_resources: replaced(&mailbox, &resources, now),
            subscription: SubscriptionChange::Keep,
            session: None,
            spends: None,
        };
        if settle::commit(app, &mut promise, &change).await? == Written::Done {
            return Ok(backfill_id);
        }
    }
    Err(Refusal::Conflict)
}

/// The resources that a backfill would read; refuses as [`begin`] does.
pub(crate) async fn backfilled(
    app: &Context,
    id: InstanceId,
    wanted: &BackfillOrder,
) -> Result<(Mailbox, Vec<ResourceConfig>), Refusal> {
    let mailbox = living(app, id).await?;
    let (connector, settings) = understood(app, &mailbox.instance)?;
    let now = app.now();
    check(app, &mailbox, &settings, wanted, now)?;
    let resources = chosen(connector, &settings, wanted, now)?.into_iter().cloned().collect();
    Ok((mailbox, resources))
}

fn check(
    app: &Context,
    mailbox: &Mailbox,
    settings: &Settings,
    wanted: &BackfillOrder,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let oldest = now - app.config.retention;
    let mut errors = Vec::new();
    if wanted.from < oldest {
        let rule = format!(
            "must not be before {}: the event log begins then, and older changes could be reported twice",
            domain::envelope::iso_seconds(oldest)
        );
        errors.push(Invalid::new("from", rule));
    }
    if wanted.to <= wanted.from {
        errors.push(Invalid::new("to", "must be after `from`"));
    }
    if !errors.is_empty() {
        return Err(Refusal::Invalid(errors));
    }
    if !settle::is_polled(&mailbox.instance, settings) {
        return Err(Refusal::NotNow(
            "the instance is not polled: events are off, it is disabled, or a person has to sign in",
        ));
    }
    if mailbox.resources.iter().any(|row| !row.removed && backfill::is_running(&row.state)) {
        return Err(Refusal::NotNow("another backfill of this instance is under way"));
    }
    Ok(())
}

/// The resources to read; each must be one that can be read by time.
fn chosen<'a>(
    connector: &Arc<dyn Connector>,
    settings: &'a Settings,
    wanted: &BackfillOrder,
    now: DateTime<Utc>,
) -> Result<Vec<&'a ResourceConfig>, Refusal> {
    let by_time = |config: &ResourceConfig| {
        let read = config.read_at(now, now).ok();
        let known = read.and_then(|read| connector.descriptor().resource(&read.resource));
        known.is_some_and(|known| matches!(known.polling, Polling::Changes | Polling::Dates))
    };
    if wanted.resources.is_empty() {
        let all: Vec<&ResourceConfig> = settings.resources.iter().filter(|config| by_time(config)).collect();
        return match all.is_empty() {
            true => Err(Refusal::rule("resources", "none of what is polled can be read again by time")),
            false => Ok(all),
        };
    }
    let one = |name: &String| {
        let config = settings.resources.iter().find(|config| config.name == *name);
        let config = config.ok_or_else(|| Refusal::rule("resources", format!("`{name}` is not polled")))?;
        match by_time(config) {
            true => Ok(config),
            false => Err(Refusal::rule("resources", format!("`{name}` can't be read again by time"))),
        }
    };
    wanted.resources.iter().map(one).collect()
}

/// The window ends where the polls are: what comes later is theirs. What was there before their baseline never is.
fn row(
    mailbox: &Mailbox,
    config: &ResourceConfig,
    backfill_id: &str,
    wanted: &BackfillOrder,
    now: DateTime<Utc>,
) -> ResourceState {
    let polled = mailbox.resources.iter().find(|row| row.state.resource == config.name);
    let baseline_at = polled.and_then(|row| row.state.baseline_at);
    let polled_until = polled.and_then(|row| row.state.last_success_at).unwrap_or(now);
    let settled_until = polled_until - Duration::seconds(LAG_S);
    let to = wanted.to.min(baseline_at.map_or(settled_until, |baseline_at| settled_until.max(baseline_at)));
    let backfill = Backfill {
        id: backfill_id.to_owned(),
        resource: config.name.clone(),
        from: wanted.from,
        to,
        requested_at: now,
        changes_count: 0,
        events_count: 0,
        is_listed: to <= wanted.from,
        position: None,
    };
    ResourceState {
        version: 1,
        cursor: Some(backfill.to_value()),
        baseline_at: Some(now),
        ..ResourceState::new(&backfill.row_name(), now)
    }
}

/// The walks' own rows, a version on: a poll that read them before knows of no backfill, and tells nothing beside it.
fn touched(mailbox: &Mailbox, resources: &[&ResourceConfig]) -> Vec<ResourceState> {
    let is_read_again = |state: &ResourceState| resources.iter().any(|config| config.name == state.resource);
    let rows = mailbox.resources.iter().filter(|row| !row.removed && is_read_again(&row.state));
    rows.map(|row| ResourceState { version: row.state.version + 1, ..row.state.clone() }).collect()
}

/// Rows of earlier backfills of the same resources, and those that nobody has to bear in mind any more. The others stay:
/// the walk of their resource may still come to what they have reported.
fn replaced(mailbox: &Mailbox, resources: &[&ResourceConfig], now: DateTime<Utc>) -> Vec<String> {
    let is_replaced = |backfill: &Backfill| {
        !backfill.is_recent(now) || resources.iter().any(|config| config.name == backfill.resource)
    };
    let rows = mailbox.resources.iter().map(|row| &row.state);
    let rows = rows.filter(|state| backfill::is_row(&state.resource));
    // What can't be read belongs to no one.
    rows.filter(|state| Backfill::of(state).is_none_or(|backfill| is_replaced(&backfill)))
        .map(|state| state.resource.clone())
        .collect()
}
