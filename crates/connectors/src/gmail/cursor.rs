//! The position in a mailbox's history.

use crate::error::Error;
use chrono::{DateTime, Utc};
use domain::ids::digest64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Ids of suppressed drafts remembered, so that their deletion is suppressed too.
const DRAFTS_COUNT_MAX: usize = 64;

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
    /// Records after this one are new.
    pub(super) history_id: HistoryId,
    /// Changes up to this record may have been listed by a catch-up already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) recheck_through: Option<HistoryId>,
    /// A catch-up that is under way; `history_id` is then where history goes on after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) catch_up: Option<CatchUp>,
    /// Digests of suppressed drafts' ids, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) drafts: Vec<u64>,
}

/// Listing what may have changed since a position that expired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct CatchUp {
    /// The expired position: messages whose own history id is not above it did not change.
    pub(super) lost: HistoryId,
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
        Cursor { history_id, recheck_through: None, catch_up: None, drafts: Vec::new() }
    }

    pub(super) fn from_value(value: &Value) -> Result<Self, Error> {
        Cursor::deserialize(value).map_err(|error| Error::malformed("stored position", error))
    }

    pub(super) fn to_value(&self) -> Value {
        // Plain data with text keys always serialises.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The position moved on; what only mattered before it is dropped.
    pub(super) fn advanced_to(&self, history_id: HistoryId) -> Self {
        let mut next = self.clone();
        next.history_id = history_id.max(self.history_id);
        next.recheck_through = next.recheck_through.filter(|through| *through > next.history_id);
        next
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
}
