//! Timers in virtual time.

use crate::fixtures::{at, folder, id};
use app::ports::{Clock, Instances as _, NewInstance, Schedule};
use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use domain::ids::InstanceId;
use domain::schedule::Timetable;
use domain::state::ResourceState;
use domain::token::Session;
use local::sqlite::{Db, SqliteStore};
use local::timers::Timers;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

#[derive(Default)]
struct VirtualClock(AtomicI64);

impl VirtualClock {
    fn set(&self, seconds: i64) {
        self.0.store(seconds, Ordering::Relaxed);
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> DateTime<Utc> {
        at(self.0.load(Ordering::Relaxed))
    }

    async fn sleep(&self, _: std::time::Duration) {}
}

async fn timers() -> (Timers, Arc<VirtualClock>) {
    let clock = Arc::new(VirtualClock::default());
    (Timers::open(Db::in_memory().unwrap(), clock.clone(), Duration::minutes(10)).await.unwrap(), clock)
}

/// Every ten minutes, this many seconds after `at(0)`, which is a multiple of ten minutes and 400 s.
fn ten_minutes(phase_s: u32) -> Timetable {
    Timetable { interval_s: 600, phase_s: (phase_s + 400) % 600 }
}

/// Whose turn it is.
fn due(timers: &Timers, now: DateTime<Utc>) -> Vec<InstanceId> {
    timers.due(now).into_iter().map(|tick| tick.instance).collect()
}

#[tokio::test]
async fn each_instance_is_due_at_its_own_phase() {
    let (timers, _) = timers().await;
    assert_eq!(timers.next_due(), None);
    timers.put(id(1), ten_minutes(30), true).await.unwrap();
    timers.put(id(2), ten_minutes(20), true).await.unwrap();
    timers.put(id(3), ten_minutes(10), false).await.unwrap();
    assert_eq!(timers.next_due(), Some(at(20)));
    assert_eq!(due(&timers, at(19)), []);
    assert_eq!(due(&timers, at(20)), [id(2)]);
    assert_eq!(due(&timers, at(30)), [id(1)]);
    assert_eq!(due(&timers, at(619)), []);
    assert_eq!(due(&timers, at(630)), [id(2), id(1)]);
    assert_eq!(due(&timers, at(6_630)), [id(2), id(1)], "missed ones collapse");
    assert_eq!(timers.next_due(), Some(at(7_220)));
}

#[tokio::test]
async fn when_the_clock_was_set_back_no_tick_is_later_than_its_interval_says() {
    let (timers, _) = timers().await;
    timers.put(id(1), ten_minutes(30), true).await.unwrap();
    timers.put(id(2), ten_minutes(40), true).await.unwrap();
    assert_eq!(due(&timers, at(3_630)), [id(1), id(2)]);
    timers.set_back(at(35));
    assert_eq!(timers.next_due(), Some(at(40)));
    assert_eq!(due(&timers, at(630)), [id(2), id(1)]);
}

#[tokio::test]
async fn a_schedule_is_changed_switched_off_and_removed() {
    let (timers, clock) = timers().await;
    timers.put(id(1), ten_minutes(30), true).await.unwrap();
    clock.set(25);
    timers.put(id(1), ten_minutes(30), true).await.unwrap();
    assert_eq!(timers.next_due(), Some(at(30)), "the same again changes nothing");
    timers.put(id(1), ten_minutes(10), true).await.unwrap();
    assert_eq!(timers.next_due(), Some(at(610)));
    timers.put(id(1), ten_minutes(10), false).await.unwrap();
    assert_eq!(timers.next_due(), None);
    timers.put(id(1), ten_minutes(10), true).await.unwrap();
    timers.remove(id(1)).await.unwrap();
    timers.remove(id(1)).await.unwrap();
    assert_eq!((timers.next_due(), due(&timers, at(9_999))), (None, vec![]));
}

#[tokio::test]
async fn whoever_waits_is_woken_by_a_change() {
    let (timers, _) = timers().await;
    let (_, put) = tokio::join!(timers.changed(), timers.put(id(1), ten_minutes(30), true));
    put.unwrap();
    assert_eq!(timers.next_due(), Some(at(30)));
}

#[tokio::test]
async fn after_a_stop_who_missed_a_tick_is_due_at_once() {
    let (_folder, path) = folder();
    let clock = Arc::new(VirtualClock::default());
    {
        let db = Db::open(&path).unwrap();
        let timers = Timers::open(db.clone(), clock.clone(), Duration::minutes(10)).await.unwrap();
        let store = SqliteStore::new(db);
        for (number, written_s) in [(1, 35), (2, 5), (3, 5)] {
            store.insert_instance(&instance(number, written_s)).await.unwrap();
            timers.put(id(number), ten_minutes(30), number != 3).await.unwrap();
        }
    }
    // An idle poll need not write for ten minutes, so only now it is sure that the second missed a tick.
    clock.set(640);
    let timers = Timers::open(Db::open(&path).unwrap(), clock.clone(), Duration::minutes(10)).await.unwrap();
    assert_eq!(due(&timers, at(640)), [id(2)], "the first may have been polled in time, the third is off");
    assert_eq!(due(&timers, at(1230)), [id(1), id(2)]);
}

fn instance(number: u32, written_s: i64) -> NewInstance {
    let mut new = crate::store::new_instance();
    new.instance.id = id(number);
    new.token_hash = [number as u8; 32];
    new.session = Session::default();
    new.states = vec![ResourceState::new("messages", at(written_s))];
    new
}
