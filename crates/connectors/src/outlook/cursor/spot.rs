//! A place in a list that is ordered by seconds.

use crate::outlook::normalise::Row;
use serde::{Deserialize, Serialize};

/// A second, and rows of it. Places are counted among what the list shows now: what leaves the second moves them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Spot {
    /// Seconds since the Unix epoch.
    pub(crate) second: i64,
    /// Rows of that second that lie before it.
    pub(crate) place: usize,
}

impl Spot {
    /// Before a second's first row.
    pub(crate) fn begin(second: i64) -> Self {
        Spot { second, place: 0 }
    }

    /// So many rows earlier, but not before the second.
    pub(crate) fn back(self, count: usize) -> Self {
        Spot { place: self.place.saturating_sub(count), ..self }
    }

    /// Behind the next row.
    pub(crate) fn behind(self, row: &Row) -> Self {
        match row.second > self.second {
            true => Spot { second: row.second, place: 1 },
            false => Spot { place: self.place + 1, ..self },
        }
    }

    /// Behind the next rows.
    pub(crate) fn after(self, rows: &[Row]) -> Self {
        rows.iter().fold(self, Spot::behind)
    }
}
