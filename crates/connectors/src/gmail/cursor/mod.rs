//! The position in a mailbox's history.

pub(super) mod taken;
mod window;

use crate::error::Error;
use chrono::{DateTime, Utc};
use domain::ids::digest64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use taken::TakenRecords;
use window::NamedPosition;

/// Ids of suppressed messages remembered, so that their deletion is suppressed too.
const DRAFTS_COUNT_MAX: usize = 64;
/// Ids of messages, or threads, whose deletion was reported, kept in case they come back. No source says that
/// Google does that; it costs little.
const DELETED_COUNT_MAX: usize = 128;

/// A history id. Google's are 64 bits; wider is read too, because nothing promises the width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct HistoryId(pub(super) u128);

impl std::fmt::Display for HistoryId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for HistoryId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for HistoryId {
    /// From a text as documented, or a number.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let text = match &value {
            Value::String(text) => text.as_str(),
            Value::Number(_) => &value.to_string(),
            _ => "",
        };
        text.parse().map(HistoryId).map_err(|_| serde::de::Error::custom("not a history id"))
    }
}

/// What is stored between polls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// All records up to this one were shown and taken: polls ask what came after it. It is older than what was reported
    /// last, because history shows records late; see [`window`].
    pub(super) history_id: HistoryId,
    /// Newer positions that the provider named, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) named: Vec<NamedPosition>,
    /// The records after `history_id` that were taken.
    #[serde(default, skip_serializing_if = "TakenRecords::is_empty")]
    pub(super) taken: TakenRecords,
    /// Where a window that is too large for one read was read up to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) frontier: Option<HistoryId>,
    /// Pages of a read, where a longer one left no time for what it found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) portion: Option<u32>,
    /// What happened up to this record may have been listed by a catch-up already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) recheck_through: Option<HistoryId>,
    /// A catch-up that is under way; `history_id` is then where history goes on after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) catch_up: Option<CatchUp>,
    /// Digests of suppressed messages' ids, oldest first: of drafts, and of what was gone before it could be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) drafts: Vec<u64>,
    /// Digests of the ids of objects whose deletion was reported, oldest first; the lowest bit says that one came back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) deleted: Vec<u64>,
}

/// Listing what may have changed since a position that expired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct CatchUp {
    /// The expired position: messages whose own history id is not above it did not change.
    pub(super) lost: HistoryId,
    /// Records after it that were taken: messages whose own history id is one of them did not change either.
    #[serde(default, skip_serializing_if = "TakenRecords::is_empty")]
    pub(super) taken: TakenRecords,
    /// The last success before the loss.
    pub(super) lost_at: DateTime<Utc>,
    /// When the baseline was taken: what was received before was there before us.
    pub(super) baseline_at: DateTime<Utc>,
    /// How long the event log keeps what was reported, seconds: nothing, where a stored position does not say.
    #[serde(default)]
    pub(super) log_kept_s: i64,
    /// Where the listing goes on.
    pub(super) page: Option<String>,
    /// Digests of the ids of this page that are done, where reading it ended early.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) page_done: Vec<u64>,
    /// How often the listing began again because its page was refused.
    pub(super) restarts: u32,
}

impl Cursor {
    pub(super) fn at(history_id: HistoryId) -> Self {
        Cursor {
            history_id,
            named: Vec::new(),
            taken: TakenRecords::default(),
            frontier: None,
            portion: None,
            recheck_through: None,
            catch_up: None,
            drafts: Vec::new(),
            deleted: Vec::new(),
        }
    }

    /// Another position in the same mailbox, of which nothing was read yet.
    pub(super) fn moved_to(&self, history_id: HistoryId) -> Self {
        Cursor { drafts: self.drafts.clone(), deleted: self.deleted.clone(), ..Cursor::at(history_id) }
    }

    pub(super) fn from_value(value: &Value) -> Result<Self, Error> {
        Cursor::deserialize(value).map_err(|error| Error::malformed("stored position", error))
    }

    pub(super) fn to_value(&self) -> Value {
        // Plain data with text keys always serialises.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Whether a record that is not before this position was taken.
    pub(super) fn has_taken(&self, position: HistoryId) -> bool {
        self.history_id >= position || self.taken.has_from(position)
    }

    pub(super) fn remember_draft(&mut self, message_id: &str) {
        if self.is_known_draft(message_id) {
            return;
        }
        self.drafts.push(digest64(&[message_id.as_bytes()]));
        if self.drafts.len() > DRAFTS_COUNT_MAX {
            self.drafts.remove(0);
        }
    }

    pub(super) fn is_known_draft(&self, message_id: &str) -> bool {
        self.drafts.contains(&digest64(&[message_id.as_bytes()]))
    }

    /// A draft that is none any more is a message like any other.
    pub(super) fn forget_draft(&mut self, message_id: &str) {
        let digest = digest64(&[message_id.as_bytes()]);
        self.drafts.retain(|draft| *draft != digest);
    }

    /// Records a reported deletion; returns whether the object had come back after an earlier one.
    pub(super) fn deletion_told(&mut self, id: &str) -> bool {
        let former = self.deleted_at(id).map(|at| self.deleted.remove(at));
        self.deleted.push(deleted(id));
        if self.deleted.len() > DELETED_COUNT_MAX {
            self.deleted.remove(0);
        }
        former.is_some_and(|former| former & 1 == 1)
    }

    /// Records a reported creation; returns which one it is.
    pub(super) fn creation_told(&mut self, id: &str) -> Creation {
        let Some(at) = self.deleted_at(id) else { return Creation::First };
        let was_back = self.deleted[at] & 1 == 1;
        self.deleted[at] |= 1;
        if was_back { Creation::Known } else { Creation::Again }
    }

    fn deleted_at(&self, id: &str) -> Option<usize> {
        let digest = deleted(id);
        self.deleted.iter().position(|one| one & !1 == digest)
    }
}

/// How a creation relates to the reported deletions of the same object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Creation {
    /// There was none that is remembered.
    First,
    /// It follows one.
    Again,
    /// The one that follows it was already reported.
    Known,
}

fn deleted(id: &str) -> u64 {
    digest64(&[id.as_bytes()]) & !1
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn positions_of_earlier_versions_are_read() {
        let old = json!({ "history_id": "7301000", "recheck_through": 7301200, "drafts": [7] });
        let cursor = Cursor::from_value(&old).ok().unwrap();
        let expected = Cursor {
            recheck_through: Some(HistoryId(7_301_200)),
            drafts: vec![7],
            ..Cursor::at(HistoryId(7_301_000))
        };
        assert_eq!(cursor, expected);
        assert_eq!(
            Cursor::at(HistoryId(7)).to_value(),
            json!({ "history_id": "7" }),
            "and a new one is short"
        );
    }

    #[test]
    fn an_object_is_deleted_and_comes_back_any_number_of_times() {
        let mut cursor = Cursor::at(HistoryId(7));
        assert_eq!(cursor.creation_told("a"), Creation::First);
        assert!(!cursor.deletion_told("a"));
        assert!(!cursor.deletion_told("a"), "still gone");
        assert_eq!(cursor.creation_told("a"), Creation::Again);
        assert_eq!(cursor.creation_told("a"), Creation::Known);
        assert!(cursor.deletion_told("a"));
        assert_eq!(cursor.creation_told("a"), Creation::Again);
        for n in 0..DELETED_COUNT_MAX {
            cursor.deletion_told(&n.to_string());
        }
        assert_eq!(cursor.deleted.len(), DELETED_COUNT_MAX);
        assert_eq!(cursor.creation_told("a"), Creation::First, "forgotten");
    }
}
