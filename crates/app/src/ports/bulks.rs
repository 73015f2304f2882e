//! Bulk actions.

use super::{AuditEntry, Result, Rows, Written};
use async_trait::async_trait;
use domain::bulk::{Bulk, BulkId};
use domain::ids::InstanceId;

/// Bulk actions of organizations, each with the instances that it is about.
///
/// # Errors
/// [`PortError`](super::PortError): nothing happened, or a repeat does no harm.
#[async_trait]
pub trait Bulks: Send + Sync {
    /// Stores a new one with its instances and its entry; `Conflict` if `running_count_max` of the organization run.
    async fn insert_bulk(
        &self,
        bulk: &Bulk,
        targets: &[InstanceId],
        running_count_max: u32,
        audit: &AuditEntry,
    ) -> Result<Written>;
    /// One by its id.
    async fn bulk(&self, organization_id: u32, id: BulkId) -> Result<Option<Bulk>>;
    /// The instances that it is about, in their order; none after its end.
    async fn bulk_targets(&self, organization_id: u32, id: BulkId) -> Result<Vec<InstanceId>>;
    /// At most `limit` of an organization before one, newest first.
    async fn bulks(&self, organization_id: u32, before: Option<BulkId>, limit: usize) -> Result<Rows<Bulk>>;
    /// Changes one without ending it, conditional on its version, which is one more than the stored one must be.
    async fn change_bulk(&self, bulk: &Bulk) -> Result<Written>;
    /// Ends one that runs, conditional on its version in the same way: its instances go, and it no longer counts as
    /// running. It goes by itself after its time.
    async fn end_bulk(&self, bulk: &Bulk, audit: Option<&AuditEntry>) -> Result<Written>;
}
