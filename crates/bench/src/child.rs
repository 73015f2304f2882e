//! The measured process: the host that `carillon serve` runs, which says on its standard output what it spent when it is
//! asked on its standard input.

use crate::allocations;
use anyhow::Context as _;
use local::command_line::{Command, CommandLine};
use local::config;
use local::host::Host;
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use system::SystemClock;
use tokio::sync::watch;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Serves until standard input ends, whose first line has the variables as JSON.
///
/// # Errors
/// Where the host does not start.
pub async fn serve(folder: &Path) -> anyhow::Result<()> {
    let mut first = String::new();
    std::io::stdin().read_line(&mut first)?;
    let variables: BTreeMap<String, String> = serde_json::from_str(&first).context("the variables")?;
    let line = CommandLine {
        command: Command::Serve,
        listen: Some("127.0.0.1:0".to_owned()),
        data: Some(folder.to_owned()),
    };
    let config = config::read(&line, &variables)?;
    let filter: Targets = config.log.parse()?;
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stderr);
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
    let listener = local::serve::bind(config.listen).await?;
    let address = listener.local_addr()?;
    let host = Host::open(&config, Arc::new(SystemClock)).await?;
    host.admit(config.secrets.as_ref()).await?;
    host.mend().await?;
    let (stop, stopped) = watch::channel(false);
    say(&format!("http://{address}"))?;
    std::thread::spawn(move || {
        for _ in std::io::stdin().lock().lines() {
            let _ = say(&spent());
        }
        stop.send(true)
    });
    local::serve::serve(host, listener, None, stopped).await
}

/// CPU time in ns, then allocations and their bytes.
fn spent() -> String {
    let cpu = clock_gettime(ClockId::ProcessCPUTime);
    let allocated = allocations::so_far();
    let cpu_ns = cpu.tv_sec * 1_000_000_000 + cpu.tv_nsec;
    format!("{cpu_ns} {} {}", allocated.count, allocated.bytes)
}

fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
