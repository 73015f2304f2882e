//! Conditional writes.

/// How a conditional write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// Stored.
    Done,
    /// Somebody else was first: nothing was stored.
    Conflict,
    /// The instance is deleted, or was never there: nothing was stored.
    Gone,
}
