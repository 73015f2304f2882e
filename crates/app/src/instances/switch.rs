//! Switching instances off and on, starting them again, and ending them.

use super::Refusal;
use super::change::{TRIES_COUNT_MAX, living};
use super::mailbox_address::{self, KeptAddress};
use super::stopped::failing;
use super::stored::understood;
use crate::audit::By;
use crate::context::Context;
use crate::ports::{InstanceChange, Result as PortResult, SubscriptionChange, Written};
use crate::settle::{self, Promise};
use domain::delivery::SubscriptionStatus;
use domain::ids::InstanceId;
use domain::instance::{Instance, Unsettled, Validity};
use domain::state::ResourceState;
use serde_json::json;

/// Switches an instance off or on. Off: no polls, and what is undelivered waits. On: polls go on from the
/// cursor, and what waits is released.
pub(crate) async fn set_enabled(
    app: &Context,
    id: InstanceId,
    by: &By,
    enabled: bool,
) -> Result<(), Refusal> {
    let mut promise = Promise::about(id);
    for _ in 0..TRIES_COUNT_MAX {
        let _held = app.locks.hold(id).await;
        let mailbox = living(app, id).await?;
        if mailbox.instance.disabled != enabled {
            if mailbox.instance.is_unsettled() {
                settle::marked(app, id).await;
            }
            return Ok(());
        }
        let mut instance = mailbox.instance.clone();
        instance.version += 1;
        instance.updated_at = app.now();
        instance.disabled = !enabled;
        mailbox_address::complete(app, &mut instance);
        instance.unsettled.insert(Unsettled::Schedule);
        if enabled && understood(app, &instance)?.1.push.is_some() {
            // Push is set up by a poll.
            instance.unsettled.insert(Unsettled::Poll);
        }
        let action = if enabled { "instance.enabled" } else { "instance.disabled" };
        let change = InstanceChange {
            audit: Some(by.instance(app, action, Some(&mailbox.instance), &mut instance)?),
            instance,
            put_states: Vec::new(),
            remove_resources: Vec::new(),
            subscription: match enabled {
                true => SubscriptionChange::Release,
                false => SubscriptionChange::Suspend("the instance is disabled".to_owned()),
            },
            session: None,
            spends: None,
        };
        if settle::commit(app, &mut promise, &change).await? == Written::Done {
            tracing::info!(instance.id = id.get(), "instance.changed");
            return Ok(());
        }
    }
    Err(Refusal::Conflict)
}

/// Begins anew with what had stopped: failures and back-offs are forgotten, also that the provider wanted somebody to
/// sign in, and a poll is enqueued that finds out.
pub(crate) async fn resume(app: &Context, id: InstanceId, by: &By) -> Result<(), Refusal> {
    let mut promise = Promise::about(id);
    for _ in 0..TRIES_COUNT_MAX {
        let _held = app.locks.hold(id).await;
        let mailbox = living(app, id).await?;
        let mut instance = mailbox.instance.clone();
        instance.version += 1;
        instance.updated_at = app.now();
        instance.unsettled.extend([Unsettled::Schedule, Unsettled::Poll]);
        instance.validity = Validity::Valid;
        instance.application_error = None;
        let mut session = mailbox.session.clone();
        session.begin_anew(app.now());
        let change = InstanceChange {
            audit: Some(by.instance(app, "instance.resumed", Some(&mailbox.instance), &mut instance)?),
            instance,
            put_states: failing(&mailbox).map(ResourceState::forgiven).collect(),
            remove_resources: Vec::new(),
            subscription: SubscriptionChange::Keep,
            session: Some(session),
            spends: None,
        };
        if settle::commit(app, &mut promise, &change).await? == Written::Done {
            app.traffic.lane(id).begin_anew();
            tracing::info!(instance.id = id.get(), "instance.changed");
            return Ok(());
        }
    }
    Err(Refusal::Conflict)
}

/// Begins to deliver what is queued, unless that is under way.
pub(crate) async fn release(app: &Context, id: InstanceId, by: &By) -> Result<(), Refusal> {
    let mut promise = Promise::about(id);
    for _ in 0..TRIES_COUNT_MAX {
        let mailbox = living(app, id).await?;
        let before = &mailbox.subscription;
        let documents = (Some(json!({ "status": before.status, "reason": before.reason })), None);
        let organization_id = mailbox.instance.account.organization_id;
        let entry = by.entry(app, organization_id, "subscription.released", subscription_of(id), documents);
        let mut instance = mailbox.instance.clone();
        instance.version += 1;
        let change = InstanceChange {
            audit: Some(entry),
            instance,
            put_states: Vec::new(),
            remove_resources: Vec::new(),
            // Of one that is under way the worker goes on.
            subscription: match before.status {
                SubscriptionStatus::Suspended if !mailbox.instance.disabled => SubscriptionChange::Release,
                _ => SubscriptionChange::Keep,
            },
            session: None,
            spends: None,
        };
        if settle::commit(app, &mut promise, &change).await? == Written::Done {
            return Ok(());
        }
    }
    Err(Refusal::Conflict)
}

fn subscription_of(id: InstanceId) -> String {
    format!("instances/{id}/subscription")
}

/// Deletes an instance: one write makes it gone, a job removes the rest.
pub(crate) async fn delete(app: &Context, id: InstanceId, by: &By) -> Result<(), Refusal> {
    let mut promise = Promise::about(id);
    for _ in 0..TRIES_COUNT_MAX {
        let mut instance = living(app, id).await?.instance;
        instance.version += 1;
        instance.deleted_at = Some(app.now());
        KeptAddress::default().put_in(&mut instance);
        let change = InstanceChange {
            audit: Some(by.deletion(app, &mut instance)),
            instance,
            put_states: Vec::new(),
            remove_resources: Vec::new(),
            subscription: SubscriptionChange::Keep,
            session: None,
            spends: None,
        };
        if settle::commit(app, &mut promise, &change).await? == Written::Done {
            tracing::info!(instance.id = id.get(), "instance.deleted");
            return Ok(());
        }
    }
    Err(Refusal::Conflict)
}

/// The provider wants a person to sign in again: says so, and stops the schedule.
pub(crate) async fn now_needs_sign_in(
    app: &Context,
    instance: &Instance,
    reason: &str,
) -> PortResult<Instance> {
    let mut next = instance.clone();
    next.version += 1;
    next.validity = Validity::NeedsSignIn(reason.to_owned());
    next.notice(app.now(), reason);
    next.unsettled.insert(Unsettled::Schedule);
    let by = By::carillon(app);
    let change = InstanceChange {
        audit: Some(by.instance(app, "instance.needs_sign_in", Some(instance), &mut next)?),
        instance: next,
        put_states: Vec::new(),
        remove_resources: Vec::new(),
        subscription: SubscriptionChange::Keep,
        session: None,
        spends: None,
    };
    if settle::commit(app, &mut Promise::about(instance.id), &change).await? != Written::Done {
        // Somebody changed the instance meanwhile, perhaps signed in: the next poll finds out.
        return Ok(instance.clone());
    }
    Ok(change.instance)
}
