//! What befalls the data: its key, its disk, its machine, its program.

use super::{Desk, Stage};
use crate::process::Process;
use rusqlite::Connection;
use scenarios::until;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_is_rotated() {
    let stage = Stage::new("key").await;
    stage.desk().assert_answers("What happens if I rotate the key?").await;
    stage.assert_goes_on().await;
    stage.process.terminate().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_users_secret_is_rotated() {
    let stage = Stage::new("secret").await;
    let users = stage.desk().run("carillon admin users --json").await;
    let user: Value = serde_json::from_str(users.lines().next().unwrap()).unwrap();
    let desk = stage.desk().with("USER_NUMBER", &user["userId"].to_string());
    desk.assert_answers("Somebody rotates a user's secret: does anything stop?").await;
    let refused = stage.process.client.try_call("GET", "/instances", None).await;
    assert_eq!(refused.unwrap().status, 401);
    // Nobody can ask for a poll any more: the process does it by itself.
    let told = stage.mailbox.deliver();
    let job = "INSERT INTO jobs (job, class, instance_id, due_at_us, failures)
         VALUES (json_object('Poll', ?1), 'other', ?1, 0, 0)";
    let database = Connection::open(stage.path().join("carillon.db")).unwrap();
    database.execute(job, [stage.id]).unwrap();
    stage.callback.wait_for(&[told]).await;
    stage.process.terminate().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_file_is_gone_or_replaced() {
    let Stage { outside, folder, process, mailbox, callback, id } = Stage::new("replaced").await;
    process.terminate().await;
    let (keys, kept) = (folder.path().join("keys"), folder.path().join("kept"));
    std::fs::rename(&keys, &kept).unwrap();
    Desk::at(&outside, folder.path()).assert_answers("The key file is gone").await;
    let other = tempfile::tempdir().unwrap();
    Process::start(&outside, other.path(), "").await.terminate().await;
    std::fs::copy(other.path().join("keys"), &keys).unwrap();
    Desk::at(&outside, folder.path()).assert_answers("The key file was replaced").await;
    std::fs::rename(&kept, &keys).unwrap();
    let process = Process::start(&outside, folder.path(), "").await;
    Stage { outside, folder, process, mailbox, callback, id }.assert_goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_is_full() {
    let stage = Stage::new("disk").await;
    stage.process.limit_files(Some(1));
    let health = async || stage.process.client.call_at("GET", "/health", &Value::Null).await.status;
    until("nothing can be written", async || (health().await == 503).then_some(())).await;
    stage.desk().assert_answers("The disk is full").await;
    stage.process.limit_files(None);
    until("there is room again", async || (health().await == 200).then_some(())).await;
    stage.assert_goes_on().await;
    stage.process.terminate().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_machine_or_region_is_lost() {
    let Stage { outside, folder, process, mailbox, callback, id } = Stage::new("region").await;
    let safe = tempfile::tempdir().unwrap();
    let (backup, keys, new) =
        (safe.path().join("backup.db"), safe.path().join("keys"), safe.path().join("new"));
    let desk = Desk::at(&outside, folder.path()).with("BACKUP", backup.to_str().unwrap());
    desk.assert_answers("How is a backup made?").await;
    std::fs::copy(folder.path().join("keys"), &keys).unwrap();
    process.kill().await;
    folder.close().unwrap();
    let desk = Desk::at(&outside, &new).with("BACKUP", backup.to_str().unwrap());
    desk.with("KEYS", keys.to_str().unwrap()).assert_answers("We lost a region, or the machine").await;
    let process = Process::start(&outside, &new, "").await;
    let stage = Stage { outside, folder: tempfile::tempdir().unwrap(), process, mailbox, callback, id };
    stage.assert_goes_on().await;
    stage.process.terminate().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_is_taken_back() {
    let Stage { outside, folder, process, mailbox, callback, id } = Stage::new("upgrade").await;
    process.terminate().await;
    let database = folder.path().join("carillon.db");
    let before = tempfile::tempdir().unwrap();
    let backup = before.path().join("before.db");
    std::fs::copy(&database, &backup).unwrap();
    // As a newer program leaves it.
    Connection::open(&database).unwrap().execute_batch("PRAGMA user_version = 1000").unwrap();
    let desk = Desk::at(&outside, folder.path());
    desk.assert_answers("An upgrade went wrong: can the former program go on?").await;
    let new = before.path().join("new");
    std::fs::create_dir(&new).unwrap();
    std::fs::copy(&backup, new.join("carillon.db")).unwrap();
    std::fs::copy(folder.path().join("keys"), new.join("keys")).unwrap();
    let process = Process::start(&outside, &new, "").await;
    Stage { outside, folder, process, mailbox, callback, id }.assert_goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn something_was_left_by_a_crash() {
    let Stage { outside, folder, process, mailbox, callback, id } = Stage::new("crash").await;
    process.kill().await;
    let database = folder.path().join("carillon.db");
    Connection::open(&database)
        .unwrap()
        .execute_batch("UPDATE schedules SET enabled = 0; DELETE FROM jobs;")
        .unwrap();
    Desk::at(&outside, folder.path()).assert_answers("Did a crash leave something?").await;
    let process = Process::start(&outside, folder.path(), "").await;
    Stage { outside, folder, process, mailbox, callback, id }.assert_goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_can_not_be_read() {
    let Stage { outside, folder, process, mailbox, callback, id } = Stage::new("row").await;
    process.terminate().await;
    let database = Connection::open(folder.path().join("carillon.db")).unwrap();
    let kept: String = database.query_row("SELECT document FROM sessions", [], |row| row.get(0)).unwrap();
    database.execute("UPDATE sessions SET document = '{'", []).unwrap();
    Desk::at(&outside, folder.path()).assert_answers("A stored row can't be read").await;
    database.execute("UPDATE sessions SET document = ?1", [kept]).unwrap();
    drop(database);
    let process = Process::start(&outside, folder.path(), "").await;
    Stage { outside, folder, process, mailbox, callback, id }.assert_goes_on().await;
}
