//! The [`Applications`] port: OAuth applications, and how many instances name each.

use super::{SqliteStore, audit, log};
use crate::sqlite::columns::{from_json, to_json};
use crate::sqlite::readable::{OfRow as _, readable};
use app::ports::{self, Applications, AuditEntry, Rows, StoredApplication, Written};
use async_trait::async_trait;
use domain::application::Application;
use domain::instance::Instance;
use rusqlite::{Connection, OptionalExtension as _, Result, Row};

const ONE: &str =
    "SELECT document, instances_count, name FROM applications WHERE organization_id = ?1 AND name = ?2";
const PAGE: &str = "SELECT document, instances_count, name FROM applications
    WHERE organization_id = ?1 AND name > ?2 ORDER BY name";
const INSERT: &str = "INSERT INTO applications (organization_id, name, version, document)
    VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
const CHANGE: &str = "UPDATE applications SET version = ?3, document = ?4
    WHERE organization_id = ?1 AND name = ?2 AND version = ?3 - 1";
const REMOVE: &str = "DELETE FROM applications
    WHERE organization_id = ?1 AND name = ?2 AND version = ?3 AND instances_count = 0";
const COUNT: &str = "UPDATE applications SET instances_count = instances_count + ?3
    WHERE organization_id = ?1 AND name = ?2";

#[async_trait]
impl Applications for SqliteStore {
    async fn insert_application(
        &self,
        application: &Application,
        audit: &AuditEntry,
    ) -> ports::Result<Written> {
        let (application, audit) = (application.clone(), audit.clone());
        self.db.write("store an application", move |tx| write(tx, INSERT, &application, &audit)).await
    }

    async fn application(
        &self,
        organization_id: u32,
        name: &str,
    ) -> ports::Result<Option<StoredApplication>> {
        let name = name.to_owned();
        self.db
            .read("read an application", move |conn| {
                conn.prepare_cached(ONE)?.query_row((organization_id, name), stored).optional()
            })
            .await
    }

    async fn applications(
        &self,
        organization_id: u32,
        after: Option<&str>,
        limit: usize,
    ) -> ports::Result<Rows<StoredApplication>> {
        let (after, limit) = (after.unwrap_or_default().to_owned(), limit.min(log::PAGE_COUNT_MAX));
        self.db
            .read("list applications", move |conn| {
                let mut statement = conn.prepare_cached(PAGE)?;
                readable((&mut statement, (organization_id, after)), limit, ("applications", 2), stored)
            })
            .await
    }

    async fn change_application(
        &self,
        application: &Application,
        audit: &AuditEntry,
    ) -> ports::Result<Written> {
        let (application, audit) = (application.clone(), audit.clone());
        self.db.write("change an application", move |tx| write(tx, CHANGE, &application, &audit)).await
    }

    async fn remove_application(
        &self,
        application: &Application,
        audit: &AuditEntry,
    ) -> ports::Result<Written> {
        let (application, entry) = (application.clone(), audit.clone());
        self.db
            .write("remove an application", move |tx| {
                let key = (application.organization_id, &application.name, application.version);
                let removed = tx.prepare_cached(REMOVE)?.execute(key)?;
                noted(tx, removed, &entry)
            })
            .await
    }
}

fn write(conn: &Connection, statement: &str, one: &Application, entry: &AuditEntry) -> Result<Written> {
    let row = (one.organization_id, &one.name, one.version, to_json(one)?);
    let written = conn.prepare_cached(statement)?.execute(row)?;
    noted(conn, written, entry)
}

fn noted(conn: &Connection, written: usize, entry: &AuditEntry) -> Result<Written> {
    if written == 0 {
        return Ok(Written::Conflict);
    }
    audit::note(conn, entry)?;
    Ok(Written::Done)
}

/// Whether the application is there that an instance names, if it names one.
pub(super) fn has_named(conn: &Connection, instance: &Instance) -> Result<bool> {
    let Some(name) = instance.application() else { return Ok(true) };
    let mut statement = conn.prepare_cached(ONE)?;
    Ok(statement.query_row((instance.account.organization_id, name), |_| Ok(())).optional()?.is_some())
}

/// Counts what an instance names after a change instead of before.
pub(super) fn recount(conn: &Connection, before: Option<&Instance>, after: &Instance) -> Result<()> {
    let (former, present) = (before.and_then(Instance::application), after.application());
    if former == present {
        return Ok(());
    }
    for (name, by) in [(former, -1), (present, 1)] {
        if let Some(name) = name {
            conn.prepare_cached(COUNT)?.execute((after.account.organization_id, name, by))?;
        }
    }
    Ok(())
}

fn stored(row: &Row<'_>) -> Result<StoredApplication> {
    let application =
        from_json(row.get_ref(0)?.as_str()?).of_row("applications", row.get_ref(2)?.as_str()?)?;
    Ok(StoredApplication { application, instances_count: row.get(1)? })
}
