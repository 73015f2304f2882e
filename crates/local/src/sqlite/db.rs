//! The database: writes one after another, reads beside them.

use super::connection::{self, in_snapshot, in_transaction};
use super::latency::{Latency, Operation};
use super::leases::Leases;
use super::lock_file::LockFile;
use super::migrations::{demand, migrate};
use super::open_error::OpenError;
use super::readable::failed;
use super::threads::{Connections, Durability, Threads};
use app::ports::PortError;
use app::signals::Timed;
use rusqlite::Connection;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// One SQLite file. A clone is the same database; it closes when the last one is dropped.
#[derive(Clone)]
pub struct Db(Arc<Opened>);

struct Opened {
    engine: Engine,
    latency: Latency,
    leases: Leases,
}

enum Engine {
    /// Fields are dropped in order: first the connection, then the lock.
    Inline { connection: Mutex<Connection>, _lock: Option<LockFile> },
    Threaded {
        threads: Threads,
        _lock: Option<LockFile>,
        /// Where the file is, and which one it is.
        path: PathBuf,
        inode: (u64, u64),
    },
}

impl Db {
    /// Opens a file, or makes it: one thread writes, two read, one brings the log into the file. Refused while another process has it open.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let lock = LockFile::take(path)?;
        let writer = connection::writer(path)?;
        migrate(&writer)?;
        Self::threaded(path, writer, Some(lock))
    }

    /// Opens a file that another process has open, for a few reads and small writes. The other one learns of
    /// writes by [`Db::writes_of_others`].
    pub fn beside(path: &Path) -> Result<Self, OpenError> {
        let writer = connection::writer(path)?;
        demand(&writer)?;
        Self::threaded(path, writer, None)
    }

    fn threaded(path: &Path, writer: Connection, lock: Option<LockFile>) -> Result<Self, OpenError> {
        let readers = [connection::reader(path)?, connection::reader(path)?];
        let checkpointer = connection::checkpointer(path)?;
        let threads = Threads::start(Connections { writer, readers, checkpointer })?;
        // SQLite's log is beside the file itself, whatever leads to it.
        let (path, inode) = (path.canonicalize()?, inode(path)?);
        Ok(Self::on(Engine::Threaded { threads, _lock: lock, path, inode }))
    }

    /// Opens a file so that everything runs at once on the caller's thread: the futures of [`Db::write`] and
    /// [`Db::read`] are ready when first polled, so a test with a virtual clock is deterministic.
    pub fn inline(path: &Path) -> Result<Self, OpenError> {
        let lock = LockFile::take(path)?;
        Self::inline_on(connection::writer(path)?, Some(lock))
    }

    /// Like [`Db::inline`], with a database that is gone with its last clone.
    pub fn in_memory() -> Result<Self, OpenError> {
        Self::inline_on(connection::in_memory()?, None)
    }

    fn inline_on(connection: Connection, lock: Option<LockFile>) -> Result<Self, OpenError> {
        migrate(&connection)?;
        Ok(Self::on(Engine::Inline { connection: Mutex::new(connection), _lock: lock }))
    }

    fn on(engine: Engine) -> Self {
        Db(Arc::new(Opened { engine, latency: Latency::default(), leases: Leases::default() }))
    }

    /// How long callers of all clones waited.
    pub(super) fn timed(&self) -> [Timed<'_>; 2] {
        self.0.latency.timed()
    }

    /// Runs a write, all or nothing, and answers once it is on disk. Writes that wait share a commit.
    ///
    /// The work runs even if the caller stops waiting.
    pub async fn write<T: Send + 'static>(
        &self,
        context: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        self.write_as(context, Durability::Now, work).await
    }

    /// The same for a write that the next process does not miss: it is answered once everybody sees it, and is on disk with
    /// a later one at the latest, never before an earlier one. A power cut may undo it; the end of the process does not.
    pub async fn write_behind<T: Send + 'static>(
        &self,
        context: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        self.write_as(context, Durability::Later, work).await
    }

    /// The same with the next write, or after some milliseconds without one: of the pages of two writes most are the same.
    /// The end of the process within these milliseconds takes it. Of a caller that stops waiting it goes with the next
    /// write, or when the database is closed.
    pub async fn write_along<T: Send + 'static>(
        &self,
        context: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        let Engine::Threaded { threads, .. } = &self.0.engine else {
            return self.write_behind(context, work).await;
        };
        // Not among those whose time is told: the store is not slow because this may wait.
        threads.write_along(context, work).await
    }

    async fn write_as<T: Send + 'static>(
        &self,
        context: &'static str,
        durability: Durability,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        let began = Instant::now();
        let written = match &self.0.engine {
            Engine::Inline { connection, .. } => {
                let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                in_transaction(&connection, work).map_err(|error| failed(context, error))
            }
            Engine::Threaded { threads, .. } => threads.write(context, durability, work).await,
        };
        self.0.latency.note(Operation::Write, began);
        written
    }

    /// Whether the file is still where it was opened: what is written to one that was removed is lost with the process.
    pub(super) fn is_in_place(&self) -> bool {
        match &self.0.engine {
            Engine::Inline { .. } => true,
            Engine::Threaded { path, inode: opened, .. } => inode(path).is_ok_and(|now| now == *opened),
        }
    }

    /// A number that is another one after somebody else has written to the file.
    pub async fn writes_of_others(&self) -> Result<i64, PortError> {
        let sql = "PRAGMA data_version";
        self.write("look for writes of others", move |conn| {
            conn.prepare_cached(sql)?.query_row([], |row| row.get(0))
        })
        .await
    }

    /// Brings to the disk what [`Db::write_behind`] wrote and nothing has brought there since. Whether there was something.
    pub async fn catch_up(&self) -> Result<bool, PortError> {
        match &self.0.engine {
            Engine::Inline { .. } => Ok(false),
            Engine::Threaded { threads, path, .. } => {
                let mut log = path.clone().into_os_string();
                log.push("-wal");
                threads.catch_up("bring the log to the disk", log.into()).await
            }
        }
    }

    /// Leaves nothing of what was deleted before in the write-ahead log. Whether that was done: a long read, as a
    /// backup's, prevents it.
    pub async fn empty_log(&self) -> Result<bool, PortError> {
        let context = "empty the write-ahead log";
        match &self.0.engine {
            Engine::Inline { connection, .. } => {
                let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                connection::empty_log(&connection).map_err(|error| PortError::new(context, error))
            }
            Engine::Threaded { threads, .. } => threads.empty_log(context).await,
        }
    }

    /// Runs reads that all see the same moment, which is after every write that was answered before.
    pub async fn read<T: Send + 'static>(
        &self,
        context: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        let began = Instant::now();
        let read = match &self.0.engine {
            Engine::Inline { connection, .. } => {
                let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                in_snapshot(&connection, work).map_err(|error| failed(context, error))
            }
            Engine::Threaded { threads, .. } => threads.read(context, work).await,
        };
        self.0.latency.note(Operation::Read, began);
        read
    }

    /// The same for what reads a few rows of one instance or account: on the caller's thread if nothing is being written,
    /// since to wake another one costs more than the read.
    pub async fn glance<T: Send + 'static>(
        &self,
        context: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        let Engine::Threaded { threads, .. } = &self.0.engine else { return self.read(context, work).await };
        let began = Instant::now();
        let read = threads.glance(context, work).await;
        self.0.latency.note(Operation::Read, began);
        read
    }

    /// Who polls which mailbox.
    pub(super) fn leases(&self) -> &Leases {
        &self.0.leases
    }
}

fn inode(path: &Path) -> std::io::Result<(u64, u64)> {
    std::fs::metadata(path).map(|file| (file.dev(), file.ino()))
}
