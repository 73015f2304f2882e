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
    /// Takes the right to refresh the token until `until`, conditional on just so many leases having been taken: the caller
    /// has read that none of them holds. `Conflict`: read again.
    async fn lease_session(&self, id: InstanceId, leases: u64, until: DateTime<Utc>) -> Result<Written>;
    /// Stores a session, conditional on the stored version being one less than its own. A lease that was taken since the
    /// session was read stays.
    async fn put_session(&self, id: InstanceId, session: &Session) -> Result<Written>;
}
