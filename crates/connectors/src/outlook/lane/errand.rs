//! What a poll reads beside the walk's page.

use super::deltas::Deltas;
use super::slot::FolderSlot;
use crate::outlook::poll::plan::Plan;

/// One read.
pub(crate) enum Errand {
    /// How much each folder holds.
    Counts,
    /// What left one folder.
    Delta(FolderSlot),
}

impl Errand {
    /// Its path.
    pub(crate) fn path(&self, deltas: &Deltas, plan: &Plan<'_>, now_s: i64) -> String {
        match self {
            Errand::Counts => deltas.counts.unwrap_or_default().to_owned(),
            Errand::Delta(FolderSlot { id, standing, .. }) => standing.path(id, deltas, plan, now_s),
        }
    }
}
