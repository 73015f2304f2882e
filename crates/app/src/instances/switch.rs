//! Switching instances off and on, starting them again, and ending them.

use super::Refusal;
use super::change::{TRIES_COUNT_MAX, after, failing, living};
use crate::app::Inner;
use crate::audit::By;
use crate::ports::{InstanceChange, Job, Result as PortResult, SubscriptionChange, Written};
use domain::ids::InstanceId;
use domain::instance::{Instance, Validity};
use domain::schedule::Timetable;
use domain::state::ResourceState;

/// Switches an instance off or on. Off: no polls, and what is undelivered waits. On: polls go on from the
/// cursor, and what waits is released.
pub(crate) async fn set_enabled(app: &Inner, id: InstanceId, by: &By, enabled: bool) -> Result<(), Refusal> {
    for _ in 0..TRIES_COUNT_MAX {
        let _held = app.locks.hold(id).await;
        let mailbox = living(app.ports.store.mailbox(id).await?)?;
        if mailbox.instance.disabled != enabled {
            return Ok(());
        }
        let (_, settings) = app.understood(&mailbox.instance)?;
        let mut instance = mailbox.instance.clone();
        instance.version += 1;
        instance.updated_at = app.now();
        instance.disabled = !enabled;
        let action = if enabled { "instance.enabled" } else { "instance.disabled" };
        let change = InstanceChange {
            audit: by.instance(app, action, Some(&mailbox.instance), Some(&instance)),
            instance,
            put_states: Vec::new(),
            remove_resources: Vec::new(),
            subscription: match enabled {
                true => SubscriptionChange::Release,
                false => SubscriptionChange::Suspend("the instance is disabled".to_owned()),
            },
            session: None,
        };
        if app.ports.store.change_instance(&change).await? == Written::Done {
            return after(app, &change, &settings, true).await;
        }
    }
    Err(Refusal::Conflict)
}

/// Begins anew with what had stopped: failures and back-offs are forgotten, also that the provider wanted somebody to
/// sign in, and a poll is enqueued that finds out.
pub(crate) async fn resume(app: &Inner, id: InstanceId, by: &By) -> Result<(), Refusal> {
    for _ in 0..TRIES_COUNT_MAX {
        let _held = app.locks.hold(id).await;
        let mailbox = living(app.ports.store.mailbox(id).await?)?;
        let (_, settings) = app.understood(&mailbox.instance)?;
        let mut instance = mailbox.instance.clone();
        instance.version += 1;
        instance.updated_at = app.now();
        instance.validity = Validity::Valid;
        instance.application_error = None;
        let mut session = mailbox.session.clone();
        session.version += 1;
        session.backoff_until = None;
        session.failures = 0;
        session.refused = 0;
        let change = InstanceChange {
            audit: by.instance(app, "instance.resumed", Some(&mailbox.instance), Some(&instance)),
            instance,
            put_states: failing(&mailbox).map(ResourceState::forgiven).collect(),
            remove_resources: Vec::new(),
            subscription: SubscriptionChange::Keep,
            session: Some(session),
        };
        if app.ports.store.change_instance(&change).await? == Written::Done {
            return after(app, &change, &settings, true).await;
        }
    }
    Err(Refusal::Conflict)
}

/// Deletes an instance: one write makes it gone, a job removes the rest.
pub(crate) async fn delete(app: &Inner, id: InstanceId, by: &By) -> Result<(), Refusal> {
    for _ in 0..TRIES_COUNT_MAX {
        let mut instance = living(app.ports.store.mailbox(id).await?)?.instance;
        instance.version += 1;
        instance.deleted_at = Some(app.now());
        let change = InstanceChange {
            audit: by.instance(app, "instance.deleted", Some(&instance), None),
            instance,
            put_states: Vec::new(),
            remove_resources: Vec::new(),
            subscription: SubscriptionChange::Keep,
            session: None,
        };
        if app.ports.store.change_instance(&change).await? == Written::Done {
            app.ports.queue.send(&[(Job::Purge(id), app.now())]).await?;
            tracing::info!(instance.id = id.get(), "instance.deleted");
            return Ok(());
        }
    }
    Err(Refusal::Conflict)
}

/// The provider wants a person to sign in again: says so, and stops the schedule.
pub(crate) async fn now_needs_sign_in(
    app: &Inner,
    instance: &Instance,
    reason: &str,
) -> PortResult<Instance> {
    let mut next = instance.clone();
    next.version += 1;
    next.validity = Validity::NeedsSignIn(reason.to_owned());
    next.notice(app.now(), reason);
    let by = By::carillon(app);
    let change = InstanceChange {
        audit: by.instance(app, "instance.needs_sign_in", Some(instance), Some(&next)),
        instance: next,
        put_states: Vec::new(),
        remove_resources: Vec::new(),
        subscription: SubscriptionChange::Keep,
        session: None,
    };
    if app.ports.store.change_instance(&change).await? != Written::Done {
        // Somebody changed the instance meanwhile, perhaps signed in: the next poll finds out.
        return Ok(instance.clone());
    }
    app.ports.schedule.put(instance.id, Timetable::new(instance.id, 15), false).await?;
    Ok(change.instance)
}
