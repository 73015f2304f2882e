//! The list of doubles: one line a connector.

use std::sync::Arc;

use axum::Router;

use crate::clock::Clock;
use crate::double::Double;
use crate::{Google, GoogleCalendar, Microsoft};

/// The servers of all providers. Cloning gives other handles on the same ones.
#[derive(Clone)]
pub struct Providers {
    /// Google's.
    pub google: Google,
    /// Microsoft's.
    pub microsoft: Microsoft,
}

impl Providers {
    /// Providers without accounts.
    pub fn new(clock: &Clock, seed: u64) -> Self {
        Self {
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

    /// Makes each request to any of them fail with a probability.
    pub fn set_fault_rate(&self, probability: f64, kinds: &[crate::FaultKind]) {
        self.doubles().iter().for_each(|double| double.set_fault_rate(probability, kinds.to_vec()));
    }

    /// Drops every failure.
    pub fn clear_faults(&self) {
        self.doubles().iter().for_each(|double| double.clear_faults());
    }
}
