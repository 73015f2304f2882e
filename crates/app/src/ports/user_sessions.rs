//! Who is signed in, without their secrets.

use super::{LookupHash, Result};
use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// What stands for a user's secrets for a time. It names the secrets that it was begun with, so that it is worth
/// nothing once one of them is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserSession {
    /// Hash of the user's secret.
    pub user: LookupHash,
    /// Hash of the organization's secret.
    pub organization: LookupHash,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
}

/// Sessions by the hashes of their tokens. A link that signs in once is one, too: it is taken out as it is used. Beside
/// them what counts once, such as the state of a sign-in at a provider.
///
/// # Errors
/// [`PortError`](super::PortError): nothing happened, or a repeat does no harm.
#[async_trait]
pub trait UserSessions: Send + Sync {
    /// Stores a session. It is removed some time after it expired.
    async fn begin_session(&self, token: &LookupHash, session: &UserSession) -> Result<()>;
    /// The session of this token, unless it has expired.
    async fn user_session(&self, token: &LookupHash, now: DateTime<Utc>) -> Result<Option<UserSession>>;
    /// Takes the session out and says what it was, unless it has expired: of several callers one gets it.
    async fn end_session(&self, token: &LookupHash, now: DateTime<Utc>) -> Result<Option<UserSession>>;
    /// Takes what counts once: of several callers one gets `true`. It is forgotten some time after `until`.
    async fn take_once(&self, hash: &LookupHash, until: DateTime<Utc>) -> Result<bool>;
    /// The hashes of a user's and of the organization's present secrets; `None` if there is no such user, or if a
    /// secret was never used since they are noted.
    async fn secrets_of(
        &self,
        organization_id: u32,
        user_id: u32,
    ) -> Result<Option<(LookupHash, LookupHash)>>;
}
