//! What a connector keeps beside a resource's position, in parts of its own: too large for a row that every poll reads.

/// Parts that one commit stores at the most: with a step's notifications they fit one transaction.
pub const ANNEX_PARTS_COUNT_MAX: usize = 70;

/// A part, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnexPart {
    /// Which one of the resource's. The connector names them.
    pub name: String,
    /// What it holds; its length is bounded by the connector, some 300 kB.
    pub text: String,
}
