//! Virtual time and who goes on next: whatever takes time waits for a turn, and turns are given in the order of their
//! times. How long each wait is, the seed says; so it also says how everything that is under way interleaves.

use crate::world::VirtualClock;
use chrono::Duration;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Moments that one run may have; more means that something spins.
const TURNS_COUNT_MAX: u64 = 400_000;

/// Whether a process is still there. What a dead one waits for never comes.
#[derive(Default)]
pub(super) struct Life(AtomicBool);

impl Life {
    pub(super) fn end(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// The turns of one world.
pub(super) struct Turns {
    clock: VirtualClock,
    inner: Mutex<Inner>,
}

struct Inner {
    random: fastrand::Rng,
    given_count: u64,
    last_number: u64,
    waiting: BTreeMap<Key, WaitingTurn>,
}

/// When a turn is due, and which it is of several due at a time.
type Key = (i64, u64);

struct WaitingTurn {
    life: Arc<Life>,
    waker: Option<Waker>,
}

impl Turns {
    pub(super) fn new(clock: VirtualClock, seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        Turns {
            clock,
            inner: Mutex::new(Inner { random, given_count: 0, last_number: 0, waiting: BTreeMap::new() }),
        }
    }

    pub(super) fn now_us(&self) -> i64 {
        self.clock.now_us()
    }

    /// Draws from the seed.
    pub(super) fn draw<T>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        draw(&mut self.inner().random)
    }

    /// Waits some microseconds, for somebody of this life.
    pub(super) fn wait<'a>(&'a self, life: &'a Arc<Life>, wait_us: i64) -> Turn<'a> {
        let mut inner = self.inner();
        inner.last_number += 1;
        let key = (self.now_us() + wait_us.max(0), inner.last_number);
        inner.waiting.insert(key, WaitingTurn { life: life.clone(), waker: None });
        Turn { turns: self, life, key }
    }

    /// When the next turn is due.
    pub(super) fn next_us(&self) -> Option<i64> {
        let mut inner = self.inner();
        while let Some(first) = inner.waiting.first_entry() {
            if !first.get().life.is_over() {
                return Some(first.key().0);
            }
            first.remove();
        }
        None
    }

    /// Gives the next turn, at its time.
    pub(super) fn give(&self) {
        let mut inner = self.inner();
        inner.given_count += 1;
        assert!(inner.given_count < TURNS_COUNT_MAX, "something spins: {TURNS_COUNT_MAX} turns were given");
        let Some(((at_us, _), waiting)) = inner.waiting.pop_first() else { return };
        drop(inner);
        self.advance_to(at_us);
        if let Some(waker) = waiting.waker {
            waker.wake();
        }
    }

    /// Whether somebody of this life waits for a turn.
    pub(super) fn is_waited_for(&self, life: &Arc<Life>) -> bool {
        self.inner().waiting.values().any(|waiting| Arc::ptr_eq(&waiting.life, life))
    }

    /// Time passes, never back.
    pub(super) fn advance_to(&self, at_us: i64) {
        self.clock.advance(Duration::microseconds((at_us - self.now_us()).max(0)));
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A wait for a turn.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    life: &'a Arc<Life>,
    key: Key,
}

impl Future for Turn<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.life.is_over() {
            return Poll::Pending;
        }
        match self.turns.inner().waiting.get_mut(&self.key) {
            Some(waiting) => {
                waiting.waker = Some(context.waker().clone());
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.inner().waiting.remove(&self.key);
    }
}

/// Work that is polled by hand, when it was woken.
pub(super) struct Hand<T> {
    future: Pin<Box<dyn Future<Output = T> + Send>>,
    woken: Arc<Woken>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl<T> Hand<T> {
    pub(super) fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        Hand { future: Box::pin(future), woken: Arc::new(Woken(AtomicBool::new(true))) }
    }

    pub(super) fn is_woken(&self) -> bool {
        self.woken.0.load(Ordering::SeqCst)
    }

    /// The result, if it is there now.
    pub(super) fn go_on(&mut self) -> Option<T> {
        self.woken.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(self.woken.clone());
        match self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        }
    }
}

/// What needs no time, only a few looks, as the doubles do.
pub(super) fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..1_000 {
        if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return done;
        }
    }
    panic!("this was to take no time");
}
