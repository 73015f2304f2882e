//! One process of a cloud: it shares nothing with the others but the ports, and each thing that it does to the world
//! takes time, may fail, and may have happened although it failed.

use super::checks::Rule;
use super::mutation::Mutation;
use super::ports::{TappedQueue, TappedSchedule, TappedStore, TappedVault};
use super::queues::{Blame, Queues};
use super::turns::{Life, Turns};
use super::wire::{Caller, CloudWire, Sightings};
use crate::world::World;
use app::ports::{Clock, PortError, Result};
use app::{App, FirstAttempts, Ports};
use async_trait::async_trait;
use axum::Router;
use chrono::{DateTime, Duration, Utc};
use domain::ids::InstanceId;
use local::sqlite::Db;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

const MS: i64 = 1_000;
const S: i64 = 1_000_000;
/// How far a process's clock may be off, either way.
pub(super) const SKEW_US_MAX: i64 = 2 * S;
/// How long a call takes at most that takes seconds.
const STALL_S: i64 = 15;
/// Which calls may hang, and for how long: beyond leases, claims and jobs that were promised.
const FROZEN_CALLS: [&str; 20] = [
    "mailbox",
    "begin_poll",
    "commit_poll",
    "send",
    "clear_outbox",
    "end_poll",
    "put",
    "note_settled",
    "change_instance",
    "put_session",
    "claim_attempt",
    "finish_attempt",
    "unclaim_attempt",
    "begin_release",
    "next_queued",
    "pause_release",
    "end_release",
    "put_push_state",
    "put_hints",
    "push_state",
];
/// Those of them that there are without push.
const FROZEN_COUNT: usize = 17;
const FROZEN_S: std::ops::Range<i64> = 30..300;
/// Port calls of one invocation.
const CALLS_COUNT_MAX: u32 = 1_500;

/// How things stand with the cloud: chances of 1,000 for one call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weather {
    /// A call has no effect and an error.
    pub(super) fails: u32,
    /// A call has its effect, and an error.
    pub(super) loses_answer: u32,
    /// A call is made again by the client that made it, as it had no answer.
    pub(super) repeats: u32,
    /// A call takes seconds.
    pub(super) stalls: u32,
    /// An invocation is cut off somewhere.
    pub(super) kills: u32,
    /// A request to a provider or a callback takes seconds.
    pub(super) slow: u32,
    /// One call of an invocation hangs for minutes, and then goes on.
    pub(super) freezes: u32,
    /// Which ones may, where it is not any.
    pub(super) freezes_at: &'static [&'static str],
    /// For how long at most, where that is not the end of [`FROZEN_S`].
    pub(super) freezes_to_s: i64,
    /// Sending to a queue has no effect and an error.
    pub(super) queue_fails: u32,
    /// How long a call takes at most that takes seconds, where that is not [`STALL_S`].
    pub(super) longest_s: i64,
}

impl Weather {
    fn longest_us(self) -> i64 {
        if self.longest_s == 0 { STALL_S * S } else { self.longest_s * S }
    }
}

/// What all processes of one world share.
pub(super) struct SharedState {
    pub(super) turns: Arc<Turns>,
    pub(super) queues: Arc<Queues>,
    pub(super) weather: Mutex<Weather>,
    pub(super) sightings: Mutex<Sightings>,
    pub(super) mutation: Option<Mutation>,
    pub(super) is_pushed: bool,
    pub(super) first_attempts: FirstAttempts,
    /// The database itself, for what no adapter would write.
    pub(super) rows: Db,
}

impl SharedState {
    pub(super) fn weather(&self) -> Weather {
        *self.weather.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn sightings(&self) -> MutexGuard<'_, Sightings> {
        self.sightings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn happens(&self, of_1000: u32) -> bool {
        of_1000 > 0 && self.turns.draw(|random| random.u32(0..1_000)) < of_1000
    }
}

/// What a call comes to.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Fate {
    Well,
    Repeated,
    AnswerLost,
}

/// What a process does goes through here.
pub(super) struct Tap {
    pub(super) shared: Arc<SharedState>,
    pub(super) life: Arc<Life>,
    /// How far the process's clock is ahead.
    pub(super) skew: Duration,
    calls_count: AtomicU32,
    /// The call of the invocation that is to hang, if one is, and whether it came to that.
    freezes_at: Mutex<Option<&'static str>>,
    is_frozen: AtomicBool,
    /// Whether a call of the invocation failed by the weather.
    is_struck: AtomicBool,
    /// The fence that it took last, where the one that it asked for does not count.
    fence: AtomicU64,
    /// What it works on.
    caller: Mutex<Caller>,
}

impl Tap {
    /// Before the effect of a call.
    pub(super) async fn before(&self, name: &'static str) -> Result<Fate> {
        let count = self.calls_count.fetch_add(1, Ordering::SeqCst);
        if count == CALLS_COUNT_MAX {
            let what = format!("{:?} makes {count} calls", self.caller());
            self.shared.sightings().wrong.push((Rule::Bounded, what));
        }
        let weather = self.shared.weather();
        let longest = if self.shared.happens(weather.stalls) { weather.longest_us() } else { 12 * MS };
        self.pause(500, longest).await;
        if self.hangs(name) {
            self.is_frozen.store(true, Ordering::SeqCst);
            let end_s = if weather.freezes_to_s == 0 { FROZEN_S.end } else { weather.freezes_to_s };
            self.pause(FROZEN_S.start * S, end_s * S).await;
        }
        let fails = if name == "send" { weather.fails.max(weather.queue_fails) } else { weather.fails };
        if self.shared.happens(fails) {
            self.is_struck.store(true, Ordering::SeqCst);
            self.pause(500, 5 * MS).await;
            return Err(PortError::new(name, "told to fail"));
        }
        let fate = match () {
            () if self.shared.happens(weather.loses_answer) => Fate::AnswerLost,
            () if self.shared.happens(weather.repeats) => Fate::Repeated,
            () => Fate::Well,
        };
        Ok(fate)
    }

    /// After it.
    pub(super) async fn after<T>(&self, name: &'static str, fate: Fate, result: Result<T>) -> Result<T> {
        let weather = self.shared.weather();
        let longest = if self.shared.happens(weather.stalls) { weather.longest_us() } else { 8 * MS };
        self.pause(200, longest).await;
        match fate {
            Fate::AnswerLost => {
                self.is_struck.store(true, Ordering::SeqCst);
                Err(PortError::new(name, "the answer was lost"))
            }
            Fate::Well | Fate::Repeated => result,
        }
    }

    pub(super) fn took_fence(&self, fence: u64) {
        self.fence.store(fence, Ordering::SeqCst);
    }

    pub(super) fn fence(&self) -> u64 {
        self.fence.load(Ordering::SeqCst)
    }

    fn freezes_at(&self) -> MutexGuard<'_, Option<&'static str>> {
        self.freezes_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is this call that hangs: the first one of its name.
    fn hangs(&self, name: &str) -> bool {
        self.freezes_at().take_if(|at| *at == name).is_some()
    }

    pub(super) async fn pause(&self, from_us: i64, to_us: i64) {
        let wait_us = self.shared.turns.draw(|random| random.i64(from_us..to_us));
        self.shared.turns.wait(&self.life, wait_us).await;
    }

    pub(super) fn caller(&self) -> Caller {
        self.caller.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

struct SkewedClock(Arc<Tap>);

#[async_trait]
impl Clock for SkewedClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.shared.turns.now_us()).unwrap() + self.0.skew
    }

    async fn sleep(&self, duration: std::time::Duration) {
        let wait_us = i64::try_from(duration.as_micros()).unwrap();
        self.0.shared.turns.wait(&self.0.life, wait_us).await;
    }
}

/// A process: memory and locks of its own, until it dies.
pub(super) struct Process {
    pub(super) tap: Arc<Tap>,
    pub(super) app: App,
    router: OnceLock<Router>,
}

impl Process {
    pub(super) fn start(world: &World, shared: &Arc<SharedState>) -> Self {
        let skew_us = shared.turns.draw(|random| random.i64(-SKEW_US_MAX..=SKEW_US_MAX));
        let tap = Arc::new(Tap {
            shared: shared.clone(),
            life: Arc::default(),
            skew: Duration::microseconds(skew_us),
            calls_count: AtomicU32::new(0),
            freezes_at: Mutex::default(),
            is_frozen: AtomicBool::new(false),
            is_struck: AtomicBool::new(false),
            fence: AtomicU64::new(0),
            caller: Mutex::default(),
        });
        let app = world.another_process_of(shared.first_attempts, |ports| Ports {
            places: None,
            store: Arc::new(TappedStore::new(ports.store, &tap)),
            vault: Arc::new(TappedVault::new(ports.vault, &tap)),
            schedule: Arc::new(TappedSchedule::new(shared.queues.clone(), &tap)),
            queue: Arc::new(TappedQueue::new(shared.queues.clone(), &tap)),
            clock: Arc::new(SkewedClock(tap.clone())),
            http: Arc::new(CloudWire::new(ports.http, &tap)),
            ..ports
        });
        Process { tap, app, router: OnceLock::new() }
    }

    /// Begins an invocation.
    pub(super) fn begin(&self, caller: Caller) {
        self.tap.calls_count.store(0, Ordering::SeqCst);
        *self.tap.freezes_at() = None;
        self.tap.is_frozen.store(false, Ordering::SeqCst);
        self.tap.is_struck.store(false, Ordering::SeqCst);
        *self.tap.caller.lock().unwrap() = caller;
    }

    /// One of the calls of the invocation that begins is to hang.
    pub(super) fn freeze(&self, shared: &SharedState) {
        let weather = shared.weather();
        let any = if shared.is_pushed { &FROZEN_CALLS[..] } else { &FROZEN_CALLS[..FROZEN_COUNT] };
        let calls: &[&str] = if weather.freezes_at.is_empty() { any } else { weather.freezes_at };
        *self.tap.freezes_at() = shared.turns.draw(|random| random.choice(calls.iter().copied()));
    }

    /// Whether a call of it hung, so that whoever started it may have given it up.
    pub(super) fn is_frozen(&self) -> bool {
        self.tap.is_frozen.load(Ordering::SeqCst)
    }

    /// What is to blame where a job of the invocation fails.
    pub(super) fn blame(&self) -> Blame {
        match self.tap.is_struck.load(Ordering::SeqCst) || self.is_frozen() {
            true => Blame::Weather,
            false => Blame::Job,
        }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        SkewedClock(self.tap.clone()).now()
    }

    pub(super) fn router(&self) -> Router {
        self.router.get_or_init(|| self.app.router()).clone()
    }

    /// It is cut off; nothing of it goes on.
    pub(super) fn kill(&self) {
        self.tap.life.end();
        self.tap.shared.sightings().forget(&self.tap.life);
    }
}

impl Caller {
    pub(super) fn of(number: u64, what: &'static str, instance: Option<InstanceId>) -> Self {
        Caller { number, what, instance }
    }
}
