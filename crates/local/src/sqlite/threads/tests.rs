use crate::sqlite::Db;
use futures_util::FutureExt as _;
use rusqlite::Connection;
use std::path::Path;
use std::sync::mpsc;
use tokio::sync::oneshot;

/// What SQLite does at the end of the transaction: 1 is nothing, 2 is to wait for the disk.
fn level(tx: &Connection) -> rusqlite::Result<i64> {
    tx.query_row("PRAGMA synchronous", [], |row| row.get(0))
}

/// A database with a table.
async fn numbers(path: &Path) -> Db {
    let db = Db::open(path).unwrap();
    db.write("make", |tx| tx.execute_batch("CREATE TABLE numbers (n)")).await.unwrap();
    db
}

#[tokio::test]
async fn a_commit_waits_for_the_disk_if_one_of_its_writes_needs_that() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&folder.path().join("a.db")).unwrap();
    assert_eq!(db.write("a", level).await.unwrap(), 2);
    assert_eq!(db.write_behind("a", level).await.unwrap(), 1);
    assert_eq!(db.write("a", level).await.unwrap(), 2);
    // While the first one runs the others come to wait, and share a commit.
    let (begin, begun) = oneshot::channel();
    let (end, ended) = mpsc::channel::<()>();
    let other = db.clone();
    let first = tokio::spawn(async move {
        let waits = move |tx: &Connection| {
            begin.send(()).unwrap();
            ended.recv().unwrap();
            level(tx)
        };
        other.write_behind("a", waits).await.unwrap()
    });
    begun.await.unwrap();
    let (behind, now) = (db.write_behind("a", level), db.write("a", level));
    let let_go = async { end.send(()).unwrap() };
    let (behind, now, ()) = tokio::join!(behind, now, let_go);
    assert_eq!([first.await.unwrap(), behind.unwrap(), now.unwrap()], [1, 2, 2]);
}

#[tokio::test]
async fn what_does_not_wait_is_brought_to_the_disk_once() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&folder.path().join("a.db")).unwrap();
    let make = |tx: &Connection| tx.execute_batch("CREATE TABLE numbers (n)");
    let add = |tx: &Connection| tx.execute("INSERT INTO numbers VALUES (1)", []);
    db.write("make", make).await.unwrap();
    assert!(!db.catch_up().await.unwrap(), "it is there");
    db.write_behind("add", add).await.unwrap();
    assert!(db.catch_up().await.unwrap());
    assert!(!db.catch_up().await.unwrap(), "it is there by now");
    db.write_behind("add", add).await.unwrap();
    db.write("look", |tx| tx.query_row("SELECT 1", [], |_| Ok(()))).await.unwrap();
    assert!(db.catch_up().await.unwrap(), "a commit without pages brings nothing there");
}

#[tokio::test]
async fn a_write_that_fails_alone_leaves_nothing_and_the_next_one_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let db = numbers(&folder.path().join("a.db")).await;
    let failing = |tx: &Connection| {
        tx.execute("INSERT INTO numbers VALUES (1)", [])?;
        tx.execute("INSERT INTO nowhere VALUES (1)", [])
    };
    assert!(db.write("fail", failing).await.is_err());
    db.write("go on", |tx| tx.execute("INSERT INTO numbers VALUES (2)", [])).await.unwrap();
    let all = "SELECT group_concat(n) FROM numbers";
    let left = db.read("look", |tx| tx.query_row(all, [], |row| row.get::<_, String>(0))).await;
    assert_eq!(left.unwrap(), "2");
}

#[tokio::test]
#[allow(clippy::panic)] // what is to be survived
async fn a_write_that_panics_leaves_nothing_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let db = numbers(&path).await;
    let panics = |tx: &Connection| -> rusqlite::Result<()> {
        tx.execute("INSERT INTO numbers VALUES (1)", [])?;
        panic!("in a write");
    };
    assert!(db.write("panic", panics).await.is_err());
    let beside = Connection::open(&path).unwrap();
    beside.execute("INSERT INTO numbers VALUES (2)", []).unwrap();
    db.write("go on", |tx| tx.execute("INSERT INTO numbers VALUES (3)", [])).await.unwrap();
    for _ in 0..3 {
        let panics = |_: &Connection| -> rusqlite::Result<()> { panic!("in a read") };
        assert!(db.read("panic", panics).await.is_err());
    }
    let all = "SELECT group_concat(n) FROM numbers";
    let left = db.read("look", |tx| tx.query_row(all, [], |row| row.get::<_, String>(0))).await;
    assert_eq!(left.unwrap(), "2,3");
}

#[tokio::test]
async fn what_may_wait_shares_the_commit_of_the_next_write() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&folder.path().join("a.db")).unwrap();
    let (along, now) = tokio::join!(db.write_along("a", level), db.write("a", level));
    assert_eq!([along.unwrap(), now.unwrap()], [2, 2]);
    assert_eq!(db.write_along("a", level).await.unwrap(), 1, "without company it is written all the same");
}

#[tokio::test]
async fn two_that_may_wait_share_a_commit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let db = numbers(&path).await;
    let beside = Connection::open(&path).unwrap();
    let add = |tx: &Connection| tx.execute("INSERT INTO numbers VALUES (1)", []);
    let count = move |tx: &Connection| {
        let count = "SELECT count(*) FROM numbers";
        let of = |conn: &Connection| conn.query_row(count, [], |row| row.get::<_, u64>(0));
        Ok((of(tx)?, of(&beside)?))
    };
    let (added, counted) = tokio::join!(db.write_along("add", add), db.write_along("count", count));
    added.unwrap();
    assert_eq!(counted.unwrap(), (1, 0), "one transaction, which is open yet");
}

#[tokio::test]
async fn what_may_wait_is_written_before_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let db = numbers(&path).await;
    let left = db.write_along("add", |tx| tx.execute("INSERT INTO numbers VALUES (1)", []));
    assert!(left.now_or_never().is_none(), "it waits");
    drop(db);
    let count = "SELECT count(*) FROM numbers";
    let counted = Connection::open(&path).unwrap().query_row(count, [], |row| row.get::<_, u64>(0));
    assert_eq!(counted.unwrap(), 1);
}
