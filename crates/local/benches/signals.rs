//! What counting, exporting and tracing cost a poll, in instructions: `valgrind` counts them, so a busy machine changes nothing.
//!
//! `cargo bench -p local --bench signals` runs the program without OTLP and with it, prints a table in two minutes, and
//! fails above the mark. Polls are asked for through the API; what such a request costs for no mailbox is taken off.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // it prints, and what can not go on panics

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use scenarios::{Callback, Client, Mailbox, Outside};
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

/// Each kind of request so often, beyond the first ones.
const REQUESTS_COUNT: usize = 200;
const SHARE_MAX: f64 = 0.03;
const SECRETS: [(&str, &str); 2] = [
    ("CARILLON_USER_SECRET", "signals-user-secret"),
    ("CARILLON_ORGANIZATION_SECRET", "signals-organization-secret"),
];

/// What is asked for after the same beginning.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Exercise {
    Nothing,
    /// A poll of no mailbox: what a request costs alone.
    Unknown,
    IdlePoll,
    /// With a mail each, which is delivered.
    FullPoll,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let collector = collector().await;
    let exported = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.as_str())];
    let (without, with) = (polls(&[]).await, polls(&exported).await);
    println!(
        "| thousand instructions each | without OTLP | with metrics and traces | more |\n|---|---:|---:|---:|"
    );
    let mut is_well = true;
    for (name, off, on) in [("idle poll", without[0], with[0]), ("poll with a delivery", without[1], with[1])]
    {
        let share = on / off - 1.0;
        println!("| {name} | {:.0} | {:.0} | {:.1} % |", off / 1e3, on / 1e3, share * 100.0);
        is_well &= share <= SHARE_MAX;
    }
    assert!(is_well, "more than {} %", SHARE_MAX * 100.0);
}

/// Instructions of an idle poll, and of one with a delivery.
async fn polls(variables: &[(&str, &str)]) -> [f64; 2] {
    let mut counted = Vec::new();
    for exercise in [Exercise::Nothing, Exercise::Unknown, Exercise::IdlePoll, Exercise::FullPoll] {
        counted.push(instructions(exercise, variables).await);
    }
    let each = |place: usize| (counted[place] - counted[0]) / REQUESTS_COUNT as f64;
    [each(2) - each(1), each(3) - each(1)]
}

/// Of a process from its start to its end.
async fn instructions(exercise: Exercise, variables: &[(&str, &str)]) -> f64 {
    let outside = Outside::start().await;
    let folder = tempfile::tempdir().unwrap();
    let counts = folder.path().join("counts");
    let (mut child, client) = started(&outside, folder.path(), &counts, variables).await;
    let (mailbox, callback) = (Mailbox::gmail(&outside, "signals"), Callback::new(&outside, "signals"));
    let id = client.connect(&mailbox, &callback).await.id;
    poll(&client, id).await;
    for round in 0..REQUESTS_COUNT {
        match exercise {
            Exercise::Nothing => break,
            Exercise::Unknown => assert_eq!(client.poll(id + 1).await.status, 404),
            Exercise::IdlePoll => poll(&client, id).await,
            Exercise::FullPoll => {
                mailbox.deliver();
                poll(&client, id).await;
                callback.wait_for_posts(round + 1).await;
            }
        }
    }
    let pid = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
    assert!(child.wait().await.unwrap().success());
    counted(&counts)
}

async fn poll(client: &Client, id: u64) {
    for _ in 0..10 {
        let polled = client.poll(id).await;
        assert_eq!(polled.status, 200, "{}", polled.body);
        if polled.body["more"] != true {
            return;
        }
    }
    panic!("there is always more");
}

/// The program, with what it executes counted in a file.
async fn started(
    outside: &Outside,
    folder: &Path,
    counts: &Path,
    variables: &[(&str, &str)],
) -> (Child, Client) {
    let mut command = Command::new("valgrind");
    command.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]);
    command.arg(format!("--log-file={}", counts.display())).arg(env!("CARGO_BIN_EXE_carillon"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder.join("data"));
    command.envs(outside.variables()).envs(SECRETS).envs(variables.iter().copied());
    command.env("CARILLON_REQUESTS_PER_MINUTE", "1000000").env("CARILLON_LOG", "error");
    let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let line = BufReader::new(child.stdout.take().unwrap()).lines().next_line().await.unwrap().unwrap();
    let base = line.strip_prefix("carillon listening on ").unwrap();
    (child, Client::new(base, SECRETS[0].1, SECRETS[1].1))
}

/// The line of `cachegrind` with all that was executed.
fn counted(counts: &Path) -> f64 {
    let text = std::fs::read_to_string(counts).unwrap();
    let line =
        text.lines().find_map(|line| line.split_once("I   refs:").or_else(|| line.split_once("I refs:")));
    line.unwrap_or_else(|| panic!("no count in {text}")).1.trim().replace(',', "").parse().unwrap()
}

/// Takes everything; returns where.
async fn collector() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/v1/{signal}", post(async |_: Bytes| ()));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}
