//! The [`HealthEvents`] port: what organizations are told, by its id.

use super::SqliteStore;
use crate::sqlite::columns::{from_json, micros, to_json};
use crate::sqlite::readable::{OfRow as _, readable};
use app::ports::{self, HealthEvents, Written};
use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use domain::health_ledger::HealthEventId;
use domain::health_letter::HealthRow;
use rusqlite::{Connection, OptionalExtension as _, Result, Row};

/// A row's table, and the column that finds it there.
const HEALTH_EVENT: (&str, usize) = ("health_events", 1);
/// Rows of one read.
const PAGE_COUNT_MAX: usize = 50_000;

const ONE: &str = "SELECT document FROM health_events WHERE organization_id = ?1 AND id = ?2";
const PAGE: &str = "SELECT document, id FROM health_events
    WHERE organization_id = ?1 AND id >= ?2 AND id < ?3 ORDER BY id";
const INSERT: &str = "INSERT INTO health_events (organization_id, id, version, expires_at_us, document)
    VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
const CHANGE: &str = "UPDATE health_events SET version = ?3, expires_at_us = ?4, document = ?5
    WHERE organization_id = ?1 AND id = ?2 AND version = ?3 - 1";
const EXPIRE: &str = "DELETE FROM health_events WHERE rowid IN
    (SELECT rowid FROM health_events WHERE expires_at_us IS NOT NULL AND expires_at_us <= ?1 LIMIT ?2)";
const LATER: &str = "SELECT document, id FROM health_events WHERE expires_at_us IS NULL";

fn put(conn: &Connection, statement: &str, row: &HealthRow) -> Result<Written> {
    let (organization_id, id) = row.key();
    let expires_at_us = row.expires_at().map(micros);
    let values = (organization_id, id.to_string(), row.version(), expires_at_us, to_json(row)?);
    let written = conn.prepare_cached(statement)?.execute(values)?;
    Ok(if written == 1 { Written::Done } else { Written::Conflict })
}

#[async_trait]
impl HealthEvents for SqliteStore {
    async fn insert_health_row(&self, row: &HealthRow) -> ports::Result<Written> {
        let row = row.clone();
        self.db.write("store a health event", move |tx| put(tx, INSERT, &row)).await
    }

    async fn health_row(&self, organization_id: u32, id: HealthEventId) -> ports::Result<Option<HealthRow>> {
        self.db
            .read("read a health event", move |conn| {
                let mut one = conn.prepare_cached(ONE)?;
                let found = one.query_row((organization_id, id.to_string()), document).optional();
                found.of_row("health_events", id)
            })
            .await
    }

    async fn change_health_row(&self, row: &HealthRow) -> ports::Result<Written> {
        let row = row.clone();
        self.db.write("change a health event", move |tx| put(tx, CHANGE, &row)).await
    }

    async fn health_rows(
        &self,
        organization_id: u32,
        from: HealthEventId,
        to: HealthEventId,
        limit: usize,
    ) -> ports::Result<Vec<HealthRow>> {
        let limit = limit.min(PAGE_COUNT_MAX);
        self.db
            .read("list health events", move |conn| {
                let range = (organization_id, from.to_string(), to.to_string());
                Ok(readable((&mut *conn.prepare_cached(PAGE)?, range), limit, HEALTH_EVENT, document)?.rows)
            })
            .await
    }
}

fn document(row: &Row<'_>) -> Result<HealthRow> {
    from_json(row.get_ref(0)?.as_str()?)
}

/// Forgets at most `limit` that are done with; how many.
pub(super) fn expire(conn: &Connection, now: DateTime<Utc>, limit: usize) -> Result<usize> {
    conn.prepare_cached(EXPIRE)?.execute((micros(now), limit))
}

/// The clock was set back by so much: nobody waits longer than was meant.
pub(super) fn set_back(conn: &Connection, by: Duration, now: DateTime<Utc>) -> Result<()> {
    let waiting = readable((&mut conn.prepare(LATER)?, []), usize::MAX, HEALTH_EVENT, document)?;
    for mut row in waiting.rows {
        let HealthRow::Letter(letter) = &mut row else { continue };
        letter.set_back(by, now);
        put(conn, CHANGE, &row)?;
    }
    Ok(())
}
