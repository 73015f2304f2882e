//! From collapsed history, and from records that were read, to changes.

pub(super) mod collapse;
pub(super) mod conditions;

use super::cursor::Cursor;
use chrono::{DateTime, TimeZone as _, Utc};
use collapse::{Collapsed, DRAFT};
use conditions::Conditions;
use domain::event::{Change, ChangeKind};
use serde_json::Value;

/// Whether it is reported at all: no drafts, and nothing that came and went in the same stretch. Drafts are remembered,
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
pub(super) fn thin(one: &Collapsed, conditions: &Conditions, recheck: bool) -> Option<Change> {
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

pub(super) fn is_draft(message: &Value) -> bool {
    message.get("labelIds").and_then(Value::as_array).is_some_and(|labels| labels.iter().any(|l| l == DRAFT))
}

/// When Google accepted the message.
pub(super) fn internal_date(message: &Value) -> Option<DateTime<Utc>> {
    let value = message.get("internalDate")?;
    let millis = value.as_i64().or_else(|| value.as_str()?.parse().ok())?;
    Utc.timestamp_millis_opt(millis).single()
}
