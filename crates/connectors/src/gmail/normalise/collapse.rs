//! What a stretch of history did to each message.
//!
//! The records of a stretch are of two kinds: new ones, still to be reported, and ones that were taken before and are
//! seen again because the stored position waits for late records. The new ones decide whether a message is reported, and
//! under which version; all of them together decide what it is now. Two examples of what would go wrong otherwise: a
//! late label change below a reported one would be reported with the old labels, and a late addition below a reported
//! deletion would be reported as a creation.

use crate::gmail::api::{Entry, Message, Record};
use crate::gmail::cursor::HistoryId;
use crate::gmail::cursor::taken::TakenRecords;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

pub(crate) const DRAFT: &str = "DRAFT";

/// Whether a message is in the mailbox, according to additions and deletions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Presence {
    /// None of them was seen.
    #[default]
    Untold,
    There,
    Gone,
}

/// What a stretch of history did to one message, in the order of its records.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Collapsed {
    pub(crate) message_id: String,
    pub(crate) thread_id: Option<String>,
    /// The labels after the last record that has them.
    pub(crate) labels: Option<Vec<String>>,
    /// It was kept back before the new records, as a draft, and is none any more.
    pub(crate) undrafted: bool,
    /// The first and the last new record: no event has had either as its version.
    pub(crate) first: HistoryId,
    pub(crate) last: HistoryId,
    /// The last record, whether new or not.
    pub(crate) newest: HistoryId,
    /// All new records.
    pub(crate) records: Vec<HistoryId>,
    /// After the records that were taken before: what the receiver knows.
    was: Presence,
    /// After the first of the new records that has them.
    begins: Presence,
    /// After all of them.
    is: Presence,
}

impl Collapsed {
    /// A message that a list shows, as if one record had added it.
    pub(crate) fn listed(message_id: String, thread_id: Option<String>, record: HistoryId) -> Self {
        Collapsed {
            message_id,
            thread_id,
            first: record,
            last: record,
            newest: record,
            begins: Presence::There,
            is: Presence::There,
            ..Collapsed::default()
        }
    }

    /// Whether it was in the mailbox before the new records, as far as the receiver can know.
    fn existed(&self) -> bool {
        match self.was {
            Presence::There => true,
            Presence::Gone => false,
            // Nothing else was seen: what begins with an addition is new, anything else was there.
            Presence::Untold => self.begins != Presence::There,
        }
    }

    /// Whether it is in the mailbox.
    pub(crate) fn exists(&self) -> bool {
        self.is != Presence::Gone
    }

    /// Whether it is new to the mailbox as its user sees it: a draft that was sent counts.
    pub(crate) fn is_creation(&self) -> bool {
        self.exists() && (!self.existed() || self.undrafted)
    }

    /// A later record of it was taken before: that one may have reported the creation, as when a draft is
    /// sent before its addition shows.
    pub(crate) fn is_late(&self) -> bool {
        self.newest > self.last
    }

    /// It is gone, and the receiver never knew it, or knows that already.
    pub(crate) fn came_and_went(&self) -> bool {
        !self.exists() && !self.existed()
    }

    pub(crate) fn is_draft(&self) -> bool {
        self.labels.as_ref().is_some_and(|labels| labels.iter().any(|label| label == DRAFT))
    }

    /// What is known of a message without reading it.
    pub(crate) fn stub(&self) -> Value {
        let mut record = json!({ "id": self.message_id });
        if let Some(thread_id) = &self.thread_id {
            record["threadId"] = json!(thread_id);
        }
        if let Some(labels) = &self.labels {
            record["labelIds"] = json!(labels);
        }
        record
    }

    fn apply(&mut self, entry: &Entry, what: What, record: HistoryId, is_new: bool) {
        self.newest = record;
        self.thread_id = entry.message.thread_id.clone().or(self.thread_id.take());
        self.labels = entry.message.label_ids.clone().or(self.labels.take());
        if let Some(presence) = what.presence() {
            self.is = presence;
            match (is_new, self.begins) {
                (false, _) => self.was = presence,
                (true, Presence::Untold) => self.begins = presence,
                (true, _) => {}
            }
        }
        if is_new {
            self.note(record);
            self.undrafted |=
                what == What::Unlabelled && entry.label_ids.entries.iter().any(|label| label == DRAFT);
        }
        if let Some(labels) = &mut self.labels {
            // If a message's labels are those before the record, the record's own lists correct them.
            match what {
                What::Labelled => {
                    let new = entry.label_ids.entries.iter().filter(|label| !labels.contains(label)).cloned();
                    labels.extend(new.collect::<Vec<_>>());
                }
                What::Unlabelled => labels.retain(|label| !entry.label_ids.entries.contains(label)),
                What::Added | What::Deleted => {}
            }
        }
    }

    fn note(&mut self, record: HistoryId) {
        if self.records.is_empty() {
            self.first = record;
        }
        self.last = record;
        if self.records.last() != Some(&record) {
            self.records.push(record);
        }
    }
}

/// Collapses records, which are in their order, per message; only messages with something new, in the order of their
/// first new record.
pub(crate) fn collapse(records: &[Record], taken: &TakenRecords) -> Vec<Collapsed> {
    let is_new = |record: &Record, message: &Message| !taken.knows(record.id, &message.id);
    let all =
        || records.iter().flat_map(|record| entries(record).map(move |(entry, what)| (record, entry, what)));
    let with_news: HashSet<&str> = all()
        .filter(|(record, entry, _)| is_new(record, &entry.message))
        .map(|(_, entry, _)| entry.message.id.as_str())
        .collect();
    let mut collapsed: Vec<Collapsed> = Vec::new();
    let mut index: HashMap<&str, usize> = HashMap::new();
    for (record, entry, what) in all() {
        let id = entry.message.id.as_str();
        if !with_news.contains(id) {
            continue;
        }
        let at = *index.entry(id).or_insert_with(|| {
            collapsed.push(Collapsed { message_id: id.to_owned(), ..Collapsed::default() });
            collapsed.len() - 1
        });
        collapsed[at].apply(entry, what, record.id, is_new(record, &entry.message));
    }
    collapsed.sort_by_key(|one| one.first);
    collapsed
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    Added,
    Labelled,
    Unlabelled,
    Deleted,
}

impl What {
    fn presence(self) -> Option<Presence> {
        match self {
            What::Added => Some(Presence::There),
            What::Deleted => Some(Presence::Gone),
            What::Labelled | What::Unlabelled => None,
        }
    }
}

fn entries(record: &Record) -> impl Iterator<Item = (&Entry, What)> {
    fn with(entries: &[Entry], what: What) -> impl Iterator<Item = (&Entry, What)> {
        entries.iter().map(move |entry| (entry, what))
    }
    with(&record.messages_added.entries, What::Added)
        .chain(with(&record.labels_added.entries, What::Labelled))
        .chain(with(&record.labels_removed.entries, What::Unlabelled))
        .chain(with(&record.messages_deleted.entries, What::Deleted))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records of one message, as a word each: `+` added, `-` deleted, `a` to `z` a label that came, in brackets what
    /// was taken before. Gives what is reported: C(reated), U(pdated), D(eleted) or nothing, its version, and the labels.
    #[track_caller]
    fn check(words: &str, expected: &str) {
        let mut taken = TakenRecords::default();
        let mut labels: Vec<String> = Vec::new();
        let records: Vec<Record> = words
            .split_whitespace()
            .zip(1..)
            .map(|(word, id)| {
                if word.starts_with('[') {
                    taken.complete(HistoryId(id));
                }
                let what = word.trim_matches(['[', ']']);
                if !matches!(what, "+" | "-") {
                    labels.push(what.to_owned());
                }
                record(id, what, &labels)
            })
            .collect();
        let told: Vec<String> = collapse(&records, &taken).iter().map(shown).collect();
        assert_eq!(told.join(" "), expected, "{words}");
    }

    fn record(id: u128, what: &str, labels: &[String]) -> Record {
        let entry = |labels_told: &[&str]| json!([{ "message": { "id": "m", "labelIds": labels }, "labelIds": labels_told }]);
        let (key, told) = match what {
            "+" => ("messagesAdded", vec![]),
            "-" => ("messagesDeleted", vec![]),
            label => ("labelsAdded", vec![label]),
        };
        serde_json::from_value(json!({ "id": id.to_string(), key: entry(&told) })).unwrap()
    }

    fn shown(one: &Collapsed) -> String {
        let kind = match (one.came_and_went(), one.is_creation(), one.exists()) {
            (true, _, _) => return "nothing".to_owned(),
            (_, true, _) => 'C',
            (_, _, true) => 'U',
            _ => 'D',
        };
        format!("{kind}{}({})", one.last, one.labels.clone().unwrap_or_default().concat())
    }

    #[test]
    fn a_stretch_of_new_records_is_told_as_what_it_comes_to() {
        for (words, expected) in [
            ("+", "C1()"),
            ("+ a b", "C3(ab)"),
            ("a b", "U2(ab)"),
            ("a -", "D2(a)"),
            ("-", "D1()"),
            ("+ -", "nothing"),
            ("+ a -", "nothing"),
            // Restored: it was there, and it is there.
            ("- +", "U2()"),
            ("- + -", "D3()"),
            ("+ - +", "C3()"),
        ] {
            check(words, expected);
        }
    }

    #[test]
    fn what_shows_late_is_told_as_what_it_is_now_and_under_a_version_of_its_own() {
        for (words, expected) in [
            ("[+]", ""),
            ("[+] a", "U2(a)"),
            ("[+] [a] -", "D3(a)"),
            // Below a reported label change: its labels are the present ones, its version is new.
            ("[+] a [b]", "U2(ab)"),
            ("[+] a [b] c [d]", "U4(abcd)"),
            // The addition itself is late: the receiver already got an update, and now gets the creation.
            ("+ [a]", "C1(a)"),
            ("+ [a] b", "C3(ab)"),
            // Below a reported deletion, nothing more is reported.
            ("+ [-]", "nothing"),
            ("[+] a [-]", "nothing"),
            ("+ a [-]", "nothing"),
            // A deletion shows late, below a reported restoration.
            ("[+] - [+]", "U2()"),
            ("[+] [-] +", "C3()"),
            ("[+] [-] + -", "nothing"),
        ] {
            check(words, expected);
        }
    }

    #[test]
    fn a_record_taken_in_part_is_new_for_the_other_messages() {
        let entries: Vec<Value> = ["a", "b", "c"].map(|id| json!({ "message": { "id": id } })).to_vec();
        let record = json!({ "id": "7", "messagesAdded": entries });
        let records: Vec<Record> = vec![serde_json::from_value(record).unwrap()];
        let mut taken = TakenRecords::default();
        taken.add(HistoryId(7), "b");
        let ids: Vec<String> = collapse(&records, &taken).into_iter().map(|one| one.message_id).collect();
        assert_eq!(ids, ["a", "c"]);
    }
}
