//! The [`Bulks`] port: bulk actions, and the instances that each is about.

use super::{SqliteStore, audit, log};
use crate::sqlite::columns::{from_json, instance_id, micros, to_json};
use crate::sqlite::readable::{OfRow as _, readable};
use app::ports::{self, AuditEntry, Bulks, Rows, Written};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::bulk::{Bulk, BulkId};
use domain::ids::InstanceId;
use rusqlite::{Connection, OptionalExtension as _, Result, Row};

const ONE: &str = "SELECT document FROM bulks WHERE organization_id = ?1 AND id = ?2";
const PAGE: &str = "SELECT document, id FROM bulks WHERE organization_id = ?1 AND id < ?2 ORDER BY id DESC";
const TARGETS: &str = "SELECT targets FROM bulks WHERE organization_id = ?1 AND id = ?2";
const RUNNING: &str = "SELECT count(*) FROM bulks WHERE organization_id = ?1 AND is_running";
const INSERT: &str = "INSERT INTO bulks (organization_id, id, version, is_running, document, targets)
    VALUES (?1, ?2, ?3, 1, ?4, ?5) ON CONFLICT DO NOTHING";
const CHANGE: &str = "UPDATE bulks SET version = ?3, document = ?4
    WHERE organization_id = ?1 AND id = ?2 AND version = ?3 - 1";
const END: &str =
    "UPDATE bulks SET version = ?3, document = ?4, expires_at_us = ?5, targets = NULL, is_running = 0
    WHERE organization_id = ?1 AND id = ?2 AND version = ?3 - 1 AND is_running";
const EXPIRE: &str = "DELETE FROM bulks WHERE rowid IN
    (SELECT rowid FROM bulks WHERE expires_at_us IS NOT NULL AND expires_at_us <= ?1 LIMIT ?2)";

#[async_trait]
impl Bulks for SqliteStore {
    async fn insert_bulk(
        &self,
        bulk: &Bulk,
        targets: &[InstanceId],
        running_count_max: u32,
        audit: &AuditEntry,
    ) -> ports::Result<Written> {
        let (bulk, entry) = (bulk.clone(), audit.clone());
        let targets: Vec<u8> = targets.iter().flat_map(|id| id.get().to_be_bytes()).collect();
        self.db
            .write("store a bulk action", move |tx| {
                let organization_id = bulk.account.organization_id;
                let running: u32 =
                    tx.prepare_cached(RUNNING)?.query_row([organization_id], |row| row.get(0))?;
                if running >= running_count_max {
                    return Ok(Written::Conflict);
                }
                let row = (organization_id, bulk.id.get(), bulk.version, to_json(&bulk)?, &targets);
                let written = tx.prepare_cached(INSERT)?.execute(row)?;
                noted(tx, written, Some(&entry))
            })
            .await
    }

    async fn bulk(&self, organization_id: u32, id: BulkId) -> ports::Result<Option<Bulk>> {
        self.db
            .read("read a bulk action", move |conn| {
                let mut one = conn.prepare_cached(ONE)?;
                one.query_row((organization_id, id.get()), document).optional().of_row("bulks", id.get())
            })
            .await
    }

    async fn bulk_targets(&self, organization_id: u32, id: BulkId) -> ports::Result<Vec<InstanceId>> {
        self.db
            .read("read the instances of a bulk action", move |conn| {
                let mut statement = conn.prepare_cached(TARGETS)?;
                let stored: Option<Option<Vec<u8>>> =
                    statement.query_row((organization_id, id.get()), |row| row.get(0)).optional()?;
                let bytes = stored.flatten().unwrap_or_default();
                let ids = bytes.as_chunks().0.iter().map(|id| instance_id(u32::from_be_bytes(*id)));
                Ok(ids.collect())
            })
            .await
    }

    async fn bulks(
        &self,
        organization_id: u32,
        before: Option<BulkId>,
        limit: usize,
    ) -> ports::Result<Rows<Bulk>> {
        let before = before.map_or(i64::MAX, |before| i64::try_from(before.get()).unwrap_or(i64::MAX));
        let limit = limit.min(log::PAGE_COUNT_MAX);
        self.db
            .read("list bulk actions", move |conn| {
                let mut statement = conn.prepare_cached(PAGE)?;
                readable((&mut statement, (organization_id, before)), limit, ("bulks", 1), document)
            })
            .await
    }

    async fn change_bulk(&self, bulk: &Bulk) -> ports::Result<Written> {
        let bulk = bulk.clone();
        self.db
            .write("change a bulk action", move |tx| {
                let row = (bulk.account.organization_id, bulk.id.get(), bulk.version, to_json(&bulk)?);
                let written = tx.prepare_cached(CHANGE)?.execute(row)?;
                noted(tx, written, None)
            })
            .await
    }

    async fn end_bulk(&self, bulk: &Bulk, audit: Option<&AuditEntry>) -> ports::Result<Written> {
        let (bulk, entry) = (bulk.clone(), audit.cloned());
        self.db
            .write("end a bulk action", move |tx| {
                let expires_at_us = bulk.expires_at().map(micros);
                let key = (bulk.account.organization_id, bulk.id.get(), bulk.version);
                let row = (key.0, key.1, key.2, to_json(&bulk)?, expires_at_us);
                let written = tx.prepare_cached(END)?.execute(row)?;
                noted(tx, written, entry.as_ref())
            })
            .await
    }
}

fn noted(conn: &Connection, written: usize, entry: Option<&AuditEntry>) -> Result<Written> {
    if written == 0 {
        return Ok(Written::Conflict);
    }
    if let Some(entry) = entry {
        audit::note(conn, entry)?;
    }
    Ok(Written::Done)
}

fn document(row: &Row<'_>) -> Result<Bulk> {
    from_json(row.get_ref(0)?.as_str()?)
}

/// Forgets at most `limit` that ended long ago; how many.
pub(super) fn expire(conn: &Connection, now: DateTime<Utc>, limit: usize) -> Result<usize> {
    conn.prepare_cached(EXPIRE)?.execute((micros(now), limit))
}
