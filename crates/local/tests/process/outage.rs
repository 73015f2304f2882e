//! No room: on the disk, and for descriptors.

use crate::process::Process;
use rusqlite::{Connection, OpenFlags};
use scenarios::{Callback, Mailbox, Outside, RETRY_DELAYS, ReceivedEvent, until};
use serde_json::Value;
use std::path::Path;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

const DESCRIPTORS: u32 = 64;
const CLIENTS_COUNT: usize = 200;

/// Has the process poll by itself, soon.
fn enqueue_poll(folder: &Path, instance: u64) {
    let job = "INSERT INTO jobs (job, class, instance_id, due_at_us, failures)
         VALUES (json_object('Poll', ?1), 'other', ?1, 0, 0)";
    Connection::open(folder.join("carillon.db")).unwrap().execute(job, [instance]).unwrap();
}

fn assert_whole(folder: &Path) {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let database = Connection::open_with_flags(folder.join("carillon.db"), flags).unwrap();
    let said: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(said, "ok");
}

/// Nothing can be written any more, also not into the log. Then there is room again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_room_it_says_so_loses_nothing_and_goes_on_by_itself() {
    let outside = Outside::start().await;
    let (mailbox, callback) = (Mailbox::gmail(&outside, "full"), Callback::new(&outside, "full"));
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let process = Process::start_logged(&outside, folder.path(), &log).await;
    let id = process.client.connect(&mailbox, &callback).await.id;
    let first = mailbox.deliver();
    process.client.poll_well(id).await;
    callback.wait_for(std::slice::from_ref(&first)).await;

    process.limit_files(Some(1));
    let health = async || process.client.call_at("GET", "/health", &Value::Null).await.status;
    until("health says that nothing can be written", async || (health().await == 503).then_some(())).await;
    let missed: Vec<ReceivedEvent> = (0..20).map(|_| mailbox.deliver()).collect();
    enqueue_poll(folder.path(), id);
    for _ in 0..3 {
        let refused = process.client.poll(id).await;
        assert_eq!(refused.refused(503), "the data can't be written; nothing was lost");
        assert_eq!(process.client.try_call("GET", "/instances", None).await.unwrap().status, 200, "it reads");
    }
    assert_eq!(callback.told(), std::slice::from_ref(&first));

    process.limit_files(None);
    callback.wait_for(&missed).await;
    until("health is well again", async || (health().await == 200).then_some(())).await;
    let told = callback.told();
    assert_eq!(told.len(), 21, "each once: {told:?}");
    process.terminate().await;
    assert_whole(folder.path());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_room_at_the_start_it_ends_in_words_and_starts_when_there_is_some() {
    let outside = Outside::start().await;
    let folder = tempfile::tempdir().unwrap();
    let said = Process::refuses_without_room(&outside, folder.path()).await;
    assert!(said.starts_with("carillon: ") && said.lines().count() == 1, "{said}");
    assert!(said.contains("too large"), "{said}");
    let process = Process::start(&outside, folder.path(), RETRY_DELAYS).await;
    process.terminate().await;
    assert_whole(folder.path());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_few_descriptors_and_many_clients_everything_goes_on() {
    let outside = Outside::start().await;
    let callback = Callback::new(&outside, "few");
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start_limited(&outside, folder.path(), RETRY_DELAYS, DESCRIPTORS).await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS_COUNT {
        let mut stream = TcpStream::connect(process.address()).await.unwrap();
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n").await.unwrap();
        clients.push(stream);
    }
    let mut told = Vec::new();
    for n in 0..10 {
        let mailbox = Mailbox::gmail(&outside, &format!("few-{n}"));
        let id = process.client.connect(&mailbox, &callback).await.id;
        told.push(mailbox.deliver());
        process.client.poll_well(id).await;
    }
    callback.wait_for(&told).await;
    drop(clients);
    process.terminate().await;
}
