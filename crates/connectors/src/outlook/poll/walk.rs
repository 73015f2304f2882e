//! One step through a mailbox in the order of modification. What the memory knows is passed over.

use super::again;
use super::pages::{self, Narrowed, RowsRead, Search};
use super::plan::Plan;
use crate::error::Error;
use crate::outlook::cursor::aside::KnownStates;
use crate::outlook::cursor::clocks::Clocks;
use crate::outlook::cursor::memory::{Index, Memory};
use crate::outlook::cursor::spot::Spot;
use crate::outlook::cursor::{Cursor, Walk, instant, overlap_s};
use crate::outlook::normalise::{Row, failed};
use crate::{Call, FailedRecord, STEP_BYTES_MAX, STEP_CHANGES_MAX};
use chrono::{DateTime, Utc};
use domain::compact_json;
use domain::event::{Change, ChangeKind};

/// What a step found.
pub(crate) struct Walked {
    pub(crate) changes: Vec<Change>,
    pub(crate) failed: Vec<FailedRecord>,
    pub(crate) cursor: Cursor,
    pub(crate) moved: bool,
    pub(crate) more: bool,
    /// The time at the step's first answer.
    pub(crate) clocks: Clocks,
    pub(crate) gap: Option<(DateTime<Utc>, String)>,
    pub(crate) halted: Option<Error>,
    /// What the position knows now, where nothing was forgotten.
    pub(crate) known: Option<Index>,
    /// Where it ended, if it did.
    pub(crate) ended: Option<Walk>,
    /// It began where one of the same run had ended, and found nothing: what lies before is no more settled than by that.
    pub(crate) is_tail: bool,
}

/// `known` is what the position knows, `failures` how often in a row this list failed before.
pub(crate) async fn step(
    call: &Call<'_>,
    plan: &Plan<'_>,
    cursor: &Cursor,
    known: KnownStates,
    failures: u32,
) -> Result<Walked, Error> {
    let due = cursor.holes.due(call.now.timestamp()).filter(|_| cursor.walk.is_none());
    if let Some(hole) = due {
        return again::second(call, plan, cursor, hole).await;
    }
    let KnownStates { index, ended } = known;
    let ended = ended.filter(|_| cursor.walk.is_none());
    let goes_on = Cursor { walk: cursor.walk.or(ended), ..cursor.clone() };
    let size = match &goes_on.walk {
        Some(walk) => plan.selection.page_size_onward(walk.place),
        None => plan.selection.page_size_beyond(index.len()),
    };
    let search = Search {
        call,
        plan,
        known: &index,
        holes: &cursor.holes.seconds(),
        failures,
        is_careful: cursor.walk.is_some_and(|walk| walk.is_careful),
    };
    let found = pages::first_news(&search, goes_on.from(overlap_s(plan.resource)), size).await?;
    if !found.rows.is_empty() || !found.is_last {
        return Ok(taken(plan, &goes_on, index, found, call.now.timestamp()));
    }
    let at = tail_of(&goes_on, found.reached, found.clocks);
    let walked = match ended {
        Some(_) => {
            Walked { moved: false, more: false, is_tail: true, ..nothing(cursor.clone(), found.clocks) }
        }
        None => finished(plan, cursor, found.clocks),
    };
    Ok(Walked { known: cursor.walk.is_none().then_some(index), ended: Some(at), ..walked })
}

/// What is taken of a page.
#[derive(Default)]
pub(crate) struct PageChanges {
    pub(crate) changes: Vec<Change>,
    pub(crate) failed: Vec<FailedRecord>,
    bytes: usize,
    /// Rows that can't be understood, and the second of the first one.
    odd_count: usize,
    odd_from: Option<i64>,
}

impl PageChanges {
    pub(crate) fn is_full(&self) -> bool {
        self.changes.len() + self.failed.len() >= STEP_CHANGES_MAX || self.bytes >= STEP_BYTES_MAX
    }

    /// A row that was not known.
    pub(crate) fn take(&mut self, plan: &Plan<'_>, row: &Row, change: Change, is_bare: bool) {
        if !row.is_readable() {
            self.odd_count += 1;
            self.odd_from.get_or_insert(row.second);
        } else if plan.conditions.allow(row) {
            self.bytes += compact_json::bytes(&row.object);
            match is_bare {
                true => self.failed.push(failed(change)),
                false => self.changes.push(change),
            }
        }
    }

    /// What is reported as skipped, of this second among others.
    pub(crate) fn gap(&self, hole: Option<i64>) -> Option<(DateTime<Utc>, String)> {
        let from = hole.into_iter().chain(self.odd_from).min()?;
        let odd = (self.odd_count > 0).then(|| odd(self.odd_count));
        let words: Vec<String> = hole.map(super::narrow::gap).into_iter().chain(odd).collect();
        Some((instant(from), words.join("; ")))
    }
}

/// In words, for people.
pub(crate) fn odd(count: usize) -> String {
    format!("{count} listed objects are left out: they have no readable id")
}

/// The step ends with rows that were new, or where it was held up: the walk goes on from the last of them, or ends.
///
/// The watermark moves at the end of a walk only. A walk goes by time of modification, so while it runs a mail that it
/// has not come to may be modified and jump ahead of it; with a watermark that moved at each step, such a mail would be
/// "received before we last looked", and its creation would be reported as an update. It never passes `ceiling`, the
/// clock at the walk's begin: a row dated in the future would take everything up to that date with it.
fn taken(plan: &Plan<'_>, cursor: &Cursor, mut known: Index, found: RowsRead, now_s: i64) -> Walked {
    // A walk of an older version may have begun by a clock that was ahead.
    let ceiling = cursor.walk.map_or(i64::MAX, |walk| walk.ceiling).min(found.clocks.earlier());
    let narrowed = found.narrowed;
    let bare = narrowed.as_ref().map_or(&[][..], |narrowed| &narrowed.bare);
    let overlap_s = overlap_s(plan.resource);
    let mut next = cursor.clone();
    let mut taken = PageChanges::default();
    let mut told = Memory::default();
    let mut spot = found.begins;
    let mut more = !found.is_last;
    let mut is_whole = true;
    for (place, row) in found.rows.into_iter().enumerate() {
        // What was changed after the poll began waits, where the configuration says so.
        let waits = plan.resource.filter_by_current_date && row.second > ceiling;
        if waits || taken.is_full() {
            more = !waits;
            is_whole = false;
            break;
        }
        // Before the row is judged: a row that is known, odd or unwanted is behind us, too.
        spot = spot.behind(&row);
        let seen = row.seen(&plan.conditions);
        told.remember(row.second, seen);
        if known.knows(&seen) {
            continue;
        }
        let change = change(plan, cursor, known.knows_message(&seen), &row);
        taken.take(plan, &row, change, bare.contains(&place));
        known.add(seen);
        next.memory.remember(row.second, seen);
    }
    if is_whole {
        spot = found.reached;
    }
    let Spot { second: position, place } = spot;
    let gap = taken.gap(narrowed.as_ref().and_then(Narrowed::left_out).filter(|_| is_whole));
    if let Some(second) = narrowed.as_ref().and_then(|narrowed| narrowed.hole).filter(|_| is_whole) {
        next.holes.add(second, told, now_s);
    }
    // Conditional on the walk: the newest second read, but never past the clock at its begin.
    let reached = position.min(ceiling).max(cursor.watermark);
    next.walk = more.then_some(Walk { position, place, ceiling, is_careful: narrowed.is_some() });
    if !more {
        next.watermark = reached;
        next.again_until = None;
    }
    let forgotten = position.min(ceiling).min(reached) - overlap_s;
    let has_forgotten = next.forget_before(forgotten);
    next.holes.forget_before(forgotten, now_s);
    // What is known begins where it did, up to the walk's end.
    let ended_at = if more { cursor.watermark } else { reached };
    next.known_from(cursor.since(overlap_s).max(ended_at - overlap_s));
    Walked {
        changes: taken.changes,
        failed: taken.failed,
        cursor: next,
        moved: true,
        more,
        clocks: found.clocks,
        gap,
        halted: found.halted,
        known: (!has_forgotten).then_some(known),
        ended: (!more).then(|| tail_of(cursor, spot, found.clocks)),
        is_tail: false,
    }
}

/// Where a walk ended, as one that goes on: what it may have missed came no earlier than it began.
fn tail_of(cursor: &Cursor, at: Spot, clocks: Clocks) -> Walk {
    let ceiling = cursor.walk.map_or(i64::MAX, |walk| walk.ceiling).min(clocks.earlier());
    Walk { position: at.second, place: at.place, ceiling, is_careful: false }
}

/// Nothing new. A walk that was under way ends, which moves the position; else the poll was idle.
fn finished(plan: &Plan<'_>, cursor: &Cursor, clocks: Clocks) -> Walked {
    let next = match cursor.walk {
        None => cursor.clone(),
        Some(walk) => {
            let ended_at = walk.position.min(walk.ceiling).min(clocks.earlier());
            cursor.clone().settled(ended_at, overlap_s(plan.resource))
        }
    };
    let moved = cursor.walk.is_some();
    Walked { moved, more: false, clocks, ..nothing(next, clocks) }
}

pub(crate) fn nothing(cursor: Cursor, clocks: Clocks) -> Walked {
    Walked {
        changes: Vec::new(),
        failed: Vec::new(),
        cursor,
        moved: true,
        more: true,
        clocks,
        gap: None,
        halted: None,
        known: None,
        ended: None,
        is_tail: false,
    }
}

/// New to the mailbox if we never saw it and it was received since we last looked; the configured tolerance
/// only widens that, and what it widens is checked against the event log.
fn change(plan: &Plan<'_>, cursor: &Cursor, was_seen: bool, row: &Row) -> Change {
    let is_recent =
        row.born_s(plan.resource).is_some_and(|born| born >= cursor.since(overlap_s(plan.resource)));
    let tolerance_s = i64::from(plan.resource.created_check_tolerance_s);
    let is_tolerated = tolerance_s > 0
        && row.created_s(plan.resource).is_some_and(|created| (row.second - created).abs() <= tolerance_s);
    let kind = match !was_seen && (is_recent || is_tolerated) {
        true => ChangeKind::Created,
        false => ChangeKind::Updated,
    };
    // A walk of several steps forgets what lies behind it, so from its second step on the log has the say too.
    let is_doubtful = kind == ChangeKind::Created && (!is_recent || cursor.walk.is_some());
    row.change(plan.resource, kind, is_doubtful || cursor.is_again(row.second))
}

#[cfg(test)]
mod tests;
