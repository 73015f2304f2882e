//! Searches of the log.
//!
//! By object through pointers: an item for each object of a notification, in a partition of the object's. They are
//! written before the notifications, so that none lacks its own, and lead nowhere if the commit is refused: whoever
//! follows one looks at what is there. Plain writes, half the price of a transaction's; see
//! `docs/decisions/0046-searches-of-the-log.md`.
//!
//! By progress along the lines of the organization's log, which have it, or along an instance's notifications.

use super::key::{self, Key};
use super::log_lines::{END, just_before, mark, merged};
use super::row::{Item, Row, expiry, text};
use super::table::{KeyQuery, Table};
use super::{log, notifications, subscriptions};
use app::ports::{LogKey, LogMark, LogMatches, LogSearch, PollCommit, Progress, Result};
use chrono::Duration;
use domain::ids::{InstanceId, Sequence};
use futures_util::future::try_join_all;
use std::collections::{HashMap, HashSet};

/// Longer than a notification is kept that was delivered within weeks. One that waits for longer is found by its
/// instance or its status; a pointer that went with its notification would cost a write more.
const POINTER_DAYS: i64 = 90;
/// Rows looked at for one stretch.
const LOOKS_COUNT_MAX: usize = 10_000;
/// Of these at once.
const PAGE_COUNT_MAX: usize = 1_000;

/// Writes what leads from objects to the notifications of a commit.
pub(super) async fn point(table: &Table, commit: &PollCommit) -> Result<()> {
    let pointers = commit.notifications.iter().flat_map(|new| {
        let place = LogMark { sequence: new.sequence, instance: commit.instance };
        let until = new.created_at + Duration::days(POINTER_DAYS);
        new.objects.iter().map(move |object| {
            let mut item = Key::object(commit.organization_id, object, place).item();
            item.insert("expires".to_owned(), expiry(until));
            item
        })
    });
    let pointers: Vec<Item> = pointers.collect();
    match pointers.is_empty() {
        true => Ok(()),
        false => table.put_many("write what leads to notifications", pointers).await,
    }
}

pub(super) async fn matches(table: &Table, organization: u32, search: &LogSearch) -> Result<LogMatches> {
    if search.limit == 0 {
        return Ok(LogMatches { marks: Vec::new(), end: search.before });
    }
    let found = match (&search.by, search.instance) {
        (LogKey::Object(object), _) => by_object(table, organization, object, search).await?,
        (LogKey::Progress(Progress::Pending), Some(id)) => pending_of(table, id, search).await?,
        (LogKey::Progress(progress), Some(id)) => of_instance(table, id, *progress, search).await?,
        (LogKey::Progress(progress), None) => by_progress(table, organization, *progress, search).await?,
    };
    living(table, found).await
}

async fn by_object(table: &Table, organization: u32, object: &str, search: &LogSearch) -> Result<LogMatches> {
    let from = key::digits(search.from.unwrap_or(Sequence(0)));
    let to = search.before.map_or(END.to_owned(), just_before);
    if from > to {
        return Ok(LogMatches { marks: Vec::new(), end: None });
    }
    let limit = search.limit.min(PAGE_COUNT_MAX);
    let page = KeyQuery {
        range: Some(("sk", "#sort BETWEEN :from AND :to", text(&from))),
        to: Some(text(&to)),
        is_descending: true,
        limit: Some(limit),
        ..KeyQuery::of(key::object_of(organization, object))
    };
    let rows = table.query("search a log by object", page).await?;
    let mut marks = rows.iter().map(place).collect::<Result<Vec<LogMark>>>()?;
    let end = marks.last().copied().filter(|_| marks.len() == limit);
    marks.retain(|mark| search.instance.is_none_or(|only| only == mark.instance));
    Ok(LogMatches { marks: there(table, marks).await?, end })
}

fn place(row: &Row) -> Result<LogMark> {
    mark(row.text("sk")?).ok_or_else(|| super::row::damaged("sk"))
}

/// Those of the places that a notification is at: the commit of the others was refused, or they expired.
async fn there(table: &Table, marks: Vec<LogMark>) -> Result<Vec<LogMark>> {
    let keys: Vec<Key> = marks.iter().map(|mark| Key::notification(mark.instance, mark.sequence)).collect();
    let found = table.get_many("search a log by object", &keys).await?;
    let is_there = |mark: &LogMark| found.contains_key(&Key::notification(mark.instance, mark.sequence));
    Ok(marks.into_iter().filter(is_there).collect())
}

async fn pending_of(table: &Table, id: InstanceId, search: &LogSearch) -> Result<LogMatches> {
    let limit = search.limit.min(PAGE_COUNT_MAX);
    let sequences = notifications::pending_before(table, id, search.before, limit).await?;
    let is_cut = sequences.len() == limit;
    let from = search.from.unwrap_or(Sequence(0));
    let marks: Vec<LogMark> = sequences
        .into_iter()
        .filter(|sequence| *sequence >= from)
        .map(|sequence| LogMark { sequence, instance: id })
        .collect();
    let end = marks.last().copied().filter(|_| is_cut && marks.len() == limit);
    Ok(LogMatches { marks, end })
}

async fn of_instance(
    table: &Table,
    id: InstanceId,
    progress: Progress,
    search: &LogSearch,
) -> Result<LogMatches> {
    let from = search.from.unwrap_or(Sequence(0));
    let (mut marks, mut before) = (Vec::new(), search.before);
    for _ in 0..LOOKS_COUNT_MAX / PAGE_COUNT_MAX {
        let rows = log::progress_before(table, id, before, PAGE_COUNT_MAX).await?;
        let is_last = rows.len() < PAGE_COUNT_MAX;
        for (sequence, is) in rows {
            if sequence < from {
                return Ok(LogMatches { marks, end: None });
            }
            before = Some(LogMark { sequence, instance: id });
            if is == progress {
                marks.extend(before);
                if marks.len() == search.limit {
                    return Ok(LogMatches { marks, end: before });
                }
            }
        }
        if is_last {
            return Ok(LogMatches { marks, end: None });
        }
    }
    Ok(LogMatches { marks, end: before })
}

async fn by_progress(
    table: &Table,
    organization: u32,
    progress: Progress,
    search: &LogSearch,
) -> Result<LogMatches> {
    let (mut marks, mut before) = (Vec::new(), search.before);
    for _ in 0..LOOKS_COUNT_MAX / PAGE_COUNT_MAX {
        let lines = merged(table, organization, before, search.from, PAGE_COUNT_MAX).await?;
        let is_last = lines.len() < PAGE_COUNT_MAX;
        for line in lines {
            before = Some(line.mark);
            if line.progress == progress {
                marks.push(line.mark);
                if marks.len() == search.limit {
                    return Ok(LogMatches { marks, end: before });
                }
            }
        }
        if is_last {
            return Ok(LogMatches { marks, end: None });
        }
    }
    Ok(LogMatches { marks, end: before })
}

/// Without what deleted instances left.
async fn living(table: &Table, found: LogMatches) -> Result<LogMatches> {
    let ids: HashSet<InstanceId> = found.marks.iter().map(|mark| mark.instance).collect();
    let keys: Vec<Key> = ids.iter().map(|id| Key::subscription(*id)).collect();
    let rows: HashMap<Key, Row> = table.get_many("look for deleted instances", &keys).await?;
    let is_living =
        |mark: &LogMark| rows.get(&Key::subscription(mark.instance)).is_some_and(|row| !row.has("gone"));
    let marks = found.marks.into_iter().filter(is_living).collect();
    Ok(LogMatches { marks, ..found })
}

/// The notifications at these places, in their order.
pub(super) async fn at_places(table: &Table, marks: &[LogMark]) -> Result<Vec<app::ports::Notification>> {
    let keys: Vec<Key> = marks.iter().map(|mark| Key::notification(mark.instance, mark.sequence)).collect();
    let ids: HashSet<InstanceId> = marks.iter().map(|mark| mark.instance).collect();
    let callbacks: Vec<Key> = ids.iter().map(|id| Key::subscription(*id)).collect();
    let mut rows = table.get_many("read notifications", &keys).await?;
    let callbacks = table.get_many("read notifications", &callbacks).await?;
    let reads = keys.iter().zip(marks).filter_map(|(key, mark)| {
        let callback = callbacks.get(&Key::subscription(mark.instance))?;
        Some((rows.remove(key)?, mark.instance, callback))
    });
    let reads = reads.map(async |(row, id, callback): (Row, InstanceId, &Row)| {
        notifications::read(table, id, &row, &subscriptions::read(callback)?).await
    });
    try_join_all(reads).await
}
