//! The threads of an open database: one writes, with group commit, a few read, and one brings the write-ahead log into the file.

use super::checkpoints::{self, Progress, checkpoint};
use super::connection::{TransactionEnd, empty_log, in_savepoint, in_snapshot, run};
use super::open_error::OpenError;
use super::readable::failed;
use app::ports::PortError;
use rusqlite::{Connection, ffi};
use std::fs::File;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// Maximum writes in one commit.
const BATCH_COUNT_MAX: usize = 256;
/// Work that may wait for a thread; callers beyond it wait to hand theirs in.
const WAITING_COUNT_MAX: usize = 1024;
/// How long a write waits for another one to share its commit with.
const COMPANY_WAIT: Duration = Duration::from_millis(10);

/// When a write is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Durability {
    /// With a later one, or when the log is brought into the file. What is on disk is always what was written up to some
    /// moment, without gaps.
    Later,
    /// Before it is answered.
    Now,
}

/// Whether work shares its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Company {
    /// If it fails the transaction is undone.
    Alone,
    /// If it fails it alone is undone.
    Others,
}

/// Work for a thread, which answers its caller itself.
trait Task: Send {
    /// What its writes need.
    fn durability(&self) -> Durability;
    /// Runs the work and keeps its result; why it failed, if it did.
    fn run(&mut self, connection: &Connection, company: Company) -> Option<ffi::Error>;
    /// Whether the work came to an error.
    fn has_failed(&self) -> bool;
    /// Answers with the result, or with why it could not be committed.
    fn answer(self: Box<Self>, committed: Result<(), ffi::Error>);
}

struct Work<T, F> {
    work: Option<F>,
    result: Option<rusqlite::Result<T>>,
    durability: Durability,
    reply: oneshot::Sender<rusqlite::Result<T>>,
}

impl<T, F> Task for Work<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> rusqlite::Result<T> + Send,
{
    fn durability(&self) -> Durability {
        self.durability
    }

    fn run(&mut self, connection: &Connection, company: Company) -> Option<ffi::Error> {
        self.result = self.work.take().map(|work| match company {
            Company::Alone => work(connection),
            Company::Others => in_savepoint(connection, work),
        });
        self.result.as_ref()?.as_ref().err()?.sqlite_error().copied()
    }

    fn has_failed(&self) -> bool {
        matches!(self.result, Some(Err(_)) | None)
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

/// What the thread that writes is handed.
enum Errand {
    Write(Box<dyn Task>),
    /// What waits for company has waited long enough.
    WriteAlong,
}

/// Writes that wait for company, in their order.
type Along = Mutex<Vec<Box<dyn Task>>>;

/// The running threads; dropping it lets them finish what waits and ends them.
pub(super) struct Threads {
    /// `None` only while being dropped.
    entries: Option<Entries>,
    /// The connection that writes: its pages are always the newest ones.
    writer: Arc<Mutex<Connection>>,
    /// They go into the next commit, whose pages are theirs for the most part.
    along: Arc<Along>,
    /// Something was committed that may not be on disk yet.
    is_behind: Arc<AtomicBool>,
    running: Vec<JoinHandle<()>>,
}

/// The connections of an open database.
pub(super) struct Connections {
    pub(super) writer: Connection,
    pub(super) readers: [Connection; 2],
    pub(super) checkpointer: Connection,
}

/// Where work goes in.
struct Entries {
    writes: mpsc::Sender<Errand>,
    reads: Tasks,
    checkpoints: Tasks,
}

impl Threads {
    pub(super) fn start(connections: Connections) -> Result<Self, OpenError> {
        let Connections { mut writer, readers, checkpointer } = connections;
        let (writes, waiting) = mpsc::channel(WAITING_COUNT_MAX);
        let (reads, waiting_reads) = mpsc::channel(WAITING_COUNT_MAX);
        let (checkpoints, waiting_checkpoints) = mpsc::channel(WAITING_COUNT_MAX);
        checkpoint_at_times(&mut writer, checkpoints.downgrade())?;
        let writer = Arc::new(Mutex::new(writer));
        let (along, is_behind) = (Arc::<Along>::default(), Arc::<AtomicBool>::default());
        let mut threads = Threads {
            entries: Some(Entries { writes, reads, checkpoints }),
            writer: Arc::clone(&writer),
            along: Arc::clone(&along),
            is_behind: Arc::clone(&is_behind),
            running: Vec::new(),
        };
        threads.spawn("sqlite-write", move || write_all(&writer, waiting, &along, &is_behind))?;
        let waiting_reads = Arc::new(Mutex::new(waiting_reads));
        for reader in readers {
            let waiting = Arc::clone(&waiting_reads);
            threads.spawn("sqlite-read", move || read_all(&reader, &waiting))?;
        }
        threads.spawn("sqlite-checkpoint", move || run_all(&checkpointer, waiting_checkpoints))?;
        Ok(threads)
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        self.running.push(std::thread::Builder::new().name(name.to_owned()).spawn(work)?);
        Ok(())
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        context: &'static str,
        durability: Durability,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        let (task, answer) = task(durability, work);
        self.errand(context, Errand::Write(task)).await?;
        answered(context, answer.await)
    }

    /// With the next write, or after [`COMPANY_WAIT`]. A second one ends the wait: a lane with many has few places.
    pub(super) async fn write_along<T: Send + 'static>(
        &self,
        context: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        let (task, mut answer) = task(Durability::Later, work);
        let is_first = {
            let mut along = self.along.lock().unwrap_or_else(PoisonError::into_inner);
            along.push(task);
            along.len() == 1
        };
        if is_first && let Ok(written) = timeout(COMPANY_WAIT, &mut answer).await {
            return answered(context, written);
        }
        self.errand(context, Errand::WriteAlong).await?;
        answered(context, answer.await)
    }

    async fn errand(&self, context: &'static str, errand: Errand) -> Result<(), PortError> {
        let entries = self.entries.as_ref().ok_or_else(|| closed(context))?;
        entries.writes.send(errand).await.map_err(|_| closed(context))
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        context: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        let entry = self.entries.as_ref().map(|entries| &entries.reads);
        hand_in(entry, context, Durability::Later, |connection| in_snapshot(connection, work)).await
    }

    /// At once, on the caller's thread, unless something is being written: no other has to be woken for it.
    pub(super) async fn glance<T: Send + 'static>(
        &self,
        context: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        if let Ok(connection) = self.writer.try_lock() {
            return in_snapshot(&connection, work).map_err(|error| failed(context, error));
        }
        self.read(context, work).await
    }

    /// Brings the log to the disk, if something in it may not be there. Whether that was so.
    pub(super) async fn catch_up(&self, context: &'static str, log: PathBuf) -> Result<bool, PortError> {
        // Before the disk is waited for: what is committed meanwhile is behind again.
        if !self.is_behind.swap(false, Ordering::SeqCst) {
            return Ok(false);
        }
        let entry = self.entries.as_ref().map(|entries| &entries.checkpoints);
        let synced = hand_in(entry, context, Durability::Later, move |_| Ok(sync(&log))).await;
        let failed = match synced {
            Ok(Ok(())) => return Ok(true),
            Ok(Err(error)) => PortError::new(context, error),
            Err(error) => error,
        };
        self.is_behind.store(true, Ordering::SeqCst);
        Err(failed)
    }

    /// After checkpoints that have begun: beside one it could not be done.
    pub(super) async fn empty_log(&self, context: &'static str) -> Result<bool, PortError> {
        let entry = self.entries.as_ref().map(|entries| &entries.checkpoints);
        hand_in(entry, context, Durability::Later, empty_log).await
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

/// Has a checkpoint made on its thread after commits that make one worthwhile.
fn checkpoint_at_times(
    writer: &mut Connection,
    checkpoints: mpsc::WeakSender<Box<dyn Task>>,
) -> rusqlite::Result<()> {
    let progress = Arc::new(Progress::default());
    let known = progress.clone();
    checkpoints::watch(writer, known, move || {
        let progress = progress.clone();
        let work = Some(move |connection: &Connection| checkpoint(connection, &progress));
        // Nobody waits for it: what could not be brought into the file stays in the log.
        let (reply, _) = oneshot::channel();
        let task = Work { work, result: None, durability: Durability::Later, reply };
        checkpoints.upgrade().is_some_and(|entry| entry.try_send(Box::new(task)).is_ok())
    })
}

async fn hand_in<T: Send + 'static>(
    entry: Option<&Tasks>,
    context: &'static str,
    durability: Durability,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, PortError> {
    let (task, answer) = task(durability, work);
    let entry = entry.ok_or_else(|| closed(context))?;
    entry.send(task).await.map_err(|_| closed(context))?;
    answered(context, answer.await)
}

type Answer<T> = oneshot::Receiver<rusqlite::Result<T>>;

fn task<T: Send + 'static>(
    durability: Durability,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
) -> (Box<dyn Task>, Answer<T>) {
    let (reply, answer) = oneshot::channel();
    (Box::new(Work { work: Some(work), result: None, durability, reply }), answer)
}

fn answered<T>(
    context: &'static str,
    answer: Result<rusqlite::Result<T>, oneshot::error::RecvError>,
) -> Result<T, PortError> {
    answer.map_err(|_| closed(context))?.map_err(|error| failed(context, error))
}

fn closed(context: &'static str) -> PortError {
    PortError::new(context, "the database is closed")
}

/// SQLite holds no lock on this file, which another descriptor that is closed would end.
fn sync(log: &Path) -> std::io::Result<()> {
    match File::open(log) {
        Ok(log) => log.sync_data(),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn write_all(
    connection: &Mutex<Connection>,
    mut waiting: mpsc::Receiver<Errand>,
    along: &Along,
    is_behind: &AtomicBool,
) {
    // As the connection was set up.
    let mut durability = Durability::Now;
    loop {
        let first = waiting.blocking_recv();
        let is_end = first.is_none();
        let batch = gathered(first, &mut waiting, along);
        if !batch.is_empty() {
            commit_batch(connection, batch, &mut durability, is_behind);
        }
        if is_end {
            return;
        }
    }
}

/// What waits for company goes along, then what was handed in meanwhile.
fn gathered(
    first: Option<Errand>,
    waiting: &mut mpsc::Receiver<Errand>,
    along: &Along,
) -> Vec<Box<dyn Task>> {
    let mut batch = std::mem::take(&mut *along.lock().unwrap_or_else(PoisonError::into_inner));
    let mut next = first;
    while let Some(errand) = next {
        if let Errand::Write(task) = errand {
            batch.push(task);
        }
        next = if batch.len() < BATCH_COUNT_MAX { waiting.try_recv().ok() } else { None };
    }
    batch
}

/// Writes these, and answers them once that is committed.
fn commit_batch(
    connection: &Mutex<Connection>,
    mut batch: Vec<Box<dyn Task>>,
    durability: &mut Durability,
    is_behind: &AtomicBool,
) {
    let committed = {
        let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = batch.iter().map(|task| task.durability()).max().unwrap_or(Durability::Now);
        switch(&connection, durability, wanted)
            .and_then(|()| unless_it_panics(|| write_batch(&connection, &mut batch)))
    };
    // One that waits for the disk brings this there only if it has pages of its own.
    if *durability == Durability::Later {
        is_behind.store(true, Ordering::SeqCst);
    }
    for task in batch {
        task.answer(committed);
    }
}

/// Whether the next commit waits for the disk, with all that was written before.
fn switch(connection: &Connection, from: &mut Durability, to: Durability) -> Result<(), ffi::Error> {
    if *from == to {
        return Ok(());
    }
    // SQLite does what this says when it reads the text: a statement that is kept would do nothing.
    let level = match to {
        Durability::Now => "PRAGMA synchronous = FULL",
        Durability::Later => "PRAGMA synchronous = NORMAL",
    };
    connection.execute_batch(level).map_err(code)?;
    *from = to;
    Ok(())
}

/// One write that panics is no end of all others: its transaction is undone, and who shares it hears of an error.
fn unless_it_panics(work: impl FnOnce() -> Result<(), ffi::Error>) -> Result<(), ffi::Error> {
    // Whatever it left half done was its own, and what it wrote is undone.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(ffi::Error::new(ffi::SQLITE_ABORT)))
}

/// Runs what waits as one transaction. No caller is answered before it is committed.
fn write_batch(connection: &Connection, batch: &mut [Box<dyn Task>]) -> Result<(), ffi::Error> {
    run(connection, "BEGIN IMMEDIATE").map_err(code)?;
    let _end = TransactionEnd(connection);
    if let [task] = batch {
        return write_alone(connection, task);
    }
    for task in batch {
        let cause = task.run(connection, Company::Others);
        if connection.is_autocommit() {
            // SQLite has undone the whole transaction (disk full, input or output error): all hear why.
            return Err(cause.unwrap_or(ffi::Error::new(ffi::SQLITE_ABORT_ROLLBACK)));
        }
    }
    commit(connection)
}

/// A savepoint would keep what each changed page was before, for nothing.
fn write_alone(connection: &Connection, task: &mut Box<dyn Task>) -> Result<(), ffi::Error> {
    let cause = task.run(connection, Company::Alone);
    if !task.has_failed() {
        return commit(connection);
    }
    match connection.is_autocommit() {
        // SQLite has undone it already.
        true => cause.map_or(Ok(()), Err),
        false => run(connection, "ROLLBACK").map_err(code),
    }
}

fn commit(connection: &Connection) -> Result<(), ffi::Error> {
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
        let Some(task) = next else { return };
        run_alone(connection, task);
    }
}

fn run_all(connection: &Connection, mut waiting: mpsc::Receiver<Box<dyn Task>>) {
    while let Some(task) = waiting.blocking_recv() {
        run_alone(connection, task);
    }
}

fn run_alone(connection: &Connection, mut task: Box<dyn Task>) {
    let ran = unless_it_panics(|| {
        let _ = task.run(connection, Company::Alone);
        Ok(())
    });
    task.answer(ran);
}

#[cfg(test)]
mod tests;
