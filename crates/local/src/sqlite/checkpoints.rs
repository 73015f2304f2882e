//! What the write-ahead log holds is brought into the file beside the writes: a commit that did it would wait for all of it, two
//! waits for the disk and thousands of pages, and so would the callbacks behind it.

use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, MAIN_DB, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Pages that are worth bringing into the file: most are written many times until then, and once in the file.
const PAGES_DUE: u32 = 4_000;
/// Pages of the log, 64 MB, from which on writes wait for it after all: it starts anew once all of it is in the file, which
/// writes without a pause may prevent.
const PAGES_MAX: u32 = 16 * 1_024;

/// What is known of the log between commits and checkpoints.
#[derive(Default)]
pub(super) struct Progress {
    /// Somebody was told that it is time, and has not begun.
    is_asked: AtomicBool,
    /// Pages that are in the file already, as of the last checkpoint.
    checkpointed: AtomicU32,
}

impl Progress {
    fn is_due(&self, pages: u32) -> bool {
        let checkpointed = self.checkpointed.load(Ordering::Relaxed);
        // A log with fewer has started anew.
        let new = if pages < checkpointed { pages } else { pages - checkpointed };
        new >= PAGES_DUE
    }
}

/// Calls `ask` after commits that make a checkpoint worthwhile, once for each; whether that was taken.
pub(super) fn watch(
    writer: &mut Connection,
    progress: Arc<Progress>,
    ask: impl Fn() -> bool + Send + 'static,
) -> Result<()> {
    writer.wal_hook(Some(move |log: &mut rusqlite::hooks::Wal, pages| {
        let pages = u32::try_from(pages).unwrap_or(0);
        if pages >= PAGES_MAX {
            // What is committed is committed: that this could not be done is no failure of the write.
            let _ = log.checkpoint();
        } else if progress.is_due(pages) && !progress.is_asked.swap(true, Ordering::Relaxed) && !ask() {
            progress.is_asked.store(false, Ordering::Relaxed);
        }
        Ok(())
    }))
}

/// Brings what the log holds into the file, as far as readers let it.
pub(super) fn checkpoint(connection: &Connection, progress: &Progress) -> Result<()> {
    progress.is_asked.store(false, Ordering::Relaxed);
    // The second time for what came meanwhile: with all of it in the file the next write starts the log anew.
    for _ in 0..2 {
        let (_, checkpointed) = connection.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::PASSIVE)?;
        progress.checkpointed.store(u32::try_from(checkpointed).unwrap_or(0), Ordering::Relaxed);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Db;
    use super::super::connection::empty_log;
    use super::*;
    use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
    use std::path::Path;
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    /// Of a page and a bit.
    const ROW: &str = "INSERT INTO rows SELECT zeroblob(4096)";

    fn opened(path: &Path) -> Connection {
        let connection = Connection::open(path).unwrap();
        let set_up = "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF";
        connection.execute_batch(set_up).unwrap();
        connection
    }

    /// Pages in the log, and how many of them are in the file.
    fn pages(connection: &Connection) -> (i64, i64) {
        let look = "PRAGMA wal_checkpoint(NOOP)";
        connection.query_row(look, [], |row| Ok((row.get(1)?, row.get(2)?))).unwrap()
    }

    fn write(connection: &Connection, rows_count: usize) {
        for _ in 0..rows_count {
            connection.execute(ROW, []).unwrap();
        }
    }

    #[test]
    fn a_commit_asks_once_for_each_checkpoint_and_makes_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let (mut writer, other) = (opened(&path), opened(&path));
        writer.execute_batch("CREATE TABLE rows (bytes)").unwrap();
        let (progress, (asks, asked)) = (Arc::new(Progress::default()), mpsc::channel());
        watch(&mut writer, progress.clone(), move || asks.send(()).is_ok()).unwrap();
        for _ in 0..3 {
            write(&writer, 3_000);
            assert_eq!(asked.try_iter().count(), 1);
            let (all, in_file) = pages(&writer);
            assert!(all > 6_000 && in_file == 0, "{all} {in_file}");
            checkpoint(&other, &progress).unwrap();
            assert_eq!(pages(&writer), (all, all));
            // The log starts anew.
            write(&writer, 1);
            assert!(pages(&writer).0 < 10);
        }
    }

    #[test]
    fn a_checkpoint_that_could_not_be_asked_for_is_asked_for_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = opened(&folder.path().join("a.db"));
        writer.execute_batch("CREATE TABLE rows (bytes)").unwrap();
        let (asks, asked) = mpsc::channel();
        watch(&mut writer, Arc::default(), move || asks.send(()).is_err()).unwrap();
        write(&writer, 2_500);
        assert!(asked.try_iter().count() > 10);
    }

    #[test]
    fn a_log_that_nobody_brings_into_the_file_stays_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = opened(&folder.path().join("a.db"));
        writer.execute_batch("CREATE TABLE rows (bytes)").unwrap();
        watch(&mut writer, Arc::default(), || true).unwrap();
        let mut most = 0;
        for _ in 0..20 {
            writer.execute_batch("BEGIN").unwrap();
            write(&writer, 1_000);
            writer.execute_batch("COMMIT").unwrap();
            most = most.max(pages(&writer).0);
        }
        assert!((15_000..20_000).contains(&most), "{most}");
        assert!(pages(&writer).0 < most);
    }

    #[test]
    fn a_log_is_in_the_file_before_writes_wait_for_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let (writer, mut other, beside) = (opened(&path), opened(&path), opened(&path));
        writer.execute_batch("CREATE TABLE rows (bytes)").unwrap();
        write(&writer, 100);
        let (tell, told) = mpsc::channel();
        let look = move |asked: AuthContext<'_>| {
            if matches!(asked.action, AuthAction::Pragma { pragma_value: Some("TRUNCATE"), .. }) {
                tell.send(pages(&beside)).unwrap();
            }
            Authorization::Allow
        };
        other.authorizer(Some(look)).unwrap();
        assert!(empty_log(&other).unwrap());
        let (all, in_file) = told.try_recv().unwrap();
        assert!(all > 100 && in_file == all, "{in_file} of {all}");
        assert_eq!(pages(&writer), (0, 0));
    }

    #[tokio::test]
    async fn an_open_database_brings_its_log_into_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let db = Db::open(&path).unwrap();
        let length = || std::fs::metadata(&path).unwrap().len();
        db.write("make", |tx| tx.execute_batch("CREATE TABLE rows (bytes)")).await.unwrap();
        let before = length();
        for _ in 0..3_000 {
            db.write_behind("write", |tx| tx.execute(ROW, [])).await.unwrap();
        }
        let until = Instant::now() + Duration::from_secs(60);
        while length() < before + 4_000_000 {
            assert!(Instant::now() < until, "the file has {} bytes", length());
            std::thread::yield_now();
        }
        assert!(db.empty_log().await.unwrap());
    }
}
