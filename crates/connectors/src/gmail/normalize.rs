//! From collapsed history to changes.

use super::collapse::{Collapsed, DRAFT};
use super::conditions::Conditions;
use super::cursor::{Creation, Cursor};
use super::hydrate::Outcome;
use chrono::{DateTime, TimeZone as _, Utc};
use domain::event::{Change, ChangeKind};
use serde_json::Value;

/// Whether it is told at all: no drafts, and nothing that came and went in the same stretch. Drafts are remembered,
/// because their deletion need not say that they were drafts.
pub(super) fn is_visible(one: &mut Collapsed, next: &mut Cursor) -> bool {
    let was_kept_back = next.is_known_draft(&one.message_id);
    if one.exists() && one.is_draft() {
        next.remember_draft(&one.message_id);
    }
    // History need not say that it was a draft before: reading it shows what it is now.
    one.undrafted |= one.exists() && was_kept_back && !one.is_draft();
    let is_untold = !one.exists() && was_kept_back && !one.undrafted;
    !one.came_and_went() && !one.is_draft() && !is_untold
}

/// The change of one message; a creation with what was read of it. A doubtful creation is an update, if the event log
/// holds it.
pub(super) fn change(
    one: &Collapsed,
    read: &mut Outcome,
    is_doubtful: bool,
    next: &mut Cursor,
    conditions: &Conditions,
) -> Option<Change> {
    let recheck = next.recheck_through.is_some_and(|through| one.first <= through);
    if !one.is_creation() {
        let change = thin(one, conditions, recheck)?;
        if change.kind == ChangeKind::Deleted {
            next.deletion_told(&one.message_id);
        }
        return Some(change);
    }
    if read.gone.contains(&one.message_id) {
        // It came and went: of what was not told, the deletion is not told either.
        next.remember_draft(&one.message_id);
    }
    let message = read.messages.remove(&one.message_id)?;
    match is_draft(&message) {
        true => next.remember_draft(&one.message_id),
        false => next.forget_draft(&one.message_id),
    }
    let change = created(message, conditions, recheck || is_doubtful)?;
    let version = one.last.to_string();
    Some(match next.creation_told(&one.message_id) {
        Creation::Known => Change { kind: ChangeKind::Updated, version, ..change },
        Creation::Again => Change { again: true, version, ..change },
        Creation::First if is_doubtful => Change { version, ..change },
        Creation::First => change,
    })
}

/// A creation, unless it is a draft or outside the conditions.
pub(super) fn created(message: Value, conditions: &Conditions, recheck: bool) -> Option<Change> {
    let id = message.get("id")?.as_str()?.to_owned();
    (!is_draft(&message) && conditions.allow(&message)).then(|| Change {
        object_id: id,
        shown_id: None,
        kind: ChangeKind::Created,
        version: String::new(),
        at: internal_date(&message),
        record: message,
        recheck,
        again: false,
    })
}

/// An update or deletion: the labels are in the record, so nothing is read.
fn thin(one: &Collapsed, conditions: &Conditions, recheck: bool) -> Option<Change> {
    let record = one.stub();
    let kind = if one.exists() { ChangeKind::Updated } else { ChangeKind::Deleted };
    conditions.allow(&record).then(|| Change {
        object_id: one.message_id.clone(),
        shown_id: None,
        kind,
        version: one.last.to_string(),
        at: None,
        record,
        recheck,
        again: false,
    })
}

fn is_draft(message: &Value) -> bool {
    message.get("labelIds").and_then(Value::as_array).is_some_and(|labels| labels.iter().any(|l| l == DRAFT))
}

/// When Google accepted the message.
pub(super) fn internal_date(message: &Value) -> Option<DateTime<Utc>> {
    let value = message.get("internalDate")?;
    let millis = value.as_i64().or_else(|| value.as_str()?.parse().ok())?;
    Utc.timestamp_millis_opt(millis).single()
}
