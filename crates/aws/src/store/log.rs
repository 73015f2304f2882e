//! The event log.

use super::DynamoStore;
use super::key::{self, Key};
use super::row::{Row, damaged};
use super::table::Table;
use super::{notifications, staged};
use app::ports::{EventLog, LogMark, LogPage, Notification, Progress, Result};
use async_trait::async_trait;
use domain::ids::{InstanceId, Sequence};

/// Maximum rows of one page.
const PAGE_COUNT_MAX: usize = 1000;

/// How far what was notified before a place is, newest first. It costs what reading the rows whole does.
pub(super) async fn progress_before(
    table: &Table,
    id: InstanceId,
    before: Option<LogMark>,
    limit: usize,
) -> Result<Vec<(Sequence, Progress)>> {
    let before = before.map(|before| before.sequence);
    let rows = staged::newest(table, id, before, limit, Some("pk, sk, progress, staged")).await?;
    let read = |row: &Row| {
        let progress = Progress::parse(row.text("progress")?).ok_or_else(|| damaged("progress"))?;
        Ok((key::sequence(row)?, progress))
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
            false => {
                let rows = staged::newest(table, id, page.before, limit, None).await?;
                notifications::read_all(table, id, rows).await
            }
        }
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
