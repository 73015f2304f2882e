//! Finishing what a process that died left half-way. Repeatable: of an instance in order nothing changes.

use crate::app::Inner;
use crate::ports::{Job, Mailbox, PortError, Result};
use domain::delivery::SubscriptionStatus;
use domain::ids::InstanceId;
use domain::instance::Instance;
use domain::schedule::Timetable;
use domain::settings::Settings;

/// Tries against others who change the same row.
const TRIES_COUNT_MAX: usize = 5;

/// Brings an instance's schedule in line with its row, and enqueues what a lost job would have done: a purge,
/// a flush of the outbox, a release.
pub(crate) async fn mend(app: &Inner, id: InstanceId) -> Result<()> {
    let context = "mending an instance";
    for _ in 0..TRIES_COUNT_MAX {
        let Some(mailbox) = app.ports.store.mailbox(id).await? else { return Ok(()) };
        align(app, &mailbox).await?;
        // Whoever changed the row meanwhile set the schedule perhaps before us: ours may be the older one.
        match app.ports.store.instance(id).await? {
            Some(now) if now.version == mailbox.instance.version => return Ok(()),
            Some(_) => {}
            None => return app.ports.schedule.remove(id).await,
        }
    }
    Err(PortError::new(context, "the instance was changed by somebody else at the same time"))
}

async fn align(app: &Inner, mailbox: &Mailbox) -> Result<()> {
    let now = app.now();
    let instance = &mailbox.instance;
    let id = instance.id;
    if instance.deleted_at.is_some() {
        return app.ports.queue.send(&[(Job::Purge(id), now)]).await;
    }
    let (_, settings) = app.understood(instance)?;
    let table = Timetable::new(id, settings.interval_min);
    app.ports.schedule.put(id, table, is_polled(instance, &settings)).await?;
    let mut jobs = Vec::new();
    if mailbox.resources.iter().any(|row| !row.outbox.is_empty()) {
        jobs.push((Job::Poll(id), now));
    }
    if is_release_left(mailbox) {
        jobs.push((Job::Release(id), now));
    }
    match jobs.is_empty() {
        true => Ok(()),
        false => app.ports.queue.send(&jobs).await,
    }
}

/// Whether the instance's schedule is to be on.
pub(crate) fn is_polled(instance: &Instance, settings: &Settings) -> bool {
    settings.events_enabled && !instance.disabled && instance.is_valid()
}

/// Whether there is a release that a worker should be at.
pub(crate) fn is_release_left(mailbox: &Mailbox) -> bool {
    mailbox.subscription.status == SubscriptionStatus::Releasing && !mailbox.instance.disabled
}
