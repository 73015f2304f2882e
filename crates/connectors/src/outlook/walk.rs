//! One step through a mailbox in the order of modification.
//!
//! Pages are asked for by their first second (keyset), because the provider's own next links skip rows when
//! something changes meanwhile; only within one second that fills a whole page are links followed. What the
//! memory knows is passed over.

use super::cursor::{Cursor, Walk};
use super::memory::{Index, Seen};
use super::{Plan, api, normalize};
use crate::error::{Error, Kind};
use crate::{Call, STEP_BYTES_MAX, STEP_CHANGES_MAX};
use domain::event::{Change, ChangeKind};
use normalize::Row;

/// Rows of a first page, and of pages within a crowded second (the API's maximum).
const PAGE_SIZE: usize = 100;
const CROWDED_PAGE_SIZE: usize = 1000;
/// Pages of one step at the most.
const PAGES_COUNT_MAX: usize = 100;

/// What a step found.
pub(super) struct Walked {
    pub(super) changes: Vec<Change>,
    pub(super) cursor: Cursor,
    pub(super) moved: bool,
    pub(super) more: bool,
    /// The provider's clock at the step's first answer, or at the walk's begin.
    pub(super) server_s: i64,
}

pub(super) async fn step(call: &Call<'_>, plan: &Plan<'_>, cursor: &Cursor) -> Result<Walked, Error> {
    let known = cursor.memory.index();
    let mut from = cursor.from();
    // After a burst the overlap is full of known rows: one page that holds them all, not many.
    let expected = (cursor.memory.len() + PAGE_SIZE / 2).clamp(PAGE_SIZE, CROWDED_PAGE_SIZE);
    let mut size = plan.selection.page_size(expected);
    let mut url = messages_url(call, plan, from, size);
    let mut server_s = None;
    for _ in 0..PAGES_COUNT_MAX {
        let page = api::page(call, &url).await?;
        let server_s = *server_s.get_or_insert(page.server_s);
        let is_last = page.value.len() < size && page.next_link.is_none();
        let rows: Vec<Row> = page.value.into_iter().filter_map(|row| Row::new(row, from)).collect();
        let last_second = rows.last().map_or(from, |row| row.second);
        if rows.iter().any(|row| !known.knows(&row.seen(&plan.conditions))) {
            return Ok(taken(plan, cursor, known, rows, is_last, server_s));
        }
        if is_last {
            return Ok(finished(cursor, server_s));
        }
        // A full page that is known: on to its last second, or through it.
        if last_second > from {
            from = last_second;
            url = messages_url(call, plan, from, size);
        } else if size < plan.selection.page_size(CROWDED_PAGE_SIZE) {
            size = plan.selection.page_size(CROWDED_PAGE_SIZE);
            url = messages_url(call, plan, from, size);
        } else if let Some(link) = page.next_link {
            url = link;
        } else {
            // A full page of one second without a next one: nothing can be behind it.
            return Ok(finished(cursor, server_s));
        }
    }
    Err(Error::new(Kind::Unavailable, "the provider's list does not end"))
}

fn messages_url(call: &Call<'_>, plan: &Plan<'_>, from: i64, size: usize) -> String {
    api::messages_url(call, from, plan.conditions.filter(), plan.selection.as_str(), size)
}

/// The step ends with rows that were new: the walk goes on from the last of them, or ends.
fn taken(
    plan: &Plan<'_>,
    cursor: &Cursor,
    mut known: Index,
    rows: Vec<Row>,
    is_last: bool,
    server_s: i64,
) -> Walked {
    let ceiling = cursor.walk.map_or(server_s, |walk| walk.ceiling);
    let mut next = cursor.clone();
    let mut changes = Vec::new();
    let mut position = cursor.from();
    let mut more = !is_last;
    let mut bytes = 0;
    for row in rows {
        // What was changed after the poll began waits, where the configuration says so.
        if plan.resource.filter_by_current_date && row.second > ceiling {
            more = false;
            break;
        }
        if changes.len() == STEP_CHANGES_MAX || bytes >= STEP_BYTES_MAX {
            more = true;
            break;
        }
        position = position.max(row.second);
        let seen = row.seen(&plan.conditions);
        if known.knows(&seen) {
            continue;
        }
        if plan.conditions.allow(&row) {
            bytes += row.message.to_string().len();
            changes.push(change(plan, cursor, &known, seen, &row));
        }
        known.add(seen);
        next.memory.remember(row.second, seen);
    }
    // Conditional on the walk: the newest second read, but never past the clock at its begin.
    let reached = position.min(ceiling).max(cursor.watermark);
    next.walk = more.then_some(Walk { position, ceiling });
    if !more {
        next.watermark = reached;
    }
    next.memory.forget_before(position.min(ceiling).min(reached) - super::cursor::OVERLAP_S);
    Walked { changes, cursor: next, moved: true, more, server_s }
}

/// Nothing new. A walk that was under way ends, which moves the position; else the poll was idle.
fn finished(cursor: &Cursor, server_s: i64) -> Walked {
    let Some(walk) = cursor.walk else {
        return Walked { changes: vec![], cursor: cursor.clone(), moved: false, more: false, server_s };
    };
    let mut next = cursor.clone();
    next.walk = None;
    next.watermark = walk.position.min(walk.ceiling).max(cursor.watermark);
    next.memory.forget_before(next.since());
    Walked { changes: vec![], cursor: next, moved: true, more: false, server_s: walk.ceiling }
}

/// New to the mailbox if we never saw it and it was received since we last looked; the configured tolerance
/// only widens that, and what it widens is checked against the event log.
fn change(plan: &Plan<'_>, cursor: &Cursor, known: &Index, seen: Seen, row: &Row) -> Change {
    let unseen = !known.knows_message(&seen);
    let is_recent = row.born_s(plan.resource).is_some_and(|born| born >= cursor.since());
    let tolerance_s = i64::from(plan.resource.created_check_tolerance_s);
    let is_tolerated = tolerance_s > 0
        && row.created_s(plan.resource).is_some_and(|created| (row.second - created).abs() <= tolerance_s);
    let kind = if unseen && (is_recent || is_tolerated) { ChangeKind::Created } else { ChangeKind::Updated };
    // A walk of several steps forgets what lies behind it, so from its second step on the log has the say too.
    let is_doubtful = !is_recent || cursor.walk.is_some();
    row.change(plan.resource, kind, kind == ChangeKind::Created && is_doubtful)
}
