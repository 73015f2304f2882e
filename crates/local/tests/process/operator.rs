//! What an operator sees of a process: its numbers, at an address of their own, and its log.

use crate::erasure::told;
use crate::process::{ORGANIZATION_SECRET, Process, USER_SECRET};
use doubles::FaultKind;
use scenarios::{Callback, Mailbox, Outside, until};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

async fn get(address: &str, path: &str) -> String {
    get_of(address, address, path).await
}

/// By this name.
async fn get_of(host: &str, address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
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
    assert!(get_of("evil.example", address, "/metrics").await.starts_with("HTTP/1.1 421 "));
    process.terminate().await;
}

/// Whoever has a callback's header finds what led to it: the poll, its commit, and each attempt.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_id_that_a_receiver_got_leads_to_all_lines_of_its_notification() {
    let outside = Outside::start().await;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let process = Process::start_logged(&outside, folder.path(), &log).await;
    let (mailbox, callback) = (Mailbox::gmail(&outside, "lines"), Callback::new(&outside, "lines"));
    let id = process.client.connect(&mailbox, &callback).await.id;
    outside.receiver.answer_next(500);
    mailbox.deliver();
    process.poll_until_read(id).await;
    let posts = callback.wait_for_posts(2).await;
    process.terminate().await;
    let header = |post: usize, name: &str| posts[post].headers[name].to_str().unwrap().to_owned();
    let webhook = header(0, "elements-webhook-id");
    assert_eq!((webhook.clone(), &posts[0].body), (header(1, "elements-webhook-id"), &posts[1].body));
    let text = std::fs::read_to_string(&log).unwrap();
    let found: Vec<Value> = text
        .lines()
        .filter(|line| line.contains(&webhook))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut messages: Vec<&str> = found.iter().map(|line| line["message"].as_str().unwrap()).collect();
    messages.sort_unstable();
    assert_eq!(messages, ["delivery.attempted", "delivery.attempted", "poll.committed", "poll.finished"]);
    let trace = |message: &str| &found.iter().find(|line| line["message"] == message).unwrap()["trace.id"];
    assert_eq!(trace("poll.committed"), trace("poll.finished"));
    // The receiver's own trace goes on from each attempt, which the log names by the same trace.
    let (first, second) = (header(0, "traceparent"), header(1, "traceparent"));
    assert_eq!(trace("delivery.attempted").as_str(), Some(&first[3..35]));
    assert_eq!(first[..36], second[..36]);
    assert_ne!(first, second);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_providers_refusal_names_the_call() {
    let outside = Outside::start().await;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let process = Process::start_logged(&outside, folder.path(), &log).await;
    let (mailbox, callback) = (Mailbox::gmail(&outside, "refusal"), Callback::new(&outside, "refusal"));
    let id = process.client.connect(&mailbox, &callback).await.id;
    outside.providers.set_fault_rate(1.0, &[FaultKind::ServerError { status: 503 }]);
    process.client.call("POST", &format!("/instances/{id}/poll"), &Value::Null).await;
    let line = until("it is told", async || lines(&log, "provider.refused").pop()).await;
    assert_eq!((&line["status"], &line["connector"]), (&503.into(), &"gmail".into()), "{line}");
    assert_eq!(line["call"], "GET /gmail/v1/users/me/history", "{line}");
    // The poll that ended so tells how old its last success is.
    let failed = until("it ended", async || lines(&log, "poll.finished").pop()).await;
    assert!(failed["success_age_s"].as_i64().is_some_and(|age_s| (0..300).contains(&age_s)), "{failed}");
    // Who has no instance yet is told of, too.
    let new = scenarios::body(&Mailbox::gmail(&outside, "refused"), &callback);
    process.client.call("POST", "/instances", &new).await;
    let is_sign_in = |line: &Value| line["call"].as_str().is_some_and(|call| call.starts_with("POST /"));
    until("it is told", async || lines(&log, "provider.refused").into_iter().find(is_sign_in)).await;
    outside.providers.clear_faults();
    process.terminate().await;
}

/// Mail that arrives after a failure, a provider that is out, a grant that is withdrawn, a guess: each has its lines.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_has_no_secret_no_address_and_nothing_of_a_mail() {
    let outside = Outside::start().await;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let process = Process::start_logged(&outside, folder.path(), &log).await;
    let mut unspoken: BTreeSet<String> =
        ["a-guessed-secret", doubles::CLIENT_SECRET, "ya29.", "EwB4A8l6", "1.AXkA"]
            .into_iter()
            .chain([USER_SECRET, ORGANIZATION_SECRET])
            .map(str::to_owned)
            .collect();
    for mailbox in Mailbox::each(&outside, "unspoken") {
        let callback = Callback::new(&outside, &format!("hook-of-{}", mailbox.connector()));
        let instance = process.client.connect(&mailbox, &callback).await;
        outside.receiver.answer_next(500);
        mailbox.deliver();
        process.poll_until_read(instance.id).await;
        callback.wait_for_posts(2).await;
        mailbox.double().fail_account(mailbox.address(), FaultKind::ServerError { status: 503 });
        process.client.poll(instance.id).await;
        mailbox.unlimit();
        mailbox.revoke();
        mailbox.double().expire_access_tokens(mailbox.address());
        process.client.poll(instance.id).await;
        // Texts, and not ids.
        unspoken.extend(told(&callback).into_iter().filter(|text| text.contains(' ')));
        unspoken.extend([instance.token, mailbox.address().to_owned(), callback.url().to_owned()]);
        unspoken.insert(callback.signature_key().to_owned());
    }
    let guess = process.client.authorized("User a-guessed-secret, Organization a-guessed-secret");
    guess.refused("GET", "/instances", &Value::Null, 401).await;
    process.terminate().await;
    for message in ["delivery.attempted", "provider.refused", "instance.needs_sign_in", "sign_in.failed"] {
        assert!(!lines(&log, message).is_empty(), "no {message}");
    }
    let text = std::fs::read_to_string(&log).unwrap();
    for one in unspoken {
        assert!(!text.contains(&one), "`{one}` stands in the log");
    }
}
