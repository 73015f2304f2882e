//! Why a database can't be opened.

use std::path::PathBuf;

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("the data folder of {} is in use by another process", database.display())]
    InUse {
        /// The database.
        database: PathBuf,
    },
    /// A newer version of this program has written it.
    #[error("the data has format {found}, this program knows formats up to {known}: use a newer program")]
    Newer {
        /// The format of the file.
        found: usize,
        /// The newest that this program knows.
        known: usize,
    },
    /// An older version of this program works on it.
    #[error(
        "the data has format {found} and is in use; this program works beside a process of format {known}"
    )]
    Older {
        /// The format of the file.
        found: usize,
        /// The one that this program knows.
        known: usize,
    },
    /// The folder cannot be made, or not be written.
    #[error("the data folder cannot be used")]
    Folder(#[from] std::io::Error),
    /// SQLite refuses the file.
    #[error("the database cannot be opened")]
    Sqlite(#[from] rusqlite::Error),
}
