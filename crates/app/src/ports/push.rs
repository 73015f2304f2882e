//! Push of mailboxes: what is watched for whom, and when hints came.

use super::{Result, Written};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::push::{Hints, PushKey, PushState};

/// Push states of mailboxes. They belong to no instance: several may share one.
///
/// # Errors
/// [`PortError`](super::PortError): nothing happened, or a repeat does no harm.
#[async_trait]
pub trait PushStates: Send + Sync {
    /// The state of a mailbox's push, and the hints that came; strongly consistent.
    async fn push_state(&self, key: &PushKey) -> Result<Option<(PushState, Hints)>>;
    /// Stores a state, conditional on the stored version being the one that was seen (nothing stored: 0); hints stay as
    /// they are. It may be forgotten after `expires_at`.
    async fn put_push_state(
        &self,
        key: &PushKey,
        seen: u64,
        state: &PushState,
        expires_at: DateTime<Utc>,
    ) -> Result<Written>;
    /// Removes a state with its hints, conditional on its version.
    async fn remove_push_state(&self, key: &PushKey, version: u64) -> Result<Written>;
    /// Stores hints, conditional on the stored ones being those that were seen. The state's version stays: a storm of
    /// hints must not hold up a renewal. `Gone`: there is no state.
    async fn put_hints(&self, key: &PushKey, seen: &Hints, next: &Hints) -> Result<Written>;
}
