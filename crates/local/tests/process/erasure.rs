//! What is left in the files of the data folder of an instance that was deleted. Also the record of what was changed outlives
//! none of its values.

use crate::process::Process;
use rusqlite::{Connection, OpenFlags};
use scenarios::{Callback, Mailbox, Outside, RETRY_DELAYS};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

/// Shorter ones could stand there for another reason.
const TRACE_LENGTH_MIN: usize = 12;

/// Everything that stands in the folder: tables, free pages, write-ahead log.
fn bytes_of(folder: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|file| file.is_file()).flat_map(|file| std::fs::read(file).unwrap()).collect()
}

fn standing(traces: &BTreeSet<String>, folder: &Path) -> Vec<String> {
    let bytes = bytes_of(folder);
    let text = String::from_utf8_lossy(&bytes);
    traces.iter().filter(|trace| text.contains(trace.as_str())).cloned().collect()
}

/// Each text in a callback's bodies: names, addresses, subjects, text, ids.
pub(crate) fn told(callback: &Callback) -> BTreeSet<String> {
    let mut texts = BTreeSet::new();
    for post in callback.posts() {
        gather(&serde_json::from_slice::<Value>(&post.body).unwrap()["message"], &mut texts);
    }
    texts
}

fn gather(value: &Value, texts: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text.len() >= TRACE_LENGTH_MIN => {
            texts.extend(
                text.split(['\\', '"']).filter(|part| part.len() >= TRACE_LENGTH_MIN).map(str::to_owned),
            );
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, texts)),
        Value::Object(fields) => fields.values().for_each(|field| gather(field, texts)),
        _ => {}
    }
}

/// Its rows of what is sealed: who gets hold of the keys later opens a copy.
fn sealed(folder: &Path, instance: u64) -> Vec<String> {
    let database = folder.join("carillon.db");
    let database = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let queries = [
        "SELECT sealed FROM secrets WHERE instance_id = ?1",
        "SELECT document FROM sessions WHERE instance_id = ?1",
        "SELECT document FROM instances WHERE id = ?1",
    ];
    queries.map(|query| database.query_row(query, [instance], |row| row.get(0)).unwrap()).to_vec()
}

/// A mailbox of each connector, with its callback that was told of so much mail.
async fn connected(
    outside: &Outside,
    process: &Process,
    name: &str,
    mails_count: usize,
) -> Vec<(u64, Callback)> {
    let mut connected = Vec::new();
    for mailbox in Mailbox::each(outside, name) {
        let callback = Callback::new(outside, mailbox.address());
        let id = process.client.connect(&mailbox, &callback).await.id;
        let wanted: Vec<_> = (0..mails_count).map(|_| mailbox.deliver()).collect();
        process.poll_until_read(id).await;
        callback.wait_for(&wanted).await;
        connected.push((id, callback));
    }
    connected
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_deleted_instance_nothing_stands_in_the_data_folder() {
    let outside = Outside::start().await;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let process = Process::start(&outside, folder, RETRY_DELAYS).await;
    // One of each connector stays, whose names are those of nobody in particular.
    let erased = connected(&outside, &process, "erased", 30).await;
    let kept = connected(&outside, &process, "kept", 3).await;
    let mut traces: BTreeSet<String> = erased.iter().flat_map(|(_, callback)| told(callback)).collect();
    let others: Vec<_> = kept.iter().flat_map(|(_, callback)| told(callback)).collect();
    traces.retain(|trace| !others.iter().any(|other| other.contains(trace.as_str())));
    // A second is everybody's: rows of those that stay may name the same.
    traces.retain(|trace| chrono::DateTime::parse_from_rfc3339(trace).is_err());
    for (id, callback) in &erased {
        process.client.done("POST", "/instances/test-event", &json!({ "instanceId": id })).await;
        traces.extend(sealed(folder, *id));
        traces.insert(callback.url().to_string());
    }
    assert!(standing(&traces, folder).len() > 100, "there is something to erase");
    for (id, _) in &erased {
        process.client.done("DELETE", &format!("/instances/{id}"), &Value::Null).await;
    }
    scenarios::until("nothing of them stands in a file", async || {
        standing(&traces, folder).is_empty().then_some(())
    })
    .await;
    process.terminate().await;
    assert_eq!(standing(&traces, folder), Vec::<String>::new());
}
