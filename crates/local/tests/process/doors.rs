//! What strangers can do to a process: they have no secrets, and a network.

use crate::process::Process;
use doubles::FaultKind;
use scenarios::{Callback, Mailbox, Outside, RETRY_DELAYS, until};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Long before a slow client's time is over.
const SOON: Duration = Duration::from_secs(10);
/// A sink that buffers what strangers send would hold a megabyte of each.
const BODY_BYTES: usize = 1_000_000;
const BODIES_COUNT: usize = 100;
/// Slow clients: as many as a process usually may have open, ours too.
const CLIENTS_COUNT: usize = 900;

async fn opened(process: &Process, said: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(process.address()).await.unwrap();
    stream.write_all(said).await.unwrap();
    stream
}

async fn is_well(process: &Process) -> bool {
    let asked = async {
        let mut stream =
            opened(process, b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.starts_with("HTTP/1.1 200 ")
    };
    tokio::time::timeout(SOON, asked).await.unwrap_or(false)
}

/// Resident memory of the process, bytes; nothing where the system does not tell it so.
fn resident_bytes(process: &Process) -> Option<usize> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<usize>().ok()? * 1024)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_slow_clients_than_descriptors_shut_nobody_out() {
    let outside = Outside::start().await;
    let folder = tempfile::tempdir().unwrap();
    // Fewer descriptors than clients come.
    let process = Process::start_limited(&outside, folder.path(), RETRY_DELAYS, 256).await;
    let mut slow = Vec::new();
    for n in 0..CLIENTS_COUNT {
        let said: &[u8] = match n % 3 {
            0 => b"G",
            1 => b"GET /health HTTP/1.1\r\nhost: localhost\r\n",
            _ => b"POST /elements/api-v2/events HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nab",
        };
        let opened = tokio::time::timeout(SOON, opened(&process, said)).await;
        slow.push(opened.expect("nobody lets clients in any more"));
    }
    assert!(is_well(&process).await);
    drop(slow);
    process.terminate().await;
}

/// What a page of another site sees whose name was led here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_this_machine_alone_no_other_name_is_answered() {
    let outside = Outside::start().await;
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(&outside, folder.path(), RETRY_DELAYS).await;
    for path in ["/", "/sign-in", "/health", "/openapi.json", "/elements/api-v2/instances"] {
        let said = format!("GET {path} HTTP/1.1\r\nhost: rebound.example\r\nconnection: close\r\n\r\n");
        let mut stream = opened(&process, said.as_bytes()).await;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 421 "), "{path}: {answer}");
        assert!(!answer.contains("Carillon") && !answer.contains("set-cookie"), "{path}: {answer}");
    }
    assert!(is_well(&process).await);
    process.terminate().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_strangers_post_is_not_kept() {
    let outside = Outside::start().await;
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(&outside, folder.path(), RETRY_DELAYS).await;
    assert!(is_well(&process).await);
    let before = resident_bytes(&process);
    let head = format!(
        "POST /elements/api-v2/events HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n",
        BODY_BYTES + 1
    );
    let mut half_sent = Vec::new();
    for _ in 0..BODIES_COUNT {
        let mut stream = opened(&process, head.as_bytes()).await;
        stream.write_all(&vec![b' '; BODY_BYTES]).await.unwrap();
        half_sent.push(stream);
    }
    assert!(is_well(&process).await);
    if let (Some(before), Some(now)) = (before, resident_bytes(&process)) {
        assert!(now < before + BODIES_COUNT * BODY_BYTES / 3, "from {before} to {now} bytes");
    }
    let mut first = half_sent.remove(0);
    first.write_all(b" ").await.unwrap();
    let mut status = [0; 13];
    first.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 200 ");
    let mut long = opened(&process, head.replace("1000001", "1048577").as_bytes()).await;
    long.write_all(&vec![b' '; 1_048_577]).await.unwrap();
    long.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 413 ");
    process.terminate().await;
}

/// Whoever asks why a client gets nowhere finds its requests, and nothing of what was in them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_a_line_of_the_log() {
    let outside = Outside::start().await;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let process = Process::start_logged(&outside, &folder.path().join("data"), &log).await;
    let refusals = [
        ("GET", "/instances/ada@example.com?searchText=Countess", 404),
        ("POST", "/instances", 400),
        ("PUT", "/ping", 405),
    ];
    // What a route is called, and whether it is known whose request it is.
    let named = [("/instances/{id}", true), ("/instances", true), ("/ping", false)];
    for (method, path, status) in refusals {
        let reply = process.client.call(method, path, &json!({ "name": "Ada Lovelace" })).await;
        assert_eq!(reply.status, status, "{method} {path}");
    }
    process.terminate().await;
    let text = std::fs::read_to_string(&log).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let requests: Vec<Value> = lines.filter(|line| line["message"] == "request.finished").collect();
    assert!(requests.iter().any(|line| line["status"] == 200), "also one that was answered");
    let refused: Vec<&Value> = requests.iter().filter(|line| line["status"].as_u64() >= Some(400)).collect();
    let told: Vec<(&str, u64)> = refused
        .iter()
        .map(|line| (line["request.method"].as_str().unwrap(), line["status"].as_u64().unwrap()))
        .collect();
    assert_eq!(told, refusals.map(|(method, _, status)| (method, u64::from(status))));
    for (line, (route, is_known)) in refused.into_iter().zip(named) {
        let is_route = line["request.route"].as_str().unwrap().strip_prefix("/elements/api-v2");
        assert_eq!((is_route, line["organization.id"] == 1), (Some(route), is_known), "{line}");
        assert_eq!(line["request.id"].as_str().unwrap().len(), 24, "{line}");
        assert!(line["duration_ms"].is_u64(), "{line}");
    }
    assert!(["ada@example.com", "Countess", "Lovelace"].iter().all(|word| !text.contains(word)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_of_requests_have_a_level_of_their_own() {
    let outside = Outside::start().await;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let data = folder.path().join("data");
    let process = Process::start_logged_at("info,requests=off", &outside, (&data, &log), &[]).await;
    process.client.get("/instances").await;
    process.client.refused("GET", "/instances/1", &Value::Null, 404).await;
    let (mailbox, callback) = (Mailbox::gmail(&outside, "levels"), Callback::new(&outside, "levels"));
    process.client.connect(&mailbox, &callback).await;
    process.terminate().await;
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.contains("instance.created") && !text.contains("request.finished"), "{text}");
}

/// What it asked for goes on, and has its line.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_whose_client_left_is_a_line_without_a_status() {
    let outside = Outside::start().await;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let process = Process::start_logged(&outside, &folder.path().join("data"), &log).await;
    let (mailbox, callback) = (Mailbox::gmail(&outside, "left"), Callback::new(&outside, "left"));
    let id = process.client.connect(&mailbox, &callback).await.id;
    mailbox.double().fail_account(mailbox.address(), FaultKind::Slow { ms: 3_000 });
    let asked_count = mailbox.requests_count();
    let authorization = process.client.authorization();
    let said = format!(
        "POST /elements/api-v2/instances/{id}/poll HTTP/1.1\r\nhost: localhost\r\nauthorization: {authorization}\r\n\r\n"
    );
    let client = opened(&process, said.as_bytes()).await;
    until("the provider is asked", async || (mailbox.requests_count() > asked_count).then_some(())).await;
    drop(client);
    let line = until("there is a line", async || {
        let text = std::fs::read_to_string(&log).unwrap();
        let mut lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find(|line| {
            let route = line["request.route"].as_str().unwrap_or_default();
            line["message"] == "request.finished" && route.ends_with("/instances/{id}/poll")
        })
    })
    .await;
    assert_eq!((line.get("status"), line["organization.id"].as_u64()), (None, Some(1)), "{line}");
    process.terminate().await;
}
