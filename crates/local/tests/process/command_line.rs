//! What somebody meets who types the command.

use crate::process::{PATIENCE, Process};
use scenarios::{Client, Outside, RETRY_DELAYS};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Output, Stdio};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;

/// Runs to its end; the environment asks for backtraces.
async fn carillon(words: &[&str], folder: &Path, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carillon"));
    command.args(words).env("RUST_BACKTRACE", "1").env("CARILLON_DATA", folder);
    command.envs(variables.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
    tokio::time::timeout(PATIENCE, command.output()).await.unwrap().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn without_a_command_it_only_helps() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let output = carillon(&[], &data, &[]).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("Usage: carillon"));
    let output = carillon(&["--version"], &data, &[]).await;
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        concat!("carillon ", env!("CARGO_PKG_VERSION"), "\n")
    );
    assert!(!data.exists());
}

#[tokio::test]
async fn a_mistake_is_told_in_one_line_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port_in_use = taken.local_addr().unwrap().to_string();
    for (words, variables, about) in [
        (&["serve", "--listen", &port_in_use][..], &[][..], "listening on"),
        (&["demo", "--listen", &port_in_use], &[], "listening on"),
        (&["serve", "--listen", "nowhere"], &[], "--listen (CARILLON_LISTEN) must be"),
        (&["serve"], &[("CARILLON_RETENTION_DAYS", "0")], "CARILLON_RETENTION_DAYS must be"),
        (
            &["serve"],
            &[("CARILLON_USER_SECRET", "abc"), ("CARILLON_ORGANIZATION_SECRET", "abc")],
            "CARILLON_USER_SECRET must have at least 16 characters",
        ),
        (&["admin", "queues"], &[], "there is no data in"),
    ] {
        let output = carillon(words, &data, variables).await;
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.starts_with("carillon: ") && said.contains(about), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(output.stdout.is_empty() && !data.exists());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_is_asked_without_a_shell() {
    let (outside, folder) = (Outside::start().await, tempfile::tempdir().unwrap());
    let process = Process::start(&outside, folder.path(), RETRY_DELAYS).await;
    let words = ["health", "--listen", process.address()];
    let output = carillon(&words, folder.path(), &[]).await;
    assert!(output.status.success() && output.stdout.is_empty(), "{}", said(&output));
    let address = process.address().to_owned();
    process.terminate().await;
    let output = carillon(&["health"], folder.path(), &[("CARILLON_LISTEN", &address)]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).starts_with("carillon: asking"), "{}", said(&output));
    // Nobody who is well says something else.
    let stranger = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = stranger.local_addr().unwrap().to_string();
    let answered = tokio::spawn(async move {
        let (mut stream, _) = stranger.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").await.unwrap();
        stream
    });
    let output = carillon(&["health", "--listen", &address], folder.path(), &[]).await;
    assert!(said(&output).contains("does not say that it is well"), "{}", said(&output));
    drop(answered.await.unwrap());
}

#[tokio::test]
async fn keys_of_other_data_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    for data in [&one, &other] {
        let output = carillon(&["admin", "organizations", "add"], data, &[]).await;
        assert!(output.status.success(), "{}", said(&output));
    }
    std::fs::copy(other.join("keys"), one.join("keys")).unwrap();
    for words in [&["serve", "--listen", "127.0.0.1:0"][..], &["admin", "users"]] {
        let output = carillon(words, &one, &[]).await;
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains("the key file does not belong to the data"), "{}", said(&output));
    }
    assert!(carillon(&["admin", "users"], &other, &[]).await.status.success());
}

/// Its providers send notices to an address that does not exist, and it takes them all the same; clients read where it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_is_told_by_push_and_says_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_carillon"));
    command.args(["demo", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path());
    command.env("CARILLON_LOG", "error").stdout(Stdio::piped()).kill_on_drop(true);
    let mut demo = command.spawn().unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let said = async {
        let (mut base, mut changed) = (String::new(), String::new());
        let (mut expected, mut told) = (BTreeSet::new(), BTreeSet::new());
        while expected.is_empty() || told != expected {
            let line = lines.next_line().await.unwrap().unwrap();
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["carillon", "listening", "on", address] => address.clone_into(&mut base),
                ["connected", connector, ..] if line.contains("told by push") => {
                    expected.insert(connector.to_owned());
                }
                [_, "└", ..] if line.contains("by push") => drop(told.insert(changed.clone())),
                [_, "└", ..] => {}
                [_, connector, ..] => connector.clone_into(&mut changed),
                _ => {}
            }
        }
        base
    };
    let base = tokio::time::timeout(PATIENCE, said).await.unwrap();
    let described = Client::new(&base, "", "").call_at("GET", "/openapi.json", &Value::Null).await;
    assert_eq!(described.body["servers"][0]["url"], base);
}
