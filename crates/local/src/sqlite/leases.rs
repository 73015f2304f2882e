//! Leases of the right to poll, in memory: one process serves a data folder, so when it ends nobody holds one.

use app::ports::{PollEnded, Poller, Written};
use chrono::{DateTime, Duration, Utc};
use domain::ids::InstanceId;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Who polls which mailbox. One that was not polled under a lease since the start has no entry.
#[derive(Default)]
pub(super) struct Leases(Mutex<HashMap<InstanceId, Poller>>);

impl Leases {
    pub(super) fn get(&self, id: InstanceId) -> Poller {
        self.all().get(&id).copied().unwrap_or_default()
    }

    pub(super) fn begin(
        &self,
        id: InstanceId,
        fence: u64,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Written {
        let mut all = self.all();
        let poller = all.entry(id).or_default();
        if poller.fence != fence || poller.is_leased(now) {
            return Written::Conflict;
        }
        *poller = Poller { fence: fence + 1, until: Some(until), again: false };
        Written::Done
    }

    pub(super) fn ask_again(&self, id: InstanceId, fence: u64, now: DateTime<Utc>) -> Written {
        match self.all().get_mut(&id).filter(|poller| poller.fence == fence && poller.is_leased(now)) {
            Some(poller) => poller.again = true,
            None => return Written::Conflict,
        }
        Written::Done
    }

    pub(super) fn end(&self, id: InstanceId, fence: u64) -> PollEnded {
        let mut all = self.all();
        let is_own =
            |poller: &Poller| poller.fence == fence || (poller.fence == fence + 1 && poller.until.is_none());
        let Some(poller) = all.get_mut(&id).filter(|poller| fence > 0 && is_own(poller)) else {
            return PollEnded::Lost;
        };
        (poller.fence, poller.until) = (fence + 1, None);
        if poller.again { PollEnded::Again } else { PollEnded::Quiet }
    }

    /// The instance is gone; one of the same id begins from the start.
    pub(super) fn forget(&self, id: InstanceId) {
        self.all().remove(&id);
    }

    /// The clock was set back: no lease holds longer than it was meant to.
    pub(super) fn set_back(&self, by: Duration, now: DateTime<Utc>) {
        let mut all = self.all();
        for until in all.values_mut().filter_map(|poller| poller.until.as_mut()).filter(|until| **until > now)
        {
            *until = (*until - by).max(now);
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<InstanceId, Poller>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
