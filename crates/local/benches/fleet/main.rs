//! What lists, counts and pages cost with 10,000 instances of three resources each, and 1,000,000 events.
//!
//! `cargo bench -p local --bench fleet` fills a data folder through the store's own writes (three minutes or so, 3 GB),
//! starts the release program on it, and prints a table: of each page of the console and of each list of the interface
//! the server's time as a client on the same machine sees it, what is sent with and without gzip, and what is sent again
//! some seconds later to a page that is open. It fails where a mark is missed.
//!
//! `CARILLON_BENCH_DATA` names a folder to fill once and use again.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // it prints, and what can not go on panics

mod asked;
mod fill;
#[allow(dead_code)]
#[path = "../../tests/process/process.rs"]
mod process;
mod visitor;

use process::Process;
use scenarios::{Outside, RETRY_DELAYS};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use visitor::Visitor;

/// Times each is asked for.
const ROUNDS_COUNT: usize = 15;
/// Median time of the server for a page or a list, ms.
const SERVER_MS_MAX: f64 = 100.0;
/// What an open page may cost every few seconds where nothing changed, bytes.
const AGAIN_BYTES_MAX: usize = 5_000;
/// Between two fetches of an open page.
const PAUSE: Duration = Duration::from_secs(4);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let outside = Outside::start().await;
    let kept = std::env::var_os("CARILLON_BENCH_DATA").map(PathBuf::from);
    let own = tempfile::tempdir().unwrap();
    let folder = kept.unwrap_or_else(|| own.path().join("data"));
    if !fill::is_filled(&folder) {
        let began = Instant::now();
        fill::fill(&outside, &folder).await;
        println!("filled in {:.0} s", began.elapsed().as_secs_f64());
    }
    let began = Instant::now();
    let process = Process::start(&outside, &folder, RETRY_DELAYS).await;
    println!("started in {:.1} s, at load {}", began.elapsed().as_secs_f64(), load());
    let visitor = Visitor::sign_in(process.address()).await;
    let mut missed = Vec::new();
    println!("\n| what | median ms | p99 ms | bytes | gzip | again, after 4 s |\n|---|---|---|---|---|---|");
    for (name, path, is_page) in asked::all(&visitor).await {
        missed.extend(measure(&visitor, &name, &path, is_page).await);
    }
    process.terminate().await;
    assert!(missed.is_empty(), "above their marks: {missed:?}");
}

/// Prints a row; what is above its mark in it.
async fn measure(visitor: &Visitor, name: &str, path: &str, is_page: bool) -> Option<String> {
    let mut took: Vec<f64> = Vec::new();
    let mut plain = visitor.get(path, &[]).await;
    assert!([200, 404].contains(&plain.status), "{path}: {} {}", plain.status, plain.text());
    for _ in 0..ROUNDS_COUNT {
        plain = visitor.get(path, &[]).await;
        took.push(plain.took_ms);
    }
    took.sort_by(f64::total_cmp);
    let packed = visitor.get(path, &[("accept-encoding", "gzip"), ("x-carillon-live", "1")]).await;
    let again = match is_page {
        true => {
            tokio::time::sleep(PAUSE).await;
            let tag = packed.header("etag").unwrap_or_default().to_owned();
            let headers = [("accept-encoding", "gzip"), ("x-carillon-live", "1"), ("if-none-match", &tag)];
            Some(visitor.get(path, &headers).await.bytes)
        }
        false => None,
    };
    let (median, late) = (took[took.len() / 2], took[took.len() - 1]);
    let shown = again.map_or("-".to_owned(), |bytes| bytes.to_string());
    println!("| {name} | {median:.0} | {late:.0} | {} | {} | {shown} |", plain.bytes, packed.bytes);
    let is_missed = median > SERVER_MS_MAX || again.is_some_and(|bytes| bytes > AGAIN_BYTES_MAX);
    is_missed.then(|| name.to_owned())
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap();
    text.split(' ').next().unwrap().to_owned()
}
