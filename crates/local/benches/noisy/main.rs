//! What a noisy neighbour costs: one organization that takes what it can get, beside a quiet one, in the release program and
//! over sockets. Each scene has a process of its own.
//!
//! `cargo bench -p local --bench noisy` prints a table, in about five minutes, and fails where a mark is missed. Words behind
//! `--` choose scenes: `callbacks`, `polls`, `releases`, `memory`.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // it prints, and what can not go on panics

mod callbacks;
mod memory;
mod polls;
#[allow(dead_code)]
#[path = "../../tests/process/process.rs"]
mod process;
mod releases;
mod row;
#[path = "../seen/mod.rs"]
mod seen;

use row::Row;
use seen::load;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_chosen = |scene: &str| chosen.is_empty() || chosen.iter().any(|word| word == scene);
    let mut rows = Vec::new();
    if is_chosen("callbacks") {
        rows.extend(callbacks::rows().await);
    }
    if is_chosen("polls") {
        rows.extend(polls::rows().await);
    }
    if is_chosen("releases") {
        rows.extend(releases::rows().await);
    }
    if is_chosen("memory") {
        rows.extend(memory::rows().await);
    }
    println!(
        "\n| of the quiet organization | alone | beside the noise | ratio | mark |\n|---|---|---|---|---|"
    );
    rows.iter().for_each(|row| println!("{row}"));
    let missed: Vec<&str> = rows.iter().filter(|row| row.is_missed()).map(Row::what).collect();
    assert!(missed.is_empty(), "missed at load {}: {missed:?}", load());
}
