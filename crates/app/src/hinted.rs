//! A poll that a provider's notice asks for, and the looks after it while nothing of it shows.

use crate::context::Context;
use crate::instances;
use crate::poll::{self, PollOutcome, PollTrigger};
use crate::ports::{Job, Result};
use crate::push;
use chrono::{DateTime, Utc};
use domain::backfill::is_row;
use domain::ids::InstanceId;
use domain::push::Hint;

/// Polls an instance for a hint. If nothing was found, the provider may have spoken before it shows what it speaks of, and
/// the poll comes again a few times.
pub(crate) async fn look(app: &Context, id: InstanceId, hint: Hint, deadline: DateTime<Utc>) -> Result<()> {
    if hint.is_to_keep_watches() {
        return match poll::poll(app, id, PollTrigger::Kept, deadline).await? {
            // Whoever polls finds what is demanded, too.
            PollOutcome::Busy => Ok(()),
            _ => push::hand_on(app, id).await,
        };
    }
    let outcome = poll::poll(app, id, PollTrigger::Hinted(hint.at), deadline).await?;
    let has_found = match &outcome {
        PollOutcome::Polled(report) => {
            let moved = report.resources.iter().any(|(_, one)| one.moved);
            let has_failed = report.resources.iter().any(|(_, one)| one.error.is_some());
            // What moved may be an older change; a named position says which.
            has_failed || report.more || (moved && hint.position.is_none())
        }
        // Whoever polls looks again, and may find as little.
        PollOutcome::Busy => false,
        PollOutcome::NotFound | PollOutcome::NotPolled(_) => true,
    };
    let Some((next, due_at)) = hint.again(app.now()).filter(|_| !has_found) else { return Ok(()) };
    if is_served(app, id, hint).await? {
        return Ok(());
    }
    app.ports.queue.send(&[(Job::Hinted { instance: id, hint: next }, due_at)]).await
}

/// Nothing of the hint is still to come: the position has passed it and those that joined it, or a newer hint has looks
/// of its own.
async fn is_served(app: &Context, id: InstanceId, hint: Hint) -> Result<bool> {
    let Some(mailbox) = instances::mailbox(app, id).await? else { return Ok(true) };
    let (connector, _) = instances::understood(app, &mailbox.instance)?;
    let Some(way) = connector.push() else { return Ok(true) };
    let Some(key) = push::key_of(app, &mailbox.instance) else { return Ok(true) };
    let Some((_, hints)) = app.ports.store.push_state(&key).await? else { return Ok(true) };
    if hints.last_at_of(id).is_some_and(|last_at| last_at > hint.at) {
        return Ok(true);
    }
    let Some(position) = hint.position.max(hints.position) else { return Ok(false) };
    // Resources are read one after the other: what shows in the second may not have shown yet in the first.
    let polled = mailbox.resources.iter().filter(|row| !row.removed && !is_row(&row.state.resource));
    let cursors = polled.filter_map(|row| row.state.cursor.as_ref());
    let covered: Vec<bool> = cursors.filter_map(|cursor| way.covers(cursor, position)).collect();
    Ok(!covered.is_empty() && covered.into_iter().all(|one| one))
}
