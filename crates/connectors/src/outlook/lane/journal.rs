//! Where folders' deltas go on that were read since their parts of the annex were written. As long as that is little it is in the
//! walk's row, so that a message which comes writes no part.

use super::slot::FolderSlot;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What it takes of the row at the most, bytes: the row stays below a kilobyte, a write unit where that is counted.
const BYTES_MAX: usize = 400;
/// Of an entry, beside its link.
const ENTRY_BYTES: usize = 60;

/// What a round that ended changed of its folder, against what the annex holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct RoundEnd {
    /// So many bytes of the link are as they were.
    kept: usize,
    /// What follows them.
    rest: String,
    /// When it was read, seconds since the Unix epoch.
    at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<i64>,
}

impl RoundEnd {
    /// `None`: something else changed as well.
    fn between(before: &FolderSlot, after: &FolderSlot) -> Option<Self> {
        let (old, new) = (before.standing.link.as_deref()?, after.standing.link.as_deref()?);
        let alike = |(old, new): &(char, char)| old == new;
        let kept = old.chars().zip(new.chars()).take_while(alike).map(|(one, _)| one.len_utf8()).sum();
        let (rest, count) = (new.get(kept..)?.to_owned(), after.standing.count);
        let round = RoundEnd { kept, rest, at: after.standing.stored_at, count };
        (round.after(before)? == *after).then_some(round)
    }

    /// The folder after it. `None`: it is another one's.
    fn after(&self, before: &FolderSlot) -> Option<FolderSlot> {
        let mut after = before.clone();
        let kept = before.standing.link.as_deref()?.get(..self.kept)?;
        after.standing.link = Some(format!("{kept}{}", self.rest));
        (after.standing.stored_at, after.standing.count) = (self.at, self.count);
        Some(after)
    }
}

/// By slot.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Journal(BTreeMap<usize, RoundEnd>);

impl Journal {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes what changed of a slot. Whether that could be noted.
    pub(super) fn note(&mut self, slot: usize, before: &FolderSlot, after: &FolderSlot) -> bool {
        if before == after {
            return true;
        }
        let round = RoundEnd::between(before, after);
        let is_noted = round.is_some();
        self.0.extend(round.map(|round| (slot, round)));
        is_noted
    }

    /// A folder as it is now, of what the annex holds of its slot.
    pub(super) fn read(&self, slot: usize, stored: FolderSlot) -> FolderSlot {
        self.0.get(&slot).and_then(|round| round.after(&stored)).unwrap_or(stored)
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = usize> {
        self.0.keys().copied()
    }

    /// Leaves out what is written otherwise.
    pub(super) fn forget(&mut self, is_written: impl Fn(usize) -> bool) {
        self.0.retain(|slot, _| !is_written(*slot));
    }

    /// There is more than belongs into the row.
    pub(super) fn is_long(&self) -> bool {
        self.0.values().map(|round| round.rest.len() + ENTRY_BYTES).sum::<usize>() > BYTES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const LINK: &str = "/me/mailFolders/in%C3%9Fbox/messages/delta?$deltatoken=";

    fn slot(more: &Value) -> FolderSlot {
        let mut slot = json!({ "id": "inßbox", "link": format!("{LINK}ßold"), "stored_at": 100, "count": 1 });
        slot.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(slot).unwrap()
    }

    fn later(token: &str) -> FolderSlot {
        slot(&json!({ "link": format!("{LINK}{token}"), "stored_at": 900, "count": 2 }))
    }

    #[test]
    fn a_round_that_ended_is_noted_by_what_it_changed() {
        let (before, mut journal) = (slot(&json!({})), Journal::default());
        assert!(journal.note(3, &before, &before) && journal.is_empty(), "nothing did");
        for token in ["ßnew", "new", "ßolder", "ßol", ""] {
            let after = later(token);
            assert!(journal.note(3, &before, &after));
            let stored: Journal = serde_json::from_str(&serde_json::to_string(&journal).unwrap()).unwrap();
            assert_eq!(stored.read(3, before.clone()), after);
            assert_eq!(stored.read(4, before.clone()), before, "another slot");
        }
    }

    #[test]
    fn what_else_changes_is_not_noted() {
        let before = slot(&json!({}));
        let changes = [
            json!({ "link": null }),
            json!({ "is_within": true }),
            json!({ "missed_at": 7 }),
            json!({ "id": "other" }),
            json!({ "descent": {} }),
        ];
        for more in changes {
            let (after, mut journal) = (slot(&more), Journal::default());
            assert!(!journal.note(0, &before, &after) && !journal.note(0, &after, &before), "{more}");
            assert!(journal.is_empty());
        }
    }

    #[test]
    fn an_entry_that_fits_no_folder_changes_none() {
        let mut journal = Journal::default();
        assert!(journal.note(0, &slot(&json!({})), &later("ßolder")));
        for other in [json!({ "link": null }), json!({ "link": "/me" })] {
            assert_eq!(journal.read(0, slot(&other)), slot(&other));
        }
    }

    #[test]
    fn it_is_long_before_it_would_fill_the_row() {
        let (mut journal, token) = (Journal::default(), "x".repeat(172));
        assert!(journal.note(0, &slot(&json!({})), &later(&token)) && !journal.is_long());
        assert!(journal.note(1, &slot(&json!({})), &later(&token)) && journal.is_long());
        journal.forget(|slot| slot == 1);
        assert!(!journal.is_long());
    }
}
