//! What Carillon costs: inner steps alone, and the whole program beside doubles of its providers.
//!
//! `cargo run --release -p bench` prints one table. Allocations, instructions and writes are counts, which a busy machine does
//! not change; seconds are this machine's. The measured process is this program again, with the host that `carillon serve`
//! runs and an allocator that counts.
#![allow(clippy::unwrap_used, clippy::expect_used)] // what can not go on panics, as in a test

pub mod allocations;
mod beside;
pub mod child;
pub mod command_line;
mod curve;
mod growth;
mod instructions;
mod plot;
mod server;
pub mod steps;
mod table;
mod whole;

use command_line::CommandLine;
use std::io::Write;
use table::{Row, Table};

/// Measures, prints the table, and writes the files that were asked for.
///
/// # Errors
/// Where something can't be written.
pub async fn run(line: &CommandLine, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut table = Table::new(line.is_quick);
    if let Some(program) = &line.beside {
        for row in beside::all(line, program).await? {
            table.add(out, row)?;
        }
        return table.keep(line);
    }
    for step in steps::all() {
        for row in steps::measured(&step, line) {
            table.add(out, row)?;
        }
    }
    if line.is_steps_only {
        return table.keep(line);
    }
    for row in whole::all(line).await {
        table.add(out, row)?;
    }
    if let Some(instructions) = instructions::of_a_lone_notification(line).await {
        let row = Row::new(
            "a lone notification, with its poll and the request for it",
            "instructions",
            instructions,
        );
        table.add(out, row)?;
    }
    for curve in growth::by_instances(line).await {
        table.add_curve(out, curve)?;
    }
    for provider in growth::PROVIDERS {
        for curve in growth::by_changes(line, provider).await {
            table.add_curve(out, curve)?;
        }
    }
    table.keep(line)
}
