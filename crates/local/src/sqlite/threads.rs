//! The threads of an open database: one writes, with group commit, and a few read.

use super::connection::{empty_log, in_savepoint, in_snapshot, run};
use app::ports::PortError;
use rusqlite::{Connection, ffi};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// Maximum writes in one commit.
const BATCH_COUNT_MAX: usize = 256;
/// Work that may wait for a thread; callers beyond it wait to hand theirs in.
const WAITING_COUNT_MAX: usize = 1024;

/// Work for a thread, which answers its caller itself.
trait Task: Send {
    /// Runs the work and keeps its result; why it failed, if it did.
    fn run(&mut self, connection: &Connection) -> Option<ffi::Error>;
    /// Answers with the result, or with why it could not be committed.
    fn answer(self: Box<Self>, committed: Result<(), ffi::Error>);
}

struct Work<T, F> {
    work: Option<F>,
    result: Option<rusqlite::Result<T>>,
    reply: oneshot::Sender<rusqlite::Result<T>>,
}

impl<T, F> Task for Work<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> rusqlite::Result<T> + Send,
{
    fn run(&mut self, connection: &Connection) -> Option<ffi::Error> {
        self.result = self.work.take().map(|work| work(connection));
        self.result.as_ref()?.as_ref().err()?.sqlite_error().copied()
    }

    fn answer(self: Box<Self>, committed: Result<(), ffi::Error>) {
        let answer = match (committed, self.result) {
            (Ok(()), Some(result)) => result,
            (Err(error), _) => Err(rusqlite::Error::SqliteFailure(error, None)),
            (Ok(()), None) => return,
        };
        // The caller may have stopped waiting.
        let _ = self.reply.send(answer);
    }
}

type Tasks = mpsc::Sender<Box<dyn Task>>;

/// The running threads; dropping it lets them finish what waits and ends them.
pub(super) struct Threads {
    /// Where work goes in; `None` only while being dropped.
    entries: Option<(Tasks, Tasks)>,
    running: Vec<JoinHandle<()>>,
}

impl Threads {
    pub(super) fn start(writer: Connection, readers: [Connection; 2]) -> std::io::Result<Self> {
        let (writes, waiting) = mpsc::channel(WAITING_COUNT_MAX);
        let (reads, waiting_reads) = mpsc::channel(WAITING_COUNT_MAX);
        let mut threads = Threads { entries: Some((writes, reads)), running: Vec::new() };
        threads.spawn("sqlite-write", move || write_all(&writer, waiting))?;
        let waiting_reads = Arc::new(Mutex::new(waiting_reads));
        for reader in readers {
            let waiting = Arc::clone(&waiting_reads);
            threads.spawn("sqlite-read", move || read_all(&reader, &waiting))?;
        }
        Ok(threads)
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        self.running.push(std::thread::Builder::new().name(name.to_owned()).spawn(work)?);
        Ok(())
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        context: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        let entry = self.entries.as_ref().map(|(writes, _)| writes);
        hand_in(entry, context, |connection| in_savepoint(connection, work)).await
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        context: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        let entry = self.entries.as_ref().map(|(_, reads)| reads);
        hand_in(entry, context, |connection| in_snapshot(connection, work)).await
    }

    /// On a thread that reads: it is in no transaction.
    pub(super) async fn empty_log(&self, context: &'static str) -> Result<bool, PortError> {
        let entry = self.entries.as_ref().map(|(_, reads)| reads);
        hand_in(entry, context, empty_log).await
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.entries = None;
        for thread in self.running.drain(..) {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}

async fn hand_in<T: Send + 'static>(
    entry: Option<&Tasks>,
    context: &'static str,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, PortError> {
    let closed = || PortError::new(context, "the database is closed");
    let (reply, answer) = oneshot::channel();
    let task = Box::new(Work { work: Some(work), result: None, reply });
    entry.ok_or_else(closed)?.send(task).await.map_err(|_| closed())?;
    answer.await.map_err(|_| closed())?.map_err(|error| PortError::new(context, error))
}

fn write_all(connection: &Connection, mut waiting: mpsc::Receiver<Box<dyn Task>>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH_COUNT_MAX {
            let Ok(task) = waiting.try_recv() else { break };
            batch.push(task);
        }
        let committed = write_batch(connection, &mut batch);
        for task in batch {
            task.answer(committed);
        }
    }
}

/// Runs what waits as one transaction. No caller is answered before it is committed.
fn write_batch(connection: &Connection, batch: &mut [Box<dyn Task>]) -> Result<(), ffi::Error> {
    run(connection, "BEGIN IMMEDIATE").map_err(code)?;
    for task in batch {
        let cause = task.run(connection);
        if connection.is_autocommit() {
            // SQLite has undone the whole transaction (disk full, input or output error): all hear why.
            return Err(cause.unwrap_or(ffi::Error::new(ffi::SQLITE_ABORT_ROLLBACK)));
        }
    }
    run(connection, "COMMIT").map_err(|error| {
        let _ = run(connection, "ROLLBACK");
        code(error)
    })
}

fn code(error: rusqlite::Error) -> ffi::Error {
    error.sqlite_error().copied().unwrap_or(ffi::Error::new(ffi::SQLITE_ERROR))
}

fn read_all(connection: &Connection, waiting: &Mutex<mpsc::Receiver<Box<dyn Task>>>) {
    loop {
        // The lock is held while waiting: the other thread waits for it instead of for work.
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(mut task) = next else { return };
        let _ = task.run(connection);
        task.answer(Ok(()));
    }
}
