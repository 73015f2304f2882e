//! What stands between two who change a mailbox's push.

use super::super::ports::TappedStore;
use super::Mutation;
use app::ports::*;
use chrono::{DateTime, Utc};
use domain::push::{Hints, PushKey, PushState};

impl TappedStore {
    pub(in super::super) async fn mutant_put_push_state(
        &self,
        key: &PushKey,
        seen: u64,
        state: &PushState,
        expires_at: DateTime<Utc>,
    ) -> Result<Written> {
        if !self.is(Mutation::PushStateUnconditional) {
            return self.inner.put_push_state(key, seen, state, expires_at).await;
        }
        let stored = self.inner.push_state(key).await?.map_or(0, |(stored, _)| stored.version);
        let state = PushState { version: stored + 1, ..state.clone() };
        self.inner.put_push_state(key, stored, &state, expires_at).await
    }

    pub(in super::super) async fn mutant_put_hints(
        &self,
        key: &PushKey,
        seen: &Hints,
        next: &Hints,
    ) -> Result<Written> {
        let stored = match self.is(Mutation::HintsUnconditional) {
            true => self.inner.push_state(key).await?.map(|(_, stored)| stored),
            false => None,
        };
        self.inner.put_hints(key, stored.as_ref().unwrap_or(seen), next).await
    }
}
