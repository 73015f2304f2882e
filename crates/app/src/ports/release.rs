//! Callbacks, and releases.

use super::{Notification, Result, Written};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::delivery::Subscription;
use domain::ids::InstanceId;

/// Callbacks, and releasing what is queued for them.
///
/// # Errors
/// [`PortError`](super::PortError): nothing happened, or a repeat does no harm.
#[async_trait]
pub trait Releases: Send + Sync {
    /// The callback's state.
    async fn subscription(&self, id: InstanceId) -> Result<Option<Subscription>>;
    /// Takes the release worker's right until `until`: suspended or releasing with no lease at `now` becomes
    /// releasing under a new generation, each pending notification counting a new round. `None`: active,
    /// leased, disabled or gone.
    async fn begin_release(
        &self,
        id: InstanceId,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Option<Subscription>>;
    /// The lowest pending notification in commit order, for a release.
    async fn next_queued(&self, id: InstanceId) -> Result<Option<Notification>>;
    /// Ends a release of this generation: `active` if nothing is pending (then `Done`), else `Conflict` and
    /// nothing changes.
    async fn end_release(&self, id: InstanceId, generation: u64) -> Result<Written>;
    /// Hands a release of this generation back: the next worker goes on with it. Nothing happens if the
    /// generation is older.
    async fn pause_release(&self, id: InstanceId, generation: u64) -> Result<()>;
}
