//! When this process last read all that a resource showed. Idle polls store nothing, and yet they tell that what is found
//! later became visible later.

use chrono::{DateTime, Utc};
use domain::ids::InstanceId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Resources remembered, about 100 bytes each; with more all are forgotten, and the stored times hold.
const RESOURCES_COUNT_MAX: usize = 100_000;

/// Times by instance and resource.
#[derive(Default)]
pub(crate) struct LastReads(Mutex<HashMap<(InstanceId, String), DateTime<Utc>>>);

impl LastReads {
    /// A read that began then found all there was.
    pub(crate) fn note(&self, id: InstanceId, resource: &str, at: DateTime<Utc>) {
        let mut reads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if reads.len() >= RESOURCES_COUNT_MAX {
            reads.clear();
        }
        reads.insert((id, resource.to_owned()), at);
    }

    /// The last one that was noted.
    pub(crate) fn get(&self, id: InstanceId, resource: &str) -> Option<DateTime<Utc>> {
        let reads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reads.get(&(id, resource.to_owned())).copied()
    }
}
