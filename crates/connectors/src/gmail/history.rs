//! Messages out of history: created ones are read, updates and deletions are told as history tells them.

use super::collapse::Collapsed;
use super::cursor::{Creation, Cursor};
use super::plan::Plan;
use super::walk::Walk;
use super::{hydrate, normalize};
use crate::error::Error;
use crate::{Call, FailedRecord, Past, STEP_BYTES_MAX, Step};
use domain::event::Change;
use std::collections::HashSet;

/// What the version of a record to be tried again begins with, where the message came back after its deletion was told.
const RETURNED: &str = "returned:";

/// Tells the next messages of a walk.
pub(super) async fn tell(call: &Call<'_>, plan: &Plan, mut walk: Walk, past: &Past) -> Result<Step, Error> {
    let batch = &walk.untold[..walk.untold.len().min(plan.step_messages_max())];
    let creations = batch.iter().filter(|one| one.is_creation());
    let mut read = hydrate::all(call, plan, creations, past).await?.unwrap_or_default();
    let halted = read.halted.take();
    // The mailbox as a whole refused: the step ends before the first creation that could not be read.
    let is_settled = |one: &&Collapsed| !one.is_creation() || read.settles(&one.message_id);
    let settled = batch.iter().take_while(is_settled).count();
    let halted = match halted {
        // Without anything before it the refusal is all there is.
        Some(error) if settled == 0 => return Err(error),
        halted => halted,
    };
    let (mut changes, mut told, mut bytes) = (Vec::new(), HashSet::new(), 0);
    for one in &batch[..settled] {
        if bytes >= STEP_BYTES_MAX {
            break;
        }
        told.insert(one.message_id.clone());
        let is_doubtful = walk.is_doubtful || one.is_late();
        let change = normalize::change(one, &mut read, is_doubtful, &mut walk.next, &plan.conditions);
        bytes += change.as_ref().map_or(0, |change| change.record.to_string().len());
        changes.extend(change);
    }
    let failed = read.failed.into_iter().filter(|failed| told.contains(&failed.object_id));
    let failed = failed.map(|failed| unread(failed, &mut walk.next)).collect();
    walk.take_all(|one| told.contains(&one.message_id));
    Ok(walk.end(call, Step { changes, failed, halted, ..Step::nothing() }))
}

/// A message that came back takes along that it did: its later creation is another one than its first.
fn unread(failed: FailedRecord, next: &mut Cursor) -> FailedRecord {
    match next.creation_told(&failed.object_id) {
        Creation::Again => FailedRecord { version: marked(&failed.version), ..failed },
        Creation::First | Creation::Known => failed,
    }
}

/// The version of a record that comes back and can't be read yet.
pub(super) fn marked(version: &str) -> String {
    format!("{RETURNED}{version}")
}

/// The creation of a record that was tried again.
pub(super) fn unmarked(change: Change, record: &FailedRecord) -> Change {
    match record.version.strip_prefix(RETURNED) {
        Some(version) => Change { again: true, version: version.to_owned(), ..change },
        None => change,
    }
}
