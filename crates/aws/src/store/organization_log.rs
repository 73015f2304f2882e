//! The log of an organization: what all its instances have notified.
//!
//! Two global indexes lead to it, of which the table is a moment ahead. They have a notification from its commit
//! on; one that was stored before they were there is in its instance's log alone.

use super::DynamoStore;
use super::key::{self, Key, LOG_SHARDS_COUNT};
use super::log_lines::merged;
use super::row::{Row, text};
use super::table::{Index, KeyQuery, Table};
use super::{notifications, searches, staged};
use crate::fault::TooMuch;
use app::ports::{
    LogLine, LogMark, LogMatches, LogSearch, MARKS_COUNT_MAX, Notification, Numbered, OrganizationLog,
    OrganizationPage, PortError, Result, Rows, Tally,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::ids::{InstanceId, NotificationName};
use futures_util::future::try_join_all;
use std::collections::{HashMap, HashSet};

/// Where the notification with an event id is.
const BY_EVENT: Index = Index::global("by-event", "log_of");
/// Maximum lines of one page.
const PAGE_COUNT_MAX: usize = 1000;
/// Reads that fill one page: two hundred thousand consecutive lines of deleted instances, as many as a search walks
/// through.
const LOOKS_COUNT_MAX: usize = 200;
/// Notifications of a shard whose names begin alike, at the most: 48 bits are the same by chance once in a log of ten
/// million, and those of one name are looked at from the newest on.
const ALIKE_COUNT_MAX: usize = 10;
/// Notes which instances of these lines are deleted, each once.
async fn look_after(table: &Table, lines: &[LogLine], gone: &mut HashMap<InstanceId, bool>) -> Result<()> {
    let unknown: HashSet<InstanceId> =
        lines.iter().map(|line| line.mark.instance).filter(|id| !gone.contains_key(id)).collect();
    let keys: Vec<Key> = unknown.iter().map(|id| Key::subscription(*id)).collect();
    let found = table.get_many("look for deleted instances", &keys).await?;
    for id in unknown {
        // A row that is not there went with its instance.
        let is_gone = found.get(&Key::subscription(id)).is_none_or(|row| row.has("gone"));
        gone.insert(id, is_gone);
    }
    Ok(())
}

/// Where the notifications are whose names begin so, at most so many of each shard, the newest last.
async fn named(table: &Table, organization: u32, beginning: String, limit: usize) -> Result<Vec<LogMark>> {
    let shards = (0..LOG_SHARDS_COUNT).map(|shard| {
        let page = KeyQuery {
            index: Some(BY_EVENT),
            range: Some(("name", "begins_with(#sort, :from)", text(&beginning))),
            is_descending: true,
            limit: Some(limit),
            only: Some("pk, sk"),
            ..KeyQuery::of(key::log(organization, shard))
        };
        table.query("look an event up", page)
    });
    let rows = try_join_all(shards).await?;
    let mut marks = rows.iter().flatten().map(place).collect::<Result<Vec<_>>>()?;
    marks.sort_unstable();
    Ok(marks)
}

/// One by its place, unless its instance is deleted.
async fn living(table: &Table, mark: LogMark) -> Result<Option<Notification>> {
    let subscription = table.get("look an event up", &Key::subscription(mark.instance)).await?;
    match subscription.is_none_or(|row| row.has("gone")) {
        true => Ok(None),
        false => at(table, mark).await,
    }
}

fn place(row: &Row) -> Result<LogMark> {
    let id = row.text("pk")?.strip_prefix("N#").and_then(InstanceId::parse);
    Ok(LogMark { sequence: key::sequence(row)?, instance: id.ok_or_else(|| row.damaged("pk"))? })
}

/// One by its place.
pub(super) async fn at(table: &Table, mark: LogMark) -> Result<Option<Notification>> {
    let row = table.get("read a notification", &Key::notification(mark.instance, mark.sequence)).await?;
    let rows = staged::visible(table, mark.instance, row.into_iter().collect()).await?;
    Ok(notifications::read_all(table, mark.instance, rows).await?.pop())
}

#[async_trait]
impl OrganizationLog for DynamoStore {
    // The newest with this event id, unless its instance is deleted.
    async fn notification_of(&self, organization_id: u32, event_id: &str) -> Result<Option<Notification>> {
        let table = &self.table;
        let organization = organization_id;
        let newest = named(table, organization, format!("{event_id}#"), 1).await?.pop();
        match newest {
            Some(mark) => living(table, mark).await,
            None => Ok(None),
        }
    }

    // The newest with this number, unless its instance is deleted. A number is the beginning of a name, so it needs no
    // index of its own, which would cost a write for each notification. One that was named before that is not found here.
    async fn notification_numbered(&self, organization_id: u32, number: u64) -> Result<Numbered> {
        let table = &self.table;
        let organization = organization_id;
        let beginning = NotificationName::beginning(number);
        let mut marks = named(table, organization, beginning, ALIKE_COUNT_MAX).await?;
        while let Some(mark) = marks.pop() {
            if living(table, mark).await?.is_some_and(|found| found.name.id == number) {
                return Ok(Numbered::Found(mark));
            }
        }
        Ok(Numbered::Unknown)
    }

    async fn notification_at(&self, mark: LogMark) -> Result<Option<Notification>> {
        at(&self.table, mark).await
    }

    async fn notifications_at(&self, marks: &[LogMark]) -> Result<Rows<Notification>> {
        searches::at_places(&self.table, &marks[..marks.len().min(MARKS_COUNT_MAX)]).await
    }

    async fn search_log(&self, organization_id: u32, search: &LogSearch) -> Result<LogMatches> {
        searches::matches(&self.table, organization_id, search).await
    }

    // A page, newest first, without the lines of deleted instances: it is filled from what lies behind them.
    // A count kept by minutes would be written with each notification and each delivery, all in one item.
    async fn tallies(
        &self,
        _organization: u32,
        _range: (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<Option<Vec<Tally>>> {
        Ok(None)
    }

    async fn organization_log(&self, organization_id: u32, page: OrganizationPage) -> Result<Rows<LogLine>> {
        let table = &self.table;
        let organization = organization_id;
        let limit = page.limit.min(PAGE_COUNT_MAX);
        let mut lines = Rows::default();
        let mut gone: HashMap<InstanceId, bool> = HashMap::new();
        let (mut before, mut look) = (page.before, limit);
        if limit == 0 {
            return Ok(lines);
        }
        for _ in 0..LOOKS_COUNT_MAX {
            let found = merged(table, organization, before, page.from, look).await?;
            let is_last = found.rows.len() < look;
            before = found.rows.last().map(|line| line.mark);
            look_after(table, &found.rows, &mut gone).await?;
            lines.append(found);
            lines.rows.retain(|line| gone.get(&line.mark.instance) == Some(&false));
            if is_last || lines.rows.len() >= limit {
                lines.rows.truncate(limit);
                return Ok(lines);
            }
            // Somebody was deleted, perhaps with many lines.
            look = PAGE_COUNT_MAX;
        }
        Err(PortError::new("read an organization's log", TooMuch))
    }
}
