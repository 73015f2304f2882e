//! What every poll needs of the lane: in the walk's row, and small.

use super::delta::{DeltaPage, Onward};
use super::deltas::{Deltas, ErrandTurn};
use super::errand::Errand;
use super::journal::Journal;
use super::known::RecentIds;
use super::standing::FolderCounts;
use crate::Call;
use crate::http::HttpResponse;
use crate::outlook::api;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What is stored between polls, beside the annex.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LaneNote {
    /// Folders that are followed. Where each stands is in the annex.
    #[serde(default)]
    pub(super) folders: usize,
    /// The slots of those that something points to: they are read when the folders are counted.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) due: BTreeSet<usize>,
    /// Something goes on with the next poll, whatever that finds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_open: bool,
    /// A part of the annex says what.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) has_work: bool,
    /// The folders are being listed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_listing: bool,
    /// Folders below others are followed, where lists show only those at the top.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) goes_down: bool,
    /// A digest of the counts with which all folders were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) counts: Option<u64>,
    #[serde(default, skip_serializing_if = "RecentIds::is_default")]
    pub(super) recent: RecentIds,
    /// What the folders' parts do not have yet.
    #[serde(default, skip_serializing_if = "Journal::is_empty")]
    pub(super) journal: Journal,
}

impl LaneNote {
    /// Nothing follows from what was read beside the page, nor from what was there: the annex need not be read.
    pub(crate) fn is_idle(
        &self,
        call: &Call<'_>,
        deltas: &Deltas,
        turn: Option<ErrandTurn>,
        beside: Option<&(Errand, HttpResponse)>,
    ) -> bool {
        if self.is_open || self.is_flat(deltas) {
            return false;
        }
        let is_time = deltas.counts.is_none() || matches!(turn, Some(ErrandTurn::Counts));
        if is_time && !self.due.is_empty() {
            return false;
        }
        match (turn, beside) {
            (None, None) => true,
            (_, Some((errand, answer))) if answer.status == 200 => {
                self.tells_nothing(call, turn, errand, answer)
            }
            _ => false,
        }
    }

    fn tells_nothing(
        &self,
        call: &Call<'_>,
        turn: Option<ErrandTurn>,
        errand: &Errand,
        answer: &HttpResponse,
    ) -> bool {
        let Ok(page) = api::read(answer) else { return false };
        match (errand, turn) {
            (Errand::Counts, _) => {
                FolderCounts::of_page(&page).is_some_and(|counts| Some(counts.digest) == self.counts)
            }
            (Errand::Delta(folder), Some(ErrandTurn::Delta(slot))) => {
                let now_s = call.now.timestamp();
                let Some(page) = DeltaPage::of(&page, call.api_url) else { return false };
                let is_empty = page.gone.is_empty() && page.present.is_empty();
                let is_round = matches!(page.onward, Onward::Round(_));
                let is_settled = folder.standing.is_fresh(now_s) && !self.due.contains(&slot);
                is_empty && is_round && is_settled
            }
            _ => false,
        }
    }

    /// It was stored by a version that followed the top folders only.
    pub(super) fn is_flat(&self, deltas: &Deltas) -> bool {
        deltas.is_tree && !self.goes_down
    }

    /// Whose turn it is.
    pub(crate) fn turn(&self, deltas: &Deltas, number: u64) -> Option<ErrandTurn> {
        if self.is_listing { None } else { deltas.turn(self.folders, number) }
    }
}
