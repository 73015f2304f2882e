//! The per-mailbox limit on requests in flight.

use crate::fault::Route;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How one account used the API so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Requests let in.
    pub admitted: u64,
    /// Requests turned away because too many were in flight.
    pub refused: u64,
    /// Requests in flight now.
    pub in_flight: usize,
    /// The most requests ever in flight at once.
    pub in_flight_peak: usize,
    /// Requests for one message in flight now.
    pub message_reads: usize,
    /// The most requests for one message ever in flight at once.
    pub message_reads_peak: usize,
}

impl Usage {
    fn begin(&mut self, route: Route) {
        self.admitted += 1;
        self.in_flight += 1;
        self.in_flight_peak = self.in_flight_peak.max(self.in_flight);
        if route == Route::Get {
            self.message_reads += 1;
            self.message_reads_peak = self.message_reads_peak.max(self.message_reads);
        }
    }

    fn end(&mut self, route: Route) {
        self.in_flight -= 1;
        if route == Route::Get {
            self.message_reads -= 1;
        }
    }
}

#[derive(Debug, Default)]
struct Inner {
    in_flight_max: usize,
    accounts: BTreeMap<String, Usage>,
}

#[derive(Clone, Debug)]
pub(crate) struct Wall(Arc<Mutex<Inner>>);

impl Wall {
    pub(crate) fn new(in_flight_max: usize) -> Self {
        Self(Arc::new(Mutex::new(Inner { in_flight_max, accounts: BTreeMap::new() })))
    }

    pub(crate) fn set_max(&self, in_flight_max: usize) {
        self.with(|inner| inner.in_flight_max = in_flight_max);
    }

    /// Lets a request in, for as long as the returned value lives; `None` when the limit is reached.
    pub(crate) fn enter(&self, account: &str, route: Route) -> Option<InFlight> {
        self.with(|inner| {
            let usage = inner.accounts.entry(account.to_owned()).or_default();
            if usage.in_flight >= inner.in_flight_max {
                usage.refused += 1;
                return None;
            }
            usage.begin(route);
            Some(InFlight { wall: self.clone(), account: account.to_owned(), route })
        })
    }

    pub(crate) fn usage(&self, account: &str) -> Usage {
        self.with(|inner| inner.accounts.get(account).copied().unwrap_or_default())
    }

    fn with<R>(&self, f: impl FnOnce(&mut Inner) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Debug)]
pub(crate) struct InFlight {
    wall: Wall,
    account: String,
    route: Route,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.wall.with(|inner| {
            if let Some(usage) = inner.accounts.get_mut(&self.account) {
                usage.end(self.route);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_account_does_not_fill_the_place_of_another() {
        let wall = Wall::new(2);
        let held: Vec<_> = (0..3).map(|_| wall.enter("a", Route::Get)).collect();
        assert_eq!(held.iter().flatten().count(), 2);
        assert!(wall.enter("b", Route::List).is_some());
        drop(held);
        assert!(wall.enter("a", Route::List).is_some());
        let usage = wall.usage("a");
        assert_eq!((usage.admitted, usage.refused, usage.in_flight, usage.in_flight_peak), (3, 1, 0, 2));
        assert_eq!((usage.message_reads, usage.message_reads_peak), (0, 2));
    }
}
