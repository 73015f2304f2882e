//! Reads of clients: how many of an organization are under way at once in a process, and how much each may hold.
//!
//! A page is in memory until it is answered, and the provider's answers are longer than what is shown of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Reads of one organization at once; the others wait for their turn.
const READS_OF_ORGANIZATION_MAX: usize = 8;
/// What a provider's answers to one read may hold together, bytes: a page that is answered has at most 5 MB.
pub(crate) const READ_BYTES_MAX: usize = 24 * 1024 * 1024;

type Shares = Arc<Mutex<HashMap<u32, Arc<Semaphore>>>>;

/// The organizations that read just now.
#[derive(Default)]
pub(crate) struct ReadShares(Shares);

/// A place of an organization, until dropped.
pub(crate) struct ReadPlace {
    organization_id: u32,
    permit: Option<OwnedSemaphorePermit>,
    shares: Shares,
}

impl ReadShares {
    /// Waits for one of the organization's places.
    pub(crate) async fn enter(&self, organization_id: u32) -> ReadPlace {
        let new = || Arc::new(Semaphore::new(READS_OF_ORGANIZATION_MAX));
        let share = lock(&self.0).entry(organization_id).or_insert_with(new).clone();
        let permit = share.acquire_owned().await.ok();
        ReadPlace { organization_id, permit, shares: self.0.clone() }
    }
}

impl Drop for ReadPlace {
    fn drop(&mut self) {
        self.permit.take();
        let mut shares = lock(&self.shares);
        // Nobody waits or reads: the map holds the only reference.
        if shares.get(&self.organization_id).is_some_and(|share| Arc::strong_count(share) == 1) {
            shares.remove(&self.organization_id);
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn entered(shares: &ReadShares, organization_id: u32) -> Option<ReadPlace> {
        tokio::select! {
            biased;
            place = shares.enter(organization_id) => Some(place),
            () = tokio::task::yield_now() => None,
        }
    }

    #[tokio::test]
    async fn reads_of_one_organization_wait_for_each_other_and_not_those_of_another() {
        let shares = ReadShares::default();
        let mut places = Vec::new();
        for _ in 0..READS_OF_ORGANIZATION_MAX {
            places.push(entered(&shares, 1).await.unwrap());
        }
        assert!(entered(&shares, 1).await.is_none(), "one too many");
        assert!(entered(&shares, 2).await.is_some());
        places.pop();
        assert!(entered(&shares, 1).await.is_some());
        drop(places);
        assert!(lock(&shares.0).is_empty());
    }
}
