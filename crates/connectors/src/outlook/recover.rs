//! Going on from a position that can't be right.
//!
//! Graph's modification times do not expire, so that nothing has to be caught up as after a lost history. But a position
//! that was taken from a clock that was ahead would be followed by nothing until that time came.

use super::cursor::Cursor;
use crate::{Past, Step};

/// A position that lay ahead of the clocks was followed by nothing: what came since is read again, as far as the event
/// log knows what was reported of it.
pub(super) fn gone_back(healed: &Cursor, past: &Past, overlap_s: i64) -> Step {
    let is_whole = healed.since(overlap_s) <= past.baseline_at.timestamp();
    let reason = "the position lay ahead of the clock: what changed within the last day is read again, what changed \
                  before that may be missing";
    Step {
        cursor: healed.to_value(),
        moved: true,
        more: true,
        gap: (!is_whole).then(|| (past.baseline_at, reason.to_owned())),
        ..Step::nothing()
    }
}
