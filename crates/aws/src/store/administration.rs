//! What operators look at: the whole table, organization by organization.

use super::{DynamoStore, accounts, instance_rows, notifications};
use app::ports::{ListingMark, Result};
use domain::ids::InstanceId;

impl DynamoStore {
    /// An instance's notifications that are neither delivered nor dropped.
    pub async fn undelivered_count(&self, id: InstanceId) -> Result<u64> {
        notifications::pending_count(&self.table, id).await
    }

    /// The first organization after this one.
    pub async fn next_organization(&self, after: u32) -> Result<Option<u32>> {
        let page = accounts::organizations(&self.table, Some(&ListingMark(after.to_string())), 1).await?;
        Ok(page.items.first().map(|organization| organization.id))
    }

    /// Ids of an organization's instances after `after`, in order, also of deleted ones that are not purged.
    pub async fn listed_instances(
        &self,
        organization_id: u32,
        after: Option<InstanceId>,
        limit: usize,
    ) -> Result<Vec<InstanceId>> {
        instance_rows::listed(&self.table, organization_id, after, limit).await
    }
}
