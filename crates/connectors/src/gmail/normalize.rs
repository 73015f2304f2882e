//! From collapsed history to changes.

use super::collapse::{Collapsed, DRAFT};
use super::conditions::Conditions;
use super::cursor::Cursor;
use super::hydrate::Outcome;
use chrono::{DateTime, TimeZone as _, Utc};
use domain::event::{Change, ChangeKind};
use serde_json::Value;

/// Whether it is new to the mailbox as its user sees it: a draft that was sent counts.
pub(super) fn is_creation(one: &Collapsed) -> bool {
    !one.deleted && (one.created || one.undrafted)
}

/// Leaves out drafts, and what came and went in the same stretch. Drafts are remembered, because their
/// deletion need not say that they were drafts.
pub(super) fn visible(collapsed: Vec<Collapsed>, next: &mut Cursor) -> Vec<Collapsed> {
    let mut visible = Vec::new();
    for one in collapsed {
        let came_and_went = one.created && one.deleted;
        if one.is_draft() && !one.deleted {
            next.remember_draft(&one.message_id);
        }
        let was_draft = one.deleted && !one.undrafted && next.is_known_draft(&one.message_id);
        if !came_and_went && !one.is_draft() && !was_draft {
            visible.push(one);
        }
    }
    visible
}

/// The changes, in the order of their records; creations with what was read of them.
pub(super) fn changes(
    visible: &[Collapsed],
    hydrated: &mut Outcome,
    before: &Cursor,
    next: &mut Cursor,
    conditions: &Conditions,
) -> Vec<Change> {
    let mut changes = Vec::new();
    for one in visible {
        let recheck = before.recheck_through.is_some_and(|through| one.first <= through);
        if !is_creation(one) {
            changes.extend(thin(one, conditions, recheck));
            continue;
        }
        let Some(message) = hydrated.messages.remove(&one.message_id) else { continue };
        if is_draft(&message) {
            next.remember_draft(&one.message_id);
        }
        changes.extend(created(message, conditions, recheck));
    }
    changes
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
    })
}

/// An update or deletion: the labels are in the record, so nothing is read.
fn thin(one: &Collapsed, conditions: &Conditions, recheck: bool) -> Option<Change> {
    let record = one.stub();
    let kind = if one.deleted { ChangeKind::Deleted } else { ChangeKind::Updated };
    conditions.allow(&record).then(|| Change {
        object_id: one.message_id.clone(),
        shown_id: None,
        kind,
        version: one.last.to_string(),
        at: None,
        record,
        recheck,
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
