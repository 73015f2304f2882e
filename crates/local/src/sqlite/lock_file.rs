//! One process at a time serves from a data folder.

use super::open_error::OpenError;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

/// Held as long as the database is open; the operating system lets go of it when the process ends, however
/// it ends.
#[derive(Debug)]
pub(crate) struct LockFile(#[allow(dead_code)] File);

impl LockFile {
    /// Locks the file beside the database, or reports that another process has.
    pub(crate) fn take(database: &Path) -> Result<Self, OpenError> {
        if let Some(folder) = database.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let path = database.with_extension("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(LockFile(file)),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { database: database.to_owned() }),
            Err(TryLockError::Error(error)) => Err(OpenError::Folder(error)),
        }
    }
}
