//! Looking again at what the provider could not show: a second of the list, or one object by its id.

use super::narrow;
use super::pages::Search;
use super::plan::Plan;
use super::walk::{PageChanges, Walked, nothing};
use crate::error::{Error, ErrorKind};
use crate::outlook::api;
use crate::outlook::cursor::clocks::Clocks;
use crate::outlook::cursor::holes::Hole;
use crate::outlook::cursor::{Cursor, overlap_s};
use crate::outlook::normalise::Row;
use crate::outlook::normalise::entity::Entity;
use crate::{Call, FailedRecord};
use domain::event::{Change, ChangeKind};
use domain::resource::ResourceConfig;

/// What came into the mailbox so long before its change, seconds, was not created by it. The event log turns a creation
/// that was reported before into an update; it holds a day in any case.
const CREATED_WITHIN_S: i64 = 86_400;

/// Looks again at a second. What still can't be read waits for the next look; the walk goes on either way.
pub(crate) async fn second(
    call: &Call<'_>,
    plan: &Plan<'_>,
    cursor: &Cursor,
    hole: &Hole,
) -> Result<Walked, Error> {
    let (second, now_s) = (hole.second, call.now.timestamp());
    let mut known = hole.told.index();
    let search = Search { call, plan, known: &known, holes: &[], failures: 0, is_careful: true };
    let mut next = cursor.clone();
    let found = match narrow::again(&search, second, plan.selection.page_size()).await {
        Ok(found) => found,
        Err(error)
            if matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Malformed | ErrorKind::Rejected) =>
        {
            next.holes.looked_at(second, now_s);
            return Ok(nothing(next, Clocks::ours(call.now)));
        }
        Err(error) => return Err(error),
    };
    let bare = found.narrowed.as_ref().map_or(&[][..], |narrowed| &narrowed.bare);
    let mut taken = PageChanges::default();
    let mut told = hole.told.clone();
    let mut is_whole = true;
    for (place, row) in found.rows.iter().enumerate() {
        if taken.is_full() {
            is_whole = false;
            break;
        }
        let seen = row.seen(&plan.conditions);
        if known.knows(&seen) {
            continue;
        }
        // Only the log knows what was reported before.
        taken.take(plan, row, change(plan.resource, row), bare.contains(&place));
        known.add(seen);
        told.remember(second, seen);
        if second >= cursor.since(overlap_s(plan.resource)) {
            next.memory.remember(second, seen);
        }
    }
    match (is_whole, &found.narrowed) {
        (true, None) => next.holes.remove(second),
        (true, Some(_)) => next.holes.again(second, told, now_s),
        (false, _) => next.holes.again(second, told, hole.looked_at),
    }
    let gap = taken.gap(None);
    Ok(Walked { changes: taken.changes, failed: taken.failed, gap, ..nothing(next, found.clocks) })
}

/// Reads one object whose content could not be listed. `None`: it is gone, or must not be reported.
pub(crate) async fn object(
    call: &Call<'_>,
    plan: &Plan<'_>,
    record: &FailedRecord,
) -> Result<Option<Change>, Error> {
    let path = format!("{}/{}", plan.path, api::encoded(&record.object_id));
    let url = api::url(call, &path, &[("$select", plan.selection.as_str())]);
    let entity: &'static Entity = plan.entity;
    let row = match api::object(call, entity, &url).await {
        Ok(object) => Row::new(object, entity, plan.ordered_by, 0),
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(plan.conditions.allow(&row).then(|| change(plan.resource, &row)))
}

/// Only the log knows whether it was reported before.
fn change(resource: &ResourceConfig, row: &Row) -> Change {
    let is_recent = row.born_s(resource).is_some_and(|born| born >= row.second - CREATED_WITHIN_S);
    let kind = if is_recent { ChangeKind::Created } else { ChangeKind::Updated };
    row.change(resource, kind, true)
}
