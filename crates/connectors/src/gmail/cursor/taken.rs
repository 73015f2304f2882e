//! Which records of history were taken, above the position that polls ask from.
//!
//! A poll reads them again, because a record that was not shown before may lie between them. Outlook's memory has the
//! same task; there a state has no number, so that it keeps digests, while here the records' ids are numbers that grow,
//! and their differences take a byte or two. Of a record that speaks of a thousand messages a step takes some: then the
//! digests of these are kept until the others have followed.

use super::HistoryId;
use crate::numbers;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::digest64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};

const DIGEST_BYTES: usize = 8;

/// What was taken of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
enum TakenPart {
    Whole,
    /// Digests of the messages that were.
    Of(BTreeSet<u64>),
}

/// The records that were taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TakenRecords(BTreeMap<HistoryId, TakenPart>);

impl TakenRecords {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How much there is to remember.
    pub(crate) fn len(&self) -> usize {
        let parts = self.0.values().map(|part| match part {
            TakenPart::Whole => 1,
            TakenPart::Of(messages) => messages.len(),
        });
        parts.sum()
    }

    /// Whether what this record says of this message was taken.
    pub(crate) fn knows(&self, record: HistoryId, message_id: &str) -> bool {
        match self.0.get(&record) {
            None => false,
            Some(TakenPart::Whole) => true,
            Some(TakenPart::Of(messages)) => messages.contains(&digest(message_id)),
        }
    }

    /// Takes what a record says of one message; others of it are still to come.
    pub(crate) fn add(&mut self, record: HistoryId, message_id: &str) {
        let part = self.0.entry(record).or_insert_with(|| TakenPart::Of(BTreeSet::new()));
        if let TakenPart::Of(messages) = part {
            messages.insert(digest(message_id));
        }
    }

    /// Nothing of the record is left to take.
    pub(crate) fn complete(&mut self, record: HistoryId) {
        self.0.insert(record, TakenPart::Whole);
    }

    /// Drops what polls never come to again.
    pub(crate) fn forget_through(&mut self, position: HistoryId) {
        self.0.retain(|record, _| *record > position);
    }

    /// Whether a record at this position or after it was taken.
    pub(crate) fn has_from(&self, position: HistoryId) -> bool {
        self.0.range(position..).next().is_some()
    }

    /// The newest taken record before another one.
    pub(crate) fn last_before(&self, record: HistoryId) -> Option<HistoryId> {
        self.0.range(..record).next_back().map(|(id, _)| *id)
    }
}

fn digest(message_id: &str) -> u64 {
    digest64(&[message_id.as_bytes()])
}

impl Serialize for TakenRecords {
    /// base64url of: the count of whole records and the differences of their ids, then the others, each with its
    /// difference, the count of its messages and their digests.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let whole: Vec<HistoryId> =
            self.0.iter().filter(|(_, part)| **part == TakenPart::Whole).map(|(id, _)| *id).collect();
        let mut bytes = Vec::new();
        numbers::put(&mut bytes, whole.len() as u128);
        let mut former = HistoryId::default();
        for id in whole {
            numbers::put(&mut bytes, id.0 - former.0);
            former = id;
        }
        let mut former = HistoryId::default();
        for (id, part) in &self.0 {
            let TakenPart::Of(messages) = part else { continue };
            numbers::put(&mut bytes, id.0 - former.0);
            numbers::put(&mut bytes, messages.len() as u128);
            bytes.extend(messages.iter().flat_map(|message| message.to_be_bytes()));
            former = *id;
        }
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for TakenRecords {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(serde::de::Error::custom)?;
        // A memory with a hole in it would repeat events: it is an error.
        read(&bytes)
            .map(TakenRecords)
            .ok_or_else(|| serde::de::Error::custom("the taken records are truncated"))
    }
}

fn read(bytes: &[u8]) -> Option<BTreeMap<HistoryId, TakenPart>> {
    let mut taken = BTreeMap::new();
    let (count, mut rest) = numbers::first_count(bytes)?;
    let mut former: u128 = 0;
    for _ in 0..count {
        let (difference, after) = numbers::first(rest)?;
        former = former.checked_add(difference)?;
        taken.insert(HistoryId(former), TakenPart::Whole);
        rest = after;
    }
    former = 0;
    while !rest.is_empty() {
        let (difference, after) = numbers::first(rest)?;
        let (count, after) = numbers::first_count(after)?;
        let (digests, after) = after.split_at_checked(count.checked_mul(DIGEST_BYTES)?)?;
        let digests = digests.chunks_exact(DIGEST_BYTES).filter_map(|chunk| chunk.try_into().ok());
        former = former.checked_add(difference)?;
        taken.insert(HistoryId(former), TakenPart::Of(digests.map(u64::from_be_bytes).collect()));
        rest = after;
    }
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_survives_its_stored_form() {
        let mut taken = TakenRecords::default();
        for id in [3, u128::from(u64::MAX), u128::MAX] {
            taken.complete(HistoryId(id));
        }
        taken.add(HistoryId(7), "a");
        taken.add(HistoryId(7), "b");
        taken.add(HistoryId(9), "a");
        for taken in [TakenRecords::default(), taken] {
            let text = serde_json::to_string(&taken).unwrap();
            assert_eq!(serde_json::from_str::<TakenRecords>(&text).unwrap(), taken, "{text}");
        }
    }

    #[test]
    fn ten_thousand_records_take_few_bytes() {
        let mut taken = TakenRecords::default();
        for n in 0..10_000 {
            taken.complete(HistoryId(7_301_000 + n * 100));
        }
        let text = serde_json::to_string(&taken).unwrap();
        assert!(text.len() < 15_000, "{} bytes", text.len());
    }

    #[test]
    fn a_record_is_known_by_its_messages_until_it_is_whole() {
        let mut taken = TakenRecords::default();
        taken.add(HistoryId(7), "a");
        assert!(taken.knows(HistoryId(7), "a") && !taken.knows(HistoryId(7), "b"));
        taken.complete(HistoryId(7));
        assert!(taken.knows(HistoryId(7), "b") && !taken.knows(HistoryId(8), "b"));
        assert_eq!(taken.last_before(HistoryId(7)), None);
        assert_eq!(taken.last_before(HistoryId(8)), Some(HistoryId(7)));
        taken.forget_through(HistoryId(7));
        assert!(taken.is_empty());
    }

    #[test]
    fn what_breaks_off_is_an_error() {
        for text in ["\"\"", "\"!\"", "\"Ag\"", "\"AAcB\"", "7"] {
            assert!(serde_json::from_str::<TakenRecords>(text).is_err(), "{text}");
        }
    }
}
