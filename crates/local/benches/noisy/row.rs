//! A line of the table.

use crate::seen::percentile;
use std::fmt;
use std::time::Instant;

/// What the quiet organization has of the process without the noise and beside it, and the most that the latter may be.
pub(crate) struct Row {
    what: String,
    alone: f64,
    beside: f64,
    max: Option<f64>,
}

impl Row {
    pub(crate) fn new(what: &str, (alone, beside): (f64, f64), max: Option<f64>) -> Self {
        Row { what: what.to_owned(), alone, beside, max }
    }

    /// The median, and the 95th percentile with its mark.
    pub(crate) fn percentiles(what: &str, (alone, beside): (&[f64], &[f64]), p95_max: f64) -> [Self; 2] {
        [(50, None), (95, Some(p95_max))].map(|(percent, max)| {
            let both = (percentile(alone, percent), percentile(beside, percent));
            Row::new(&format!("{what}, p{percent}"), both, max)
        })
    }

    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    pub(crate) fn is_missed(&self) -> bool {
        self.max.is_some_and(|max| self.beside > max)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { what, alone, beside, max } = self;
        let mark = max.map_or("-".to_owned(), |max| format!("{max:.0}"));
        write!(f, "| {what} | {alone:.1} | {beside:.1} | {:.1} | {mark} |", beside / alone)
    }
}

pub(crate) fn ms_since(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1000.0
}
