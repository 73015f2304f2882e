//! The queue of one process: jobs in a table, and the next of them in memory, each instance in lanes of its own.
//!
//! A job leaves the table when it is done, so what was under way at a crash is simply due again.

mod begun;
mod class;
mod lane;
mod lanes;
mod operator;
mod table;
mod turns;

use crate::sqlite::columns::{micros, time};
use crate::sqlite::{self, Db, in_outbox};
use app::ports::{AttemptKey, Job, Places, PortError, Queue, Result};
use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use class::LaneId;
use domain::ids::InstanceId;
use lanes::{Lanes, NextStep};
use rusqlite::Connection;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

pub use class::{Class, Went};

/// A job that is the caller's until [`Jobs::done`] or [`Jobs::failed`]; it is not given out meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenJob {
    /// The job.
    pub job: Job,
    /// When it was due.
    pub due_at: DateTime<Utc>,
}

/// How often a job failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failures {
    /// So many times.
    pub count: u32,
    /// It was put aside.
    pub is_last: bool,
}

/// The [`Queue`] port in one process, and its receiving end.
pub struct Jobs {
    db: Db,
    /// Changed together with the table, inside the write, so that both see everything in one order. Never held
    /// while waiting for the database.
    lanes: Arc<Mutex<Lanes>>,
    changed: [Notify; Class::ALL.len()],
    /// A poll has ended.
    place_free: Notify,
}

impl Jobs {
    /// The queue in this database: everything in the table is waiting.
    pub async fn open(db: Db) -> Result<Self> {
        let mut lanes = Lanes::default();
        for (lane, organization_id) in db.read("read the queue", table::lanes).await? {
            lanes.add_unread(lane, organization_id);
        }
        Ok(Jobs {
            db,
            lanes: Arc::new(Mutex::new(lanes)),
            changed: Default::default(),
            place_free: Notify::new(),
        })
    }

    /// Takes a job of this class that is due, in turn from the lanes that have one.
    pub async fn take_due(&self, now: DateTime<Utc>, class: Class) -> Result<Option<TakenJob>> {
        loop {
            let next = self.lanes().take(micros(now), class);
            match next {
                NextStep::Nothing => return Ok(None),
                NextStep::Job(job, due_at) => return Ok(Some(TakenJob { job, due_at: to_time(due_at) })),
                NextStep::Refill(lane) => self.refill(lane).await?,
            }
        }
    }

    /// The job is done. If it was sent again meanwhile, it waits again.
    pub async fn done(&self, taken: &TakenJob, went: Went, now: DateTime<Utc>) -> Result<()> {
        let job = taken.job;
        // Where that can't be read, the write below says what is wrong.
        if self.is_told(&job).await.unwrap_or(false) && self.end_unstored(&job, went) {
            return Ok(());
        }
        self.end(job, now, "finish a job", move |tx, lanes| {
            leave_outbox(tx, lanes, &job)?;
            let again = lanes.again(&job);
            match again {
                None => table::delete(tx, &job)?,
                Some(due_at) => table::put_again(tx, &job, due_at, 0)?,
            }
            lanes.end(&job, went, again);
            Ok(())
        })
        .await
    }

    /// The job failed: it is due again after 1, 2, 4 … 300 s, or after 25 failures put aside.
    pub async fn failed(&self, taken: &TakenJob, now: DateTime<Utc>) -> Result<Failures> {
        let job = taken.job;
        self.end(job, now, "note a failed job", move |tx, lanes| {
            if leave_outbox(tx, lanes, &job)? {
                table::put(tx, &job, micros(now))?;
            }
            let failures = table::failures(tx, &job)?.saturating_add(1);
            let sent_again = lanes.again(&job).is_some();
            if failures >= FAILURE_COUNT_MAX && !sent_again {
                table::bury(tx, &job, failures, micros(now))?;
                lanes.end(&job, Went::Badly, None);
                return Ok(Failures { count: failures, is_last: true });
            }
            // Sent again after all those failures, it has all its tries again.
            let counted = if failures < FAILURE_COUNT_MAX { failures } else { 0 };
            let due_at = micros(now + delay_after(failures));
            table::put_again(tx, &job, due_at, counted)?;
            lanes.end(&job, Went::Badly, Some(due_at));
            Ok(Failures { count: failures, is_last: false })
        })
        .await
    }

    /// When a job of this class is due that could be taken; past when one is now.
    pub fn next_due(&self, class: Class) -> Option<DateTime<Utc>> {
        self.lanes().next_due(class).map(to_time)
    }

    /// Waits until [`Jobs::next_due`] of this class may have changed. A change while nobody waits is not missed:
    /// one waiter a class is meant.
    pub async fn changed(&self, class: Class) {
        self.changed[class as usize].notified().await;
    }

    /// Takes a place among polls for a tick of a timetable, unless its organization has as many as it may. It is the
    /// caller's until [`Jobs::end_tick`].
    pub fn begin_tick(&self, organization_id: u32) -> bool {
        self.lanes().begin_tick(organization_id)
    }

    /// Gives the place back.
    pub fn end_tick(&self, organization_id: u32) {
        let is_waited_for = self.lanes().end_tick(organization_id);
        if is_waited_for {
            self.changed[Class::Other as usize].notify_one();
        }
        self.place_free.notify_one();
    }

    /// Waits until a tick may begin that could not. A place that becomes free while nobody waits is not missed: one waiter
    /// is meant.
    pub async fn place_free(&self) {
        self.place_free.notified().await;
    }

    /// Jobs that wait or are under way.
    pub async fn waiting_count(&self) -> Result<u64> {
        self.db.read("count the jobs", table::count).await
    }

    /// Jobs that were put aside after too many failures.
    pub async fn dead_count(&self) -> Result<u64> {
        self.db.read("count the dead jobs", table::dead_count).await
    }

    /// The clock was set back by so much: what is due later is due as much earlier.
    pub async fn set_back(&self, by: Duration, now: DateTime<Utc>) -> Result<()> {
        let (by_us, now_us) = (by.num_microseconds().unwrap_or(i64::MAX), micros(now));
        self.change("bring jobs forward", move |tx, lanes| {
            table::set_back(tx, by_us, now_us)?;
            lanes.set_back(by_us, now_us);
            Ok(())
        })
        .await?;
        self.notify();
        Ok(())
    }

    /// Wakes the waiter to look again.
    pub fn notify(&self) {
        self.changed.iter().for_each(Notify::notify_one);
    }

    async fn end<T: Send + 'static>(
        &self,
        job: Job,
        now: DateTime<Utc>,
        context: &'static str,
        work: impl FnOnce(&Connection, &mut Lanes) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        // A job that a power cut brings back runs again, as after any crash.
        let ended = self.change_behind(context, work).await;
        if ended.is_err() {
            // The table has it still, or its outbox names it: after a moment it is given out again.
            let mut lanes = self.lanes();
            lanes.begun().end(&job);
            lanes.end(&job, Went::Badly, Some(micros(now + delay_after(1))));
        }
        self.changed[Class::of(&job) as usize].notify_one();
        if Class::of(&job) == Class::Other {
            self.place_free.notify_one();
        }
        ended
    }

    /// Whether a job has begun with its commit, and its outbox does not name it any more: it was delivered.
    async fn is_told(&self, job: &Job) -> Result<bool> {
        let Job::Deliver(key) = *job else { return Ok(false) };
        if self.lanes().begun().claimed_until(job).is_none() {
            return Ok(false);
        }
        let names = move |conn: &Connection| in_outbox(conn, key.instance, key.sequence);
        Ok(self.db.glance("look into an outbox", names).await?.is_none())
    }

    /// Ends a job that nothing is stored of; whether it is one.
    fn end_unstored(&self, job: &Job, went: Went) -> bool {
        let mut lanes = self.lanes();
        if !lanes.begun().is_unstored(job) || lanes.again(job).is_some() {
            return false;
        }
        lanes.begun().end(job);
        lanes.end(job, went, None);
        drop(lanes);
        self.changed[Class::of(job) as usize].notify_one();
        true
    }

    async fn refill(&self, lane: LaneId) -> Result<()> {
        let refilled = self
            .change("read a lane", move |tx, lanes| {
                let (jobs, more) = table::first_of(tx, lane, lanes.refill_count(lane))?;
                lanes.refill(lane, jobs, more);
                Ok(())
            })
            .await;
        if refilled.is_err() {
            self.lanes().settle(lane);
        }
        refilled
    }

    /// Changes the table, and the lanes with it.
    async fn change<T: Send + 'static>(
        &self,
        context: &'static str,
        work: impl FnOnce(&Connection, &mut Lanes) -> rusqlite::Result<T> + Send + 'static,
    ) -> std::result::Result<T, PortError> {
        let lanes = Arc::clone(&self.lanes);
        self.db.write(context, move |tx| work(tx, &mut lock(&lanes))).await
    }

    /// The same where a power cut may undo it.
    async fn change_behind<T: Send + 'static>(
        &self,
        context: &'static str,
        work: impl FnOnce(&Connection, &mut Lanes) -> rusqlite::Result<T> + Send + 'static,
    ) -> std::result::Result<T, PortError> {
        let lanes = Arc::clone(&self.lanes);
        self.db.write_behind(context, move |tx| work(tx, &mut lock(&lanes))).await
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        lock(&self.lanes)
    }
}

#[async_trait]
impl Queue for Jobs {
    async fn send(&self, jobs: &[(Job, DateTime<Utc>)]) -> Result<()> {
        let sent = jobs.to_vec();
        let concerned: Vec<Class> = Class::ALL.into_iter().filter(|class| has_one(jobs, *class)).collect();
        // A delivery that a power cut takes away is named by an outbox, by the job that sent it, or by a promise.
        let is_named = sent.iter().all(|(job, _)| matches!(job, Job::Deliver(_)));
        let store = move |tx: &Connection, lanes: &mut Lanes| {
            for (job, due_at) in sent {
                let due_at = micros(due_at);
                let stored = table::put(tx, &job, due_at)?;
                let organization_id = match lanes.knows(&job) {
                    true => None,
                    false => table::organization_id(tx, &job)?,
                };
                lanes.begun().store(&job);
                // Should the commit fail, the lanes know of a job too many: it finds nothing to do.
                lanes.offer(job, due_at, stored, organization_id);
            }
            Ok(())
        };
        match is_named {
            true => self.change_behind("send jobs", store).await?,
            false => self.change("send jobs", store).await?,
        }
        concerned.into_iter().for_each(|class| self.changed[class as usize].notify_one());
        Ok(())
    }
}

#[async_trait]
impl Places for Jobs {
    async fn are_free(&self, organization_id: u32, instance: InstanceId, count: usize) -> bool {
        self.lanes().has_room((Class::Deliver, instance.get()), organization_id, count)
    }

    async fn begin(
        &self,
        organization_id: u32,
        attempts: &[AttemptKey],
        claimed_until: DateTime<Utc>,
    ) -> bool {
        let jobs: Vec<Job> = attempts.iter().copied().map(Job::Deliver).collect();
        let has_begun = self.lanes().begin(organization_id, &jobs, claimed_until);
        if has_begun {
            self.changed[Class::Deliver as usize].notify_one();
        }
        has_begun
    }

    async fn begun(&self, attempt: AttemptKey) -> Option<DateTime<Utc>> {
        self.lanes().begun().claimed_until(&Job::Deliver(attempt))
    }
}

fn has_one(jobs: &[(Job, DateTime<Utc>)], class: Class) -> bool {
    jobs.iter().any(|(job, _)| Class::of(job) == class)
}

/// Takes the name of a job that began with its commit out of its outbox, which was its place in the file. Whether it is one.
fn leave_outbox(tx: &Connection, lanes: &mut Lanes, job: &Job) -> rusqlite::Result<bool> {
    let (Job::Deliver(key), true) = (job, lanes.begun().end(job)) else { return Ok(false) };
    sqlite::leave_outbox(tx, key.instance, key.sequence)?;
    Ok(true)
}

/// After this many failures in a row a job is put aside: about an hour and a half.
const FAILURE_COUNT_MAX: u32 = 25;
/// The longest wait after a failure, s.
const DELAY_MAX_S: i64 = 300;

/// The wait after the n-th failure in a row (n from 1).
fn delay_after(failures: u32) -> Duration {
    let doubled = 1_i64 << failures.saturating_sub(1).min(16);
    Duration::seconds(doubled.min(DELAY_MAX_S))
}

/// Back from microseconds; a time out of range is due at once.
fn to_time(us: i64) -> DateTime<Utc> {
    time(us).unwrap_or(DateTime::<Utc>::MIN_UTC)
}

fn lock(lanes: &Mutex<Lanes>) -> MutexGuard<'_, Lanes> {
    lanes.lock().unwrap_or_else(PoisonError::into_inner)
}
