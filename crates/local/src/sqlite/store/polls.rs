//! What a poll reads and commits.

use super::{instances, notifications, poller, release, resources, session};
use app::ports::{Mailbox, PollCommit, Written};
use domain::ids::{EventId, InstanceId};
use rusqlite::{Connection, Result};
use std::collections::HashSet;

pub(super) fn mailbox(conn: &Connection, id: InstanceId) -> Result<Option<Mailbox>> {
    let Some(instance) = instances::get(conn, id)? else { return Ok(None) };
    Ok(Some(Mailbox {
        instance,
        session: session::get(conn, id)?.unwrap_or_default(),
        subscription: release::get(conn, id)?.unwrap_or_default(),
        poller: poller::get(conn, id)?,
        resources: resources::all(conn, id)?,
    }))
}

/// Every condition is looked at before the first write.
pub(super) fn commit(conn: &Connection, commit: &PollCommit) -> Result<Written> {
    let id = commit.instance;
    let Some(organization_id) = instances::organization(conn, id)? else { return Ok(Written::Gone) };
    let stored = resources::version(conn, id, &commit.state.resource)?;
    if !stored.is_some_and(|stored| !stored.removed && stored.version + 1 == commit.state.version) {
        return Ok(Written::Conflict);
    }
    for new in &commit.notifications {
        if notifications::is_taken(conn, id, new.sequence)? {
            return Ok(Written::Conflict);
        }
    }
    resources::store(conn, id, &commit.state)?;
    for new in &commit.notifications {
        notifications::insert(conn, organization_id, id, new)?;
        if new.deliver {
            resources::add_to_outbox(conn, id, &commit.state.resource, new.sequence)?;
        }
    }
    Ok(Written::Done)
}

pub(super) fn logged_events(
    conn: &Connection,
    id: InstanceId,
    events: &[EventId],
) -> Result<HashSet<EventId>> {
    let mut is_logged = conn.prepare_cached("SELECT 1 FROM events WHERE instance_id = ?1 AND event = ?2")?;
    let mut logged = HashSet::new();
    for event in events {
        if is_logged.exists((id.get(), event.as_bytes()))? {
            logged.insert(*event);
        }
    }
    Ok(logged)
}
