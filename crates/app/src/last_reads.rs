//! When this process last read all that a resource showed. Idle polls store nothing, and yet they tell that what is found
//! later became visible later.

use chrono::{DateTime, Utc};
use domain::ids::InstanceId;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

/// Instances remembered, about 500 bytes each; with more all are forgotten, and the stored times hold.
const INSTANCES_COUNT_MAX: usize = 50_000;

/// Times by instance and resource.
#[derive(Default)]
pub(crate) struct LastReads(Mutex<HashMap<InstanceId, BTreeMap<String, DateTime<Utc>>>>);

impl LastReads {
    /// A read that began then found all there was.
    pub(crate) fn note(&self, id: InstanceId, resource: &str, at: DateTime<Utc>) {
        let mut reads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if reads.len() >= INSTANCES_COUNT_MAX && !reads.contains_key(&id) {
            reads.clear();
        }
        reads.entry(id).or_default().insert(resource.to_owned(), at);
    }

    /// The last one that was noted.
    pub(crate) fn get(&self, id: InstanceId, resource: &str) -> Option<DateTime<Utc>> {
        let reads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reads.get(&id)?.get(resource).copied()
    }

    /// Since when all of an instance's resources, so many, were read; what was removed from it may hold that back.
    pub(crate) fn all_since(&self, id: InstanceId, resources_count: u32) -> Option<DateTime<Utc>> {
        let reads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_instance = reads.get(&id)?;
        let is_all = of_instance.len() >= usize::try_from(resources_count).unwrap_or(usize::MAX);
        of_instance.values().min().copied().filter(|_| is_all)
    }
}
