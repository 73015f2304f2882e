//! Whether the database can be written to: the disk may be full, read-only, or gone.

use crate::sqlite::Db;
use app::ports::{PortError, Result};
use chrono::{DateTime, Utc};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A try costs a sync of the disk, and anybody may ask: its answer stands for so long, s.
const STANDS_S: i64 = 5;
const CONTEXT: &str = "try to write";

/// When the last try was, and how it ended.
#[derive(Default)]
pub(super) struct WriteTrial(Mutex<Option<(DateTime<Utc>, Option<String>)>>);

impl WriteTrial {
    pub(super) async fn run(&self, db: &Db, now: DateTime<Utc>) -> Result<()> {
        if let Some((at, error)) = &*self.last()
            && (now - *at).num_seconds().abs() < STANDS_S
        {
            return error.clone().map_or(Ok(()), |error| Err(PortError::new(CONTEXT, error)));
        }
        // Who asks meanwhile hears what was the last time.
        let before = self.last().take().and_then(|(_, error)| error);
        *self.last() = Some((now, before));
        let ended = try_write(db).await;
        *self.last() = Some((now, ended.as_ref().err().map(|error| error.source.to_string())));
        ended
    }

    fn last(&self) -> MutexGuard<'_, Option<(DateTime<Utc>, Option<String>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn try_write(db: &Db) -> Result<()> {
    if !db.is_in_place() {
        return Err(PortError::new(CONTEXT, "the database was removed from its folder, or replaced"));
    }
    // There and back: what is as before after one statement SQLite does not write at all.
    db.write(CONTEXT, |tx| {
        tx.prepare_cached("UPDATE key_proof SET sealed = sealed || ' '")?.execute([])?;
        tx.prepare_cached("UPDATE key_proof SET sealed = rtrim(sealed)")?.execute([])
    })
    .await
    .map(drop)
}
