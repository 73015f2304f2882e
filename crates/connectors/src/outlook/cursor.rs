//! The position in a mailbox's modification times.

use super::memory::Memory;
use crate::error::Error;
use domain::resource::ResourceConfig;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How far before the watermark each poll looks again at the least, seconds: mail may become readable this much after
/// its timestamp.
const OVERLAP_S: i64 = 120;
/// The same at the most, whatever the configuration says: all that was seen in it is in the memory, and every poll
/// reads it again.
const OVERLAP_MAX_S: i64 = 3600;

/// How far before the watermark polls of a resource look again, seconds: its `pollDelay`, within bounds.
pub(super) fn overlap_s(resource: &ResourceConfig) -> i64 {
    i64::from(resource.poll_delay_s).clamp(OVERLAP_S, OVERLAP_MAX_S)
}

/// What is stored between polls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// Everything modified up to this second, less the overlap, was read. Seconds since the Unix epoch; never
    /// past the provider's clock.
    pub(super) watermark: i64,
    /// The states seen in the overlap.
    #[serde(default)]
    pub(super) memory: Memory,
    /// A walk that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) walk: Option<Walk>,
}

/// Reading on from one page to the next, over several steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Walk {
    /// The second of the last row taken: the next page begins with it.
    pub(super) position: i64,
    /// The provider's clock when the walk began. The watermark never passes it, so that what becomes readable
    /// while a long walk goes on is still within the next one's overlap.
    pub(super) ceiling: i64,
}

impl Cursor {
    /// A first position: what lies in the overlap before it is still to be seen.
    pub(super) fn at(watermark: i64, overlap_s: i64) -> Self {
        let mut cursor = Cursor { watermark, memory: Memory::default(), walk: None };
        cursor.known_from(watermark - overlap_s);
        cursor
    }

    pub(super) fn from_value(value: &Value) -> Result<Self, Error> {
        Cursor::deserialize(value).map_err(|error| Error::malformed("stored position", error))
    }

    pub(super) fn to_value(&self) -> Value {
        // Plain data with text keys always serialises.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The oldest second that counts as new: a message received from then on was not reported before. An overlap that
    /// was configured to be longer grows with the memory, because what was reported before that is not known.
    pub(super) fn since(&self, overlap_s: i64) -> i64 {
        let least = self.watermark - OVERLAP_S;
        let known = self.memory.begins().map_or(least, |begins| begins.min(least));
        known.max(self.watermark - overlap_s)
    }

    /// Where the next page begins.
    pub(super) fn from(&self, overlap_s: i64) -> i64 {
        self.walk.map_or(self.since(overlap_s), |walk| walk.position)
    }

    /// Notes a beginning of the memory that is not the usual one.
    pub(super) fn known_from(&mut self, second: i64) {
        if second < self.watermark - OVERLAP_S {
            self.memory.mark(second);
        }
    }

    /// The position after a walk that found nothing new: up to the provider's clock all is read.
    pub(super) fn settled(mut self, server_s: i64, overlap_s: i64) -> Self {
        let known = self.since(overlap_s);
        self.watermark = self.watermark.max(server_s);
        self.walk = None;
        let since = known.max(self.watermark - overlap_s);
        self.memory.forget_before(since);
        self.known_from(since);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_overlap_is_the_poll_delay_within_bounds() {
        for (delay, expected) in [(0, 120), (30, 120), (900, 900), (3600, 3600), (86_400, 3600)] {
            let entry = json!({ "url": "/messages", "pollDelay": delay });
            assert_eq!(overlap_s(&ResourceConfig::parse("messages", &entry).unwrap()), expected);
        }
    }

    #[test]
    fn a_longer_overlap_begins_where_the_memory_does() {
        let stored = Cursor::from_value(&json!({ "watermark": 10_000, "memory": [] })).unwrap();
        assert_eq!((stored.since(120), stored.since(900)), (9_880, 9_880), "before that, nothing is known");
        let grown = stored.settled(10_300, 900);
        let grown = Cursor::from_value(&grown.to_value()).unwrap();
        assert_eq!(grown.since(900), 9_880);
        let grown = grown.settled(11_000, 900);
        assert_eq!((grown.since(900), grown.since(120)), (10_100, 10_880));
        let usual = grown.settled(11_000, 120);
        assert_eq!(usual.to_value(), json!({ "watermark": 11_000, "memory": [] }));
    }
}
