//! When instances are polled: timetables in a table, and the next times in memory.

use crate::sqlite::Db;
use crate::sqlite::columns::{damaged, instance_id, time_or_none};
use crate::sqlite::readable::readable;
use app::ports::{Clock, Result, Schedule};
use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use domain::ids::InstanceId;
use domain::schedule::Timetable;
use rusqlite::types::Type;
use rusqlite::{Connection, Row};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// A row's table, and the column that finds it there.
const SCHEDULE: (&str, usize) = ("schedules", 0);

/// The [`Schedule`] port in one process.
pub struct Timers {
    db: Db,
    clock: Arc<dyn Clock>,
    ticking: Arc<Mutex<Ticking>>,
    changed: Notify,
}

/// The enabled timetables, and when each is due next.
#[derive(Default)]
struct Ticking {
    next: HashMap<InstanceId, (Timetable, DateTime<Utc>)>,
    by_time: BTreeSet<(DateTime<Utc>, InstanceId)>,
}

impl Ticking {
    fn set(&mut self, id: InstanceId, timetable: Timetable, at: DateTime<Utc>) {
        self.unset(id);
        self.next.insert(id, (timetable, at));
        self.by_time.insert((at, id));
    }

    /// Sets the timer, unless it runs by the same timetable already.
    fn enable(&mut self, id: InstanceId, timetable: Timetable, now: DateTime<Utc>) {
        if self.next.get(&id).is_none_or(|(known, _)| *known != timetable) {
            self.set(id, timetable, timetable.next_after(now));
        }
    }

    fn unset(&mut self, id: InstanceId) {
        if let Some((_, at)) = self.next.remove(&id) {
            self.by_time.remove(&(at, id));
        }
    }

    fn pop(&mut self, now: DateTime<Utc>) -> Option<(InstanceId, DateTime<Utc>)> {
        let (at, id) = *self.by_time.first().filter(|(at, _)| *at <= now)?;
        let (timetable, _) = *self.next.get(&id)?;
        self.set(id, timetable, timetable.next_after(now));
        Some((id, at))
    }
}

impl Timers {
    /// Reads what is scheduled. An instance that surely missed a tick since its state was last written is due at
    /// once, the others at their next tick; an idle poll need not have written anything for a heartbeat.
    pub async fn open(db: Db, clock: Arc<dyn Clock>, heartbeat: Duration) -> Result<Self> {
        let stored = db.read("read the schedules", stored).await?;
        let now = clock.now();
        let mut ticking = Ticking::default();
        for (id, timetable, written_at) in stored {
            let missed = written_at.is_some_and(|at| timetable.next_after(at + heartbeat) <= now);
            ticking.set(id, timetable, if missed { now } else { timetable.next_after(now) });
        }
        let ticking = Arc::new(Mutex::new(ticking));
        Ok(Timers { db, clock, ticking, changed: Notify::new() })
    }

    /// Takes what is due, each with the time it was due at; missed ticks of an instance count as one.
    pub fn due(&self, now: DateTime<Utc>) -> Vec<(InstanceId, DateTime<Utc>)> {
        let mut ticking = self.ticking();
        std::iter::from_fn(|| ticking.pop(now)).collect()
    }

    /// Whose timers run.
    pub fn enabled(&self) -> Vec<InstanceId> {
        self.ticking().next.keys().copied().collect()
    }

    /// The clock was set back: nothing is due later than its interval says.
    pub fn set_back(&self, now: DateTime<Utc>) {
        let mut ticking = self.ticking();
        let late: Vec<_> = ticking
            .next
            .iter()
            .map(|(id, (timetable, at))| (*id, *timetable, *at, timetable.next_after(now)))
            .filter(|(_, _, at, next)| at > next)
            .collect();
        late.into_iter().for_each(|(id, timetable, _, next)| ticking.set(id, timetable, next));
    }

    /// Wakes the waiter to look again.
    pub fn notify(&self) {
        self.changed.notify_one();
    }

    /// When something is due next.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.ticking().by_time.first().map(|(at, _)| *at)
    }

    /// Waits until [`Timers::next_due`] may have changed. A change while nobody waits is not missed: one
    /// waiter is meant.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Takes in what another process has written to the table.
    pub async fn reload(&self) -> Result<()> {
        let now = self.clock.now();
        self.change("read the schedules again", move |tx, ticking| {
            let enabled = enabled(tx)?;
            let gone: Vec<InstanceId> =
                ticking.next.keys().filter(|id| !enabled.contains_key(id)).copied().collect();
            gone.into_iter().for_each(|id| ticking.unset(id));
            enabled.into_iter().for_each(|(id, timetable)| ticking.enable(id, timetable, now));
            Ok(())
        })
        .await
    }

    fn ticking(&self) -> MutexGuard<'_, Ticking> {
        lock(&self.ticking)
    }

    /// Changes the table, and the memory with it, in the order of the writes.
    async fn change(
        &self,
        context: &'static str,
        change: impl FnOnce(&Connection, &mut Ticking) -> rusqlite::Result<()> + Send + 'static,
    ) -> Result<()> {
        let ticking = Arc::clone(&self.ticking);
        self.db.write(context, move |tx| change(tx, &mut lock(&ticking))).await?;
        self.notify();
        Ok(())
    }
}

fn lock(ticking: &Mutex<Ticking>) -> MutexGuard<'_, Ticking> {
    ticking.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Schedule for Timers {
    async fn put(&self, id: InstanceId, timetable: Timetable, enabled: bool) -> Result<()> {
        let now = self.clock.now();
        self.change("store a schedule", move |tx, ticking| {
            store(tx, id, timetable, enabled)?;
            if enabled {
                ticking.enable(id, timetable, now);
            } else {
                ticking.unset(id);
            }
            Ok(())
        })
        .await
    }

    async fn remove(&self, id: InstanceId) -> Result<()> {
        self.change("remove a schedule", move |tx, ticking| {
            tx.prepare_cached("DELETE FROM schedules WHERE instance_id = ?1")?.execute([id.get()])?;
            ticking.unset(id);
            Ok(())
        })
        .await
    }
}

fn store(tx: &Connection, id: InstanceId, timetable: Timetable, enabled: bool) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO schedules (instance_id, interval_s, phase_s, enabled) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET interval_s = excluded.interval_s, phase_s = excluded.phase_s,
             enabled = excluded.enabled",
    )?
    .execute((id.get(), timetable.interval_s, timetable.phase_s, enabled))?;
    Ok(())
}

fn enabled(conn: &Connection) -> rusqlite::Result<HashMap<InstanceId, Timetable>> {
    let mut statement =
        conn.prepare("SELECT instance_id, interval_s, phase_s FROM schedules WHERE enabled = 1")?;
    let schedule = |row: &Row<'_>| Ok((instance_id(row.get(0)?), timetable(row)?));
    Ok(readable((&mut statement, []), usize::MAX, SCHEDULE, schedule)?.rows.into_iter().collect())
}

fn timetable(row: &Row<'_>) -> rusqlite::Result<Timetable> {
    match (row.get(1)?, row.get(2)?) {
        (0, _) => Err(damaged(Type::Integer, "no interval")),
        (interval_s, phase_s) => Ok(Timetable { interval_s, phase_s }),
    }
}

type StoredSchedule = (InstanceId, Timetable, Option<DateTime<Utc>>);

/// The enabled schedules, with the last time that a state of the instance was written. All of them: this is the
/// memory of the timers, a few dozen bytes each.
fn stored(conn: &Connection) -> rusqlite::Result<Vec<StoredSchedule>> {
    let mut statement = conn.prepare(
        "SELECT instance_id, interval_s, phase_s,
             (SELECT max(written_at_us) FROM resources r WHERE r.instance_id = s.instance_id)
         FROM schedules s WHERE enabled = 1",
    )?;
    let schedule =
        |row: &Row<'_>| Ok((instance_id(row.get(0)?), timetable(row)?, time_or_none(row.get(3)?)?));
    Ok(readable((&mut statement, []), usize::MAX, SCHEDULE, schedule)?.rows)
}
