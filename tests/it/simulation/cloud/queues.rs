//! Queue and scheduler as a cloud has them: at least once, late, twice, and again after a failure.

use super::turns::{Turns, at_once};
use crate::world::VirtualClock;
use app::ports::{Job, Queue, Result, Schedule, Scheduled};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::ids::InstanceId;
use domain::schedule::Timetable;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const S: i64 = 1_000_000;
/// Failures of a message before it is put aside. Those that the weather is to blame for do not count: bad weather fails
/// most jobs, and a stack, which tries each three times in an invocation, puts aside after fifty receives.
const FAILURES_COUNT_MAX: u32 = 12;
/// A failed job comes back after so long, which doubles up to the other.
const AGAIN_FIRST_S: i64 = 2;
const AGAIN_MAX_S: i64 = 300;
/// One that was cut off comes back when its visibility time-out is over.
const VISIBILITY_S: i64 = 360;
/// Tries that a tick gets beside its first, and the wait before each.
const TICK_RETRIES_COUNT: u32 = 2;
const TICK_RETRY_S: i64 = 60;

/// One message.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) job: Job,
    receives: u32,
    /// Those that no weather explains.
    failures: u32,
}

/// A tick of a schedule on its way.
#[derive(Clone, Debug)]
pub(super) struct Tick {
    pub(super) id: InstanceId,
    tries: u32,
}

/// What is to be started next.
#[derive(Clone, Debug)]
pub(super) enum DueWork {
    Message(Message),
    Tick(Tick),
}

/// How a started thing ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum WorkEnd {
    Done,
    Failed(Blame),
    Cut(Blame),
}

/// What is to blame for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Blame {
    /// A call that failed or lost its answer, a process that was killed or hung.
    Weather,
    Job,
}

impl WorkEnd {
    fn is_own_fault(self) -> bool {
        matches!(self, WorkEnd::Failed(Blame::Job) | WorkEnd::Cut(Blame::Job))
    }
}

/// Everything that waits for its time.
pub(super) struct Queues {
    turns: Arc<Turns>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    last_number: u64,
    due: BTreeMap<(i64, u64), DueWork>,
    schedules: BTreeMap<InstanceId, (Timetable, bool)>,
    /// Each enabled schedule's next tick.
    ticks: BTreeMap<InstanceId, i64>,
    dead: Vec<Job>,
    jobs_count_peak: usize,
    is_calm: bool,
    /// Every message comes twice, the second time soon.
    is_double: bool,
}

impl Inner {
    fn put(&mut self, at_us: i64, due: DueWork) {
        self.last_number += 1;
        self.due.insert((at_us, self.last_number), due);
    }
}

impl DueWork {
    /// A job of the same instance, or the same one where it is of none; deliveries aside.
    fn is_work_like(&self, other: &Job) -> bool {
        match self {
            DueWork::Message(Message { job, .. }) if !matches!(job, Job::Deliver(_)) => {
                if other.instance().is_some() { job.instance() == other.instance() } else { job == other }
            }
            DueWork::Message(_) | DueWork::Tick(_) => false,
        }
    }
}

impl Queues {
    pub(super) fn new(turns: &Arc<Turns>) -> Self {
        Queues { turns: turns.clone(), inner: Mutex::default() }
    }

    /// From now on nothing comes late or twice.
    pub(super) fn calm(&self, is_calm: bool) {
        self.inner().is_calm = is_calm;
    }

    /// From now on every message comes twice.
    pub(super) fn double(&self, is_double: bool) {
        self.inner().is_double = is_double;
    }

    /// When something is due next.
    pub(super) fn next_us(&self) -> Option<i64> {
        let inner = self.inner();
        let due = inner.due.first_key_value().map(|((at_us, _), _)| *at_us);
        due.into_iter().chain(inner.ticks.values().copied()).min()
    }

    /// Takes what is due now.
    pub(super) fn take(&self) -> Option<DueWork> {
        let now_us = self.turns.now_us();
        self.tick(now_us);
        let mut inner = self.inner();
        let first = inner.due.first_entry().filter(|first| first.key().0 <= now_us)?;
        let mut due = first.remove();
        if let DueWork::Message(message) = &mut due {
            message.receives += 1;
            let is_twice = inner.is_double && message.receives == 1 || !inner.is_calm && self.chance(24);
            if is_twice {
                let soon_s = if inner.is_double { 15 } else { 90 };
                let again_us = now_us + self.turns.draw(|random| random.i64(0..soon_s * S));
                inner.put(again_us, DueWork::Message(message.clone()));
            }
        }
        Some(due)
    }

    /// Ticks whose time has come go on their way, now and then late or twice.
    fn tick(&self, now_us: i64) {
        let mut inner = self.inner();
        let due: Vec<InstanceId> =
            inner.ticks.iter().filter(|(_, at_us)| **at_us <= now_us).map(|(id, _)| *id).collect();
        for id in due {
            let (table, _) = inner.schedules[&id];
            let now = DateTime::from_timestamp_micros(now_us).unwrap();
            inner.ticks.insert(id, table.next_after(now).timestamp_micros());
            let is_calm = inner.is_calm;
            let late_us = match !is_calm && self.chance(8) {
                true => self.turns.draw(|random| random.i64(0..70 * S)),
                false => self.turns.draw(|random| random.i64(0..S)),
            };
            inner.put(now_us + late_us, DueWork::Tick(Tick { id, tries: 0 }));
            if !is_calm && self.chance(6) {
                let after_us = self.turns.draw(|random| random.i64(0..3 * S));
                inner.put(now_us + late_us + after_us, DueWork::Tick(Tick { id, tries: 0 }));
            }
        }
    }

    /// What was taken has ended; what has to come again does.
    pub(super) fn ended(&self, due: DueWork, end: WorkEnd) {
        let now_us = self.turns.now_us();
        let mut inner = self.inner();
        let own_count = u32::from(end.is_own_fault());
        match due {
            _ if end == WorkEnd::Done => {}
            DueWork::Message(message) if message.failures + own_count >= FAILURES_COUNT_MAX => {
                inner.dead.push(message.job)
            }
            DueWork::Message(message) => {
                let message = Message { failures: message.failures + own_count, ..message };
                let wait_s = match end {
                    WorkEnd::Cut(_) => VISIBILITY_S,
                    _ => (AGAIN_FIRST_S << (message.receives - 1).min(20)).min(AGAIN_MAX_S),
                };
                inner.put(now_us + wait_s * S, DueWork::Message(message));
            }
            DueWork::Tick(tick) if tick.tries >= TICK_RETRIES_COUNT => {}
            DueWork::Tick(tick) => {
                let wait_us = TICK_RETRY_S * S * i64::from(tick.tries + 1);
                inner.put(now_us + wait_us, DueWork::Tick(Tick { tries: tick.tries + 1, ..tick }));
            }
        }
    }

    /// What is left when everything should be done: ticks aside.
    pub(super) fn waiting(&self) -> Vec<Job> {
        let inner = self.inner();
        let jobs = inner.due.values().filter_map(|due| match due {
            DueWork::Message(message) => Some(message.job),
            DueWork::Tick(_) => None,
        });
        jobs.collect()
    }

    /// The most jobs of one instance that ever waited at a time, deliveries aside.
    pub(super) fn jobs_count_peak(&self) -> usize {
        self.inner().jobs_count_peak
    }

    pub(super) fn dead(&self) -> Vec<Job> {
        self.inner().dead.clone()
    }

    /// An instance's schedule: whether it is enabled, where there is one.
    pub(super) fn schedule(&self, id: InstanceId) -> Option<bool> {
        self.inner().schedules.get(&id).map(|(_, enabled)| *enabled)
    }

    /// Whose schedules there are.
    pub(super) fn scheduled(&self) -> Vec<InstanceId> {
        self.inner().schedules.keys().copied().collect()
    }

    /// What an instance's schedule says.
    pub(super) fn entry(&self, id: InstanceId) -> Option<Scheduled> {
        let inner = self.inner();
        let (table, is_enabled) = inner.schedules.get(&id)?;
        Some(Scheduled { interval_s: table.interval_s, is_enabled: *is_enabled, is_former: false })
    }

    fn chance(&self, of_256: u8) -> bool {
        self.turns.draw(|random| random.u8(..)) < of_256
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Queue for Queues {
    async fn send(&self, jobs: &[(Job, DateTime<Utc>)]) -> Result<()> {
        let mut inner = self.inner();
        for (job, due_at) in jobs {
            let at_us = due_at.timestamp_micros().max(self.turns.now_us());
            inner.put(at_us, DueWork::Message(Message { job: *job, receives: 0, failures: 0 }));
            let theirs = inner.due.values().filter(|due| due.is_work_like(job));
            let count = theirs.count();
            inner.jobs_count_peak = inner.jobs_count_peak.max(count);
        }
        Ok(())
    }
}

#[async_trait]
impl Schedule for Queues {
    async fn put(&self, id: InstanceId, timetable: Timetable, enabled: bool) -> Result<()> {
        let mut inner = self.inner();
        let known = inner.schedules.insert(id, (timetable, enabled));
        match enabled {
            false => drop(inner.ticks.remove(&id)),
            true if known == Some((timetable, true)) => {}
            true => {
                let now = DateTime::from_timestamp_micros(self.turns.now_us()).unwrap();
                inner.ticks.insert(id, timetable.next_after(now).timestamp_micros());
            }
        }
        Ok(())
    }

    async fn remove(&self, id: InstanceId) -> Result<()> {
        let mut inner = self.inner();
        inner.schedules.remove(&id);
        inner.ticks.remove(&id);
        Ok(())
    }
}

/// After how many receives of a job that always ends so it is put aside.
fn put_aside_after(end: WorkEnd) -> Option<usize> {
    let turns = Arc::new(Turns::new(VirtualClock::default(), 1));
    let queues = Queues::new(&turns);
    queues.calm(true);
    at_once(queues.send(&[(Job::Poll(InstanceId::from_bytes([0; 4])), DateTime::UNIX_EPOCH)])).unwrap();
    (1..100).find(|_| {
        turns.advance_to(queues.next_us().unwrap());
        queues.ended(queues.take().unwrap(), end);
        !queues.dead().is_empty()
    })
}

#[test]
fn what_fails_by_itself_is_put_aside_and_what_the_weather_fails_comes_again() {
    for end in [WorkEnd::Failed(Blame::Job), WorkEnd::Cut(Blame::Job)] {
        assert_eq!(put_aside_after(end), Some(FAILURES_COUNT_MAX as usize), "{end:?}");
    }
    for end in [WorkEnd::Failed(Blame::Weather), WorkEnd::Cut(Blame::Weather)] {
        assert_eq!(put_aside_after(end), None, "{end:?}");
    }
}
