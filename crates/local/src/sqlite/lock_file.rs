//! One process at a time serves from a data folder.

use super::open_error::OpenError;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

/// Held as long as the database is open; the operating system lets go of it when the process ends, however
/// it ends.
#[derive(Debug)]
pub(crate) struct LockFile {
    _file: File,
    /// The folder itself, so that removing the file lets nobody in. Nothing where its file system locks no folders.
    _folder: Option<File>,
}

impl LockFile {
    /// Locks the file beside the database, or reports that another process has.
    pub(crate) fn take(database: &Path) -> Result<Self, OpenError> {
        if let Some(folder) = database.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let path = database.with_extension("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
        let in_use = || OpenError::InUse { database: database.to_owned() };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use()),
            Err(TryLockError::Error(error)) => return Err(OpenError::Folder(error)),
        }
        let folder = database.parent().and_then(|folder| File::open(folder).ok());
        match folder.as_ref().map(File::try_lock) {
            Some(Err(TryLockError::WouldBlock)) => Err(in_use()),
            Some(Err(TryLockError::Error(_))) | None => Ok(LockFile { _file: file, _folder: None }),
            Some(Ok(())) => Ok(LockFile { _file: file, _folder: folder }),
        }
    }
}
