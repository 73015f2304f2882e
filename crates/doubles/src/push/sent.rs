//! What a provider sent by itself, and how it was answered.

use std::collections::VecDeque;

use bytes::Bytes;
use http::HeaderMap;

/// One request of a provider, as it went out.
#[derive(Clone, Debug)]
pub struct SentNotice {
    /// When, microseconds since the Unix epoch.
    pub at_us: i64,
    /// Where to.
    pub url: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The exact body.
    pub body: Bytes,
    /// The status of the answer; `None` where none came in time.
    pub status: Option<u16>,
}

/// Enough to replay from, and for a test to look back at.
const SENT_MAX: usize = 10_000;

/// The last ones.
#[derive(Debug, Default)]
pub(crate) struct Log(VecDeque<SentNotice>);

impl Log {
    pub(crate) fn add(&mut self, sent: SentNotice) {
        if self.0.len() == SENT_MAX {
            self.0.pop_front();
        }
        self.0.push_back(sent);
    }

    /// Any of them.
    pub(crate) fn any(&self, rng: &mut fastrand::Rng) -> Option<SentNotice> {
        (!self.0.is_empty()).then(|| self.0[rng.usize(..self.0.len())].clone())
    }

    /// The last one.
    pub(crate) fn last(&self) -> Option<SentNotice> {
        self.0.back().cloned()
    }

    pub(crate) fn all(&self) -> Vec<SentNotice> {
        self.0.iter().cloned().collect()
    }
}
