//! Stored rows that can't be read. Each is told once by a process, however often it is met, and hides and stops no other.
//!
//! Nothing is done about it: whoever would write it anew, or remove it, would lose what a newer program or a person can
//! still read ([0102](../../../docs/decisions/0102-a-row-that-cannot-be-read.md)).

use crate::ports::{PortError, Result, UnreadableRow};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Rows that a process tells of: where a whole table can't be read, the first ones say it.
const TOLD_COUNT_MAX: usize = 1_000;

/// A store meets rows where nothing but the connection is at hand, so what was told is the process's, as its log is.
static TOLD: Mutex<RowsTold> = Mutex::new(RowsTold(BTreeSet::new()));

/// Tables and keys of the rows that were told.
#[derive(Debug, Default)]
struct RowsTold(BTreeSet<(&'static str, String)>);

impl RowsTold {
    /// Whether it is new, and there is room for it.
    fn add(&mut self, row: &UnreadableRow) -> bool {
        self.0.len() < TOLD_COUNT_MAX && self.0.insert((row.of, row.key.clone()))
    }
}

/// Names the row in the log, the first time.
pub fn tell(row: &UnreadableRow) {
    let is_new = TOLD.lock().unwrap_or_else(PoisonError::into_inner).add(row);
    if is_new {
        tracing::error!(row.of, row.key, row.why, "row.unreadable");
    }
}

/// Whether an error is of a row that can't be read; then the log names that.
pub fn is_told(error: &PortError) -> bool {
    error.unreadable_row().map(tell).is_some()
}

/// What was read of one among many; nothing where it can't be read. For whoever shows or counts what there is: to
/// nobody else is it as if it were not there.
///
/// # Errors
///
/// The port failed.
pub fn readable<T>(read: Result<T>) -> Result<Option<T>> {
    match read {
        Err(error) if is_told(&error) => Ok(None),
        read => read.map(Some),
    }
}

/// How many rows were passed over for one answer: it tells them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PassedOver {
    pub(crate) count: usize,
}

impl PassedOver {
    /// As [`readable`], counting.
    pub(crate) fn readable<T>(&mut self, read: Result<T>) -> Result<Option<T>> {
        let read = readable(read)?;
        self.count += usize::from(read.is_none());
        Ok(read)
    }
}

/// How many rows this process has met that can't be read, up to 1,000.
pub fn count() -> usize {
    TOLD.lock().unwrap_or_else(PoisonError::into_inner).0.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(of: &'static str, key: usize) -> UnreadableRow {
        UnreadableRow { of, key: key.to_string(), why: "not JSON".to_owned() }
    }

    #[test]
    fn each_row_is_told_once_and_not_more_than_a_thousand() {
        let mut told = RowsTold::default();
        assert!(told.add(&row("jobs", 1)));
        assert!(told.add(&row("sessions", 1)));
        assert!(!told.add(&row("jobs", 1)));
        let new = (0..5_000).filter(|key| told.add(&row("audit", *key))).count();
        assert_eq!(new, TOLD_COUNT_MAX - 2);
    }

    #[test]
    fn only_a_row_that_can_not_be_read_is_passed_over() {
        let gone: Result<()> = Err(PortError::unreadable("read", row("a test's own", 1)));
        assert_eq!(readable(gone).unwrap(), None);
        assert!(readable::<()>(Err(PortError::new("read", "the disk is gone"))).is_err());
        let mut passed = PassedOver::default();
        assert_eq!(passed.readable(Ok(1)).unwrap(), Some(1));
        assert_eq!(
            passed.readable::<()>(Err(PortError::unreadable("read", row("a test's own", 1)))).unwrap(),
            None
        );
        assert_eq!(passed.count, 1);
        assert_eq!(readable(Ok(1)).unwrap(), Some(1));
    }
}
