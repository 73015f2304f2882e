//! Carillon on AWS.

mod bus;
mod clients;
mod environment;
mod fault;
mod first_account;
mod keys;
mod queue;
mod schedules;
#[cfg(test)]
mod script;
mod store;
mod vault;

pub use bus::EventBus;
pub use clients::Clients;
pub use environment::{Environment, QueueAddress, SecretStorage};
pub use first_account::{FirstSecrets, GeneratedSecrets};
pub use keys::{DataKeys, Rotation, rotate};
pub use queue::SqsQueue;
pub use schedules::{Listed, Schedules};
pub use store::DynamoStore;
pub use vault::{Holder, Place, StackVault};

/// Serves the HTTP interface behind API Gateway.
pub async fn api() -> anyhow::Result<()> {
    anyhow::bail!("not there yet")
}

/// Polls: what schedules start and what the work queue brings.
pub async fn poll() -> anyhow::Result<()> {
    anyhow::bail!("not there yet")
}

/// Delivers what the delivery queue brings.
pub async fn deliver() -> anyhow::Result<()> {
    anyhow::bail!("not there yet")
}
