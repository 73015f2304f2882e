//! One lane: the jobs of one class of one instance.

use super::class::Class;
use app::ports::Job;
use std::collections::{BTreeMap, HashMap};

/// Waiting jobs of a lane in memory at the most; the others stand in the table, and are all due later.
pub(super) const LANE_COUNT_MAX: usize = 1000;
/// Deliveries of one instance at a time while its callback answers.
const DELIVERIES_IN_FLIGHT_MAX: usize = 4;

/// When a job is due, µs, and its turn among those due at the same time.
type DueKey = (i64, u64);

/// What is known of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Trust {
    /// Its last job went well, and soon.
    Proven,
    /// Nothing.
    #[default]
    New,
    /// Its last job went badly, or it has a delivery that failed before.
    Failed,
}

/// A job under way.
struct Flight {
    /// The earliest time at which it was sent again meanwhile.
    again: Option<i64>,
    /// As the lane was when it began.
    trust: Trust,
}

#[derive(Default)]
pub(super) struct Lane {
    waiting: BTreeMap<DueKey, Job>,
    places: HashMap<Job, DueKey>,
    in_flight: HashMap<Job, Flight>,
    turns: u64,
    /// The table has jobs that are not here.
    pub(super) has_more: bool,
    pub(super) trust: Trust,
    /// Whose instance it is, where that is known.
    pub(super) organization_id: Option<u32>,
}

impl Lane {
    pub(super) fn new(trust: Trust) -> Self {
        Lane { trust, ..Lane::default() }
    }

    /// When something can be done, µs: the first job's time; at once if the table must be read; never while as
    /// much as may be is under way.
    pub(super) fn first_due(&self, class: Class) -> Option<i64> {
        if self.in_flight.len() >= self.width(class) {
            return None;
        }
        match self.waiting.first_key_value() {
            Some(((due_at, _), _)) => Some(*due_at),
            None => self.has_more.then_some(i64::MIN),
        }
    }

    fn width(&self, class: Class) -> usize {
        if class == Class::Deliver && self.trust == Trust::Proven { DELIVERIES_IN_FLIGHT_MAX } else { 1 }
    }

    /// Nothing here and nothing in the table.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.in_flight.is_empty() && !self.has_more
    }

    pub(super) fn waiting_count(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn in_flight_count(&self) -> usize {
        self.in_flight.len()
    }

    pub(super) fn is_under_way(&self, job: &Job) -> bool {
        self.in_flight.contains_key(job)
    }

    /// Whether so many more may be under way, and nothing waits that was here before.
    pub(super) fn has_room(&self, class: Class, count: usize) -> bool {
        self.waiting.is_empty() && !self.has_more && self.in_flight.len() + count <= self.width(class)
    }

    /// A job that never waited is under way.
    pub(super) fn begin(&mut self, job: Job) {
        self.in_flight.insert(job, Flight { again: None, trust: self.trust });
    }

    /// Takes the first job; whether it is due was the caller's question.
    pub(super) fn take(&mut self) -> Option<(Job, i64)> {
        let ((due_at, _), job) = self.waiting.pop_first()?;
        self.places.remove(&job);
        self.in_flight.insert(job, Flight { again: None, trust: self.trust });
        Some((job, due_at))
    }

    /// A job was sent: the time it was sent for, and the time that counts in the table if it waits.
    pub(super) fn offer(&mut self, job: Job, sent: i64, stored: i64) {
        if let Some(flight) = self.in_flight.get_mut(&job) {
            flight.again = Some(flight.again.map_or(sent, |again| again.min(sent)));
            return;
        }
        self.place(job, stored);
    }

    /// When a job under way was sent again for, if it was.
    pub(super) fn again(&self, job: &Job) -> Option<i64> {
        self.in_flight.get(job)?.again
    }

    /// A job has ended; it waits again, if it is due again. As the lane was when it began, if it was under way.
    pub(super) fn end(&mut self, job: &Job, again: Option<i64>) -> Option<Trust> {
        let flight = self.in_flight.remove(job)?;
        if let Some(due_at) = again {
            self.place(*job, due_at);
        }
        Some(flight.trust)
    }

    /// Brings what is due later nearer, as the table has it.
    pub(super) fn set_back(&mut self, by_us: i64, now_us: i64) {
        let nearer = |due_at: i64| if due_at > now_us { (due_at - by_us).max(now_us) } else { due_at };
        for ((due_at, turn), job) in std::mem::take(&mut self.waiting) {
            let place = (nearer(due_at), turn);
            self.waiting.insert(place, job);
            self.places.insert(job, place);
        }
        let sent_again = self.in_flight.values_mut().filter_map(|flight| flight.again.as_mut());
        sent_again.for_each(|again| *again = nearer(*again));
    }

    /// Takes over what the table has first.
    pub(super) fn refill(&mut self, jobs: Vec<(Job, i64)>, has_more: bool) {
        self.has_more = false;
        for (job, due_at) in jobs {
            if !self.in_flight.contains_key(&job) {
                self.place(job, due_at);
            }
        }
        self.has_more |= has_more;
    }

    /// Lets a job wait here, or, if everything here is due earlier and the table has more, in the table only.
    fn place(&mut self, job: Job, due_at: i64) {
        match self.places.get(&job) {
            Some((known, _)) if *known <= due_at => return,
            Some(place) => self.waiting.remove(place),
            None => None,
        };
        self.places.remove(&job);
        if self.trust == Trust::New && is_retry(&job) {
            self.trust = Trust::Failed;
        }
        if self.has_more && self.waiting.last_key_value().is_none_or(|((last, _), _)| due_at >= *last) {
            return;
        }
        self.turns += 1;
        self.waiting.insert((due_at, self.turns), job);
        self.places.insert(job, (due_at, self.turns));
        if self.waiting.len() > LANE_COUNT_MAX {
            self.has_more = true;
            if let Some((_, last)) = self.waiting.pop_last() {
                self.places.remove(&last);
            }
        }
    }
}

fn is_retry(job: &Job) -> bool {
    matches!(job, Job::Deliver(key) if key.attempt > 1)
}
