//! Where each folder's delta stands.

use super::delta::Onward;
use super::doubts::is_apart;
use super::{Deltas, WINDOW_SERVES_S};
use crate::outlook::poll::plan::Plan;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Folders followed at the most.
const FOLDERS_COUNT_MAX: usize = 2_000;
/// A round without rows is stored when the last stored one is older, seconds: a token stays valid for its time, and an
/// idle poll writes nothing.
const STORED_AFTER_S: i64 = 3 * 86_400;

/// One folder.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct DeltaStanding {
    /// Where its delta goes on. `None`: the first round was not begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    /// The link is a page's: the round is not over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_within: bool,
    /// The round is a first one: it shows all there is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_first: bool,
    /// When the first round began, seconds since the Unix epoch.
    #[serde(default)]
    began_at: i64,
    /// When the link was stored, seconds since the Unix epoch.
    #[serde(default)]
    stored_at: i64,
    /// How much it held at that time, where the counts show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<i64>,
    /// Something points to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_due: bool,
    /// When a look missed it first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    missed_at: Option<i64>,
    /// The provider gives no delta of it. Its turn tries again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_refused: bool,
}

impl DeltaStanding {
    fn begun() -> Self {
        DeltaStanding { is_first: true, ..DeltaStanding::default() }
    }

    /// Its first round is over, or there is none.
    pub(super) fn has_begun(&self) -> bool {
        !self.is_first || self.is_refused || self.missed_at.is_some()
    }

    /// It has to be read without being its turn. `is_time`: the counts are known, so that what points to it is settled.
    fn is_wanted(&self, is_time: bool, now_s: i64) -> bool {
        match (self.is_refused, self.missed_at) {
            (true, _) => false,
            (_, Some(at)) => is_apart(at, now_s),
            (_, None) => self.link.is_none() || self.is_within || (self.is_due && is_time),
        }
    }
}

/// All folders, by their ids.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Standings(BTreeMap<String, DeltaStanding>);

impl Standings {
    pub(super) fn get(&self, folder: &str) -> Option<&DeltaStanding> {
        self.0.get(folder)
    }

    /// All first rounds are over.
    pub(super) fn have_begun(&self) -> bool {
        self.0.values().all(DeltaStanding::has_begun)
    }

    /// Adds one that is not known yet, whose first round is to be read. Whether it is new.
    pub(super) fn add(&mut self, folder: &str) -> bool {
        let is_new = !self.0.contains_key(folder) && self.0.len() < FOLDERS_COUNT_MAX;
        if is_new {
            self.0.insert(folder.to_owned(), DeltaStanding::begun());
            self.point_to_uncounted();
        }
        is_new
    }

    /// Another set of folders has other turns, and what was below a folder goes with it: those that no count tells of are
    /// read, too.
    fn point_to_uncounted(&mut self) {
        let uncounted = self.0.values_mut().filter(|standing| standing.count.is_none());
        uncounted.for_each(|standing| standing.is_due = true);
    }

    /// Something points to this folder. Whether that is news.
    pub(super) fn point(&mut self, folder: &str) -> bool {
        match self.0.get_mut(folder) {
            Some(standing) => !std::mem::replace(&mut standing.is_due, true),
            None => self.add(folder),
        }
    }

    /// Points to folders that hold another number than when they were read, and to those that are no longer counted.
    pub(super) fn compare(&mut self, counts: &BTreeMap<String, i64>, is_whole: bool) {
        for (folder, standing) in &mut self.0 {
            let counted = counts.get(folder).copied();
            let differs = counted.is_some() && counted != standing.count;
            let left = is_whole && counted.is_none() && standing.count.is_some();
            standing.is_due |= differs || left;
        }
        for folder in counts.keys() {
            self.add(folder);
        }
    }

    /// Folders to be read now.
    pub(super) fn wanted(&self, is_time: bool, now_s: i64) -> impl Iterator<Item = &str> {
        let is_wanted = move |(_, standing): &(&String, &DeltaStanding)| standing.is_wanted(is_time, now_s);
        self.0.iter().filter(is_wanted).map(|(folder, _)| folder.as_str())
    }

    /// When the next one is due that was missed once, seconds since the Unix epoch.
    pub(super) fn missed_at(&self) -> Option<i64> {
        self.0.values().filter_map(|standing| standing.missed_at).min()
    }

    /// The folder of this turn.
    pub(super) fn in_turn(&self, turn: u64) -> Option<String> {
        let count = u64::try_from(self.0.len()).ok().filter(|count| *count > 0)?;
        self.0.keys().nth(usize::try_from(turn % count).ok()?).cloned()
    }

    /// Where to read a folder on.
    pub(super) fn path(&self, folder: &str, deltas: &Deltas, plan: &Plan<'_>, now_s: i64) -> String {
        let link = self.0.get(folder).and_then(|standing| standing.link.clone());
        link.unwrap_or_else(|| deltas.first(folder, plan, now_s))
    }

    /// A folder's round is over, and its window has served its time.
    pub(super) fn is_outdated(&self, folder: &str, now_s: i64) -> bool {
        let ended = self.0.get(folder).filter(|standing| !standing.is_within);
        ended.is_some_and(|standing| now_s - standing.began_at > WINDOW_SERVES_S)
    }

    /// A page was read. Whether that has to be stored.
    pub(super) fn read(
        &mut self,
        folder: &str,
        onward: Onward,
        has_rows: bool,
        count: Option<i64>,
        now_s: i64,
    ) -> bool {
        let Some(standing) = self.0.get_mut(folder) else { return false };
        let is_fresh =
            standing.link.is_some() && !standing.is_within && now_s - standing.stored_at < STORED_AFTER_S;
        let is_settled = !standing.is_due && !standing.is_refused && standing.missed_at.is_none();
        let (link, is_within) = match onward {
            Onward::Page(link) => (link, true),
            Onward::Round(link) => (link, false),
        };
        if is_fresh && is_settled && !has_rows && !is_within {
            return false;
        }
        if standing.link.is_none() {
            standing.began_at = now_s;
        }
        standing.link = Some(link);
        standing.is_within = is_within;
        standing.stored_at = now_s;
        standing.missed_at = None;
        standing.is_refused = false;
        if !is_within {
            standing.is_first = false;
            standing.is_due = false;
            standing.count = count.or(standing.count);
        }
        true
    }

    /// Its token is too old: it begins anew, and shows all there is.
    pub(super) fn expire(&mut self, folder: &str) {
        if let Some(standing) = self.0.get_mut(folder) {
            *standing = DeltaStanding::begun();
        }
    }

    /// The provider gives no delta of it.
    pub(super) fn refuse(&mut self, folder: &str) {
        if let Some(standing) = self.0.get_mut(folder) {
            standing.is_refused = true;
        }
    }

    /// It is not there. Whether a look missed it before, long enough ago.
    pub(super) fn miss(&mut self, folder: &str, now_s: i64) -> bool {
        let Some(standing) = self.0.get_mut(folder) else { return false };
        match standing.missed_at {
            Some(at) if is_apart(at, now_s) && now_s >= at => {
                self.0.remove(folder);
                self.point_to_uncounted();
                true
            }
            missed_at => {
                standing.missed_at = Some(missed_at.map_or(now_s, |at| at.min(now_s)));
                false
            }
        }
    }
}
