//! What the receiver answers.

use std::collections::{BTreeMap, VecDeque};

use http::HeaderName;

use crate::reply::Reply;

/// One answer to a callback.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Headers, such as `Location` or `Retry-After`. A malformed one is left out.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How long to wait before answering, in milliseconds.
    pub delay_ms: u64,
}

impl Answer {
    /// A bare status.
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// A redirect to another address, with 301, 302, 303, 307 or 308.
    pub fn redirect(status: u16, location: &str) -> Self {
        let headers = vec![("location".to_owned(), location.to_owned())];
        Self { status, headers, ..Self::default() }
    }

    pub(super) fn into_reply(self) -> Reply {
        let headers = self.headers.into_iter();
        let headers = headers.filter_map(|(name, value)| Some((name.parse::<HeaderName>().ok()?, value)));
        Reply { status: self.status, headers: headers.collect(), body: self.body }
    }
}

/// A scripted run has tens of answers; beyond this the oldest is replaced.
const QUEUE_MAX: usize = 10_000;

pub(super) struct Script {
    queue: VecDeque<Answer>,
    paths: BTreeMap<String, Answer>,
    default: u16,
    probability: f64,
    rng: fastrand::Rng,
}

impl Default for Script {
    fn default() -> Self {
        let rng = fastrand::Rng::with_seed(0);
        Self { queue: VecDeque::new(), paths: BTreeMap::new(), default: 200, probability: 0.0, rng }
    }
}

impl Script {
    pub(super) fn push(&mut self, answer: Answer) {
        if self.queue.len() == QUEUE_MAX {
            self.queue.pop_front();
        }
        self.queue.push_back(answer);
    }

    pub(super) fn set_default(&mut self, status: u16) {
        self.default = status;
    }

    pub(super) fn answer_path(&mut self, path: &str, answer: Answer) {
        self.paths.insert(path.to_owned(), answer);
    }

    pub(super) fn heal_path(&mut self, path: &str) {
        self.paths.remove(path);
    }

    pub(super) fn set_failure_rate(&mut self, probability: f64, seed: u64) {
        self.probability = probability;
        self.rng = fastrand::Rng::with_seed(seed);
    }

    pub(super) fn next(&mut self, path: &str) -> Answer {
        if let Some(answer) = self.paths.get(path) {
            return answer.clone();
        }
        if let Some(answer) = self.queue.pop_front() {
            return answer;
        }
        if self.probability > 0.0 && self.rng.f64() < self.probability {
            return Answer::status(if self.rng.bool() { 500 } else { 503 });
        }
        Answer::status(self.default)
    }
}
