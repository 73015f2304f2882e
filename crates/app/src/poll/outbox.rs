//! From committed to enqueued. Each resource's outbox remembers what is in between, so nothing sweeps.
//!
//! Where polls deliver themselves, an outbox goes on naming what was delivered until the state is written for another reason,
//! which spares a write: to look whether a name is still one to send costs a tenth of it.

use crate::context::Context;
use crate::ports::{AttemptKey, Job, Mailbox, Result};
use domain::delivery::SubscriptionStatus;
use domain::ids::{InstanceId, Sequence};

/// Jobs enqueued at once.
const BATCH_COUNT_MAX: usize = 100;

/// Enqueues what earlier polls committed and did not get to enqueue, also of removed resources; takes up a
/// release that nobody works on.
pub(crate) async fn flush(app: &Context, mailbox: &Mailbox) -> Result<()> {
    for row in &mailbox.resources {
        enqueue(app, mailbox.instance.id, &row.state.resource, &row.outbox).await?;
    }
    let subscription = &mailbox.subscription;
    let now = app.now();
    let is_left = subscription.lease_until.is_none_or(|until| until <= now);
    if subscription.status == SubscriptionStatus::Releasing && is_left && !mailbox.instance.disabled {
        app.ports.queue.send(&[(Job::Release(mailbox.instance.id), now)]).await?;
    }
    Ok(())
}

/// Enqueues the first attempt of each notification, then forgets exactly these.
pub(super) async fn enqueue(
    app: &Context,
    id: InstanceId,
    resource: &str,
    sequences: &[Sequence],
) -> Result<()> {
    let now = app.now();
    for batch in sequences.chunks(BATCH_COUNT_MAX) {
        let job = |sequence: &Sequence| {
            (Job::Deliver(AttemptKey { instance: id, sequence: *sequence, attempt: 1 }), now)
        };
        app.ports.queue.send(&batch.iter().map(job).collect::<Vec<_>>()).await?;
        app.ports.store.clear_outbox(id, resource, batch).await?;
    }
    Ok(())
}
