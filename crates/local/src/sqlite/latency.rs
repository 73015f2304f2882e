//! How long callers waited for the database, with their turn in its queue.

use app::signals::{Histogram, Timed};
use std::time::Instant;

/// From a read that found everything in memory to a disk that has gone slow.
const BOUNDS_S: [f64; 9] = [0.0005, 0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 30.0];

/// What a caller waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Read,
    Write,
}

/// Of one open database.
#[derive(Debug)]
pub(super) struct Latency {
    reads: Histogram,
    writes: Histogram,
}

impl Default for Latency {
    fn default() -> Self {
        Latency { reads: Histogram::new(&BOUNDS_S), writes: Histogram::new(&BOUNDS_S) }
    }
}

impl Latency {
    pub(super) fn note(&self, operation: Operation, began: Instant) {
        let took = chrono::Duration::from_std(began.elapsed()).unwrap_or(chrono::Duration::MAX);
        match operation {
            Operation::Read => self.reads.note(took),
            Operation::Write => self.writes.note(took),
        }
    }

    pub(super) fn timed(&self) -> [Timed<'_>; 2] {
        [("read", &self.reads), ("write", &self.writes)].map(|(word, histogram)| Timed {
            name: "carillon_store_seconds",
            help: "Waits for the database: until a read was answered, or a write was on disk.",
            labels: vec![("operation", word.to_owned())],
            histogram,
        })
    }
}
