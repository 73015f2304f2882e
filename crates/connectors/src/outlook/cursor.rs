//! The position in a mailbox's modification times.

use super::memory::Memory;
use crate::error::Error;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How far before the watermark each poll looks again, seconds: mail may become readable this much after its
/// timestamp.
pub(super) const OVERLAP_S: i64 = 120;

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
    pub(super) fn at(watermark: i64) -> Self {
        Cursor { watermark, memory: Memory::default(), walk: None }
    }

    pub(super) fn from_value(value: &Value) -> Result<Self, Error> {
        Cursor::deserialize(value).map_err(|error| Error::malformed("stored position", error))
    }

    pub(super) fn to_value(&self) -> Value {
        // Plain data with text keys always serialises.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The oldest second that counts as new: a message received from then on was not reported before.
    pub(super) fn since(&self) -> i64 {
        self.watermark - OVERLAP_S
    }

    /// Where the next page begins.
    pub(super) fn from(&self) -> i64 {
        self.walk.map_or(self.since(), |walk| walk.position)
    }

    /// The position after a walk that found nothing new: up to the provider's clock all is read.
    pub(super) fn settled(mut self, server_s: i64) -> Self {
        self.watermark = self.watermark.max(server_s);
        self.walk = None;
        self.memory.forget_before(self.since());
        self
    }
}
