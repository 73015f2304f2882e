//! Removing what a deletion left: repeatable, a bounded amount at a time.

use crate::context::Context;
use crate::instances;
use crate::ports::{Job, Result};
use crate::push;
use domain::ids::InstanceId;

/// Notifications removed in one round, and rounds of one job.
const ROUND_COUNT_MAX: usize = 500;
const ROUNDS_COUNT_MAX: usize = 20;

/// Runs a purge job.
pub(crate) async fn purge(app: &Context, id: InstanceId) -> Result<()> {
    app.ports.schedule.remove(id).await?;
    if let Some(mailbox) = app.ports.store.mailbox(id).await?
        && let Ok((connector, _)) = instances::understood(app, &mailbox.instance)
    {
        // Before the secrets go: a watch is ended with a token.
        push::leave_former(app, &mailbox, connector).await?;
        push::leave(app, &mailbox, connector).await?;
    }
    app.ports.vault.remove(id).await?;
    app.secrets.forget(id);
    for _ in 0..ROUNDS_COUNT_MAX {
        let (dropped, is_more) = app.ports.store.purge_instance(id, ROUND_COUNT_MAX).await?;
        tracing::info!(instance.id = id.get(), notifications.dropped = dropped, "instance.purged");
        if !is_more {
            return Ok(());
        }
    }
    app.ports.queue.send(&[(Job::Purge(id), app.now())]).await
}
