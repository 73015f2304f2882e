//! The command line.

use clap::Parser;
use std::path::PathBuf;

/// What was typed.
#[derive(Debug, Parser)]
#[command(name = "bench", about = "Measures what Carillon costs")]
pub struct CommandLine {
    /// Less of everything, in under two minutes
    #[arg(long = "quick")]
    pub is_quick: bool,
    /// Only the inner steps
    #[arg(long = "steps")]
    pub is_steps_only: bool,
    /// Writes what was measured as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Draws how cost grows
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// The program `carillon` of another version: tells a lone notification's cost of both, in turns, and nothing else
    #[arg(long, value_name = "PROGRAM")]
    pub beside: Option<PathBuf>,
    /// Counts instructions too, with valgrind: some minutes more
    #[arg(long = "instructions")]
    pub counts_instructions: bool,
    /// Runs one step so many times and nothing else, for a profiler
    #[arg(long, value_name = "NUMBER")]
    pub step: Option<usize>,
    /// How many times
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    pub times: usize,
    /// Serves from this folder, as the measured process
    #[arg(long, value_name = "FOLDER", hide = true)]
    pub serve: Option<PathBuf>,
}

impl CommandLine {
    /// One number for a whole run, another for a quick one.
    pub(crate) fn pick<T>(&self, whole: T, quick: T) -> T {
        if self.is_quick { quick } else { whole }
    }
}
