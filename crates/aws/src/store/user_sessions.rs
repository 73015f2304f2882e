//! The [`UserSessions`] port: who is signed in, an item for each.
//!
//! One that ended stays without whose it was, until it would have expired: so who ended it, and did not hear of it, finds
//! that it was them.

use super::DynamoStore;
use super::accounts::secrets_of;
use super::key::Key;
use super::row::{Row, bytes, expiry, number, time};
use super::table::{Met, Write};
use app::ports::{LookupHash, PortError, Result, UserSession, UserSessions};
use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// Whose write took it: a number drawn for it.
const CLAIMANT: &str = "claimant";

#[async_trait]
impl UserSessions for DynamoStore {
    async fn begin_session(&self, token: &LookupHash, session: &UserSession) -> Result<()> {
        let context = "begin a session";
        let write = Write::put(
            &Key::user_session(token),
            [
                ("user_hash", bytes(session.user.to_vec())),
                ("organization_hash", bytes(session.organization.to_vec())),
                ("until", time(session.expires_at)),
                ("expires", expiry(session.expires_at)),
            ],
        );
        match self.table.write(context, write.when("attribute_not_exists(pk)")).await? {
            Ok(()) => Ok(()),
            // Our own write, whose answer got lost: a token is never made twice.
            Err(Some(met)) if read(&met)?.as_ref() == Some(session) => Ok(()),
            Err(_) => Err(PortError::new(context, "the token is known already")),
        }
    }

    async fn user_session(&self, token: &LookupHash, now: DateTime<Utc>) -> Result<Option<UserSession>> {
        let row = self.table.get("read a session", &Key::user_session(token)).await?;
        let session = row.as_ref().map(read).transpose()?.flatten();
        Ok(session.filter(|session| now < session.expires_at))
    }

    async fn end_session(&self, token: &LookupHash, now: DateTime<Utc>) -> Result<Option<UserSession>> {
        let Some(session) = self.user_session(token, now).await? else { return Ok(None) };
        let claimant = fastrand::u64(..);
        let attributes = [(CLAIMANT, number(claimant)), ("expires", expiry(session.expires_at))];
        let end = Write::put(&Key::user_session(token), attributes).when("attribute_exists(user_hash)");
        let ended = self.table.write("end a session", end).await?;
        Ok(is_ours(&ended, claimant)?.then_some(session))
    }

    async fn take_once(&self, hash: &LookupHash, until: DateTime<Utc>) -> Result<bool> {
        let claimant = fastrand::u64(..);
        let write = Write::put(&Key::spent(hash), [(CLAIMANT, number(claimant)), ("expires", expiry(until))]);
        let write = write.when("attribute_not_exists(pk)");
        let taken = self.table.write("take what counts once", write).await?;
        is_ours(&taken, claimant)
    }

    async fn secrets_of(
        &self,
        organization_id: u32,
        user_id: u32,
    ) -> Result<Option<(LookupHash, LookupHash)>> {
        secrets_of(&self.table, organization_id, user_id).await
    }
}

/// Whether a write was done, perhaps at a try whose answer got lost.
fn is_ours(written: &std::result::Result<(), Met>, claimant: u64) -> Result<bool> {
    match written {
        Ok(()) => Ok(true),
        Err(Some(met)) => Ok(met.number_or_none(CLAIMANT)? == Some(claimant)),
        Err(None) => Ok(false),
    }
}

/// `None` of one that ended.
fn read(row: &Row) -> Result<Option<UserSession>> {
    if row.has(CLAIMANT) {
        return Ok(None);
    }
    let hash = |name| -> Result<LookupHash> { row.bytes(name)?.try_into().map_err(|_| row.damaged(name)) };
    let expires_at = row.time_or_none("until")?.ok_or_else(|| row.damaged("until"))?;
    Ok(Some(UserSession { user: hash("user_hash")?, organization: hash("organization_hash")?, expires_at }))
}
