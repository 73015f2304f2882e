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
    if let Some(folder) = &line.serve {
        return local::runtime::start()?.block_on(bench::child::serve(folder));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(bench::run(&line, &mut std::io::stdout()))
}
