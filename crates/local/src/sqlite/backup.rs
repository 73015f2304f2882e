//! A copy of the database of one moment, also while a process serves from it.

use super::connection::BUSY_WAIT;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, InterruptHandle, OpenFlags};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two calls to break off.
const INTERRUPT_EVERY: Duration = Duration::from_millis(10);

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackedUp {
    /// Size of the copy.
    pub bytes: u64,
    /// Version of its tables.
    pub format: usize,
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It would replace what somebody may need.
    #[error("{} is there already and is not overwritten", .0.display())]
    Exists(PathBuf),
    /// Another backup of this name is under way, or one was killed.
    #[error("{} is there: another backup writes it, or one was killed; then remove it", .0.display())]
    UnderWay(PathBuf),
    /// It took longer than it may.
    #[error("it was not finished within {} s", .0.as_secs())]
    TooLong(Duration),
    /// What was copied is not a sound database.
    #[error("the copy is damaged, and so the data is: {0}")]
    Damaged(String),
    /// The copy cannot be written.
    #[error("the backup cannot be written")]
    File(#[from] io::Error),
    /// SQLite refuses.
    #[error("the data cannot be copied")]
    Sqlite(rusqlite::Error),
}

/// Copies the database into a new file that its owner alone can read, of whatever version either is.
///
/// The copy holds what was committed when it began, and none of the pages that are free. Writers go on
/// meanwhile. It has its name only once it is whole, looked through and on disk.
///
/// # Errors
/// When the file is there already, or the copy was not made or not within `limit`: then nothing is left of it.
pub fn back_up(database: &Path, to: &Path, limit: Duration) -> Result<BackedUp, BackupError> {
    let draft = draft_of(to);
    demand_free(to)?;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(|error| match error
        .kind()
    {
        io::ErrorKind::AlreadyExists => BackupError::UnderWay(draft.clone()),
        _ => BackupError::File(error),
    })?;
    let made = copy(database, &draft, limit).and_then(|format| {
        let bytes = publish(&draft, to)?;
        Ok(BackedUp { bytes, format })
    });
    if made.is_err() {
        // It may have its name already.
        let _ = fs::remove_file(&draft);
    }
    made
}

fn draft_of(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

fn demand_free(to: &Path) -> Result<(), BackupError> {
    match to.symlink_metadata() {
        Ok(_) => Err(BackupError::Exists(to.to_owned())),
        Err(_) => Ok(()),
    }
}

fn copy(database: &Path, draft: &Path, limit: Duration) -> Result<usize, BackupError> {
    // Without CREATE: a name that was mistyped must not become a database.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(database, flags).map_err(BackupError::Sqlite)?;
    within(limit, &source, || {
        source.busy_timeout(BUSY_WAIT)?;
        // A name on this system may be no UTF-8.
        let name = ToSqlOutput::Borrowed(ValueRef::Text(draft.as_os_str().as_bytes()));
        source.execute("VACUUM INTO ?1", [name])
    })?;
    let copied =
        Connection::open_with_flags(draft, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(BackupError::Sqlite)?;
    let found: String =
        within(limit, &copied, || copied.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)))?;
    if found != "ok" {
        return Err(BackupError::Damaged(found));
    }
    copied.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(BackupError::Sqlite)
}

/// SQLite does not bring a copy to the disk by itself.
fn publish(draft: &Path, to: &Path) -> Result<u64, BackupError> {
    let file = File::open(draft)?;
    file.sync_all()?;
    demand_free(to)?;
    fs::rename(draft, to)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(file.metadata()?.len())
}

/// Runs it, and breaks it off once the time is over.
fn within<T>(
    limit: Duration,
    connection: &Connection,
    work: impl FnOnce() -> rusqlite::Result<T>,
) -> Result<T, BackupError> {
    let (done, watch) = watch(limit, connection.get_interrupt_handle())?;
    let ended = work();
    drop(done);
    // It does nothing that panics.
    let _ = watch.join();
    ended.map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => BackupError::TooLong(limit),
        _ => BackupError::Sqlite(error),
    })
}

fn watch(limit: Duration, handle: InterruptHandle) -> io::Result<(Sender<()>, JoinHandle<()>)> {
    let (done, waiting) = channel::<()>();
    let watch = move || {
        let mut wait = limit;
        while waiting.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
            // Again and again: it does nothing between two statements.
            handle.interrupt();
            wait = INTERRUPT_EVERY;
        }
    };
    Ok((done, std::thread::Builder::new().name("backup-limit".to_owned()).spawn(watch)?))
}
