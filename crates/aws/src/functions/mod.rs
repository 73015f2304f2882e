//! The hosts: what Lambda calls, on the use cases.

mod description;
mod failed;
mod host;
mod http;
mod jobs;
pub mod lines;
mod sums;
#[cfg(test)]
mod tests;
mod whole;

use crate::environment::Environment;
use anyhow::Context as _;
use host::Host;
use std::sync::Arc;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Serves the HTTP interface behind API Gateway.
pub async fn api() -> anyhow::Result<()> {
    http::serve(start(Function::Interface)?).await
}

/// Polls, and does other work: what schedules start and what the work queue brings.
pub async fn poll() -> anyhow::Result<()> {
    jobs::serve(start(Function::Worker)?).await
}

/// Delivers what the delivery queue brings.
pub async fn deliver() -> anyhow::Result<()> {
    jobs::serve(start(Function::Worker)?).await
}

/// Streams what links of downloads lead to.
pub async fn download() -> anyhow::Result<()> {
    http::stream(start(Function::Worker)?).await
}

/// What a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Interface,
    Worker,
}

/// Everything that needs no request: the rest is made for the first event.
fn start(function: Function) -> anyhow::Result<Arc<Host>> {
    // The one place that reads the environment.
    #[allow(clippy::disallowed_methods)]
    let mut environment = Environment::read(|name| std::env::var(name).ok())?;
    if function == Function::Worker {
        // Its callers have no `Authorization`, and its role does not read it.
        environment.admin_key_secret = None;
    }
    let filter: Targets = environment.log.parse().context("CARILLON_LOG")?;
    lines::on_standard_error(filter).init();
    Ok(Arc::new(Host::new(environment)))
}
