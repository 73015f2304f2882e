//! What subscriptions are told of a change.

use super::kind::Type;

/// One thing of a mailbox before and after a change.
#[derive(Clone, Debug)]
pub(super) struct Noticed {
    pub(super) kind: Type,
    /// Mostly the time of the change; that of a selection's may lie a little ahead.
    pub(super) at_us: i64,
    /// None for a new one.
    pub(super) before: Option<Sight>,
    /// None for one that is gone.
    pub(super) after: Option<Sight>,
}

#[derive(Clone, Debug)]
pub(super) struct Sight {
    pub(super) id: String,
    pub(super) immutable_id: String,
    pub(super) change_key: String,
    /// Of a message: the index of its folder.
    pub(super) folder: Option<usize>,
}
