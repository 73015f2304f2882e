//! Who polls a mailbox: a lease with a fence, and the mark of others that came meanwhile.

use super::SqliteStore;
use super::living;
use crate::sqlite::columns::{micros, time_or_none};
use app::ports;
use app::ports::{PollEnded, Poller, Pollers, Written};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::ids::InstanceId;
use rusqlite::{Connection, OptionalExtension as _, Result, Row};

pub(super) fn get(conn: &Connection, id: InstanceId) -> Result<Poller> {
    let found = conn
        .prepare_cached("SELECT fence, until_us, again FROM pollers WHERE instance_id = ?1")?
        .query_row([id.get()], poller)
        .optional()?;
    Ok(found.unwrap_or_default())
}

fn poller(row: &Row<'_>) -> Result<Poller> {
    Ok(Poller { fence: row.get(0)?, until: time_or_none(row.get(1)?)?, again: row.get(2)? })
}

pub(super) fn begin(
    conn: &Connection,
    id: InstanceId,
    fence: u64,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Written> {
    if living::version(conn, id)?.is_none() {
        return Ok(Written::Gone);
    }
    let stored = get(conn, id)?;
    if stored.fence != fence || stored.is_leased(now) {
        return Ok(Written::Conflict);
    }
    conn.prepare_cached(
        "INSERT INTO pollers (instance_id, fence, until_us, again) VALUES (?1, ?2, ?3, 0)
         ON CONFLICT DO UPDATE SET fence = excluded.fence, until_us = excluded.until_us, again = 0",
    )?
    .execute((id.get(), fence + 1, micros(until)))?;
    Ok(Written::Done)
}

pub(super) fn ask_again(
    conn: &Connection,
    id: InstanceId,
    fence: u64,
    now: DateTime<Utc>,
) -> Result<Written> {
    if living::version(conn, id)?.is_none() {
        return Ok(Written::Gone);
    }
    let stored = get(conn, id)?;
    if stored.fence != fence || !stored.is_leased(now) {
        return Ok(Written::Conflict);
    }
    conn.prepare_cached("UPDATE pollers SET again = 1 WHERE instance_id = ?1")?.execute([id.get()])?;
    Ok(Written::Done)
}

pub(super) fn end(conn: &Connection, id: InstanceId, fence: u64) -> Result<PollEnded> {
    let stored = get(conn, id)?;
    let is_given_back = stored.fence == fence + 1 && stored.until.is_none();
    if fence == 0 || (stored.fence != fence && !is_given_back) {
        return Ok(PollEnded::Lost);
    }
    conn.prepare_cached("UPDATE pollers SET fence = ?2, until_us = NULL WHERE instance_id = ?1")?
        .execute((id.get(), fence + 1))?;
    Ok(if stored.again { PollEnded::Again } else { PollEnded::Quiet })
}

#[async_trait]
impl Pollers for SqliteStore {
    async fn begin_poll(
        &self,
        id: InstanceId,
        fence: u64,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> ports::Result<Written> {
        // Whoever starts after a power cut frees what was leased.
        self.db.write_behind("begin a poll", move |tx| begin(tx, id, fence, now, until)).await
    }

    async fn ask_again(&self, id: InstanceId, fence: u64, now: DateTime<Utc>) -> ports::Result<Written> {
        self.db.write("ask for another poll", move |tx| ask_again(tx, id, fence, now)).await
    }

    async fn end_poll(&self, id: InstanceId, fence: u64) -> ports::Result<PollEnded> {
        self.db.write_behind("end a poll", move |tx| end(tx, id, fence)).await
    }
}
