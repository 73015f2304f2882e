//! `carillon admin backup` while polls and deliveries run, and what a folder that is made from it tells.

use crate::process::Process;
use crate::{MANY_RETRIES, wait_for_all};
use doubles::Received;
use scenarios::{Callback, Mailbox, Outside, ReceivedEvent};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use tokio::process::Command;

async fn back_up(folder: &Path, file: &Path) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carillon"));
    command.args(["admin", "backup", "--json", "--data"]).args([folder, file]);
    let output = command.env("CARILLON_LOG", "error").output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// As docs/backups.md says it.
fn restore(backup: &Path, keys: &Path, folder: &Path) {
    std::fs::copy(backup, folder.join("carillon.db")).unwrap();
    std::fs::copy(keys, folder.join("keys")).unwrap();
}

/// Each event of a post with its id.
fn events_of(post: &Received) -> Vec<(String, ReceivedEvent)> {
    let body: Value = serde_json::from_slice(&post.body).unwrap();
    let events = body["message"]["events"].as_array().unwrap();
    let text = |event: &Value, key: &str| event[key].as_str().unwrap().to_owned();
    let told = |event| ReceivedEvent::new(&text(event, "eventType"), text(event, "objectId"));
    events.iter().map(|event| (text(event, "id"), told(event))).collect()
}

fn tells(posts: &[Received], wanted: &ReceivedEvent) -> bool {
    posts.iter().flat_map(events_of).any(|(_, told)| told == *wanted)
}

/// Each change has one event id over both folders, however often it was told.
fn assert_same_ids(posts: &[Received]) {
    let told: BTreeSet<_> = posts.iter().flat_map(events_of).collect();
    let ids: BTreeSet<_> = told.iter().map(|(id, _)| id).collect();
    let changes: BTreeSet<_> = told.iter().map(|(_, change)| change).collect();
    assert_eq!((told.len(), told.len()), (ids.len(), changes.len()), "{told:?}");
}

/// What waited in the copy goes out by its id, byte for byte as before.
fn assert_waiting_is_the_same(posts: &[Received], waiting: &ReceivedEvent) {
    let posted: Vec<_> = posts.iter().filter(|post| tells(std::slice::from_ref(post), waiting)).collect();
    assert!(posted.len() >= 3, "failed, told by the first folder and by the second");
    let id = |post: &Received| post.headers["elements-webhook-id"].clone();
    assert!(posted.iter().all(|post| id(post) == id(posted[0]) && post.body == posted[0].body));
}

struct Connected {
    mailbox: Mailbox,
    callback: Callback,
    id: u64,
}

impl Connected {
    async fn new(outside: &Outside, process: &Process, mailbox: Mailbox) -> Self {
        let callback = Callback::new(outside, &format!("restored-{}", mailbox.connector()));
        let id = process.client.connect(&mailbox, &callback).await.id;
        Connected { mailbox, callback, id }
    }

    async fn tell(&self, process: &Process, count: usize) -> Vec<ReceivedEvent> {
        let wanted: Vec<_> = (0..count).map(|_| self.mailbox.deliver()).collect();
        wait_for_all(process, &[self.id], &self.callback, &wanted).await;
        wanted
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_made_from_a_backup_loses_nothing_and_tells_twice_by_the_same_ids() {
    let outside = Outside::start().await;
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let backup = first.path().join("backup.db");
    let process = Process::start(&outside, first.path(), MANY_RETRIES).await;
    let mut connected = Vec::new();
    for mailbox in Mailbox::each(&outside, "restored") {
        connected.push(Connected::new(&outside, &process, mailbox).await);
    }
    let mut before = Vec::new();
    for one in &connected {
        before.push(one.tell(&process, 3).await);
    }
    // What waits for its callback when the copy is made.
    let mut waiting = Vec::new();
    for one in &connected {
        one.callback.fail(500);
        let posts_count = one.callback.posts().len();
        waiting.push(one.mailbox.deliver());
        process.poll_until_read(one.id).await;
        one.callback.wait_for_posts(posts_count + 1).await;
    }
    // And what comes while it is made.
    let during: Vec<_> = connected.iter().map(|one| one.mailbox.deliver()).collect();
    let polls = futures_util::future::join_all(connected.iter().map(|one| process.poll_until_read(one.id)));
    let (made, _) = tokio::join!(back_up(first.path(), &backup), polls);
    assert_eq!(made["bytes"], std::fs::metadata(&backup).unwrap().len());
    let mut after = Vec::new();
    for one in &connected {
        one.callback.heal();
        after.push(one.tell(&process, 3).await);
    }
    for (one, wanted) in connected.iter().zip(waiting.iter().zip(&during)) {
        one.callback.wait_for(&[wanted.0.clone(), wanted.1.clone()]).await;
    }
    process.kill().await;

    let posts_counts: Vec<_> = connected.iter().map(|one| one.callback.posts().len()).collect();
    restore(&backup, &first.path().join("keys"), second.path());
    let process = Process::start(&outside, second.path(), MANY_RETRIES).await;
    for (at, one) in connected.iter().enumerate() {
        let arrived = one.mailbox.deliver();
        // Once more each: the old folder told them, but the copy does not know.
        let again = || one.callback.posts().split_off(posts_counts[at]);
        scenarios::until("what the copy does not know came again", async || {
            process.poll_until_read(one.id).await;
            let mut wanted = after[at].iter().chain([&waiting[at], &arrived]);
            wanted.all(|change| tells(&again(), change)).then_some(())
        })
        .await;
        assert!(!before[at].iter().any(|change| tells(&again(), change)), "told long ago, and told again");
        assert_same_ids(&one.callback.posts());
        assert_waiting_is_the_same(&one.callback.posts(), &waiting[at]);
    }
    process.terminate().await;
}
