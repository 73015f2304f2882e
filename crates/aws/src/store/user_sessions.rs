//! The [`UserSessions`] port: who is signed in, an item for each.

use super::DynamoStore;
use super::accounts::secrets_of;
use super::key::Key;
use super::row::{Row, bytes, expiry, time};
use super::table::Write;
use app::ports::{LookupHash, PortError, Result, UserSession, UserSessions};
use async_trait::async_trait;
use chrono::{DateTime, Utc};

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
        let written = self.table.write(context, write.when("attribute_not_exists(pk)")).await?;
        written.map(drop).map_err(|_| PortError::new(context, "the token is known already"))
    }

    async fn user_session(&self, token: &LookupHash, now: DateTime<Utc>) -> Result<Option<UserSession>> {
        let row = self.table.get("read a session", &Key::user_session(token)).await?;
        let session = row.as_ref().map(session).transpose()?;
        Ok(session.filter(|session| now < session.expires_at))
    }

    async fn end_session(&self, token: &LookupHash, now: DateTime<Utc>) -> Result<Option<UserSession>> {
        let Some(session) = self.user_session(token, now).await? else { return Ok(None) };
        let delete = Write::delete(Key::user_session(token)).when("attribute_exists(pk)");
        let ended = self.table.write("end a session", delete).await?;
        Ok(ended.is_ok().then_some(session))
    }

    async fn take_once(&self, hash: &LookupHash, until: DateTime<Utc>) -> Result<bool> {
        let write = Write::put(&Key::spent(hash), [("expires", expiry(until))]);
        let write = write.when("attribute_not_exists(pk)");
        Ok(self.table.write("take what counts once", write).await?.is_ok())
    }

    async fn secrets_of(
        &self,
        organization_id: u32,
        user_id: u32,
    ) -> Result<Option<(LookupHash, LookupHash)>> {
        secrets_of(&self.table, organization_id, user_id).await
    }
}

fn session(row: &Row) -> Result<UserSession> {
    let hash = |name| -> Result<LookupHash> { row.bytes(name)?.try_into().map_err(|_| row.damaged(name)) };
    let expires_at = row.time_or_none("until")?.ok_or_else(|| row.damaged("until"))?;
    Ok(UserSession { user: hash("user_hash")?, organization: hash("organization_hash")?, expires_at })
}
