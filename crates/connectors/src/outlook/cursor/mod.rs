//! The position in a mailbox's modification times.

pub(super) mod aside;
pub(super) mod clocks;
pub(super) mod holes;
pub(super) mod memory;
pub(super) mod spot;

use crate::error::Error;
use crate::outlook::lane::note::LaneNote;
use aside::Aside;
use chrono::{DateTime, Utc};
use clocks::Clocks;
use domain::resource::ResourceConfig;
use holes::Holes;
use memory::Memory;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spot::Spot;

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

/// A position that is so far ahead of the clocks was not taken from them, seconds: less is a process with another clock.
const AHEAD_MAX_S: i64 = 120;
/// How far back a position goes that was ahead, seconds: what the event log holds in any case, so that nothing reported
/// before is reported as new.
const AGAIN_S: i64 = 86_400;

/// A second as an instant; the epoch for what no calendar has.
pub(super) fn instant(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap_or(DateTime::UNIX_EPOCH)
}

/// What is stored between polls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// Everything modified up to this second, less the overlap, was read. Seconds since the Unix epoch; never
    /// past the provider's clock nor ours.
    pub(super) watermark: i64,
    /// Both clocks allowed it. Positions of older versions followed the provider's alone.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) is_checked: bool,
    /// What was modified up to this second may have been reported before: the event log knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) again_until: Option<i64>,
    /// The seconds to go round.
    #[serde(default, skip_serializing_if = "Holes::is_empty")]
    pub(super) holes: Holes,
    /// The states seen in the overlap.
    #[serde(default)]
    pub(super) memory: Memory,
    /// Those that were too many for the row.
    #[serde(default, skip_serializing_if = "Aside::is_empty")]
    pub(super) aside: Aside,
    /// A walk that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) walk: Option<Walk>,
    /// The second lane, once it was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lane: Option<LaneNote>,
}

/// Reading on from one page to the next, over several steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Walk {
    /// The second of the last row taken: the next page begins with it.
    pub(super) position: i64,
    /// The rows taken of that second: where it has many, the next page begins shortly before their end.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) place: usize,
    /// The provider's clock when the walk began. The watermark never passes it, so that what becomes readable
    /// while a long walk goes on is still within the next one's overlap.
    pub(super) ceiling: i64,
    /// Its list fails now and then: it is read in small parts.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) is_careful: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Cursor {
    /// A first position: what lies in the overlap before it is still to be seen.
    pub(super) fn at(watermark: i64, overlap_s: i64) -> Self {
        let mut cursor = Cursor {
            watermark,
            is_checked: true,
            again_until: None,
            holes: Holes::default(),
            memory: Memory::default(),
            aside: Aside::default(),
            walk: None,
            lane: None,
        };
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
    pub(super) fn from(&self, overlap_s: i64) -> Spot {
        let begin = || Spot::begin(self.since(overlap_s));
        self.walk.map_or_else(begin, |walk| Spot { second: walk.position, place: walk.place })
    }

    /// Drops what no walk comes to again; says whether there was any.
    pub(super) fn forget_before(&mut self, second: i64) -> bool {
        let is_of_parts = self.aside.forget_before(second);
        self.memory.forget_before(second) || is_of_parts
    }

    /// Notes a beginning of the memory that is not the usual one.
    pub(super) fn known_from(&mut self, second: i64) {
        if second < self.watermark - OVERLAP_S {
            self.memory.mark(second);
        }
    }

    /// The position after a walk that found nothing new: up to this second all is read.
    pub(super) fn settled(mut self, second: i64, overlap_s: i64) -> Self {
        let known = self.since(overlap_s);
        self.watermark = self.watermark.max(second);
        self.walk = None;
        self.again_until = None;
        let since = known.max(self.watermark - overlap_s);
        self.forget_before(since);
        self.known_from(since);
        self
    }

    /// Where to go back to, if this position lies ahead of the clocks: nothing that comes is behind it.
    ///
    /// A position of an older version is ahead when one clock says so: it may have been taken from the other. Any other
    /// one is ahead when both say so: a process whose own clock is slow reads it too.
    pub(super) fn healed(&self, clocks: Clocks, baseline_s: i64, overlap_s: i64) -> Option<Self> {
        let present = if self.is_checked { clocks.later() } else { clocks.earlier() };
        if self.watermark <= present.saturating_add(AHEAD_MAX_S) {
            return None;
        }
        let from = baseline_s.max(clocks.earlier() - AGAIN_S);
        Some(Cursor {
            again_until: Some(clocks.earlier()),
            holes: self.holes.clone(),
            lane: self.lane.clone(),
            ..Cursor::at(from + overlap_s, overlap_s)
        })
    }

    /// What was changed in this second may have been reported before.
    pub(super) fn is_again(&self, second: i64) -> bool {
        self.again_until.is_some_and(|until| second <= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clocks::clocks;
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

    #[test]
    fn a_position_ahead_of_the_clocks_goes_back() {
        let old = |watermark: i64| Cursor::from_value(&json!({ "watermark": watermark })).unwrap();
        let checked = |watermark: i64| Cursor { is_checked: true, ..old(watermark) };
        let now = 1_795_348_800;
        let (same, ahead) = (clocks(Some(now), now), clocks(Some(now + 86_400), now));
        let healed = |cursor: Cursor, both, baseline_s| {
            let found = cursor.healed(both, baseline_s, 120)?;
            Some((
                found.since(120) - now,
                found.is_checked && found.is_again(now) && !found.is_again(now + 1),
            ))
        };
        assert_eq!(
            healed(old(now + 600), same, now - 7200),
            Some((-7200, true)),
            "no further than the baseline"
        );
        assert_eq!(healed(old(253_402_300_799), same, 0), Some((-86_400, true)));
        assert_eq!(
            healed(old(now + 86_400), ahead, 0),
            Some((-86_400, true)),
            "the same clock says so again"
        );
        assert_eq!(healed(checked(now + 86_400), ahead, 0), None, "our own clock may be slow");
        assert_eq!(healed(checked(now + 86_400), same, 0), Some((-86_400, true)));
        assert_eq!(healed(old(now + 120), same, 0), None);
    }
}
