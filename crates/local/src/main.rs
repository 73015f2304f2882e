//! The program `carillon`.

use anyhow::Context as _;
use local::admin::Request;
use local::config::{self, Command, Config, USAGE};
use local::host::{Host, first_link, link_line};
use std::io::Write as _;
use std::sync::Arc;
use system::SystemClock;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // The one place that reads the environment.
    #[allow(clippy::disallowed_methods)]
    let config = config::read(std::env::args_os().skip(1), |name| std::env::var(name).ok())?;
    let filter: Targets = config.log.parse().context("CARILLON_LOG")?;
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true);
    tracing_subscriber::registry().with(lines.with_writer(std::io::stderr).with_filter(filter)).init();
    match &config.command {
        Command::Help => say(USAGE.trim_end()),
        Command::Admin(request) if request.aws => administer_stack(request).await,
        Command::Admin(request) => local::admin::run(&config, request, say).await,
        Command::Serve => serve(&config).await,
        #[cfg(feature = "demo")]
        Command::Demo => local::demo::run(&config, told_to_stop()?, say).await,
        #[cfg(not(feature = "demo"))]
        Command::Demo => anyhow::bail!("this program was built without the feature `demo`"),
    }
}

#[cfg(feature = "aws")]
async fn administer_stack(request: &Request) -> anyhow::Result<()> {
    #[allow(clippy::disallowed_methods)] // of the same environment, what a stack's functions are told
    let environment = aws::Environment::read(|name| std::env::var(name).ok())?;
    local::admin::stack::run(&environment, request, say).await
}

#[cfg(not(feature = "aws"))]
async fn administer_stack(_: &Request) -> anyhow::Result<()> {
    anyhow::bail!("this program was built without the feature `aws`")
}

async fn serve(config: &Config) -> anyhow::Result<()> {
    let host = Host::open(config, Arc::new(SystemClock)).await?;
    let made = host.admit(config.secrets.as_ref()).await?;
    if let Some(made) = &made {
        local::admin::show_secrets(made, say)?;
    }
    let first_link = made.as_ref().and_then(first_link);
    host.mend().await?;
    let listener = tokio::net::TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("listening on {}", config.listen))?;
    let address = listener.local_addr()?;
    let stop = told_to_stop()?;
    say(&format!("carillon listening on http://{address}"))?;
    if let Some(link) = &first_link {
        say(&link_line(&format!("http://{address}"), link))?;
    }
    local::serve::serve(host, listener, first_link, stop).await
}

/// Turns true at SIGTERM or Ctrl-C.
fn told_to_stop() -> anyhow::Result<watch::Receiver<bool>> {
    let (sender, receiver) = watch::channel(false);
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        let _ = sender.send(true);
        // Keeps the channel open for those who still look.
        sender.closed().await;
    });
    Ok(receiver)
}

/// To standard output; the log goes to standard error.
fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}
