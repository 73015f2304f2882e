//! What an organization may have at once of a process's memory: reads of its clients, and bodies that arrive.
//!
//! A page is in memory until it is answered, and the provider's answers are longer than what is shown of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Reads of one organization at once; the others wait for their turn.
pub(crate) const READS_OF_ORGANIZATION_MAX: usize = 8;
/// Bodies of one organization that arrive at once: a quarter of what there is room for.
pub(crate) const BODIES_OF_ORGANIZATION_MAX: usize = 16;
/// What a provider's answers to one read may hold together, bytes: a page that is answered has at most 5 MB.
pub(crate) const READ_BYTES_MAX: usize = 24 * 1024 * 1024;

type Taken = Arc<Mutex<HashMap<u32, Arc<Semaphore>>>>;

/// So many places for each organization; those that have some just now.
pub(crate) struct Shares {
    of_each: usize,
    taken: Taken,
}

/// A place of an organization, until dropped.
pub(crate) struct SharePlace {
    organization_id: u32,
    permit: Option<OwnedSemaphorePermit>,
    taken: Taken,
}

impl Shares {
    pub(crate) fn of(of_each: usize) -> Self {
        Shares { of_each, taken: Taken::default() }
    }

    /// Waits for one of the organization's places.
    pub(crate) async fn enter(&self, organization_id: u32) -> SharePlace {
        let new = || Arc::new(Semaphore::new(self.of_each));
        let share = lock(&self.taken).entry(organization_id).or_insert_with(new).clone();
        let permit = share.acquire_owned().await.ok();
        SharePlace { organization_id, permit, taken: self.taken.clone() }
    }
}

impl Drop for SharePlace {
    fn drop(&mut self) {
        self.permit.take();
        let mut shares = lock(&self.taken);
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

    async fn entered(shares: &Shares, organization_id: u32) -> Option<SharePlace> {
        tokio::select! {
            biased;
            place = shares.enter(organization_id) => Some(place),
            () = tokio::task::yield_now() => None,
        }
    }

    #[tokio::test]
    async fn reads_of_one_organization_wait_for_each_other_and_not_those_of_another() {
        let shares = Shares::of(READS_OF_ORGANIZATION_MAX);
        let mut places = Vec::new();
        for _ in 0..READS_OF_ORGANIZATION_MAX {
            places.push(entered(&shares, 1).await.unwrap());
        }
        assert!(entered(&shares, 1).await.is_none(), "one too many");
        assert!(entered(&shares, 2).await.is_some());
        places.pop();
        assert!(entered(&shares, 1).await.is_some());
        drop(places);
        assert!(lock(&shares.taken).is_empty());
    }
}
