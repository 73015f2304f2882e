//! Copies of a database that is in use.

use crate::fixtures::folder;
use local::sqlite::{BackupError, Db, back_up};
use rusqlite::Connection;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

async fn filled(path: &Path) -> Db {
    let db = Db::open(path).unwrap();
    let fill = "CREATE TABLE scratch (text TEXT);
        WITH RECURSIVE numbers (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)
        INSERT INTO scratch SELECT 'number ' || n || hex(zeroblob(100)) FROM numbers";
    db.write("fill", move |tx| tx.execute_batch(fill)).await.unwrap();
    db
}

#[tokio::test]
async fn a_backup_is_of_one_moment_its_owners_alone_and_has_the_same_format() {
    let (_data, path) = folder();
    let db = filled(&path).await;
    let backups = tempfile::tempdir().unwrap();
    // Its name need not be text.
    let to = backups.path().join(std::ffi::OsStr::new("nightly ü"));
    let backed_up = back_up(&path, &to, PATIENCE).unwrap();
    db.write("go on", |tx| tx.execute("DELETE FROM scratch", [])).await.unwrap();
    assert_eq!(names(backups.path()), ["nightly ü"]);
    let metadata = fs::metadata(&to).unwrap();
    assert_eq!((metadata.len(), metadata.permissions().mode() & 0o777), (backed_up.bytes, 0o600));
    let copy = Connection::open(&to).unwrap();
    let count: u64 = copy.query_row("SELECT count(*) FROM scratch", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 20_000);
    let format: usize = copy.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(format, backed_up.format);
    drop(copy);
    Db::open(&to).unwrap();
}

#[tokio::test]
async fn nothing_is_overwritten_and_two_of_one_name_do_not_meet() {
    let (_data, path) = folder();
    let _db = filled(&path).await;
    let backups = tempfile::tempdir().unwrap();
    let to = backups.path().join("b.db");
    fs::write(backups.path().join("b.db.part"), "another's").unwrap();
    assert!(matches!(back_up(&path, &to, PATIENCE), Err(BackupError::UnderWay(_))));
    fs::remove_file(backups.path().join("b.db.part")).unwrap();
    fs::write(&to, "precious").unwrap();
    assert!(matches!(back_up(&path, &to, PATIENCE), Err(BackupError::Exists(_))));
    assert_eq!(fs::read_to_string(&to).unwrap(), "precious");
    assert_eq!(names(backups.path()), ["b.db"]);
}

#[tokio::test]
async fn one_that_takes_too_long_leaves_nothing_behind() {
    let (_data, path) = folder();
    let _db = filled(&path).await;
    let backups = tempfile::tempdir().unwrap();
    let error = back_up(&path, &backups.path().join("b.db"), Duration::ZERO).err().unwrap();
    assert!(matches!(error, BackupError::TooLong(_)), "{error}");
    assert!(names(backups.path()).is_empty());
    let missing = path.with_file_name("elsewhere.db");
    assert!(matches!(back_up(&missing, &backups.path().join("b.db"), PATIENCE), Err(BackupError::Sqlite(_))));
    assert!(names(backups.path()).is_empty() && !missing.exists());
}

#[tokio::test]
async fn damaged_data_makes_no_backup_that_seems_sound() {
    let (_data, path) = folder();
    drop(filled(&path).await);
    // Into the file: what stands in the log is read from there.
    let emptied = "PRAGMA wal_checkpoint(TRUNCATE)";
    let is_busy = Connection::open(&path).unwrap().query_row(emptied, [], |row| row.get::<_, bool>(0));
    assert!(!is_busy.unwrap());
    let mut bytes = fs::read(&path).unwrap();
    let text = b"number 12345";
    let at = bytes.windows(text.len()).position(|found| found == text).unwrap();
    // The header of the page that the row stands on.
    let page = at - at % 4096;
    bytes[page..page + 8].fill(0xff);
    fs::write(&path, bytes).unwrap();
    let backups = tempfile::tempdir().unwrap();
    let error = back_up(&path, &backups.path().join("b.db"), PATIENCE).unwrap_err();
    assert!(matches!(error, BackupError::Sqlite(_)), "{error}");
    assert!(names(backups.path()).is_empty());
}

/// Pages that can be read, with rows that cannot be.
#[test]
fn what_is_copied_is_looked_through() {
    let (_data, path) = folder();
    drop(Db::open(&path).unwrap());
    let damage = "CREATE TABLE scratch (number TEXT) STRICT;
        INSERT INTO scratch VALUES ('none');
        PRAGMA writable_schema = ON;
        UPDATE sqlite_schema SET sql = replace(sql, 'TEXT', 'INTEGER') WHERE name = 'scratch'";
    Connection::open(&path).unwrap().execute_batch(damage).unwrap();
    let backups = tempfile::tempdir().unwrap();
    let error = back_up(&path, &backups.path().join("b.db"), PATIENCE).unwrap_err();
    assert!(matches!(error, BackupError::Damaged(_)), "{error}");
    assert!(names(backups.path()).is_empty());
}
