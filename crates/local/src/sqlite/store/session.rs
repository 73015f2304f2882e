//! Sessions: compared and set on their version.

use super::SqliteStore;
use super::living;
use crate::sqlite::columns::{from_json, to_json};
use crate::sqlite::readable::OfRow as _;
use app::ports;
use app::ports::{Sessions, Written};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::ids::InstanceId;
use domain::token::Session;
use rusqlite::{Connection, OptionalExtension as _, Result};

pub(super) fn get(conn: &Connection, id: InstanceId) -> Result<Option<Session>> {
    conn.prepare_cached("SELECT document FROM sessions WHERE instance_id = ?1")?
        .query_row([id.get()], |row| from_json(row.get_ref(0)?.as_str()?))
        .optional()
        .of_row("sessions", id)
}

pub(super) fn version(conn: &Connection, id: InstanceId) -> Result<Option<u64>> {
    conn.prepare_cached("SELECT version FROM sessions WHERE instance_id = ?1")?
        .query_row([id.get()], |row| row.get(0))
        .optional()
}

/// Stores a session, whatever was there.
pub(super) fn store(conn: &Connection, id: InstanceId, session: &Session) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO sessions (instance_id, version, document) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET version = excluded.version, document = excluded.document",
    )?
    .execute((id.get(), session.version, to_json(session)?))?;
    Ok(())
}

/// Stores a session in the place of another, whose lease stays if it was taken since that was read.
pub(super) fn replace(conn: &Connection, id: InstanceId, session: &Session) -> Result<()> {
    store(conn, id, &session.clone().beside(get(conn, id)?.as_ref()))
}

pub(super) fn lease(conn: &Connection, id: InstanceId, leases: u64, until: DateTime<Utc>) -> Result<Written> {
    if living::version(conn, id)?.is_none() {
        return Ok(Written::Gone);
    }
    let Some(mut session) = get(conn, id)? else { return Ok(Written::Gone) };
    if session.leases != leases {
        return Ok(Written::Conflict);
    }
    (session.leases, session.lease_until) = (leases + 1, Some(until));
    store(conn, id, &session)?;
    Ok(Written::Done)
}

pub(super) fn put(conn: &Connection, id: InstanceId, session: &Session) -> Result<Written> {
    if living::version(conn, id)?.is_none() {
        return Ok(Written::Gone);
    }
    let stored = get(conn, id)?;
    if stored.as_ref().is_some_and(|stored| stored.version + 1 != session.version) {
        return Ok(Written::Conflict);
    }
    store(conn, id, &session.clone().beside(stored.as_ref()))?;
    Ok(Written::Done)
}

#[async_trait]
impl Sessions for SqliteStore {
    async fn lease_session(
        &self,
        id: InstanceId,
        leases: u64,
        until: DateTime<Utc>,
    ) -> ports::Result<Written> {
        self.db.write("lease a session", move |tx| lease(tx, id, leases, until)).await
    }

    async fn put_session(&self, id: InstanceId, session: &Session) -> ports::Result<Written> {
        let session = session.clone();
        self.db.write("store a session", move |tx| put(tx, id, &session)).await
    }
}
