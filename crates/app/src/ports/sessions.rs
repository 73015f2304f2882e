//! Access tokens of mailboxes.

use super::{Result, Written};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::ids::InstanceId;
use domain::token::Session;

/// Access tokens of mailboxes.
///
/// # Errors
/// [`PortError`](super::PortError): nothing happened, or a repeat does no harm.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Takes the right to refresh the token until `until`, conditional on the session's version and on nobody
    /// else holding it at `now`; the stored version goes up by one. `Conflict`: read again.
    async fn lease_session(
        &self,
        id: InstanceId,
        version: u64,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Written>;
    /// Stores a session, conditional on the stored version being one less than its own.
    async fn put_session(&self, id: InstanceId, session: &Session) -> Result<Written>;
}
