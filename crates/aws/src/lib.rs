//! Carillon on AWS.

mod clients;
mod environment;
mod fault;
mod first_account;
mod queue;
mod schedules;
#[cfg(test)]
mod script;
mod store;

pub use clients::Clients;
pub use environment::{Environment, QueueAddress, SecretStorage};
pub use first_account::FirstSecrets;
pub use queue::SqsQueue;
pub use schedules::{Listed, Schedules};
pub use store::DynamoStore;

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
