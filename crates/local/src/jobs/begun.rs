//! First attempts that began with their commit. None is in the table: until it ends its outbox names it.

use app::ports::Job;
use chrono::{DateTime, Utc};
use std::collections::{HashMap, VecDeque};

/// Those of all lanes.
#[derive(Default)]
pub(super) struct Begun {
    /// Not yet given out.
    waiting: VecDeque<Job>,
    all: HashMap<Job, Start>,
}

/// How one began.
struct Start {
    claimed_until: DateTime<Utc>,
    /// It was sent meanwhile, so that the table has it as well.
    is_stored: bool,
}

impl Begun {
    pub(super) fn add(&mut self, jobs: &[Job], claimed_until: DateTime<Utc>) {
        self.waiting.extend(jobs);
        self.all.extend(jobs.iter().map(|job| (*job, Start { claimed_until, is_stored: false })));
    }

    pub(super) fn take(&mut self) -> Option<Job> {
        self.waiting.pop_front()
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    pub(super) fn claimed_until(&self, job: &Job) -> Option<DateTime<Utc>> {
        self.all.get(job).map(|start| start.claimed_until)
    }

    /// The table has this job.
    pub(super) fn store(&mut self, job: &Job) {
        if let Some(start) = self.all.get_mut(job) {
            start.is_stored = true;
        }
    }

    /// Whether it is one that the table has nothing of.
    pub(super) fn is_unstored(&self, job: &Job) -> bool {
        self.all.get(job).is_some_and(|start| !start.is_stored)
    }

    /// It has ended. Whether it was one.
    pub(super) fn end(&mut self, job: &Job) -> bool {
        self.all.remove(job).is_some()
    }
}
