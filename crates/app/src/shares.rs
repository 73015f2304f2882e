//! What an organization may have at once of a process: reads of its clients, polls that they wait for, and bodies that
//! arrive.
//!
//! Each holds memory and a connection while it lasts, and so does each that waits for its turn: of those there are so many,
//! for so long.

use crate::ports::Clock;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Reads of one organization at once; the others wait for their turn.
pub(crate) const READS_OF_ORGANIZATION: Share = Share { at_once: 8, waiting: 32 };
/// Polls of one organization that clients wait for; what is beyond becomes a job, which has its turn among the others.
pub(crate) const POLLS_OF_ORGANIZATION: Share = Share { at_once: 16, waiting: 48 };
/// Bodies of one organization that arrive at once: a quarter of what there is room for. A body that waits gives its
/// connection up where those are short.
pub(crate) const BODIES_OF_ORGANIZATION: Share = Share { at_once: 16, waiting: 240 };
/// What a provider's answers to one read may hold together, bytes: a page that is answered has at most 5 MB.
pub(crate) const READ_BYTES_MAX: usize = 24 * 1024 * 1024;
/// The longest that one waits for its turn.
pub(crate) const TURN_WAIT: Duration = Duration::from_secs(10);

/// How much each organization has.
#[derive(Clone, Copy)]
pub(crate) struct Share {
    at_once: usize,
    waiting: usize,
}

/// Places for each organization; those that have some just now.
pub(crate) struct Shares {
    of_each: Share,
    clock: Arc<dyn Clock>,
    taken: Arc<Mutex<HashMap<u32, Taken>>>,
}

/// Those of one organization.
struct Taken {
    places: Arc<Semaphore>,
    /// That have a place, or wait for one.
    count: usize,
}

/// A place of an organization, or the right to wait for one, until dropped.
pub(crate) struct SharePlace {
    organization_id: u32,
    permit: Option<OwnedSemaphorePermit>,
    taken: Arc<Mutex<HashMap<u32, Taken>>>,
}

impl Shares {
    pub(crate) fn of(of_each: Share, clock: &Arc<dyn Clock>) -> Self {
        Shares { of_each, clock: clock.clone(), taken: Arc::default() }
    }

    /// Waits for one of the organization's places; `None` where too many wait already, or none becomes free in time.
    pub(crate) async fn enter(&self, organization_id: u32) -> Option<SharePlace> {
        let (mut place, places) = self.wait(organization_id)?;
        place.permit = match places.clone().try_acquire_owned() {
            Ok(permit) => Some(permit),
            Err(_) => tokio::select! {
                biased;
                permit = places.acquire_owned() => permit.ok(),
                () = self.clock.sleep(TURN_WAIT) => None,
            },
        };
        place.permit.is_some().then_some(place)
    }

    fn wait(&self, organization_id: u32) -> Option<(SharePlace, Arc<Semaphore>)> {
        let Share { at_once, waiting } = self.of_each;
        let mut taken = lock(&self.taken);
        let new = || Taken { places: Arc::new(Semaphore::new(at_once)), count: 0 };
        let of = taken.entry(organization_id).or_insert_with(new);
        if of.count >= at_once + waiting {
            return None;
        }
        of.count += 1;
        let place = SharePlace { organization_id, permit: None, taken: self.taken.clone() };
        Some((place, of.places.clone()))
    }
}

impl Drop for SharePlace {
    fn drop(&mut self) {
        self.permit.take();
        let mut taken = lock(&self.taken);
        let Some(of) = taken.get_mut(&self.organization_id) else { return };
        of.count = of.count.saturating_sub(1);
        if of.count == 0 {
            taken.remove(&self.organization_id);
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use chrono::{DateTime, Utc};
    use futures_util::FutureExt as _;

    /// Whose sleep ends, or never does.
    struct Sleepless(bool);

    #[async_trait]
    impl Clock for Sleepless {
        fn now(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH
        }

        async fn sleep(&self, _: Duration) {
            if !self.0 {
                std::future::pending::<()>().await;
            }
        }
    }

    fn shares(at_once: usize, waiting: usize, is_late: bool) -> Shares {
        let clock: Arc<dyn Clock> = Arc::new(Sleepless(is_late));
        Shares::of(Share { at_once, waiting }, &clock)
    }

    fn entered(shares: &Shares, organization_id: u32) -> Option<SharePlace> {
        shares.enter(organization_id).now_or_never().flatten()
    }

    #[test]
    fn those_of_one_organization_wait_for_each_other_and_not_for_those_of_another() {
        let shares = shares(3, 1, false);
        let mut places: Vec<_> = (0..3).map(|_| entered(&shares, 1).unwrap()).collect();
        assert!(entered(&shares, 1).is_none(), "one too many");
        assert!(entered(&shares, 2).is_some());
        places.pop();
        assert!(entered(&shares, 1).is_some());
        drop(places);
        assert!(lock(&shares.taken).is_empty());
    }

    #[test]
    fn so_many_wait_for_so_long() {
        let shares = shares(1, 2, false);
        let place = entered(&shares, 1).unwrap();
        let (mut first, mut second) = (Box::pin(shares.enter(1)), Box::pin(shares.enter(1)));
        assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
        assert!(matches!(shares.enter(1).now_or_never(), Some(None)), "too many wait");
        drop((second, place));
        assert!(first.as_mut().now_or_never().flatten().is_some());
        drop(first);
        assert!(lock(&shares.taken).is_empty());
        let late = self::shares(1, 2, true);
        let _place = entered(&late, 1).unwrap();
        assert!(matches!(late.enter(1).now_or_never(), Some(None)), "for too long");
    }
}
