//! Opening, closing, group commit.

use crate::fixtures::folder;
use app::ports::{Accounts as _, Callers as _, LogLine, Numbered, OrganizationLog as _, OrganizationPage};
use local::sqlite::{Db, OpenError, SqliteStore};
use rusqlite::Connection;
use std::path::Path;

const SCRATCH: &str = "CREATE TABLE scratch (number INTEGER PRIMARY KEY)";

async fn add(db: &Db, number: i64) -> Result<(), app::ports::PortError> {
    db.write("add a number", move |tx| {
        tx.execute("INSERT INTO scratch VALUES (?1)", [number])?;
        tx.execute("INSERT INTO scratch VALUES (?1)", [number + 1000])?;
        Ok(())
    })
    .await
}

async fn count(db: &Db) -> i64 {
    db.read("count", |conn| conn.query_row("SELECT count(*) FROM scratch", [], |row| row.get(0)))
        .await
        .unwrap()
}

#[tokio::test]
async fn what_was_written_is_there_after_closing() {
    let (_folder, path) = folder();
    for open in [Db::open, Db::inline, Db::open] {
        let db = open(&path).unwrap();
        db.write("make a table", |tx| tx.execute_batch("CREATE TABLE IF NOT EXISTS scratch (n INTEGER)"))
            .await
            .unwrap();
        db.write("add", |tx| tx.execute("INSERT INTO scratch VALUES (1)", [])).await.unwrap();
    }
    assert_eq!(count(&Db::open(&path).unwrap()).await, 3);
}

#[test]
fn a_data_folder_in_use_is_refused() {
    let (_folder, path) = folder();
    let first = Db::open(&path).unwrap();
    for open in [Db::open, Db::inline] {
        let error = open(&path).err().expect("it is in use");
        assert!(matches!(&error, OpenError::InUse { database } if *database == path), "{error}");
    }
    drop(first);
    Db::open(&path).unwrap();
}

#[test]
fn whoever_removes_the_lock_file_lets_nobody_in() {
    let (_folder, path) = folder();
    let _first = Db::open(&path).unwrap();
    std::fs::remove_file(path.with_extension("lock")).unwrap();
    assert!(matches!(Db::open(&path).err(), Some(OpenError::InUse { .. })));
}

/// All that share the commit hear the cause: that of the first is why the others were undone.
#[tokio::test]
async fn on_a_full_disk_every_error_names_the_cause_and_it_goes_on_when_there_is_room() {
    let (_folder, path) = folder();
    let db = Db::open(&path).unwrap();
    db.write("make a table", |tx| tx.execute_batch(SCRATCH)).await.unwrap();
    let limit = async |pages: &'static str| {
        db.write("limit", move |tx| tx.query_row(pages, [], |row| row.get::<_, u32>(0))).await.unwrap()
    };
    limit("PRAGMA max_page_count = 1").await;
    let fill = async || {
        db.write("commit a poll", |tx| {
            tx.execute("CREATE TABLE wide AS SELECT zeroblob(1000000) AS bytes", []).map(drop)
        })
        .await
    };
    let answers = futures_util::future::join_all([fill(), fill(), fill()]).await;
    for answer in answers {
        let error = answer.unwrap_err();
        assert!(error.is_not_kept());
        let text = error.to_string();
        assert!(text.contains("commit a poll") && text.contains("full"), "{text}");
    }
    assert_eq!(count(&db).await, 0);
    limit("PRAGMA max_page_count = 1000000").await;
    add(&db, 1).await.unwrap();
    assert_eq!(count(&db).await, 2);
}

/// `/health` asks, as often as anybody likes.
#[tokio::test]
async fn a_database_that_is_gone_from_its_folder_can_not_be_written() {
    let (folder, path) = folder();
    let db = Db::open(&path).unwrap();
    let store = SqliteStore::new(db.clone());
    let at = |seconds| chrono::DateTime::UNIX_EPOCH + chrono::Duration::seconds(seconds);
    store.try_write(at(0)).await.unwrap();
    std::fs::rename(&path, folder.path().join("elsewhere.db")).unwrap();
    store.try_write(at(4)).await.expect("the last answer stands for a moment");
    let gone = store.try_write(at(5)).await.unwrap_err().to_string();
    assert!(gone.contains("removed"), "{gone}");
    assert_eq!(store.try_write(at(6)).await.unwrap_err().to_string(), gone);
    std::fs::rename(folder.path().join("elsewhere.db"), &path).unwrap();
    store.try_write(at(11)).await.unwrap();
}

#[test]
fn a_newer_file_is_refused_and_left_as_it_is() {
    let (_folder, path) = folder();
    drop(Db::open(&path).unwrap());
    let version = |path: &Path| -> i64 {
        let connection = Connection::open(path).unwrap();
        connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
    };
    let known = version(&path);
    Connection::open(&path).unwrap().execute_batch(&format!("PRAGMA user_version = {}", known + 1)).unwrap();
    let error = Db::open(&path).err().expect("it is newer");
    assert!(matches!(error, OpenError::Newer { .. }), "{error}");
    assert_eq!(version(&path), known + 1);
}

/// As the format stood before organizations had logs of their own, with two organizations' notifications.
const SECOND_FORMAT: &str = concat!(
    include_str!("../../src/sqlite/migrations/0001_tables.sql"),
    include_str!("../../src/sqlite/migrations/0002_reached.sql"),
    "PRAGMA user_version = 2;
     INSERT INTO organizations VALUES (1, zeroblob(32)), (2, CAST('two' AS BLOB));
     INSERT INTO users VALUES (1, 1, 1, zeroblob(32));
     INSERT INTO instances VALUES (11, 1, CAST('a' AS BLOB), 1, 0, '{}'), (12, 2, CAST('b' AS BLOB), 1, 0, '{}'),
         (13, 1, CAST('c' AS BLOB), 1, 1, '{}');
     INSERT INTO notifications SELECT id - 10, id, 10, 100 + id, 'event ' || id, 'messages', 0, 'pending', 1, 0, 0,
         NULL, NULL, '[]', NULL, 0, 0 FROM instances;
     INSERT INTO bodies SELECT row_id, zeroblob(32), '' FROM notifications;
     INSERT INTO subscriptions SELECT id, 'active', NULL, 0, NULL FROM instances;"
);

#[tokio::test]
async fn what_an_older_version_stored_stands_in_its_organization_s_log() {
    let (_folder, path) = folder();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    Connection::open(&path).unwrap().execute_batch(SECOND_FORMAT).unwrap();
    let store = SqliteStore::new(Db::open(&path).unwrap());
    let log = async |organization_id| -> Vec<(u32, u64, u32)> {
        let page = OrganizationPage { before: None, from: None, limit: 10 };
        let lines = store.organization_log(organization_id, page).await.unwrap().rows;
        let short = |line: &LogLine| (line.mark.instance.get(), line.number, line.events_count);
        lines.iter().map(short).collect()
    };
    assert_eq!(log(1).await, [(11, 111, 2)], "the other one is deleted");
    assert_eq!(log(2).await, [(12, 112, 2)]);
    assert!(store.notification_of(1, "event 11").await.unwrap().is_some());
    assert!(store.notification_of(1, "event 12").await.unwrap().is_none());
    assert!(matches!(store.notification_numbered(1, 111).await.unwrap(), Numbered::Found(_)));
    assert_eq!(store.notification_numbered(1, 112).await.unwrap(), Numbered::NotThere);
    let account = store.account(&[0; 32], None).await.unwrap().unwrap();
    assert!(!account.sees_own_only, "who was there sees all");
}

#[tokio::test]
async fn one_failing_write_undoes_only_itself() {
    let (_folder, path) = folder();
    for db in [Db::in_memory().unwrap(), Db::open(&path).unwrap()] {
        db.write("make a table", |tx| tx.execute_batch(SCRATCH)).await.unwrap();
        // Of every third the second number is taken: it fails after its first row was written.
        let numbers = (0..300).map(|number| if number % 3 == 0 { number - 1000 } else { number });
        db.write("take numbers", |tx| {
            let mut taken = tx.prepare("INSERT INTO scratch VALUES (?1)")?;
            (0..300).step_by(3).try_for_each(|number| taken.execute([number]).map(drop))
        })
        .await
        .unwrap();
        let before = count(&db).await;
        let ended = futures_util::future::join_all(numbers.map(|number| add(&db, number))).await;
        assert_eq!(ended.iter().filter(|result| result.is_err()).count(), 100);
        assert_eq!(count(&db).await, before + 400, "both rows of 200 writes");
    }
}

#[tokio::test]
async fn reads_see_one_moment_and_go_on_beside_a_write() {
    let (_folder, path) = folder();
    let db = Db::open(&path).unwrap();
    db.write("make a table", |tx| tx.execute_batch(SCRATCH)).await.unwrap();
    let (started, has_started) = std::sync::mpsc::channel::<()>();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let writer = db.clone();
    let write = tokio::spawn(async move {
        writer
            .write("add slowly", move |tx| {
                tx.execute("INSERT INTO scratch VALUES (1)", [])?;
                started.send(()).unwrap();
                may_go_on.recv().unwrap();
                Ok(())
            })
            .await
    });
    tokio::task::spawn_blocking(move || has_started.recv()).await.unwrap().unwrap();
    assert_eq!(count(&db).await, 0, "not blocked, and not shown before it is committed");
    go_on.send(()).unwrap();
    write.await.unwrap().unwrap();
    assert_eq!(count(&db).await, 1, "shown once it was answered");
}
