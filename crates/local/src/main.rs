//! The program `carillon`.

use anyhow::Context as _;
use clap::Parser as _;
use local::admin::Request;
use local::command_line::{Command, CommandLine, write_completions};
use local::config::{self, Config};
use local::host::Host;
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use system::SystemClock;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

fn main() -> ExitCode {
    // Ends the process for help, and for an invalid command.
    let line = CommandLine::parse();
    let ran = local::runtime::start().map_err(Into::into).and_then(|runtime| runtime.block_on(run(&line)));
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line: causes with it, and no backtrace, whatever the environment says.
            let _ = writeln!(std::io::stderr(), "carillon: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(line: &CommandLine) -> anyhow::Result<()> {
    if let Command::Completions { shell } = line.command {
        write_completions(shell, &mut std::io::stdout().lock());
        return Ok(());
    }
    if let Command::Cost(question) = &line.command {
        return local::cost::run(question, say);
    }
    // A file that may not grow any more is a full disk, which is told, and not the end of the process. The handler stays
    // when its stream is gone.
    drop(signal(SignalKind::from_raw(Signal::XFSZ.as_raw()))?);
    let environment = environment();
    let config = config::read(line, &environment)?;
    let filter: Targets = config.log.parse().context("CARILLON_LOG")?;
    // A log that can't be written, on a full disk, says nothing of it: what prints to standard error panics there.
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).log_internal_errors(false);
    tracing_subscriber::registry().with(lines.with_writer(std::io::stderr).with_filter(filter)).init();
    match &line.command {
        Command::Admin(request) if request.aws => administer_stack(&environment, request).await,
        Command::Admin(request) => local::admin::run(&config, request, say).await,
        #[cfg(feature = "demo")]
        Command::Demo => local::demo::run(&config, told_to_stop()?, say).await,
        Command::Health => local::health::ask(config.listen).await,
        Command::Serve | Command::Cost(_) | Command::Completions { .. } => serve(&config).await,
    }
}

/// The one place that reads the environment. What is not UTF-8 is nothing that we ask for.
#[allow(clippy::disallowed_methods)]
fn environment() -> BTreeMap<String, String> {
    let all = std::env::vars_os();
    all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}

#[cfg(feature = "aws")]
async fn administer_stack(environment: &BTreeMap<String, String>, request: &Request) -> anyhow::Result<()> {
    let environment = aws::Environment::read(|name| environment.get(name).cloned())?;
    local::admin::stack::run(&environment, request, say).await
}

#[cfg(not(feature = "aws"))]
async fn administer_stack(_: &BTreeMap<String, String>, _: &Request) -> anyhow::Result<()> {
    anyhow::bail!("this program was built without the feature `aws`")
}

async fn serve(config: &Config) -> anyhow::Result<()> {
    for variable in &config.unknown_variables {
        tracing::warn!(variable, "no such variable: is it misspelt?");
    }
    // Before anything is made: secrets that are shown once must not be lost to a port in use.
    let listener = local::serve::bind(config.listen).await?;
    let address = listener.local_addr()?;
    let metrics = match config.metrics_listen {
        Some(address) => Some(local::serve::bind(address).await?),
        None => None,
    };
    let host = Host::open(config, Arc::new(SystemClock)).await?;
    let made = host.admit(config.secrets.as_ref()).await?;
    if let Some(made) = &made {
        local::admin::show_secrets(made, say)?;
    }
    host.mend().await?;
    let stop = told_to_stop()?;
    say(&format!("carillon listening on http://{address}"))?;
    if let Some(made) = &made {
        say(&host.link_line(&made.account, &config.console_url_at(address)).await?)?;
    }
    if let Some(metrics) = &metrics {
        tracing::info!(address = %metrics.local_addr()?, "metrics.listening");
    }
    local::serve::serve(host, listener, metrics, stop).await
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
