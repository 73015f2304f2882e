//! The events that are there, as far as was told: by it a change is a creation or an update, a replay is nothing, and
//! after an expired position what vanished is found.
//!
//! A cancelled exception of a series is kept among them, as cancelled: every listing shows it for as long as the series
//! is there, and its deletion is told once.

use crate::error::{Error, ErrorKind};
use crate::googlecalendar::normalise::Entry;
use crate::snapshot::OBJECTS_MAX;
use crate::snapshot::packed::{self, Objects, PackedObject, Presence};
use domain::event::ChangeKind;
use domain::ids::digest64;

/// The state of a cancelled exception; no event's digest is taken for it.
const CANCELLED: u64 = 0;
/// Ids remembered of deleted events, in case that they come back: people take a deletion back within minutes.
const DELETED_COUNT_MAX: usize = 128;

/// What an entry says that was not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EntryChange {
    pub(crate) kind: ChangeKind,
    /// A creation after a deletion that was told.
    pub(crate) again: bool,
}

impl EntryChange {
    fn new(kind: ChangeKind) -> Self {
        EntryChange { kind, again: false }
    }
}

#[derive(Default)]
pub(crate) struct KnownEvents {
    objects: Objects,
    deleted: Vec<u64>,
}

impl KnownEvents {
    pub(crate) fn unpacked(text: &str, deleted: &[u64]) -> Result<Self, Error> {
        Ok(KnownEvents { objects: packed::unpack(text)?, deleted: deleted.to_vec() })
    }

    pub(crate) fn packed(&self) -> Result<String, Error> {
        packed::pack(&self.objects)
    }

    pub(crate) fn deleted(&self) -> &[u64] {
        &self.deleted
    }

    /// Takes an entry in; what it says, if that is news.
    pub(crate) fn take(&mut self, entry: &Entry) -> Result<Option<EntryChange>, Error> {
        let held = self.objects.get(&entry.id).map(|held| held.digest);
        let told = match (entry.is_cancelled, held) {
            // Told before or not: it was a part of its series, and is none any more.
            (true, Some(CANCELLED)) => None,
            (true, _) if entry.is_exception => Some(EntryChange::new(ChangeKind::Deleted)),
            (true, Some(_)) => Some(EntryChange::new(ChangeKind::Deleted)),
            // It came and went.
            (true, None) => None,
            (false, Some(CANCELLED)) => Some(EntryChange { kind: ChangeKind::Created, again: true }),
            (false, Some(digest)) if digest == entry.digest() => None,
            (false, Some(_)) => Some(EntryChange::new(ChangeKind::Updated)),
            (false, None) => {
                let again = self.forget_deleted(&entry.id);
                Some(EntryChange { kind: ChangeKind::Created, again })
            }
        };
        match (entry.is_cancelled, entry.is_exception) {
            (true, false) => {
                if self.objects.remove(&entry.id).is_some() {
                    self.remember_deleted(&entry.id);
                }
            }
            (true, true) => self.hold(&entry.id, CANCELLED),
            (false, _) => self.hold(&entry.id, entry.digest()),
        }
        if self.objects.len() > OBJECTS_MAX {
            let reason = format!("the calendar has more than {OBJECTS_MAX} events, too many to tell apart");
            return Err(Error::new(ErrorKind::Rejected, reason));
        }
        Ok(told)
    }

    fn hold(&mut self, id: &str, digest: u64) {
        self.objects.insert(id.to_owned(), PackedObject { digest, mark: Presence::Present, seen: false });
    }

    /// A whole listing begins: what it does not show is gone.
    pub(crate) fn doubt_all(&mut self) {
        self.objects.values_mut().for_each(|held| held.mark = Presence::Missing);
    }

    /// The listing came to its end.
    pub(crate) fn settle(&mut self) {
        self.objects.retain(|_, held| held.mark != Presence::Missing || held.digest != CANCELLED);
        let missing = self.objects.values_mut().filter(|held| held.mark == Presence::Missing);
        missing.for_each(|held| held.mark = Presence::Gone);
    }

    /// The listing passed something over: what it did not show may be that.
    pub(crate) fn trust_all(&mut self) {
        self.objects.values_mut().for_each(|held| held.mark = Presence::Present);
    }

    pub(crate) fn has_gone(&self) -> bool {
        self.objects.values().any(|held| held.mark == Presence::Gone)
    }

    /// Takes some of what is gone out: ids, and the digests of their last states.
    pub(crate) fn take_gone(&mut self, count_max: usize) -> Vec<(String, u64)> {
        let gone = self.objects.iter().filter(|(_, held)| held.mark == Presence::Gone);
        let gone: Vec<(String, u64)> =
            gone.take(count_max).map(|(id, held)| (id.clone(), held.digest)).collect();
        for (id, _) in &gone {
            self.objects.remove(id);
            self.remember_deleted(id);
        }
        gone
    }

    fn remember_deleted(&mut self, id: &str) {
        self.deleted.push(digest64(&[id.as_bytes()]));
        if self.deleted.len() > DELETED_COUNT_MAX {
            self.deleted.remove(0);
        }
    }

    fn forget_deleted(&mut self, id: &str) -> bool {
        let digest = digest64(&[id.as_bytes()]);
        let before = self.deleted.len();
        self.deleted.retain(|known| *known != digest);
        self.deleted.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Entries of one event, as a word each: a letter is a state of it, `-` its cancellation. Gives what is told of each:
    /// C(reated), U(pdated), D(eleted), A(gain created), or `.` for nothing.
    #[track_caller]
    fn check(words: &str, is_exception: bool, expected: &str) {
        let mut known = KnownEvents::default();
        let told: String = words
            .split_whitespace()
            .map(|word| {
                let mut record = match word {
                    "-" => json!({ "id": "e", "status": "cancelled" }),
                    etag => json!({ "id": "e", "status": "confirmed", "etag": etag }),
                };
                if is_exception {
                    record["recurringEventId"] = json!("series");
                }
                // As a poll does: nothing but the packed form is kept.
                known = KnownEvents::unpacked(&known.packed().unwrap(), known.deleted()).unwrap();
                match known.take(&Entry::of(record).unwrap()).unwrap() {
                    None => '.',
                    Some(EntryChange { again: true, .. }) => 'A',
                    Some(EntryChange { kind: ChangeKind::Created, .. }) => 'C',
                    Some(EntryChange { kind: ChangeKind::Updated, .. }) => 'U',
                    Some(EntryChange { kind: ChangeKind::Deleted, .. }) => 'D',
                }
            })
            .collect();
        assert_eq!(told, expected, "{words}");
    }

    #[test]
    fn an_events_life_is_told_once() {
        for (words, expected) in [
            ("a", "C"),
            ("a a", "C."),
            ("a b b", "CU."),
            ("a -", "CD"),
            ("a - -", "CD."),
            // It came and went before anybody looked.
            ("-", "."),
            ("a - a", "CDA"),
            ("a - a -", "CDAD"),
        ] {
            check(words, false, expected);
        }
    }

    #[test]
    fn a_cancelled_exception_is_deleted_told_before_or_not_and_once() {
        for (words, expected) in
            [("-", "D"), ("- -", "D."), ("a -", "CD"), ("a - -", "CD."), ("- a", "DA"), ("- a -", "DAD")]
        {
            check(words, true, expected);
        }
    }

    #[test]
    fn what_a_whole_listing_does_not_show_is_gone_but_for_exceptions_that_were_cancelled() {
        let entry = |id: &str, more: &str| {
            let status = if more == "cancelled" { "cancelled" } else { "confirmed" };
            let record = json!({ "id": id, "status": status, "etag": "1", "recurringEventId": "s" });
            Entry::of(record).unwrap()
        };
        let mut known = KnownEvents::default();
        for (id, more) in [("stays", ""), ("goes", ""), ("was", "cancelled")] {
            known.take(&entry(id, more)).unwrap();
        }
        known.doubt_all();
        assert_eq!(known.take(&entry("stays", "")).unwrap(), None);
        known.settle();
        let ids: Vec<String> = known.take_gone(9).into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, ["goes"]);
        assert!(!known.has_gone());
    }
}
