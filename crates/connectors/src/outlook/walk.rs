//! One step through a mailbox in the order of modification. What the memory knows is passed over.

use super::cursor::{Cursor, Walk, overlap_s};
use super::memory::{Index, Seen};
use super::normalize::Row;
use super::pages;
use super::plan::Plan;
use crate::error::Error;
use crate::{Call, STEP_BYTES_MAX, STEP_CHANGES_MAX};
use domain::event::{Change, ChangeKind};

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
    let size = plan.selection.page_size_beyond(cursor.memory.len(), cursor.walk.is_some());
    let found = pages::first_news(call, plan, &known, cursor.from(overlap_s(plan.resource)), size).await?;
    if found.rows.is_empty() {
        return Ok(finished(plan, cursor, found.server_s));
    }
    Ok(taken(plan, cursor, known, found.rows, found.is_last, found.server_s))
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
    let overlap_s = overlap_s(plan.resource);
    let mut position = cursor.from(overlap_s);
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
            bytes += row.object.to_string().len();
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
    next.memory.forget_before(position.min(ceiling).min(reached) - overlap_s);
    // What is known begins where it did, up to the walk's end.
    let ended_at = if more { cursor.watermark } else { reached };
    next.known_from(cursor.since(overlap_s).max(ended_at - overlap_s));
    Walked { changes, cursor: next, moved: true, more, server_s }
}

/// Nothing new. A walk that was under way ends, which moves the position; else the poll was idle.
fn finished(plan: &Plan<'_>, cursor: &Cursor, server_s: i64) -> Walked {
    let Some(walk) = cursor.walk else {
        return Walked { changes: vec![], cursor: cursor.clone(), moved: false, more: false, server_s };
    };
    let next = cursor.clone().settled(walk.position.min(walk.ceiling), overlap_s(plan.resource));
    Walked { changes: vec![], cursor: next, moved: true, more: false, server_s: walk.ceiling }
}

/// New to the mailbox if we never saw it and it was received since we last looked; the configured tolerance
/// only widens that, and what it widens is checked against the event log.
fn change(plan: &Plan<'_>, cursor: &Cursor, known: &Index, seen: Seen, row: &Row) -> Change {
    let unseen = !known.knows_message(&seen);
    let is_recent =
        row.born_s(plan.resource).is_some_and(|born| born >= cursor.since(overlap_s(plan.resource)));
    let tolerance_s = i64::from(plan.resource.created_check_tolerance_s);
    let is_tolerated = tolerance_s > 0
        && row.created_s(plan.resource).is_some_and(|created| (row.second - created).abs() <= tolerance_s);
    let kind = if unseen && (is_recent || is_tolerated) { ChangeKind::Created } else { ChangeKind::Updated };
    // A walk of several steps forgets what lies behind it, so from its second step on the log has the say too.
    let is_doubtful = !is_recent || cursor.walk.is_some();
    row.change(plan.resource, kind, kind == ChangeKind::Created && is_doubtful)
}
