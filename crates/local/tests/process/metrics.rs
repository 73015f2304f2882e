//! The numbers of a process, at an address of their own.

use crate::process::Process;
use scenarios::{Callback, Mailbox, Outside, until};
use serde_json::Value;
use std::path::Path;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

async fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Lines of a log with this message.
fn lines(log: &Path, message: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(log).unwrap();
    let all = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    all.filter(|line| line["message"] == message).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_reads_them_and_whoever_reaches_the_interface_does_not() {
    let outside = Outside::start().await;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let variables = [("CARILLON_METRICS_LISTEN", "127.0.0.1:0")];
    let process = Process::start_logged_with(&outside, folder.path(), &log, &variables).await;
    let listening = until("it says where", async || lines(&log, "metrics.listening").pop()).await;
    let address = listening["address"].as_str().unwrap();
    let (mailbox, callback) = (Mailbox::gmail(&outside, "metrics"), Callback::new(&outside, "metrics"));
    let id = process.client.connect(&mailbox, &callback).await.id;
    mailbox.deliver();
    process.poll_until_read(id).await;
    callback.wait_for_posts(1).await;
    let delivered = "carillon_delivery_attempts_total{verdict=\"delivered\"} 1\n";
    let text = until("it is counted", async || {
        let answer = get(address, "/metrics").await;
        answer.contains(delivered).then_some(answer)
    })
    .await;
    assert!(text.starts_with("HTTP/1.1 200 ") && text.contains("text/plain; version=0.0.4"), "{text}");
    assert!(text.contains("carillon_mailboxes{status=\"healthy\"} 1\n"), "{text}");
    assert!(get(process.address(), "/metrics").await.starts_with("HTTP/1.1 404 "));
    assert!(get(address, "/health").await.starts_with("HTTP/1.1 404 "), "nothing else is there");
    process.terminate().await;
}
