//! What the release program costs: CPU per idle poll and per delivery, start, and memory with many instances.
//!
//! `cargo bench -p local` prints one line each. The figures are the process's own CPU time, so they say little
//! about other machines; the ratios between them say more. Polls are asked for through the API, all instances at
//! once, so each figure holds one HTTP request to us and one to the provider, and a poll that finds a message one
//! more to read it.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // it prints, and what can not go on panics

#[allow(dead_code)]
#[path = "../tests/process/process.rs"]
mod process;

use process::Process;
use scenarios::{Callback, Mailbox, Outside, RETRY_DELAYS};
use std::time::Instant;

const INSTANCES_COUNT: usize = 50;
const ROUNDS_COUNT: usize = 40;
/// Instances for the memory figure; each polls every minute meanwhile.
const MANY_COUNT: usize = 10_000;
/// Clock ticks of `/proc/<pid>/stat`, ms.
const TICK_MS: f64 = 10.0;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let outside = Outside::start().await;
    let (mailbox, callback) = (Mailbox::gmail(&outside, "cost"), Callback::new(&outside, "cost"));
    let folder = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let process = Process::start(&outside, folder.path(), RETRY_DELAYS).await;
    println!("start to listening        {:>8.1} ms", began.elapsed().as_secs_f64() * 1000.0);
    let mut ids = Vec::new();
    for _ in 0..INSTANCES_COUNT {
        ids.push(process.client.connect(&mailbox, &callback).await.id);
    }
    outside.providers.google.set_in_flight_max(usize::MAX); // all instances share one mailbox
    let idle = polls(&process, &ids, || ()).await;
    println!("idle poll                 {idle:>8.3} CPU-ms each");
    let busy = polls(&process, &ids, || drop(mailbox.deliver())).await;
    let expected = INSTANCES_COUNT * ROUNDS_COUNT;
    outside.receiver.wait_for(expected).await;
    println!("poll, read and delivery   {busy:>8.3} CPU-ms each");
    println!("read and delivery alone   {:>8.3} CPU-ms each (the difference)", busy - idle);
    println!("memory, {INSTANCES_COUNT} instances     {:>8.1} MB", memory_mb(&process));
    for _ in INSTANCES_COUNT..MANY_COUNT {
        process.client.connect(&mailbox, &callback).await;
    }
    println!("memory, {MANY_COUNT} instances  {:>8.1} MB", memory_mb(&process));
    process.terminate().await;
}

/// CPU of one poll, over all instances and rounds, ms; `change` happens before each round.
async fn polls(process: &Process, ids: &[u64], change: impl Fn()) -> f64 {
    for id in ids {
        process.poll_until_read(*id).await;
    }
    let before = cpu_ms(process);
    for _ in 0..ROUNDS_COUNT {
        change();
        futures_util::future::join_all(ids.iter().map(|id| process.poll_until_read(*id))).await;
    }
    (cpu_ms(process) - before) / (ids.len() * ROUNDS_COUNT) as f64
}

fn cpu_ms(process: &Process) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.id())).unwrap();
    // The fields after the name in parentheses: user and system time are the 12th and 13th of them.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) * TICK_MS
}

fn memory_mb(process: &Process) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}
