//! A folder in its slot: where its delta stands.

use super::deltas::{Deltas, WINDOW_SERVES_S};
use super::descent::Descent;
use super::doubts::is_apart;
use crate::outlook::poll::plan::Plan;
use serde::{Deserialize, Serialize};

/// A round without rows is stored when the last stored one is older, seconds: a token stays valid for its time, and an
/// idle poll writes nothing.
const STORED_AFTER_S: i64 = 3 * 86_400;

/// One folder.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DeltaStanding {
    /// Where its delta goes on. `None`: the first round was not begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) link: Option<String>,
    /// The link is a page's: the round is not over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_within: bool,
    /// The round is a first one: it shows all there is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_first: bool,
    /// When the first round began, seconds since the Unix epoch.
    #[serde(default)]
    pub(super) began_at: i64,
    /// When the link was stored, seconds since the Unix epoch.
    #[serde(default)]
    pub(super) stored_at: i64,
    /// How much it held at that time, where the counts show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) count: Option<i64>,
    /// When a look missed it first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) missed_at: Option<i64>,
    /// The provider gives no delta of it. Its turn tries again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_refused: bool,
}

impl DeltaStanding {
    pub(super) fn begun() -> Self {
        DeltaStanding { is_first: true, ..DeltaStanding::default() }
    }

    /// Its first round is over, or there is none.
    pub(super) fn has_begun(&self) -> bool {
        !self.is_first || self.is_refused || self.missed_at.is_some()
    }

    /// Its round is under way, or was not begun.
    pub(super) fn is_under_way(&self) -> bool {
        self.link.is_none() || self.is_within
    }

    /// Nothing but its turn, or what points to it, leads to it.
    pub(super) fn is_at_rest(&self) -> bool {
        self.is_refused || (self.missed_at.is_none() && !self.is_under_way())
    }

    /// Where to read on.
    pub(super) fn path(&self, folder: &str, deltas: &Deltas, plan: &Plan<'_>, now_s: i64) -> String {
        self.link.clone().unwrap_or_else(|| deltas.first(folder, plan, now_s))
    }

    /// A round that ended without rows, though nothing pointed to the folder, tells nothing that has to be stored yet.
    pub(super) fn is_fresh(&self, now_s: i64) -> bool {
        self.is_at_rest() && !self.is_refused && now_s - self.stored_at < STORED_AFTER_S
    }

    /// Its round is over, and its window has served its time.
    pub(super) fn is_outdated(&self, now_s: i64) -> bool {
        !self.is_within && now_s - self.began_at > WINDOW_SERVES_S
    }

    /// It has to be read without being its turn. `is_time`: the counts are known, so that what points to it is settled.
    pub(super) fn is_wanted(&self, is_due: bool, is_time: bool, now_s: i64) -> bool {
        match (self.is_refused, self.missed_at) {
            (true, _) => false,
            (_, Some(at)) => is_apart(at, now_s),
            (_, None) => self.is_under_way() || (is_due && is_time),
        }
    }
}

/// A folder in its slot: it keeps its number until it is gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FolderSlot {
    pub(super) id: String,
    #[serde(flatten)]
    pub(super) standing: DeltaStanding,
    /// The folders below it are not known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) descent: Option<Descent>,
}

impl FolderSlot {
    pub(super) fn begun(id: &str, descent: Option<Descent>) -> Self {
        FolderSlot { id: id.to_owned(), standing: DeltaStanding::begun(), descent }
    }

    /// Nothing but its turn, or what points to it, leads to it.
    pub(super) fn is_at_rest(&self) -> bool {
        self.descent.is_none() && self.standing.is_at_rest()
    }
}
