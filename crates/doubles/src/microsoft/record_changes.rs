//! What happened to contacts, calendars, events and folders, as delta queries need it.

use std::collections::VecDeque;

use super::kind::Type;
use super::stored::StoredItem;

/// Beyond this the oldest changes go, and with them the delta tokens from before.
const CHANGES_MAX: usize = 50_000;

/// One step of a contact, calendar, event or folder, as delta queries need it.
#[derive(Clone, Debug)]
pub(super) struct RecordChange {
    pub(super) number: u64,
    pub(super) kind: Type,
    pub(super) id: String,
    /// As it was; none for a new one, and for a folder.
    pub(super) before: Option<StoredItem>,
}

/// The latest steps of all of them.
#[derive(Default)]
pub(super) struct RecordChanges {
    pub(super) latest: VecDeque<RecordChange>,
    pub(super) count: u64,
}

impl RecordChanges {
    pub(super) fn note(&mut self, kind: Type, id: &str, before: Option<StoredItem>) {
        self.count += 1;
        self.latest.push_back(RecordChange { number: self.count, kind, id: id.to_owned(), before });
        if self.latest.len() > CHANGES_MAX {
            self.latest.pop_front();
        }
    }
}
