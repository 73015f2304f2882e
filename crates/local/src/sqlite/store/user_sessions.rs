//! The [`UserSessions`] port: who is signed in.

use super::SqliteStore;
use crate::sqlite::columns::{micros, time};
use app::ports::{LookupHash, Result, UserSession, UserSessions};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, Row};

const OF_TOKEN: &str = "SELECT user_hash, organization_hash, expires_at_us FROM user_sessions
    WHERE token_hash = ?1 AND expires_at_us > ?2";
const END: &str = "DELETE FROM user_sessions WHERE token_hash = ?1 AND expires_at_us > ?2
    RETURNING user_hash, organization_hash, expires_at_us";
const SECRETS: &str = "SELECT u.secret_hash, o.secret_hash
    FROM users u JOIN organizations o ON o.id = u.organization_id
    WHERE u.id = ?2 AND o.id = ?1 AND u.removed = 0";
const TAKE: &str = "INSERT INTO spent (hash, expires_at_us) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
const EXPIRE: [&str; 2] = [
    "DELETE FROM user_sessions WHERE token_hash IN
         (SELECT token_hash FROM user_sessions WHERE expires_at_us <= ?1 LIMIT ?2)",
    "DELETE FROM spent WHERE hash IN (SELECT hash FROM spent WHERE expires_at_us <= ?1 LIMIT ?2)",
];

#[async_trait]
impl UserSessions for SqliteStore {
    async fn begin_session(&self, token: &LookupHash, session: &UserSession) -> Result<()> {
        let (token, session) = (*token, *session);
        self.db.write("begin a session", move |tx| begin(tx, &token, &session)).await
    }

    async fn user_session(&self, token: &LookupHash, now: DateTime<Utc>) -> Result<Option<UserSession>> {
        let token = *token;
        self.db
            .read("read a session", move |conn| {
                conn.prepare_cached(OF_TOKEN)?.query_row((token, micros(now)), session).optional()
            })
            .await
    }

    async fn end_session(&self, token: &LookupHash, now: DateTime<Utc>) -> Result<Option<UserSession>> {
        let token = *token;
        self.db
            .write("end a session", move |tx| {
                tx.prepare_cached(END)?.query_row((token, micros(now)), session).optional()
            })
            .await
    }

    async fn take_once(&self, hash: &LookupHash, until: DateTime<Utc>) -> Result<bool> {
        let hash = *hash;
        self.db
            .write("take what counts once", move |tx| {
                Ok(tx.prepare_cached(TAKE)?.execute((hash, micros(until)))? == 1)
            })
            .await
    }

    async fn secrets_of(
        &self,
        organization_id: u32,
        user_id: u32,
    ) -> Result<Option<(LookupHash, LookupHash)>> {
        self.db
            .read("read whose secrets these are", move |conn| {
                let both = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
                conn.prepare_cached(SECRETS)?.query_row((organization_id, user_id), both).optional()
            })
            .await
    }
}

/// Deletes at most `limit` that have expired; how many.
pub(super) fn expire(conn: &Connection, now: DateTime<Utc>, limit: usize) -> rusqlite::Result<usize> {
    let mut count = 0;
    for sql in EXPIRE {
        count += conn.prepare_cached(sql)?.execute((micros(now), limit.saturating_sub(count)))?;
    }
    Ok(count)
}

fn begin(tx: &Connection, token: &LookupHash, session: &UserSession) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO user_sessions (token_hash, user_hash, organization_hash, expires_at_us)
         VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute((token, session.user, session.organization, micros(session.expires_at)))?;
    Ok(())
}

fn session(row: &Row<'_>) -> rusqlite::Result<UserSession> {
    Ok(UserSession { user: row.get(0)?, organization: row.get(1)?, expires_at: time(row.get(2)?)? })
}
