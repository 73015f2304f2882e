//! How connections are set up, and the three ways of running work on one.

use rusqlite::config::DbConfig;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, MAIN_DB, Result, TransactionBehavior};
use std::path::Path;
use std::time::Duration;

/// Pages that the writing connection caches, KiB.
const WRITER_CACHE_KIB: u32 = 16 * 1024;
/// Pages that a reading connection caches, KiB.
const READER_CACHE_KIB: u32 = 4 * 1024;
/// The log that is kept on disk between checkpoints, bytes.
const WAL_BYTES_MAX: u32 = 64 * 1024 * 1024;
/// `carillon admin`, a backup or the `sqlite3` tool may hold a lock for a moment.
pub(super) const BUSY_WAIT: Duration = Duration::from_secs(5);
/// Writers wait while readers of the log are waited for.
const EMPTYING_WAIT: Duration = Duration::from_millis(200);
/// More than there are different statements.
const STATEMENTS_CACHED: usize = 160;

/// The connection that writes.
pub(super) fn writer(path: &Path) -> Result<Connection> {
    set_up_writer(Connection::open(path)?)
}

/// A database in memory, for as long as the connection lives.
pub(super) fn in_memory() -> Result<Connection> {
    set_up_writer(Connection::open_in_memory()?)
}

fn set_up_writer(connection: Connection) -> Result<Connection> {
    set_up(&connection, WRITER_CACHE_KIB)?;
    // Only before the first table is made: afterwards it is a property of the file.
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL")?;
    // What a savepoint undoes is kept in memory: else a file is made for each that changes many pages.
    connection.execute_batch("PRAGMA temp_store = MEMORY")?;
    // What is deleted is written over: else it stands in the file until its page is used again.
    connection.execute_batch("PRAGMA secure_delete = ON")?;
    // A commit is on disk before it is answered: FULL, because NORMAL loses the last ones in a power cut.
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA journal_size_limit = {WAL_BYTES_MAX};"
    ))?;
    Ok(connection)
}

/// A connection that only reads.
pub(super) fn reader(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    set_up(&connection, READER_CACHE_KIB)?;
    connection.execute_batch("PRAGMA query_only = ON")?;
    Ok(connection)
}

/// A connection that brings the write-ahead log into the file. What it says to the disk is on it before the log starts anew.
pub(super) fn checkpointer(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.execute_batch("PRAGMA synchronous = FULL")?;
    Ok(connection)
}

fn set_up(connection: &Connection, cache_kib: u32) -> Result<()> {
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    // Plans do not depend on bound values: else SQLite plans many statements again at each run.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(&format!("PRAGMA foreign_keys = OFF; PRAGMA cache_size = -{cache_kib};"))
}

/// Brings what is in the write-ahead log into the file and empties it: it holds what was deleted since. Whether that
/// was done: a long read prevents it.
pub(super) fn empty_log(connection: &Connection) -> Result<bool> {
    // Beside the writes, which wait for the rest alone.
    connection.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::PASSIVE)?;
    connection.busy_timeout(EMPTYING_WAIT)?;
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
    connection.busy_timeout(BUSY_WAIT)?;
    Ok(!busy?)
}

/// Runs one write as a transaction of its own.
pub(super) fn in_transaction<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T>,
) -> Result<T> {
    let transaction = rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let value = work(&transaction)?;
    transaction.commit()?;
    Ok(value)
}

/// Runs reads that all see the same moment.
pub(super) fn in_snapshot<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T>,
) -> Result<T> {
    run(connection, "BEGIN")?;
    let _end = TransactionEnd(connection);
    let value = work(connection)?;
    run(connection, "COMMIT")?;
    Ok(value)
}

/// Ends a transaction that did not come to its end, be it by a panic: the connection has other work as well.
pub(super) struct TransactionEnd<'a>(pub(super) &'a Connection);

impl Drop for TransactionEnd<'_> {
    fn drop(&mut self) {
        if !self.0.is_autocommit() {
            let _ = run(self.0, "ROLLBACK");
        }
    }
}

/// Runs one write of several in a transaction: if it fails, it alone is undone.
pub(super) fn in_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T>,
) -> Result<T> {
    run(connection, "SAVEPOINT write")?;
    match work(connection) {
        Ok(value) => {
            run(connection, "RELEASE write")?;
            Ok(value)
        }
        Err(error) => {
            // A grave error (disk full) has already undone the whole transaction; the writer notices.
            if !connection.is_autocommit() {
                run(connection, "ROLLBACK TO write")?;
                run(connection, "RELEASE write")?;
            }
            Err(error)
        }
    }
}

/// Runs a statement that has no parameters and no rows.
pub(super) fn run(connection: &Connection, sql: &str) -> Result<()> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}
