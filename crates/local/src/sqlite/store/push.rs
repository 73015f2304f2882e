//! The [`PushStates`] port: what is watched for whom, and the hints that came.

use super::SqliteStore;
use crate::sqlite::columns::{from_json, micros, to_json};
use crate::sqlite::readable::OfRow as _;
use app::ports::{self, PushStates, Written};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::push::{Hints, PushKey, PushState};
use rusqlite::{Connection, OptionalExtension as _, Result};

const OF_KEY: &str = "SELECT document, hints FROM push_states WHERE key = ?1";
const VERSION: &str = "SELECT version FROM push_states WHERE key = ?1";
const PUT: &str =
    "INSERT INTO push_states (key, version, document, hints, expires_at_us) VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT DO UPDATE SET version = ?2, document = ?3, expires_at_us = ?5";
const EXPIRE: &str = "DELETE FROM push_states WHERE key IN
    (SELECT key FROM push_states WHERE expires_at_us <= ?1 LIMIT ?2)";

#[async_trait]
impl PushStates for SqliteStore {
    async fn push_state(&self, key: &PushKey) -> ports::Result<Option<(PushState, Hints)>> {
        let key = key.clone();
        self.db.glance("read a push state", move |conn| get(conn, &key)).await
    }

    async fn put_push_state(
        &self,
        key: &PushKey,
        seen: u64,
        state: &PushState,
        expires_at: DateTime<Utc>,
    ) -> ports::Result<Written> {
        let (key, state) = (key.clone(), state.clone());
        self.db.write("store a push state", move |tx| put(tx, &key, seen, &state, expires_at)).await
    }

    async fn remove_push_state(&self, key: &PushKey, version: u64) -> ports::Result<Written> {
        let key = key.clone();
        self.db.write("remove a push state", move |tx| remove(tx, &key, version)).await
    }

    async fn put_hints(&self, key: &PushKey, seen: &Hints, next: &Hints) -> ports::Result<Written> {
        let (key, seen, next) = (key.clone(), seen.clone(), next.clone());
        self.db.write("store hints", move |tx| put_hints(tx, &key, &seen, &next)).await
    }
}

fn get(conn: &Connection, key: &PushKey) -> Result<Option<(PushState, Hints)>> {
    conn.prepare_cached(OF_KEY)?
        .query_row([&key.0], |row| {
            Ok((from_json(row.get_ref(0)?.as_str()?)?, from_json(row.get_ref(1)?.as_str()?)?))
        })
        .optional()
        .of_row("push_states", &key.0)
}

fn version(conn: &Connection, key: &PushKey) -> Result<u64> {
    Ok(conn.prepare_cached(VERSION)?.query_row([&key.0], |row| row.get(0)).optional()?.unwrap_or(0))
}

fn put(
    conn: &Connection,
    key: &PushKey,
    seen: u64,
    state: &PushState,
    expires_at: DateTime<Utc>,
) -> Result<Written> {
    if version(conn, key)? != seen {
        return Ok(Written::Conflict);
    }
    let (document, hints) = (to_json(state)?, to_json(&Hints::default())?);
    conn.prepare_cached(PUT)?.execute((&key.0, state.version, document, hints, micros(expires_at)))?;
    Ok(Written::Done)
}

fn remove(conn: &Connection, key: &PushKey, expected: u64) -> Result<Written> {
    match version(conn, key)? {
        0 => Ok(Written::Gone),
        stored if stored != expected => Ok(Written::Conflict),
        _ => {
            conn.prepare_cached("DELETE FROM push_states WHERE key = ?1")?.execute([&key.0])?;
            Ok(Written::Done)
        }
    }
}

fn put_hints(conn: &Connection, key: &PushKey, seen: &Hints, next: &Hints) -> Result<Written> {
    match get(conn, key)? {
        None => Ok(Written::Gone),
        Some((_, stored)) if stored != *seen => Ok(Written::Conflict),
        Some(_) => {
            let update = "UPDATE push_states SET hints = ?2 WHERE key = ?1";
            conn.prepare_cached(update)?.execute((&key.0, to_json(next)?))?;
            Ok(Written::Done)
        }
    }
}

/// Forgets at most `limit` states whose watches ended long ago; how many.
pub(super) fn expire(conn: &Connection, now: DateTime<Utc>, limit: usize) -> Result<usize> {
    conn.prepare_cached(EXPIRE)?.execute((micros(now), limit))
}
