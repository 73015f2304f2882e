//! The event log.

use super::DynamoStore;
use super::key::{self, Key};
use super::row::Row;
use super::table::Table;
use super::{notifications, staged};
use crate::fault::TooMuch;
use app::ports::{EventLog, LogMark, LogPage, Notification, PortError, Progress, Result, Rows};
use app::unreadable::readable;
use async_trait::async_trait;
use domain::ids::{InstanceId, Sequence};

/// Maximum rows of one page.
const PAGE_COUNT_MAX: usize = 1000;
/// Reads for one page: each goes on behind rows that can't be read.
const LOOKS_COUNT_MAX: usize = 100;

/// How far what was notified before a place is, newest first; nothing for what can't be read. It costs what reading the rows whole does.
pub(super) async fn progress_before(
    table: &Table,
    id: InstanceId,
    before: Option<LogMark>,
    limit: usize,
) -> Result<Vec<Option<(Sequence, Progress)>>> {
    let before = before.map(|before| before.sequence);
    let rows = staged::newest(table, id, before, limit, Some("pk, sk, progress, staged")).await?;
    let read = |row: &Row| {
        let progress = Progress::parse(row.text("progress")?).ok_or_else(|| row.damaged("progress"))?;
        Ok((key::sequence(row)?, progress))
    };
    rows.iter().map(|row| readable(read(row))).collect()
}

/// The first that is pending, in commit order.
pub(super) async fn next_queued(table: &Table, id: InstanceId) -> Result<Option<Notification>> {
    let rows = queued(table, id, None, 1).await?;
    Ok(notifications::read_all(table, id, rows).await?.pop())
}

/// What is pending, in commit order.
async fn queued(table: &Table, id: InstanceId, after: Option<Sequence>, limit: usize) -> Result<Vec<Row>> {
    let mut rows = staged::named(table, id).await?;
    let from = key::digits(after.unwrap_or(Sequence(0)));
    rows.retain(|row| row.text("sk").is_ok_and(|place| place > from.as_str()));
    let sequences = notifications::pending(table, id, after, limit).await?;
    let keys: Vec<Key> = sequences.iter().map(|sequence| Key::notification(id, *sequence)).collect();
    let found = table.get_many("read the event log", &keys).await?;
    // One that was delivered in between is not queued any more; one that was published is in both.
    let pending: Vec<Row> = found.into_values().filter(|row| row.has("pending")).collect();
    rows.retain(|row| pending.iter().all(|other| other.text("sk").ok() != row.text("sk").ok()));
    rows.extend(pending);
    rows.sort_by(|one, other| one.text("sk").ok().cmp(&other.text("sk").ok()));
    rows.truncate(limit);
    Ok(rows)
}

/// A page: what can't be read hides nothing behind it.
async fn page_of(table: &Table, id: InstanceId, page: LogPage) -> Result<Rows<Notification>> {
    let limit = page.limit.min(PAGE_COUNT_MAX);
    let (mut found, mut before) = (Rows::default(), page.before);
    if limit == 0 {
        return Ok(found);
    }
    for _ in 0..LOOKS_COUNT_MAX {
        let left = limit - found.rows.len();
        let rows = match page.pending_only {
            true => queued(table, id, before, left).await?,
            false => staged::newest(table, id, before, left, None).await?,
        };
        let is_last = rows.len() < left;
        before = rows.last().map(key::sequence).transpose()?;
        found.append(notifications::read_listed(table, id, rows).await?);
        if is_last || found.rows.len() >= limit {
            return Ok(found);
        }
    }
    Err(PortError::new("read the event log", TooMuch))
}

#[async_trait]
impl EventLog for DynamoStore {
    async fn notifications(&self, id: InstanceId, page: LogPage) -> Result<Rows<Notification>> {
        page_of(&self.table, id, page).await
    }

    // One by its event id.
    async fn notification(&self, id: InstanceId, event_id: &str) -> Result<Option<Notification>> {
        let table = &self.table;
        let mut rows = staged::named(table, id).await?;
        rows.retain(|row| notifications::event_id(row).is_ok_and(|it| it == event_id));
        if let Some(row) = rows.pop() {
            return Ok(notifications::read_all(table, id, vec![row]).await?.pop());
        }
        let Some(sequence) = notifications::named_so(table, id, event_id).await? else { return Ok(None) };
        let row = table.get("read a notification", &Key::notification(id, sequence)).await?;
        Ok(notifications::read_all(table, id, row.into_iter().collect()).await?.pop())
    }
}
