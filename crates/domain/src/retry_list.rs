//! Records that failed on their own and wait to be read again.
//!
//! The list is part of a resource's state and changes with it. A short one is stored as it is; a long one packed, so
//! that ten thousand records after an outage are some hundred kilobytes.

use crate::event::ChangeKind;
use crate::packed_text;
use crate::schedule::{Pause, backoff, set_back};
use chrono::{DateTime, Duration, Utc};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Maximum records waiting. Beyond it the position waits with them: a mailbox of which ten thousand messages can't
/// be read is better late than hollow.
pub const RETRY_RECORDS_COUNT_MAX: usize = 10_000;
/// Up to this many records are stored in readable form.
const PLAIN_COUNT_MAX: usize = 20;
/// What a packed list unpacks to at the most: a record has some hundred bytes.
const UNPACKED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A record whose change was seen but which the provider did not give us.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetryRecord {
    /// Its id.
    pub object_id: String,
    /// What happened to it.
    #[serde(default, skip_serializing_if = "is_created")]
    pub kind: ChangeKind,
    /// The provider's name of the change.
    pub version: String,
    /// What the changes said of the record, sent as it is if the record never comes.
    pub stub: Value,
    /// Tries so far.
    pub tries: u32,
    /// Not before then.
    pub due_at: DateTime<Utc>,
    /// The last try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried_at: Option<DateTime<Utc>>,
    /// How long it has failed while others could be read, seconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub alone_s: u32,
    /// What is waited for.
    #[serde(default, skip_serializing_if = "Phase::is_waiting")]
    pub phase: Phase,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Its creation was not reported.
    #[default]
    Waiting,
    /// Its creation was reported without its content, which follows if it can be read until then.
    Incomplete { until: DateTime<Utc> },
    /// It is gone. Its deletion, if shown until then, is not reported.
    Gone { until: DateTime<Utc> },
}

impl Phase {
    fn is_waiting(&self) -> bool {
        *self == Phase::Waiting
    }

    fn until(self) -> Option<DateTime<Utc>> {
        match self {
            Phase::Waiting => None,
            Phase::Incomplete { until } | Phase::Gone { until } => Some(until),
        }
    }
}

/// How looking again goes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Looks {
    /// An object that could be read lately: where nothing else can be compared with, it shows whether the provider
    /// answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<String>,
    /// Looks in a row at which nothing could be read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures: u32,
    /// Nothing is looked at before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_until: Option<DateTime<Utc>>,
}

impl Looks {
    /// Nothing is noted.
    pub fn is_new(&self) -> bool {
        *self == Looks::default()
    }
}

/// The records that wait, each object once.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RetryList(Vec<RetryRecord>);

impl RetryList {
    /// All records, in no particular order.
    pub fn records(&self) -> &[RetryRecord] {
        &self.0
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Records whose creation is still to be reported.
    pub fn waiting_count(&self) -> usize {
        self.0.iter().filter(|record| record.phase.is_waiting()).count()
    }

    /// There is no room for all waiting records.
    pub fn is_over_full(&self) -> bool {
        self.waiting_count() > RETRY_RECORDS_COUNT_MAX
    }

    /// This object's record.
    pub fn find(&self, object_id: &str) -> Option<&RetryRecord> {
        self.0.iter().find(|record| record.object_id == object_id)
    }

    /// The same, to change it.
    pub fn find_mut(&mut self, object_id: &str) -> Option<&mut RetryRecord> {
        self.0.iter_mut().find(|record| record.object_id == object_id)
    }

    /// Takes an object's record out.
    pub fn remove(&mut self, object_id: &str) {
        self.0.retain(|record| record.object_id != object_id);
    }

    /// Adds a record. What is known of the object already stays, unless it has come to an end.
    pub fn add(&mut self, record: RetryRecord) {
        match self.find_mut(&record.object_id) {
            Some(known) if matches!(known.phase, Phase::Gone { .. }) => *known = record,
            Some(known) => {
                if known.kind != ChangeKind::Created {
                    known.version = record.version;
                }
                merge(&mut known.stub, &record.stub);
            }
            None => self.0.push(record),
        }
    }

    /// Drops records that waited long enough and, if there are too many, those already reported; the oldest first.
    pub fn prune(&mut self, now: DateTime<Utc>) {
        self.0.retain(|record| record.phase.until().is_none_or(|until| now < until));
        let mut excess = self.0.len().saturating_sub(RETRY_RECORDS_COUNT_MAX);
        self.0.retain(|record| {
            let goes = excess > 0 && !record.phase.is_waiting();
            excess -= usize::from(goes);
            !goes
        });
    }

    /// The clock was set back by so much: no record waits longer than it was meant to.
    pub fn set_back(&mut self, by: Duration, now: DateTime<Utc>) {
        self.0.iter_mut().for_each(|record| set_back(&mut record.due_at, by, now));
    }

    /// When the next record is due.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.0.iter().filter(|record| !is_gone(record)).map(|record| record.due_at).min()
    }

    /// At most so many records that are due, the oldest first.
    pub fn due(&self, now: DateTime<Utc>, count_max: usize) -> Vec<RetryRecord> {
        let is_due = |record: &&RetryRecord| !is_gone(record) && record.due_at <= now;
        let mut due: Vec<&RetryRecord> = self.0.iter().filter(is_due).collect();
        due.sort_by_key(|record| record.due_at);
        due.into_iter().take(count_max).cloned().collect()
    }
}

fn is_gone(record: &RetryRecord) -> bool {
    matches!(record.phase, Phase::Gone { .. })
}

fn is_created(kind: &ChangeKind) -> bool {
    *kind == ChangeKind::Created
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Takes over what is newer.
pub fn merge(stub: &mut Value, newer: &Value) {
    let (Some(stub), Some(newer)) = (stub.as_object_mut(), newer.as_object()) else { return };
    stub.extend(newer.iter().map(|(key, value)| (key.clone(), value.clone())));
}

/// A list as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum StoredList {
    Plain(Vec<RetryRecord>),
    Packed { packed: String },
}

impl Serialize for RetryList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.len() <= PLAIN_COUNT_MAX {
            return self.0.serialize(serializer);
        }
        let records = serde_json::to_vec(&self.0).map_err(S::Error::custom)?;
        let packed = packed_text::pack(&records).map_err(S::Error::custom)?;
        StoredList::Packed { packed }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RetryList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let packed = match StoredList::deserialize(deserializer)? {
            StoredList::Plain(records) => return Ok(RetryList(records)),
            StoredList::Packed { packed } => packed,
        };
        let records = packed_text::unpack(&packed, UNPACKED_BYTES_MAX).map_err(D::Error::custom)?;
        serde_json::from_slice(&records).map(RetryList).map_err(D::Error::custom)
    }
}

/// How often a look at a record is worth a request, however long it has failed.
pub fn pause(tries: u32) -> Duration {
    // Short enough for an outage of an hour to be over, for every record, minutes after its end.
    backoff(tries + 1, Pause::Unsaid, u64::from(tries)).min(Duration::minutes(5))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;
    use serde_json::json;

    fn at(seconds: i64) -> DateTime<Utc> {
        Utc.timestamp_opt(1_795_000_000 + seconds, 0).unwrap()
    }

    fn record(id: &str, due_s: i64) -> RetryRecord {
        RetryRecord {
            object_id: id.to_owned(),
            kind: ChangeKind::Created,
            version: "7301002".to_owned(),
            stub: json!({ "id": id, "threadId": id, "labelIds": ["UNREAD", "INBOX"] }),
            tries: 1,
            due_at: at(due_s),
            tried_at: Some(at(0)),
            alone_s: 0,
            phase: Phase::Waiting,
        }
    }

    fn list(count: usize) -> RetryList {
        // Ids as providers make them: nothing in them repeats.
        let id = |n: usize| format!("{:016x}", crate::ids::digest64(&[&n.to_be_bytes()]));
        RetryList((0..count).map(|n| record(&id(n), n as i64)).collect())
    }

    fn ids(records: &[RetryRecord]) -> Vec<&str> {
        records.iter().map(|record| record.object_id.as_str()).collect()
    }

    #[test]
    fn any_number_comes_back_as_it_was_and_takes_little_room() {
        for (count, bytes_max) in [(0, 2), (20, 5_000), (21, 3_000), (10_000, 400_000)] {
            let list = list(count);
            let stored = serde_json::to_string(&list).unwrap();
            assert!(stored.len() <= bytes_max, "{count} take {}", stored.len());
            assert_eq!(serde_json::from_str::<RetryList>(&stored).unwrap(), list);
        }
    }

    #[test]
    fn lists_of_before_are_read() {
        let stored = r#"[{"object_id":"a","version":"7","stub":{"id":"a"},"tries":3,
            "due_at":"2026-11-22T12:00:00Z"}]"#;
        let list: RetryList = serde_json::from_str(stored).unwrap();
        let record = list.find("a").unwrap();
        assert_eq!((record.tries, record.alone_s, record.phase), (3, 0, Phase::Waiting));
        assert!(
            serde_json::from_str::<RetryList>(r#"{"packed":"!"}"#).is_err(),
            "what is broken is no empty list"
        );
    }

    #[test]
    fn the_oldest_due_come_first_and_the_gone_never() {
        let mut list = RetryList::default();
        for (id, due_s) in [("b", 5), ("gone", 0), ("a", 3), ("later", 60)] {
            list.add(record(id, due_s));
        }
        list.find_mut("gone").unwrap().phase = Phase::Gone { until: at(1000) };
        assert_eq!(ids(&list.due(at(10), 10)), ["a", "b"]);
        assert_eq!(ids(&list.due(at(10), 1)), ["a"]);
        assert_eq!(list.next_due(), Some(at(3)));
        assert_eq!(list.waiting_count(), 3);
    }

    #[test]
    fn what_was_told_makes_room_and_what_waits_does_not() {
        let mut list = list(RETRY_RECORDS_COUNT_MAX);
        let told = list.0[17].object_id.clone();
        list.0[17].phase = Phase::Incomplete { until: at(1000) };
        list.add(record("new", 0));
        assert!(!list.is_over_full());
        list.prune(at(0));
        assert_eq!((list.0.len(), list.find(&told)), (RETRY_RECORDS_COUNT_MAX, None));
        list.add(record("one more", 0));
        list.prune(at(0));
        assert!(list.is_over_full(), "nothing that waits is let go");
    }

    #[test]
    fn what_has_waited_long_enough_goes() {
        let mut list = list(3);
        list.0[0].phase = Phase::Incomplete { until: at(100) };
        list.0[1].phase = Phase::Gone { until: at(100) };
        list.prune(at(99));
        assert_eq!(list.0.len(), 3);
        list.prune(at(100));
        assert_eq!(list.0.len(), 1);
    }

    #[test]
    fn an_object_waits_once_with_the_newest_that_is_known() {
        let mut list = RetryList::default();
        list.add(record("a", 0));
        list.add(RetryRecord { stub: json!({ "labelIds": ["TRASH"] }), ..record("a", 9) });
        assert_eq!(list.0.len(), 1);
        assert_eq!(list.0[0].stub, json!({ "id": "a", "threadId": "a", "labelIds": ["TRASH"] }));
        assert_eq!(list.0[0].due_at, at(0));
    }
}
