//! What is stored of instances and accounts, on one DynamoDB table. Each port stands in the file of its rows.
//!
//! There is no scan. What an instance's poll needs is one partition; what every instance writes is its own. Only
//! the log of an organization is read from global indexes. `docs/decisions/0012-one-table.md` says why it is laid
//! out so.

mod accounts;
mod administration;
mod annexes;
mod applications;
mod attempts;
mod audit;
mod bulks;
mod change;
mod fleet;
mod format;
mod health_events;
mod instance_rows;
mod instances;
mod key;
mod log;
mod log_lines;
mod members;
mod notifications;
mod organization_log;
mod packed;
mod pause;
mod poller;
mod polls;
mod push;
mod releases;
mod requests;
mod resources;
mod row;
mod searches;
mod session;
mod settings;
mod sign_in_links;
mod staged;
mod subscriptions;
mod table;
mod user_sessions;
mod worded;

pub use format::enter as enter_table;
pub(crate) use format::{OtherFormat, demand as demand_format};
pub(crate) use push::read_ahead as read_push_row;

use crate::first_account::FirstSecrets;
use aws_sdk_dynamodb::Client;
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
}
