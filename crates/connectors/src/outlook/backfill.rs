//! Reading again what came into the mailbox within a window, or changed in it: a stretch at a time, in the order of
//! that time.

use super::memory::Memory;
use super::pages;
use super::plan::Plan;
use crate::error::Error;
use crate::{Call, STEP_BYTES_MAX, STEP_CHANGES_MAX, Step, Window};
use domain::event::{Change, ChangeKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where the next stretch begins.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Stretch {
    /// The second of the last row taken.
    position: i64,
    /// The rows taken of that second.
    #[serde(default)]
    memory: Memory,
}

pub(super) async fn step(
    call: &Call<'_>,
    plan: &Plan<'_>,
    window: Window,
    cursor: Option<&Value>,
) -> Result<Step, Error> {
    let begin = || Stretch { position: window.from.timestamp(), memory: Memory::default() };
    let mut stretch = match cursor {
        Some(cursor) => Stretch::deserialize(cursor)
            .map_err(|error| Error::malformed("stored position of a window", error))?,
        None => begin(),
    };
    let mut known = stretch.memory.index();
    let size = plan.selection.page_size_beyond(stretch.memory.len(), cursor.is_some());
    let found = pages::first_news(call, plan, &known, stretch.position, size).await?;
    let mut changes: Vec<Change> = Vec::new();
    let mut bytes = 0;
    let mut more = !found.is_last;
    for row in found.rows {
        if changes.len() == STEP_CHANGES_MAX || bytes >= STEP_BYTES_MAX {
            more = true;
            break;
        }
        let seen = row.seen(&plan.conditions);
        stretch.position = stretch.position.max(row.second);
        if known.knows(&seen) {
            continue;
        }
        if plan.conditions.allow(&row) {
            bytes += row.object.to_string().len();
            changes.push(change(plan, window, &row));
        }
        known.add(seen);
        stretch.memory.remember(row.second, seen);
    }
    stretch.memory.forget_before(stretch.position);
    // Plain data with text keys always serialises.
    let cursor = serde_json::to_value(&stretch).unwrap_or_default();
    Ok(Step { changes, failed: Vec::new(), cursor, moved: true, more, gap: None, halted: None })
}

/// A creation has no version here: one that the log holds is no news, whatever was done to it since.
fn change(plan: &Plan<'_>, window: Window, row: &super::normalize::Row) -> Change {
    let came_within = row
        .came_s()
        .is_some_and(|came| came >= window.from.timestamp() && came < plan.until.unwrap_or(i64::MAX));
    if !came_within {
        return row.change(plan.resource, ChangeKind::Updated, true);
    }
    Change { version: String::new(), ..row.change(plan.resource, ChangeKind::Created, true) }
}
