//! Opening, closing, group commit.

use crate::fixtures::folder;
use local::sqlite::{Db, OpenError};
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
