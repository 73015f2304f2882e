//! Messages out of history: created ones are read, updates and deletions are reported from history alone.

use super::hydrate;
use super::hydrate::Outcome;
use super::plan::{Format, Objects, Plan};
use super::walk::Walk;
use crate::error::Error;
use crate::gmail::cursor::{Creation, Cursor};
use crate::gmail::normalise;
use crate::gmail::normalise::collapse::Collapsed;
use crate::gmail::normalise::conditions::Conditions;
use crate::{Call, FailedRecord, Past, STEP_BYTES_MAX, Step};
use chrono::{DateTime, Utc};
use domain::compact_json;
use domain::event::{Change, ChangeKind};
use serde_json::Value;
use std::collections::HashSet;

/// Tells the next messages of a walk.
pub(crate) async fn tell(call: &Call<'_>, plan: &Plan, mut walk: Walk, past: &Past) -> Result<Step, Error> {
    let batch = &walk.untold[..walk.untold.len().min(plan.step_objects_max())];
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
        let change = change(one, &mut read, is_doubtful, &mut walk.next, &plan.conditions);
        bytes += change.as_ref().map_or(0, |change| compact_json::bytes(&change.record));
        changes.extend(change);
    }
    let failed = read.failed.into_iter().filter(|failed| told.contains(&failed.object_id));
    let failed = failed.map(|failed| unread(failed, &mut walk.next)).collect();
    walk.take_all(|one| told.contains(&one.message_id));
    Ok(walk.end(call, Step { changes, failed, halted, ..Step::nothing() }))
}

/// The change of one message; a creation with what was read of it. A doubtful creation is an update, if the event log
/// holds it.
fn change(
    one: &Collapsed,
    read: &mut Outcome,
    is_doubtful: bool,
    next: &mut Cursor,
    conditions: &Conditions,
) -> Option<Change> {
    let recheck = next.recheck_through.is_some_and(|through| one.first <= through);
    if !one.is_creation() {
        let change = normalise::thin(one, conditions, recheck)?;
        if change.kind == ChangeKind::Deleted {
            next.deletion_told(&one.message_id);
        }
        return Some(change);
    }
    if read.gone.contains(&one.message_id) {
        // It came and went: the creation was not reported, so neither is the deletion.
        next.remember_draft(&one.message_id);
    }
    let message = read.messages.remove(&one.message_id)?;
    match normalise::is_draft(&message) {
        true => next.remember_draft(&one.message_id),
        false => next.forget_draft(&one.message_id),
    }
    let change = normalise::created(message, conditions, recheck || is_doubtful)?;
    let version = one.last.to_string();
    Some(match next.creation_told(&one.message_id) {
        Creation::Known => Change { kind: ChangeKind::Updated, version, ..change },
        Creation::Again => Change { again: true, version, ..change },
        Creation::First if is_doubtful => Change { version, ..change },
        Creation::First => change,
    })
}

/// A message that came back takes along that it did: its later creation is another one than its first.
fn unread(failed: FailedRecord, next: &mut Cursor) -> FailedRecord {
    match next.creation_told(&failed.object_id) {
        Creation::Again => FailedRecord { version: hydrate::marked(&failed.version), ..failed },
        Creation::First | Creation::Known => failed,
    }
}

/// Messages, by the mailbox's history.
pub(crate) struct Messages;

impl Objects for Messages {
    fn collection(&self) -> &'static str {
        "messages"
    }

    fn parameters(&self, format: Option<Format>) -> Vec<(&'static str, &'static str)> {
        format.unwrap_or(Format::Metadata).query()
    }

    fn step_objects_max(&self, format: Option<Format>) -> usize {
        format.unwrap_or(Format::Metadata).step_messages_max()
    }

    fn created(&self, record: Value, conditions: &Conditions, recheck: bool) -> Option<Change> {
        normalise::created(record, conditions, recheck)
    }

    fn began_at(&self, record: &Value) -> Option<DateTime<Utc>> {
        normalise::internal_date(record)
    }
}
