//! The event log.

use super::SqliteStore;
use super::notifications::{NOTIFICATION, notification, select_notifications};
use crate::sqlite::columns::instance_id;
use crate::sqlite::readable::readable;
use app::ports;
use app::ports::{EventLog, LogMark, LogPage, Notification, Rows};
use async_trait::async_trait;
use domain::ids::{InstanceId, Sequence};
use rusqlite::{Connection, OptionalExtension as _, Result, Row};

/// Maximum rows of one page.
pub(super) const PAGE_COUNT_MAX: usize = 1000;

/// What the column holds at the most.
pub(super) const SEQUENCE_MAX: u64 = i64::MAX as u64;

const NEWEST_FIRST: &str = select_notifications!("AND n.sequence < ?2 ORDER BY n.sequence DESC");
const QUEUED: &str =
    select_notifications!("AND n.progress = 'pending' AND n.sequence > ?2 ORDER BY n.sequence");

pub(super) fn page_of(conn: &Connection, id: InstanceId, page: LogPage) -> Result<Rows<Notification>> {
    let (sql, start) = if page.pending_only { (QUEUED, 0) } else { (NEWEST_FIRST, SEQUENCE_MAX) };
    let before = page.before.map_or(start, |before| before.0.min(SEQUENCE_MAX));
    let limit = page.limit.min(PAGE_COUNT_MAX);
    readable((&mut *conn.prepare_cached(sql)?, (id.get(), before)), limit, NOTIFICATION, notification)
}

pub(super) fn find(conn: &Connection, id: InstanceId, event_id: &str) -> Result<Option<Notification>> {
    conn.prepare_cached(select_notifications!("AND n.event_id = ?2 ORDER BY n.sequence DESC LIMIT 1"))?
        .query_row((id.get(), event_id), notification)
        .optional()
}

/// Reads an instance and a sequence.
pub(super) fn place(row: &Row<'_>) -> Result<LogMark> {
    Ok(LogMark { instance: instance_id(row.get(0)?), sequence: Sequence(row.get(1)?) })
}

#[async_trait]
impl EventLog for SqliteStore {
    async fn notifications(&self, id: InstanceId, page: LogPage) -> ports::Result<Rows<Notification>> {
        self.db.read("read the event log", move |conn| page_of(conn, id, page)).await
    }

    async fn notification(&self, id: InstanceId, event_id: &str) -> ports::Result<Option<Notification>> {
        let event_id = event_id.to_owned();
        self.db.read("read a notification", move |conn| find(conn, id, &event_id)).await
    }
}
