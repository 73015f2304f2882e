//! The second lane: what lists by date do not show. The delta of a folder gives hints, and looks at the objects decide.
//!
//! Whose delta is read follows from the poll's number on the timetable, and from what the folders' counts and the walk
//! point to. Of four polls two bring the counts and one a delta, in the same request as the walk's page. What every poll needs
//! of it is in the walk's row, all else in the resource's annex.

pub(super) mod delta;
pub(super) mod deltas;
pub(super) mod descent;
pub(super) mod doubts;
pub(super) mod errand;
pub(super) mod journal;
pub(super) mod known;
pub(super) mod note;
pub(super) mod slot;
pub(super) mod standing;
pub(super) mod stored;
pub(super) mod sweep;
pub(super) mod work;

#[cfg(test)]
mod tests;
