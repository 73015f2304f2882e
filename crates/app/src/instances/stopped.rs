//! What had stopped for its failures, and is to go on.

use crate::ports::{Mailbox, ResourceRow};
use domain::backfill;
use domain::state::ResourceState;

/// What had stopped, beside what goes or begins anew.
pub(super) fn forgiven(mailbox: &Mailbox, removed: &[String], fresh: &[ResourceState]) -> Vec<ResourceState> {
    let is_other = |state: &ResourceState| {
        !removed.contains(&state.resource) && !fresh.iter().any(|new| new.resource == state.resource)
    };
    failing(mailbox).filter(is_other).map(ResourceState::forgiven).collect()
}

pub(super) fn failing(mailbox: &Mailbox) -> impl Iterator<Item = ResourceState> {
    let is_failing = |row: &&ResourceRow| {
        // A backfill that gave up stays so: what it would read by now the log may have forgotten.
        !row.removed && row.state.failures > 0 && !backfill::is_row(&row.state.resource)
    };
    let rows = mailbox.resources.iter().filter(is_failing);
    rows.map(|row| row.state.clone())
}
