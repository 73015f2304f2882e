//! Reading again what came into the mailbox within a window, or changed in it: a stretch at a time, in the order of
//! that time.

use super::cursor::memory::Memory;
use super::cursor::spot::Spot;
use super::poll::pages::{self, Narrowed, Search};
use super::poll::plan::Plan;
use super::poll::walk::PageChanges;
use crate::error::Error;
use crate::{Call, Step, Window};
use domain::event::{Change, ChangeKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// States remembered of a second, the last ones.
const MEMORY_COUNT_MAX: usize = 1_000;

/// Where the next stretch begins.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct BackfillPosition {
    /// The second of the last row taken.
    position: i64,
    /// How many were taken of that second.
    #[serde(default)]
    place: usize,
    /// Which ones, the last of them.
    #[serde(default)]
    memory: Memory,
    /// The list fails now and then: it is read in small parts.
    #[serde(default)]
    is_careful: bool,
}

pub(super) async fn step(
    call: &Call<'_>,
    plan: &Plan<'_>,
    window: Window,
    cursor: Option<&Value>,
    failures: u32,
) -> Result<Step, Error> {
    let begin = || BackfillPosition { position: window.from.timestamp(), ..BackfillPosition::default() };
    let mut stretch = match cursor {
        Some(cursor) => BackfillPosition::deserialize(cursor)
            .map_err(|error| Error::malformed("stored position of a window", error))?,
        None => begin(),
    };
    let mut known = stretch.memory.index();
    let size = match cursor {
        Some(_) => plan.selection.page_size_onward(stretch.place),
        None => plan.selection.page_size(),
    };
    let search = Search { call, plan, known: &known, holes: &[], failures, is_careful: stretch.is_careful };
    let from = Spot { second: stretch.position, place: stretch.place };
    let found = pages::first_news(&search, from, size).await?;
    let narrowed = found.narrowed;
    let bare = narrowed.as_ref().map_or(&[][..], |narrowed| &narrowed.bare);
    let mut taken = PageChanges::default();
    let mut more = !found.is_last;
    let mut is_whole = true;
    let mut spot = found.begins;
    for (place, row) in found.rows.iter().enumerate() {
        if taken.is_full() {
            (more, is_whole) = (true, false);
            break;
        }
        let seen = row.seen(&plan.conditions);
        spot = spot.behind(row);
        if known.knows(&seen) {
            continue;
        }
        taken.take(plan, row, change(plan, window, row), bare.contains(&place));
        known.add(seen);
        stretch.memory.remember(row.second, seen);
    }
    if is_whole {
        spot = found.reached;
    }
    (stretch.position, stretch.place) = (spot.second, spot.place);
    let gap = taken.gap(narrowed.as_ref().and_then(Narrowed::left_out).filter(|_| is_whole));
    stretch.is_careful = narrowed.is_some();
    stretch.memory.forget_before(stretch.position);
    // The log knows what was reported: the memory has to lead no further back than a second look.
    let excess = stretch.memory.len().saturating_sub(MEMORY_COUNT_MAX);
    stretch.memory.take_first(excess);
    // Plain data with text keys always serialises.
    let cursor = serde_json::to_value(&stretch).unwrap_or_default();
    let PageChanges { changes, failed, .. } = taken;
    Ok(Step { changes, failed, cursor, moved: true, more, gap, halted: found.halted, ..Step::nothing() })
}

/// A creation has no version here: if the log holds it, it is not reported, whatever changed since.
fn change(plan: &Plan<'_>, window: Window, row: &super::normalise::Row) -> Change {
    let came_within = row
        .came_s()
        .is_some_and(|came| came >= window.from.timestamp() && came < plan.until.unwrap_or(i64::MAX));
    if !came_within {
        return row.change(plan.resource, ChangeKind::Updated, true);
    }
    Change { version: String::new(), ..row.change(plan.resource, ChangeKind::Created, true) }
}
