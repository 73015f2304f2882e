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
use tokio::sync::{mpsc, oneshot};

/// Maximum writes in one commit.
const BATCH_COUNT_MAX: usize = 256;
/// Work that may wait for a thread; callers beyond it wait to hand theirs in.
const WAITING_COUNT_MAX: usize = 1024;

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

/// The running threads; dropping it lets them finish what waits and ends them.
pub(super) struct Threads {
    /// `None` only while being dropped.
    entries: Option<Entries>,
    /// The connection that writes: its pages are always the newest ones.
    writer: Arc<Mutex<Connection>>,
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
    writes: Tasks,
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
        let is_behind = Arc::<AtomicBool>::default();
        let mut threads = Threads {
            entries: Some(Entries { writes, reads, checkpoints }),
            writer: Arc::clone(&writer),
            is_behind: Arc::clone(&is_behind),
            running: Vec::new(),
        };
        threads.spawn("sqlite-write", move || write_all(&writer, waiting, &is_behind))?;
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
        let entry = self.entries.as_ref().map(|entries| &entries.writes);
        hand_in(entry, context, durability, work).await
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
    let closed = || PortError::new(context, "the database is closed");
    let (reply, answer) = oneshot::channel();
    let task = Box::new(Work { work: Some(work), result: None, durability, reply });
    entry.ok_or_else(closed)?.send(task).await.map_err(|_| closed())?;
    answer.await.map_err(|_| closed())?.map_err(|error| failed(context, error))
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
    mut waiting: mpsc::Receiver<Box<dyn Task>>,
    is_behind: &AtomicBool,
) {
    // As the connection was set up.
    let mut durability = Durability::Now;
    while let Some(first) = waiting.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH_COUNT_MAX {
            let Ok(task) = waiting.try_recv() else { break };
            batch.push(task);
        }
        let committed = {
            let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            let wanted = batch.iter().map(|task| task.durability()).max().unwrap_or(Durability::Now);
            switch(&connection, &mut durability, wanted)
                .and_then(|()| unless_it_panics(|| write_batch(&connection, &mut batch)))
        };
        // One that waits for the disk brings this there only if it has pages of its own.
        if durability == Durability::Later {
            is_behind.store(true, Ordering::SeqCst);
        }
        for task in batch {
            task.answer(committed);
        }
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
mod tests {
    use super::super::Db;
    use rusqlite::Connection;
    use std::sync::mpsc;
    use tokio::sync::oneshot;

    /// What SQLite does at the end of the transaction: 1 is nothing, 2 is to wait for the disk.
    fn level(tx: &Connection) -> rusqlite::Result<i64> {
        tx.query_row("PRAGMA synchronous", [], |row| row.get(0))
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
        let db = Db::open(&folder.path().join("a.db")).unwrap();
        db.write("make", |tx| tx.execute_batch("CREATE TABLE numbers (n)")).await.unwrap();
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
        let db = Db::open(&path).unwrap();
        db.write("make", |tx| tx.execute_batch("CREATE TABLE numbers (n)")).await.unwrap();
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
}
