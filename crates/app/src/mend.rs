//! Finishing what a process that died left half-way. Repeatable: of an instance in order nothing changes.

use crate::app::Inner;
use crate::ports::{Job, Result};
use domain::delivery::SubscriptionStatus;
use domain::ids::InstanceId;
use domain::schedule::Timetable;

/// Brings an instance's schedule in line with its row, and enqueues what a lost job would have done: a purge,
/// a flush of the outbox, a release.
pub(crate) async fn mend(app: &Inner, id: InstanceId) -> Result<()> {
    let Some(mailbox) = app.ports.store.mailbox(id).await? else { return Ok(()) };
    let now = app.now();
    let instance = &mailbox.instance;
    if instance.deleted_at.is_some() {
        return app.ports.queue.send(&[(Job::Purge(id), now)]).await;
    }
    let (_, settings) = app.understood(instance)?;
    let is_polled = settings.events_enabled && !instance.disabled && instance.is_valid();
    app.ports.schedule.put(id, Timetable::new(id, settings.interval_min), is_polled).await?;
    let mut jobs = Vec::new();
    if mailbox.resources.iter().any(|row| !row.outbox.is_empty()) {
        jobs.push((Job::Poll(id), now));
    }
    if mailbox.subscription.status == SubscriptionStatus::Releasing && !instance.disabled {
        jobs.push((Job::Release(id), now));
    }
    match jobs.is_empty() {
        true => Ok(()),
        false => app.ports.queue.send(&jobs).await,
    }
}
