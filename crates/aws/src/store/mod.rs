//! What is stored of instances and accounts, on one DynamoDB table. Each port stands in the file of its rows.
//!
//! There is no scan. What an instance's poll needs is one partition; what every instance writes is its own. Only
//! the log of an organization is read from global indexes. `docs/decisions/0012-one-table.md` says why it is laid
//! out so.

mod accounts;
mod attempts;
mod audit;
mod change;
mod instances;
mod key;
mod log;
mod notifications;
mod organization_log;
mod packed;
mod pause;
mod poller;
mod polls;
mod releases;
mod requests;
mod resources;
mod row;
mod session;
mod settings;
mod subscriptions;
mod table;
mod user_sessions;

use crate::first_account::FirstSecrets;
use app::ports::{Mark, Result};
use aws_sdk_dynamodb::Client;
use domain::ids::InstanceId;
use std::sync::Arc;
use table::Table;

/// Configuration, state and notifications in a table.
#[derive(Clone)]
pub struct DynamoStore {
    table: Table,
    first: Arc<dyn FirstSecrets>,
}

impl DynamoStore {
    /// The store in this table. `first` knows the secrets that the stack was made with.
    pub fn new(client: Client, table: String, first: Arc<dyn FirstSecrets>) -> Self {
        DynamoStore { table: Table::new(client, table), first }
    }

    /// An instance's notifications that are neither delivered nor dropped.
    pub async fn undelivered_count(&self, id: InstanceId) -> Result<u64> {
        notifications::pending_count(&self.table, id).await
    }

    /// The first organization after this one.
    pub async fn next_organization(&self, after: u32) -> Result<Option<u32>> {
        let page = accounts::organizations(&self.table, Some(&Mark(after.to_string())), 1).await?;
        Ok(page.items.first().map(|organization| organization.id))
    }

    /// Ids of an organization's instances after `after`, in order, also of deleted ones that are not purged.
    pub async fn listed_instances(
        &self,
        organization_id: u32,
        after: Option<InstanceId>,
        limit: usize,
    ) -> Result<Vec<InstanceId>> {
        instances::listed(&self.table, organization_id, after, limit).await
    }
}
