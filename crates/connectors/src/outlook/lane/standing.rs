//! All folders that are followed.

use super::delta::Onward;
use super::deltas::Deltas;
use super::descent::Descent;
use super::doubts::is_apart;
use super::journal::Journal;
use super::slot::{DeltaStanding, FolderSlot};
use crate::outlook::poll::plan::Plan;
use domain::ids::digest64;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Folders followed at the most.
const FOLDERS_COUNT_MAX: usize = 2_000;

/// How much the folders hold, as one answer says.
pub(super) struct FolderCounts {
    by_id: BTreeMap<String, i64>,
    /// No folder at the top is missing in it.
    is_whole: bool,
    /// Of what it says of which.
    pub(super) digest: u64,
}

impl FolderCounts {
    /// `None`: it is no such answer.
    pub(super) fn of_page(page: &Value) -> Option<Self> {
        let count =
            |row: &Value| Some((row.get("id")?.as_str()?.to_owned(), row.get("totalItemCount")?.as_i64()?));
        let by_id: BTreeMap<String, i64> = page.get("value")?.as_array()?.iter().filter_map(count).collect();
        let is_whole = page.get("@odata.nextLink").is_none();
        let texts: Vec<String> = by_id.iter().map(|(id, count)| format!("{id} {count}")).collect();
        let digest = digest64(&texts.iter().map(String::as_bytes).collect::<Vec<_>>());
        Some(FolderCounts { by_id, is_whole, digest })
    }

    /// It holds another number than when it was read, or is no longer counted. One that gives no delta is left alone.
    fn differs(&self, slot: &FolderSlot) -> bool {
        let known = slot.standing.count;
        !slot.standing.is_refused && self.of(&slot.id, known) != known
    }

    /// Of one folder; where this does not say, what was known.
    fn of(&self, folder: &str, known: Option<i64>) -> Option<i64> {
        let counted = self.by_id.get(folder).copied();
        if self.is_whole { counted } else { counted.or(known) }
    }
}

/// All folders, by their slots.
#[derive(Debug, Default)]
pub(super) struct Standings {
    slots: Vec<FolderSlot>,
    /// The slots of those that something points to.
    due: BTreeSet<usize>,
    /// Those that may have changed.
    touched: BTreeSet<usize>,
    /// Of those that changed, or are in the journal, what the annex holds; of one that is new there, nothing.
    stored: BTreeMap<usize, FolderSlot>,
    /// Lists show those at the top only.
    is_tree: bool,
}

impl Standings {
    pub(super) fn new(
        mut slots: Vec<FolderSlot>,
        due: BTreeSet<usize>,
        journal: &Journal,
        is_tree: bool,
    ) -> Self {
        let mut stored = BTreeMap::new();
        for number in journal.slots() {
            if let Some(slot) = slots.get_mut(number) {
                let before = slot.clone();
                *slot = journal.read(number, before.clone());
                stored.insert(number, before);
            }
        }
        Standings { slots, due, touched: BTreeSet::new(), stored, is_tree }
    }

    pub(super) fn slots(&self) -> &[FolderSlot] {
        &self.slots
    }

    pub(super) fn due(&self) -> &BTreeSet<usize> {
        &self.due
    }

    /// What is to be stored of them: the parts, of so many slots each, that are to be written, and the journal beside them.
    pub(super) fn changes(&self, part_count: usize) -> (BTreeSet<usize>, Journal) {
        let (mut parts, mut noted) = (BTreeSet::new(), Journal::default());
        for number in self.touched.iter().chain(self.stored.keys()) {
            let (before, after) = (self.stored.get(number), self.slots.get(*number));
            if !before.zip(after).is_some_and(|(before, after)| noted.note(*number, before, after)) {
                parts.insert(number / part_count);
            }
        }
        if noted.is_long() {
            parts.extend(noted.slots().map(|number| number / part_count));
        }
        noted.forget(|number| parts.contains(&(number / part_count)));
        (parts, noted)
    }

    pub(super) fn is_tree(&self) -> bool {
        self.is_tree
    }

    fn slot_of(&self, folder: &str) -> Option<usize> {
        self.slots.iter().position(|slot| slot.id == folder)
    }

    pub(super) fn get(&self, folder: &str) -> Option<&DeltaStanding> {
        Some(&self.slots.get(self.slot_of(folder)?)?.standing)
    }

    /// For a change.
    fn slot_mut(&mut self, folder: &str) -> Option<(usize, &mut FolderSlot)> {
        let number = self.slot_of(folder)?;
        let slot = self.slots.get_mut(number)?;
        if self.touched.insert(number) {
            self.stored.entry(number).or_insert_with(|| slot.clone());
        }
        Some((number, slot))
    }

    fn get_mut(&mut self, folder: &str) -> Option<(usize, &mut DeltaStanding)> {
        self.slot_mut(folder).map(|(number, slot)| (number, &mut slot.standing))
    }

    /// All folders are known, and their first rounds over.
    pub(super) fn have_begun(&self) -> bool {
        self.slots.iter().all(|slot| slot.descent.is_none() && slot.standing.has_begun())
    }

    /// Nothing but turns, and what points to folders, leads to any.
    pub(super) fn are_at_rest(&self) -> bool {
        self.slots.iter().all(FolderSlot::is_at_rest)
    }

    /// Adds one that is not known yet, whose first round is to be read. Whether it is new.
    pub(super) fn add(&mut self, folder: &str) -> bool {
        self.add_to(folder, self.is_tree.then(Descent::default))
    }

    fn add_to(&mut self, folder: &str, descent: Option<Descent>) -> bool {
        let is_new = !self.are_full() && self.slot_of(folder).is_none();
        if is_new {
            self.touched.insert(self.slots.len());
            self.slots.push(FolderSlot::begun(folder, descent));
            self.point_to_uncounted();
        }
        is_new
    }

    fn are_full(&self) -> bool {
        self.slots.len() >= FOLDERS_COUNT_MAX
    }

    /// Adds one of those at the top. One that is known may hold others that are not.
    pub(super) fn add_listed(&mut self, folder: &str) {
        if self.add(folder) || !self.is_tree {
            return;
        }
        if let Some((_, slot)) = self.slot_mut(folder) {
            slot.descent.get_or_insert_default();
        }
    }

    /// Folders whose list of those below is to be read.
    pub(super) fn descents(&self) -> impl Iterator<Item = &str> {
        self.slots.iter().filter(|slot| slot.descent.is_some()).map(|slot| slot.id.as_str())
    }

    /// Where to read what is below a folder.
    pub(super) fn path_below(&self, folder: &str, deltas: &Deltas) -> String {
        let slot = self.slot_of(folder).and_then(|number| self.slots.get(number));
        let link = slot.and_then(|slot| slot.descent.as_ref()?.link.clone());
        link.unwrap_or_else(|| deltas.below(folder))
    }

    /// A page of what is below a folder was read.
    pub(super) fn descend(&mut self, folder: &str, below: &[&str], next: Option<String>) {
        let next = next.filter(|_| !self.are_full());
        let Some((_, slot)) = self.slot_mut(folder) else { return };
        let Some(descent) = slot.descent.take() else { return };
        slot.descent = descent.after_page(next);
        for found in below {
            self.add_to(found, descent.below());
        }
    }

    /// What is below a folder can't be listed; `is_passing`: the place where its list went on is too old.
    pub(super) fn end_descent(&mut self, folder: &str, is_passing: bool) {
        if let Some((_, slot)) = self.slot_mut(folder) {
            slot.descent = slot.descent.take().filter(|_| is_passing).map(|descent| descent.anew());
        }
    }

    /// Another set of folders has other turns, and what was below a folder goes with it: those that no count tells of are
    /// read, too.
    fn point_to_uncounted(&mut self) {
        let slots = self.slots.iter().enumerate();
        self.due.extend(slots.filter(|(_, slot)| slot.standing.count.is_none()).map(|(number, _)| number));
    }

    /// Something points to this folder.
    pub(super) fn point(&mut self, folder: &str) {
        match self.slot_of(folder) {
            Some(number) => drop(self.due.insert(number)),
            None => drop(self.add(folder)),
        }
    }

    /// Points to folders that hold another number than when they were read, and to those that are no longer counted.
    pub(super) fn compare(&mut self, counts: &FolderCounts) {
        let slots = self.slots.iter().enumerate();
        self.due.extend(slots.filter(|(_, slot)| counts.differs(slot)).map(|(number, _)| number));
        for folder in counts.by_id.keys() {
            self.add(folder);
        }
    }

    /// These counts are those with which the folders were read.
    pub(super) fn agree(&self, counts: &FolderCounts) -> bool {
        !self.slots.iter().any(|slot| counts.differs(slot))
    }

    /// Folders to be read now.
    pub(super) fn wanted(&self, is_time: bool, now_s: i64) -> impl Iterator<Item = &str> {
        let is_wanted = move |(number, slot): &(usize, &FolderSlot)| {
            slot.standing.is_wanted(self.due.contains(number), is_time, now_s)
        };
        self.slots.iter().enumerate().filter(is_wanted).map(|(_, slot)| slot.id.as_str())
    }

    /// When the next one is due that was missed once, seconds since the Unix epoch.
    pub(super) fn missed_at(&self) -> Option<i64> {
        self.slots.iter().filter_map(|slot| slot.standing.missed_at).min()
    }

    /// Where to read a folder on.
    pub(super) fn path(&self, folder: &str, deltas: &Deltas, plan: &Plan<'_>, now_s: i64) -> String {
        match self.get(folder) {
            Some(standing) => standing.path(folder, deltas, plan, now_s),
            None => deltas.first(folder, plan, now_s),
        }
    }

    /// A page was read. Whether that has to be stored.
    pub(super) fn read(
        &mut self,
        folder: &str,
        onward: Onward,
        has_rows: bool,
        counts: Option<&FolderCounts>,
        now_s: i64,
    ) -> bool {
        let Some(number) = self.slot_of(folder) else { return false };
        let is_due = self.due.contains(&number);
        let is_fresh = self.get(folder).is_some_and(|standing| standing.is_fresh(now_s));
        let (link, is_within) = match onward {
            Onward::Page(link) => (link, true),
            Onward::Round(link) => (link, false),
        };
        if is_fresh && !is_due && !has_rows && !is_within {
            return false;
        }
        let Some((_, standing)) = self.get_mut(folder) else { return false };
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
            standing.count = counts.map_or(standing.count, |counts| counts.of(folder, standing.count));
            self.due.remove(&number);
        }
        true
    }

    /// Its token is too old: it begins anew, and shows all there is.
    pub(super) fn expire(&mut self, folder: &str) {
        if let Some((number, standing)) = self.get_mut(folder) {
            *standing = DeltaStanding::begun();
            self.due.remove(&number);
        }
    }

    /// The provider gives no delta of it.
    pub(super) fn refuse(&mut self, folder: &str) {
        if let Some((number, standing)) = self.get_mut(folder) {
            standing.is_refused = true;
            self.due.remove(&number);
        }
    }

    /// It is not there. Whether a look missed it before, long enough ago.
    pub(super) fn miss(&mut self, folder: &str, now_s: i64) -> bool {
        let Some((number, standing)) = self.get_mut(folder) else { return false };
        match standing.missed_at {
            Some(at) if is_apart(at, now_s) && now_s >= at => {
                self.remove(number);
                self.point_to_uncounted();
                true
            }
            missed_at => {
                standing.missed_at = Some(missed_at.map_or(now_s, |at| at.min(now_s)));
                false
            }
        }
    }

    /// The last folder takes the slot.
    fn remove(&mut self, number: usize) {
        let last = self.slots.len().saturating_sub(1);
        self.slots.swap_remove(number);
        self.due.remove(&number);
        if self.due.remove(&last) && last != number {
            self.due.insert(number);
        }
        for changed in [number, last] {
            self.touched.insert(changed);
            self.stored.remove(&changed);
        }
    }
}
