//! Carillon on AWS.

mod first_account;
mod store;

pub use first_account::FirstSecrets;
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
