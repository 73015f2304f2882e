//! The [`SignInLinks`] port: links by which owners of mailboxes sign in.

use super::{SqliteStore, audit};
use crate::sqlite::columns::{from_json, instance_id, micros, to_json};
use app::ports::{self, AuditEntry, SignInLinks, Written};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::ids::InstanceId;
use domain::sign_in_link::{LinkKey, StoredLink, TRIES_COUNT_MAX};
use rusqlite::{Connection, OptionalExtension as _, Result, Row};

const INSERT: &str =
    "INSERT INTO sign_in_links (token_hash, instance_id, tries, spent_on, kept_until_us, document, creation)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const ONE: &str = "SELECT document, creation, tries, spent_on FROM sign_in_links WHERE token_hash = ?1";
const TRY: &str = "UPDATE sign_in_links SET tries = tries + 1
    WHERE token_hash = ?1 AND spent_on IS NULL AND tries < ?2";
const UNSPENT: &str = "SELECT 1 FROM sign_in_links WHERE token_hash = ?1 AND spent_on IS NULL";
const SPEND: &str = "UPDATE sign_in_links SET spent_on = ?2, creation = NULL WHERE token_hash = ?1";
const EXPIRE: &str = "DELETE FROM sign_in_links WHERE token_hash IN
    (SELECT token_hash FROM sign_in_links WHERE kept_until_us <= ?1 LIMIT ?2)";

#[async_trait]
impl SignInLinks for SqliteStore {
    async fn insert_link(&self, key: &LinkKey, link: &StoredLink, audit: &AuditEntry) -> ports::Result<()> {
        let (key, stored, entry) = (*key, link.clone(), audit.clone());
        self.db
            .write("store a sign-in link", move |tx| {
                tx.prepare_cached(INSERT)?.execute((
                    key.hash,
                    key.instance.map(InstanceId::get),
                    stored.tries_count,
                    stored.spent_on.map(InstanceId::get),
                    micros(stored.link.kept_until()),
                    to_json(&stored.link)?,
                    &stored.creation_sealed,
                ))?;
                audit::note(tx, &entry)
            })
            .await
    }

    async fn link(&self, key: &LinkKey) -> ports::Result<Option<StoredLink>> {
        let hash = key.hash;
        self.db
            .read("read a sign-in link", move |conn| {
                conn.prepare_cached(ONE)?.query_row([hash], stored).optional()
            })
            .await
    }

    async fn try_link(&self, key: &LinkKey) -> ports::Result<Written> {
        let hash = key.hash;
        self.db
            .write("count a try of a sign-in link", move |tx| {
                let counted = tx.prepare_cached(TRY)?.execute((hash, TRIES_COUNT_MAX))?;
                Ok(if counted == 0 { Written::Conflict } else { Written::Done })
            })
            .await
    }
}

fn stored(row: &Row<'_>) -> Result<StoredLink> {
    Ok(StoredLink {
        link: from_json(row.get_ref(0)?.as_str()?)?,
        creation_sealed: row.get(1)?,
        tries_count: row.get(2)?,
        spent_on: row.get::<_, Option<u32>>(3)?.map(instance_id),
    })
}

/// Whether a link is there that nobody used; none is as good as one.
pub(super) fn is_unspent(conn: &Connection, key: Option<&LinkKey>) -> Result<bool> {
    let Some(key) = key else { return Ok(true) };
    conn.prepare_cached(UNSPENT)?.exists([key.hash])
}

/// Notes that a link led to this instance: what it stood for goes.
pub(super) fn spend(conn: &Connection, key: Option<&LinkKey>, id: InstanceId) -> Result<()> {
    let Some(key) = key else { return Ok(()) };
    conn.prepare_cached(SPEND)?.execute((key.hash, id.get()))?;
    Ok(())
}

/// Forgets at most `limit` whose time is over; how many.
pub(super) fn expire(conn: &Connection, now: DateTime<Utc>, limit: usize) -> Result<usize> {
    conn.prepare_cached(EXPIRE)?.execute((micros(now), limit))
}
