//! What a poll reads and commits.

use super::SqliteStore;
use super::{instances, living, notifications, resources, session, subscriptions};
use app::ports;
use app::ports::{Mailbox, PollCommit, Poller, Polls, Written};
use async_trait::async_trait;
use domain::ids::{EventId, InstanceId, Sequence};
use rusqlite::{Connection, Result};
use std::collections::HashSet;

/// Events that are looked up where they are asked for: a step may have hundreds, and as many rows keep the writer waiting.
const GLANCED_COUNT_MAX: usize = 10;

/// The poller was read before: what it stored until then is in these rows.
pub(super) fn mailbox(conn: &Connection, id: InstanceId, poller: Poller) -> Result<Option<Mailbox>> {
    let Some(instance) = instances::get(conn, id)? else { return Ok(None) };
    Ok(Some(Mailbox {
        instance,
        session: session::get(conn, id)?.unwrap_or_default(),
        subscription: subscriptions::get(conn, id)?.unwrap_or_default(),
        poller,
        resources: resources::all(conn, id)?,
    }))
}

/// Every condition is looked at before the first write.
pub(super) fn store(conn: &Connection, commit: &PollCommit) -> Result<Written> {
    let id = commit.instance;
    let Some(organization_id) = living::organization(conn, id)? else { return Ok(Written::Gone) };
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
    resources::forget(conn, id, &commit.state.resource, &commit.told)?;
    resources::store_annex(conn, id, &commit.state.resource, &commit.annex)?;
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

#[async_trait]
impl Polls for SqliteStore {
    async fn mailbox(&self, id: InstanceId) -> ports::Result<Option<Mailbox>> {
        let poller = self.db.leases().get(id);
        self.db.glance("read a mailbox", move |conn| mailbox(conn, id, poller)).await
    }

    async fn annex(
        &self,
        id: InstanceId,
        resource: &str,
        names: &[String],
    ) -> ports::Result<Vec<Option<String>>> {
        let (resource, names) = (resource.to_owned(), names.to_vec());
        self.db.glance("read an annex", move |conn| resources::annex(conn, id, &resource, &names)).await
    }

    async fn commit_poll(&self, commit: &PollCommit) -> ports::Result<Written> {
        let commit = commit.clone();
        self.db.write("commit a poll", move |tx| store(tx, &commit)).await
    }

    async fn clear_outbox(
        &self,
        id: InstanceId,
        resource: &str,
        sequences: &[Sequence],
    ) -> ports::Result<()> {
        let (resource, sequences) = (resource.to_owned(), sequences.to_vec());
        // What it still names is enqueued again; the jobs were written before it.
        self.db
            .write_behind("clear an outbox", move |tx| resources::clear_outbox(tx, id, &resource, &sequences))
            .await
    }

    async fn delivered(&self, id: InstanceId, sequences: &[Sequence]) -> ports::Result<Vec<Sequence>> {
        let sequences = sequences.to_vec();
        self.db
            .read("look whether all was delivered", move |conn| {
                notifications::delivered(conn, id, &sequences)
            })
            .await
    }

    async fn logged_events(&self, id: InstanceId, events: &[EventId]) -> ports::Result<HashSet<EventId>> {
        let (context, events) = ("look events up", events.to_vec());
        if events.len() > GLANCED_COUNT_MAX {
            return self.db.read(context, move |conn| logged_events(conn, id, &events)).await;
        }
        self.db.glance(context, move |conn| logged_events(conn, id, &events)).await
    }
}
