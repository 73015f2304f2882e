//! The list of doubles: one line a connector.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::double::Double;
use crate::push::{Mishap, Ring, Way};
use crate::{Google, GoogleCalendar, Microsoft};

/// Requests with notices on their way at once.
const SENDING_COUNT_MAX: usize = 64;
/// Whoever sends notices looks at least so often whether one is due.
const LOOK_US: i64 = 10_000_000;

/// The servers of all providers. Cloning gives other handles on the same ones.
#[derive(Clone)]
pub struct Providers {
    clock: Clock,
    /// Google's.
    pub google: Google,
    /// Microsoft's.
    pub microsoft: Microsoft,
}

impl Providers {
    /// Providers without accounts.
    pub fn new(clock: &Clock, seed: u64) -> Self {
        Self {
            clock: clock.clone(),
            google: Google::new(clock.clone(), seed),
            microsoft: Microsoft::new(clock.clone(), seed.wrapping_add(1)),
        }
    }

    /// One double for each connector, in the order of the catalogue.
    #[rustfmt::skip] // one line each
    pub fn doubles(&self) -> Vec<Arc<dyn Double>> {
        vec![
            Arc::new(self.google.clone()),
            Arc::new(self.microsoft.clone()),
            Arc::new(GoogleCalendar::of(&self.google)),
        ]
    }

    /// The double of a connector.
    ///
    /// # Panics
    /// Where there is none: that is a mistake in the test.
    pub fn double(&self, connector: &str) -> Arc<dyn Double> {
        let found = self.doubles().into_iter().find(|double| double.connector() == connector);
        found.unwrap_or_else(|| panic!("no double of {connector}"))
    }

    /// The servers, by name.
    pub fn servers(&self) -> Vec<(&'static str, Router)> {
        let mut servers: Vec<(&'static str, Router)> = Vec::new();
        for double in self.doubles() {
            if !servers.iter().any(|(name, _)| *name == double.server()) {
                servers.push((double.server(), double.router()));
            }
        }
        servers
    }

    /// The variables that lead to the servers, where each of them is at an address.
    pub fn variables(&self, address: impl Fn(&str) -> String) -> Vec<(&'static str, String)> {
        let mut variables: Vec<(&'static str, String)> = Vec::new();
        for double in self.doubles() {
            for (variable, path) in double.addresses() {
                if !variables.iter().any(|(known, _)| known == variable) {
                    variables.push((variable, format!("{}{path}", address(double.server()))));
                }
            }
        }
        variables
    }

    /// Makes each notice of any of them go wrong in this way with a probability.
    pub fn set_mishap_rate(&self, mishap: Mishap, probability: f64) {
        self.google.set_mishap_rate(mishap, probability);
        self.microsoft.set_mishap_rate(mishap, probability);
    }

    /// Nothing goes wrong with notices any more.
    pub fn clear_mishaps(&self) {
        self.google.clear_mishaps();
        self.microsoft.clear_mishaps();
    }

    /// Where notices of all of them lead, and handshakes; over sockets at first.
    pub fn set_way(&self, way: &Way) {
        self.google.set_way(way.clone());
        self.microsoft.set_way(way.clone());
    }

    /// When the next notice is due, microseconds since the Unix epoch; `None`: none waits.
    pub fn next_notice_us(&self) -> Option<i64> {
        [self.google.next_ring_us(), self.microsoft.next_ring_us()].into_iter().flatten().min()
    }

    /// Sends one request with notices that are due, and waits for its answer; false where none is due. Whoever has a
    /// virtual clock calls it until it says so, whenever the clock moved.
    pub async fn send_notice(&self) -> bool {
        match self.next_ring() {
            Some(ring) => {
                ring.await;
                true
            }
            None => false,
        }
    }

    fn next_ring(&self) -> Option<Ring> {
        self.google.next_ring().or_else(|| self.microsoft.next_ring())
    }

    /// Sends notices as they become due, each by itself, until the returned future is dropped: for clocks that are real.
    pub async fn keep_sending(&self) {
        let mut sending = JoinSet::new();
        loop {
            while let Some(ring) = self.next_ring() {
                sending.spawn(ring);
                while sending.try_join_next().is_some() {}
                if sending.len() >= SENDING_COUNT_MAX {
                    sending.join_next().await;
                }
            }
            let next_us = self.next_notice_us().map_or(i64::MAX, |at_us| at_us - self.clock.now_us());
            let next = Duration::from_micros(next_us.clamp(1, LOOK_US).unsigned_abs());
            tokio::select! {
                () = self.google.noticed() => {}
                () = self.microsoft.noticed() => {}
                () = tokio::time::sleep(next) => {}
            }
        }
    }

    /// Makes each request to any of them fail with a probability.
    pub fn set_fault_rate(&self, probability: f64, kinds: &[crate::FaultKind]) {
        self.doubles().iter().for_each(|double| double.set_fault_rate(probability, kinds.to_vec()));
    }

    /// Drops every failure.
    pub fn clear_faults(&self) {
        self.doubles().iter().for_each(|double| double.clear_faults());
    }
}
