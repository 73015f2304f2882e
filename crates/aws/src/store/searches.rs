//! Searches of the log.
//!
//! By object through pointers: an item for each object of a notification, in a partition of the object's. They are
//! written before the notifications, so that none lacks its own, and lead nowhere if the commit is refused: whoever
//! follows one looks at what is there. Plain writes, half the price of a transaction's; see
//! `docs/decisions/0046-searches-of-the-log.md`.
//!
//! By progress, or of all, along the lines of the organization's log, which have it, or along an instance's
//! notifications. Nothing else that is wished for stands in an index: whoever asked reads what was found.

use super::key::{self, Key};
use super::log_lines::{END, just_before, mark, merged};
use super::row::{Item, Row, expiry, text};
use super::table::{KeyQuery, Table};
use super::{log, notifications, staged, subscriptions};
use app::ports::{LogKey, LogMark, LogMatches, LogSearch, Notification, PollCommit, Progress, Result, Rows};
use app::unreadable::readable;
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
        return Ok(LogMatches { end: search.before, ..LogMatches::default() });
    }
    let found = match (&search.by, search.instance) {
        (LogKey::Object(object), _) => by_object(table, organization, object, search).await?,
        (LogKey::Progress(Progress::Pending), Some(id)) => pending_of(table, id, search).await?,
        (by, Some(id)) => of_instance(table, id, progress_of(by), search).await?,
        (by, None) => by_progress(table, organization, progress_of(by), search).await?,
    };
    living(table, found).await
}

/// `None` is any.
fn progress_of(by: &LogKey) -> Option<Progress> {
    match by {
        LogKey::Progress(progress) => Some(*progress),
        LogKey::All | LogKey::Object(_) => None,
    }
}

async fn by_object(table: &Table, organization: u32, object: &str, search: &LogSearch) -> Result<LogMatches> {
    let from = key::digits(search.from.unwrap_or(Sequence(0)));
    let to = search.before.map_or(END.to_owned(), just_before);
    if from > to {
        return Ok(LogMatches::default());
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
    let (end, looked_count) = (marks.last().copied().filter(|_| marks.len() == limit), marks.len());
    marks.retain(|mark| search.instance.is_none_or(|only| only == mark.instance));
    Ok(LogMatches { marks: there(table, marks).await?, end, looked_count, ..LogMatches::default() })
}

fn place(row: &Row) -> Result<LogMark> {
    mark(row.text("sk")?).ok_or_else(|| row.damaged("sk"))
}

/// Those of the places that a notification is at: the commit of the others was refused, or they expired.
async fn there(table: &Table, marks: Vec<LogMark>) -> Result<Vec<LogMark>> {
    let keys: Vec<Key> = marks.iter().map(|mark| Key::notification(mark.instance, mark.sequence)).collect();
    let found = table.get_many("search a log by object", &keys).await?;
    // What was committed a moment ago is found once its first attempt is over.
    let is_there = |mark: &LogMark| {
        let row = found.get(&Key::notification(mark.instance, mark.sequence));
        row.is_some_and(|row| !staged::is_staged(row))
    };
    Ok(marks.into_iter().filter(is_there).collect())
}

async fn pending_of(table: &Table, id: InstanceId, search: &LogSearch) -> Result<LogMatches> {
    let limit = search.limit.min(PAGE_COUNT_MAX);
    let before = search.before.map(|before| before.sequence);
    let mut sequences =
        staged::named(table, id).await?.iter().map(key::sequence).collect::<Result<Vec<_>>>()?;
    sequences.retain(|sequence| before.is_none_or(|before| *sequence < before));
    sequences.extend(notifications::pending_before(table, id, search.before, limit).await?);
    sequences.sort_unstable_by(|one, other| other.cmp(one));
    sequences.dedup();
    sequences.truncate(limit);
    let is_cut = sequences.len() == limit;
    let from = search.from.unwrap_or(Sequence(0));
    let marks: Vec<LogMark> = sequences
        .into_iter()
        .filter(|sequence| *sequence >= from)
        .map(|sequence| LogMark { sequence, instance: id })
        .collect();
    let end = marks.last().copied().filter(|_| is_cut && marks.len() == limit);
    let looked_count = marks.len();
    Ok(LogMatches { marks, end, looked_count, ..LogMatches::default() })
}

async fn of_instance(
    table: &Table,
    id: InstanceId,
    progress: Option<Progress>,
    search: &LogSearch,
) -> Result<LogMatches> {
    let from = search.from.unwrap_or(Sequence(0));
    let mut look = Look::of(progress, search);
    while !look.is_over() {
        let rows = log::progress_before(table, id, look.before, look.page_count).await?;
        let is_last = rows.len() < look.page_count;
        look.unreadable_count += rows.iter().filter(|row| row.is_none()).count();
        for (sequence, is) in rows.into_iter().flatten() {
            if sequence < from {
                return Ok(look.ended());
            }
            if look.takes(LogMark { sequence, instance: id }, is) {
                return Ok(look.cut());
            }
        }
        if is_last {
            return Ok(look.ended());
        }
    }
    Ok(look.cut())
}

async fn by_progress(
    table: &Table,
    organization: u32,
    progress: Option<Progress>,
    search: &LogSearch,
) -> Result<LogMatches> {
    let mut look = Look::of(progress, search);
    while !look.is_over() {
        let lines = merged(table, organization, look.before, search.from, look.page_count).await?;
        look.unreadable_count += lines.unreadable_count;
        let is_last = lines.rows.len() < look.page_count;
        for line in lines.rows {
            if look.takes(line.mark, line.progress) {
                return Ok(look.cut());
            }
        }
        if is_last {
            return Ok(look.ended());
        }
    }
    Ok(look.cut())
}

/// A walk that takes what has a progress.
struct Look {
    /// Any, if there is none.
    progress: Option<Progress>,
    limit: usize,
    /// Rows read at once: of any progress no more than are wanted.
    page_count: usize,
    before: Option<LogMark>,
    marks: Vec<LogMark>,
    looked_count: usize,
    unreadable_count: usize,
}

impl Look {
    fn of(progress: Option<Progress>, search: &LogSearch) -> Self {
        let limit = search.limit.min(PAGE_COUNT_MAX);
        let page_count = progress.map_or(limit, |_| PAGE_COUNT_MAX);
        let (marks, looked_count, unreadable_count) = (Vec::new(), 0, 0);
        Look { progress, limit, page_count, before: search.before, marks, looked_count, unreadable_count }
    }

    fn is_over(&self) -> bool {
        self.looked_count >= LOOKS_COUNT_MAX
    }

    /// Whether these are enough.
    fn takes(&mut self, mark: LogMark, progress: Progress) -> bool {
        self.before = Some(mark);
        self.looked_count += 1;
        if self.progress.is_none_or(|wanted| wanted == progress) {
            self.marks.push(mark);
        }
        self.marks.len() == self.limit
    }

    fn cut(self) -> LogMatches {
        let Look { marks, before: end, looked_count, unreadable_count, .. } = self;
        LogMatches { marks, end, looked_count, unreadable_count }
    }

    fn ended(self) -> LogMatches {
        LogMatches { end: None, ..self.cut() }
    }
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
pub(super) async fn at_places(table: &Table, marks: &[LogMark]) -> Result<Rows<Notification>> {
    let keys: Vec<Key> = marks.iter().map(|mark| Key::notification(mark.instance, mark.sequence)).collect();
    let ids: HashSet<InstanceId> = marks.iter().map(|mark| mark.instance).collect();
    let callbacks: Vec<Key> = ids.iter().map(|id| Key::subscription(*id)).collect();
    let mut rows = table.get_many("read notifications", &keys).await?;
    rows.retain(|_, row| !staged::is_staged(row));
    let callbacks = table.get_many("read notifications", &callbacks).await?;
    let reads = keys.iter().zip(marks).filter_map(|(key, mark)| {
        let callback = callbacks.get(&Key::subscription(mark.instance))?;
        Some((rows.remove(key)?, mark.instance, callback))
    });
    let read = async |id, row: &Row, callback: &Row| {
        notifications::read(table, id, row, &subscriptions::read(callback)?).await
    };
    let reads = reads
        .map(async |(row, id, callback): (Row, InstanceId, &Row)| readable(read(id, &row, callback).await));
    Ok(try_join_all(reads).await?.into_iter().collect())
}
