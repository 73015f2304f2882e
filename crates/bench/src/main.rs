//! The program `bench`.
#![allow(clippy::unwrap_used)] // what can not go on panics

use bench::command_line::CommandLine;
use clap::Parser as _;

fn main() -> anyhow::Result<()> {
    let line = CommandLine::parse();
    if let Some(number) = line.step {
        bench::steps::repeat(number, line.times);
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match &line.serve {
        Some(folder) => runtime.block_on(bench::child::serve(folder)),
        None => runtime.block_on(bench::run(&line, &mut std::io::stdout())),
    }
}
