//! Releases: begun by one at a time, ended when nothing is pending.

use super::SqliteStore;
use super::notifications::{notification, select_notifications};
use super::{instances, living, subscriptions};
use crate::sqlite::columns::micros;
use app::ports;
use app::ports::{Notification, Releases, Written};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::delivery::Subscription;
use domain::ids::InstanceId;
use rusqlite::{Connection, OptionalExtension as _, Result};

/// Hands a release back, for the next worker.
pub(super) fn pause(conn: &Connection, id: InstanceId, generation: u64) -> Result<()> {
    conn.prepare_cached(
        "UPDATE subscriptions SET lease_until_us = NULL
         WHERE instance_id = ?1 AND generation = ?2 AND status = 'releasing'",
    )?
    .execute((id.get(), generation))?;
    Ok(())
}

/// Takes the right to release. That each pending notification counts a new round follows from the generation.
pub(super) fn begin(
    conn: &Connection,
    id: InstanceId,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Option<Subscription>> {
    let instance = instances::get(conn, id)?;
    if instance.is_none_or(|instance| instance.deleted_at.is_some() || instance.disabled) {
        return Ok(None);
    }
    conn.prepare_cached(
        "UPDATE subscriptions SET status = 'releasing', generation = generation + 1, lease_until_us = ?3
         WHERE instance_id = ?1 AND status <> 'active' AND coalesce(lease_until_us, 0) <= ?2
         RETURNING status, reason, generation, lease_until_us",
    )?
    .query_row((id.get(), micros(now), micros(until)), subscriptions::read)
    .optional()
}

pub(super) fn next_queued(conn: &Connection, id: InstanceId) -> Result<Option<Notification>> {
    conn.prepare_cached(select_notifications!("AND n.progress = 'pending' ORDER BY n.sequence LIMIT 1"))?
        .query_row([id.get()], notification)
        .optional()
}

pub(super) fn end(conn: &Connection, id: InstanceId, generation: u64) -> Result<Written> {
    if living::version(conn, id)?.is_none() {
        return Ok(Written::Gone);
    }
    let ended = conn
        .prepare_cached(
            "UPDATE subscriptions SET status = 'active', reason = NULL, lease_until_us = NULL
             WHERE instance_id = ?1 AND status = 'releasing' AND generation = ?2
             AND NOT EXISTS (SELECT 1 FROM notifications WHERE instance_id = ?1 AND progress = 'pending')",
        )?
        .execute((id.get(), generation))?;
    Ok(if ended == 1 { Written::Done } else { Written::Conflict })
}

#[async_trait]
impl Releases for SqliteStore {
    async fn subscription(&self, id: InstanceId) -> ports::Result<Option<Subscription>> {
        self.db.glance("read a subscription", move |conn| subscriptions::get(conn, id)).await
    }

    async fn begin_release(
        &self,
        id: InstanceId,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> ports::Result<Option<Subscription>> {
        self.db.write("begin a release", move |tx| begin(tx, id, now, until)).await
    }

    async fn next_queued(&self, id: InstanceId) -> ports::Result<Option<Notification>> {
        self.db.read("read the next queued notification", move |conn| next_queued(conn, id)).await
    }

    async fn end_release(&self, id: InstanceId, generation: u64) -> ports::Result<Written> {
        self.db.write("end a release", move |tx| end(tx, id, generation)).await
    }

    async fn pause_release(&self, id: InstanceId, generation: u64) -> ports::Result<()> {
        self.db.write("pause a release", move |tx| pause(tx, id, generation)).await
    }
}
