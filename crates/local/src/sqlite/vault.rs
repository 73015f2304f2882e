//! The [`Vault`] port: secrets in a table of their own, sealed.

use super::Db;
use app::ports::{PortError, Result, Secrets, UnreadableRow, Vault, Written};
use app::sealing::Sealer;
use async_trait::async_trait;
use domain::ids::InstanceId;
use rusqlite::{Connection, OptionalExtension as _};
use std::sync::Arc;

/// The field that an instance's secrets are sealed as: all in one, so that not even their keys show.
const FIELD: &str = "secrets";

/// Secrets in the database.
#[derive(Clone)]
pub struct SqliteVault {
    db: Db,
    sealer: Arc<Sealer>,
}

impl SqliteVault {
    /// The vault in this database.
    pub fn new(db: Db, sealer: Arc<Sealer>) -> Self {
        SqliteVault { db, sealer }
    }
}

#[async_trait]
impl Vault for SqliteVault {
    async fn read(&self, id: InstanceId) -> Result<Option<(Secrets, u64)>> {
        let stored = self.db.glance("read secrets", move |conn| stored(conn, id)).await?;
        let Some((sealed, version)) = stored else { return Ok(None) };
        let plain =
            self.sealer.open(id, FIELD, &sealed).map_err(|error| unreadable(id, error.to_string()))?;
        // The cause is left out: it could quote what it does not understand.
        let secrets = serde_json::from_slice(&plain);
        let secrets = secrets.map_err(|_| unreadable(id, "not a list of secrets".to_owned()))?;
        Ok(Some((secrets, version)))
    }

    async fn write(&self, id: InstanceId, secrets: &Secrets, version: u64) -> Result<Written> {
        let plain = serde_json::to_vec(secrets).map_err(|error| PortError::new("seal secrets", error))?;
        let sealed =
            self.sealer.seal(id, FIELD, &plain).map_err(|error| PortError::new("seal secrets", error))?;
        self.db.write("store secrets", move |tx| store(tx, id, &sealed, version)).await
    }

    async fn remove(&self, id: InstanceId) -> Result<()> {
        self.db
            .write("remove secrets", move |tx| {
                tx.prepare_cached("DELETE FROM secrets WHERE instance_id = ?1")?.execute([id.get()])?;
                Ok(())
            })
            .await
    }
}

fn unreadable(id: InstanceId, why: String) -> PortError {
    PortError::unreadable("open secrets", UnreadableRow { of: "secrets", key: id.to_string(), why })
}

fn stored(conn: &Connection, id: InstanceId) -> rusqlite::Result<Option<(String, u64)>> {
    conn.prepare_cached("SELECT sealed, version FROM secrets WHERE instance_id = ?1")?
        .query_row([id.get()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

fn store(tx: &Connection, id: InstanceId, sealed: &str, version: u64) -> rusqlite::Result<Written> {
    let stored = stored(tx, id)?.map_or(0, |(_, version)| version);
    if stored + 1 != version {
        return Ok(Written::Conflict);
    }
    tx.prepare_cached(
        "INSERT INTO secrets (instance_id, version, sealed) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET version = excluded.version, sealed = excluded.sealed",
    )?
    .execute((id.get(), version, sealed))?;
    Ok(Written::Done)
}
