//! Links by which owners of mailboxes sign in.

use super::{AuditEntry, Result, Written};
use async_trait::async_trait;
use domain::sign_in_link::{LinkKey, StoredLink};

/// Links, by the hashes of their tokens. One is spent by the write that it leads to: see
/// [`NewInstance`](super::NewInstance) and [`InstanceChange`](super::InstanceChange).
///
/// # Errors
/// [`PortError`](super::PortError): nothing happened, or a repeat does no harm.
#[async_trait]
pub trait SignInLinks: Send + Sync {
    /// Stores a new one with its entry. It goes by itself after its time, and with its instance.
    async fn insert_link(&self, key: &LinkKey, link: &StoredLink, audit: &AuditEntry) -> Result<()>;
    /// One by its key, also one that was used or whose time is over.
    async fn link(&self, key: &LinkKey) -> Result<Option<StoredLink>>;
    /// Counts a try; `Conflict` if it is not there, was used, or was tried as often as it may be.
    async fn try_link(&self, key: &LinkKey) -> Result<Written>;
}
