//! The event log.

use super::DynamoStore;
use super::key::{self, Key};
use super::notifications;
use super::row::{Row, damaged, text};
use super::table::{KeyQuery, Table};
use app::ports::{EventLog, LogMark, LogPage, Notification, Progress, Result};
use async_trait::async_trait;
use domain::ids::{InstanceId, Sequence};

/// Maximum rows of one page.
const PAGE_COUNT_MAX: usize = 1000;

async fn newest_first(
    table: &Table,
    id: InstanceId,
    before: Option<Sequence>,
    limit: usize,
) -> Result<Vec<Notification>> {
    let range = before.map(|before| ("sk", "#sort < :from", text(key::digits(before))));
    let page =
        KeyQuery { range, is_descending: true, limit: Some(limit), ..KeyQuery::of(key::notifications(id)) };
    let rows = table.query("read the event log", page).await?;
    notifications::read_all(table, id, rows).await
}

/// How far what was notified before a place is, newest first. It costs what reading the rows whole does.
pub(super) async fn progress_before(
    table: &Table,
    id: InstanceId,
    before: Option<LogMark>,
    limit: usize,
) -> Result<Vec<(Sequence, Progress)>> {
    let range = before.map(|before| ("sk", "#sort < :from", text(key::digits(before.sequence))));
    let page = KeyQuery {
        range,
        is_descending: true,
        limit: Some(limit),
        only: Some("sk, progress"),
        ..KeyQuery::of(key::notifications(id))
    };
    let rows = table.query("search an instance's log", page).await?;
    let read = |row: &Row| {
        let progress = Progress::parse(row.text("progress")?).ok_or_else(|| damaged("progress"))?;
        Ok((notifications::sequence(row)?, progress))
    };
    rows.iter().map(read).collect()
}

/// What is pending, in commit order.
pub(super) async fn queued(
    table: &Table,
    id: InstanceId,
    after: Option<Sequence>,
    limit: usize,
) -> Result<Vec<Notification>> {
    let sequences = notifications::pending(table, id, after, limit).await?;
    let keys: Vec<Key> = sequences.iter().map(|sequence| Key::notification(id, *sequence)).collect();
    let mut found = table.get_many("read the event log", &keys).await?;
    let mut rows: Vec<Row> = keys.iter().filter_map(|key| found.remove(key)).collect();
    // One that was delivered in between is not queued any more.
    rows.retain(|row| row.has("pending"));
    notifications::read_all(table, id, rows).await
}

#[async_trait]
impl EventLog for DynamoStore {
    async fn notifications(&self, id: InstanceId, page: LogPage) -> Result<Vec<Notification>> {
        let table = &self.table;
        let limit = page.limit.min(PAGE_COUNT_MAX);
        if limit == 0 {
            return Ok(Vec::new());
        }
        match page.pending_only {
            true => queued(table, id, page.before, limit).await,
            false => newest_first(table, id, page.before, limit).await,
        }
    }

    // One by its event id.
    async fn notification(&self, id: InstanceId, event_id: &str) -> Result<Option<Notification>> {
        let table = &self.table;
        let Some(sequence) = notifications::named_so(table, id, event_id).await? else { return Ok(None) };
        let row = table.get("read a notification", &Key::notification(id, sequence)).await?;
        Ok(notifications::read_all(table, id, row.into_iter().collect()).await?.pop())
    }
}
