//! From committed to enqueued. Each resource's outbox remembers what is in between, so nothing sweeps.
//!
//! Where polls deliver themselves, an outbox goes on naming what was delivered until the state is written for another reason,
//! which spares a write: to look whether a name is still one to send costs a tenth of it.

use crate::context::Context;
use crate::ports::{AttemptKey, Job, Mailbox, Result};
use chrono::{DateTime, Utc};
use domain::delivery::SubscriptionStatus;
use domain::ids::Sequence;
use domain::instance::Instance;

/// Jobs enqueued at once.
const BATCH_COUNT_MAX: usize = 100;

/// Enqueues what earlier polls committed and did not get to enqueue, also of removed resources; takes up a
/// release that nobody works on. What is being attempted leaves its outbox with what comes of it.
pub(crate) async fn flush(app: &Context, mailbox: &Mailbox) -> Result<()> {
    let id = mailbox.instance.id;
    for row in &mailbox.resources {
        let mut left = Vec::new();
        for sequence in row.outbox.iter().copied() {
            if begun(app, AttemptKey { instance: id, sequence, attempt: 1 }).await.is_none() {
                left.push(sequence);
            }
        }
        enqueue(app, &mailbox.instance, &row.state.resource, &left).await?;
    }
    let subscription = &mailbox.subscription;
    let now = app.now();
    let is_left = subscription.lease_until.is_none_or(|until| until <= now);
    if subscription.status == SubscriptionStatus::Releasing && is_left && !mailbox.instance.disabled {
        let organization_id = mailbox.instance.account.organization_id;
        app.ports.queue.send_in_turn(organization_id, &[(Job::Release(id), now)]).await?;
    }
    Ok(())
}

/// Until when an attempt is claimed that began with its commit.
pub(crate) async fn begun(app: &Context, attempt: AttemptKey) -> Option<DateTime<Utc>> {
    match &app.ports.places {
        Some(places) => places.begun(attempt).await,
        None => None,
    }
}

/// Enqueues the first attempt of each notification, then forgets exactly these.
pub(super) async fn enqueue(
    app: &Context,
    instance: &Instance,
    resource: &str,
    sequences: &[Sequence],
) -> Result<()> {
    let (id, now) = (instance.id, app.now());
    let organization_id = instance.account.organization_id;
    let queue = &app.ports.queue;
    for batch in sequences.chunks(BATCH_COUNT_MAX) {
        let job = |sequence: &Sequence| {
            (Job::Deliver(AttemptKey { instance: id, sequence: *sequence, attempt: 1 }), now)
        };
        let jobs: Vec<_> = batch.iter().map(job).collect();
        match app.slow_callbacks.are_too_many(organization_id, now) {
            true => queue.send_in_turn(organization_id, &jobs).await?,
            false => queue.send(&jobs).await?,
        }
        app.ports.store.clear_outbox(id, resource, batch).await?;
    }
    Ok(())
}
