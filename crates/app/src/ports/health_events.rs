//! Health events: what is told of instances' connections.

use super::{Result, Written};
use async_trait::async_trait;
use domain::health_ledger::HealthEventId;
use domain::health_letter::HealthRow;

/// Health events of organizations: letters, and the transitions that they are made of.
///
/// # Errors
/// [`PortError`](super::PortError): nothing happened, or a repeat does no harm.
#[async_trait]
pub trait HealthEvents: Send + Sync {
    /// Stores a new row; `Conflict` if its id is taken, also by the same one.
    async fn insert_health_row(&self, row: &HealthRow) -> Result<Written>;
    /// One by its id.
    async fn health_row(&self, organization_id: u32, id: HealthEventId) -> Result<Option<HealthRow>>;
    /// Changes a row, conditional on its version, which is one more than the stored one must be.
    async fn change_health_row(&self, row: &HealthRow) -> Result<Written>;
    /// At most `limit` of an organization from one id to another, which is no part of it, in their order.
    async fn health_rows(
        &self,
        organization_id: u32,
        from: HealthEventId,
        to: HealthEventId,
        limit: usize,
    ) -> Result<Vec<HealthRow>>;
}
