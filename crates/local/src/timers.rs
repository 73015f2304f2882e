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
use rusqlite::{Connection, OptionalExtension as _, Row};
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

/// A tick of an instance's timetable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// Of what.
    pub instance: InstanceId,
    /// Whose instance it is, where that can be read.
    pub organization_id: Option<u32>,
    /// When it was due.
    pub due_at: DateTime<Utc>,
}

/// A timetable, whose instance's it is, and when it is due next.
#[derive(Clone, Copy)]
struct Timer {
    timetable: Timetable,
    organization_id: Option<u32>,
    at: DateTime<Utc>,
}

/// The enabled timetables.
#[derive(Default)]
struct Ticking {
    next: HashMap<InstanceId, Timer>,
    by_time: BTreeSet<(DateTime<Utc>, InstanceId)>,
}

impl Ticking {
    fn set(&mut self, id: InstanceId, timer: Timer) {
        self.unset(id);
        self.next.insert(id, timer);
        self.by_time.insert((timer.at, id));
    }

    /// Sets the timer, unless it runs by the same timetable already.
    fn enable(&mut self, id: InstanceId, (timetable, organization_id): Enabled, now: DateTime<Utc>) {
        if self.next.get(&id).is_none_or(|known| known.timetable != timetable) {
            self.set(id, Timer { timetable, organization_id, at: timetable.next_after(now) });
        }
    }

    fn unset(&mut self, id: InstanceId) {
        if let Some(timer) = self.next.remove(&id) {
            self.by_time.remove(&(timer.at, id));
        }
    }

    fn pop(&mut self, now: DateTime<Utc>) -> Option<Tick> {
        let (due_at, instance) = *self.by_time.first().filter(|(at, _)| *at <= now)?;
        let timer = *self.next.get(&instance)?;
        self.set(instance, Timer { at: timer.timetable.next_after(now), ..timer });
        Some(Tick { instance, organization_id: timer.organization_id, due_at })
    }
}

impl Timers {
    /// Reads what is scheduled. An instance that surely missed a tick since its state was last written is due at
    /// once, the others at their next tick; an idle poll need not have written anything for a heartbeat.
    pub async fn open(db: Db, clock: Arc<dyn Clock>, heartbeat: Duration) -> Result<Self> {
        let stored = db.read("read the schedules", stored).await?;
        let now = clock.now();
        let mut ticking = Ticking::default();
        for (id, (timetable, organization_id), written_at) in stored {
            let missed = written_at.is_some_and(|at| timetable.next_after(at + heartbeat) <= now);
            let at = if missed { now } else { timetable.next_after(now) };
            ticking.set(id, Timer { timetable, organization_id, at });
        }
        let ticking = Arc::new(Mutex::new(ticking));
        Ok(Timers { db, clock, ticking, changed: Notify::new() })
    }

    /// Takes what is due; missed ticks of an instance count as one.
    pub fn due(&self, now: DateTime<Utc>) -> Vec<Tick> {
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
            .map(|(id, timer)| (*id, *timer, timer.timetable.next_after(now)))
            .filter(|(_, timer, next)| timer.at > *next)
            .collect();
        late.into_iter().for_each(|(id, timer, at)| ticking.set(id, Timer { at, ..timer }));
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
            enabled.into_iter().for_each(|(id, one)| ticking.enable(id, one, now));
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
                ticking.enable(id, (timetable, organization_id(tx, id)?), now);
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

/// A timetable, and whose instance's it is.
type Enabled = (Timetable, Option<u32>);

fn organization_id(conn: &Connection, id: InstanceId) -> rusqlite::Result<Option<u32>> {
    let sql = "SELECT organization_id FROM instances WHERE id = ?1";
    conn.prepare_cached(sql)?.query_row([id.get()], |row| row.get(0)).optional()
}

fn enabled(conn: &Connection) -> rusqlite::Result<HashMap<InstanceId, Enabled>> {
    let mut statement = conn.prepare(
        "SELECT instance_id, interval_s, phase_s, (SELECT organization_id FROM instances WHERE id = instance_id)
         FROM schedules WHERE enabled = 1",
    )?;
    let schedule = |row: &Row<'_>| Ok((instance_id(row.get(0)?), (timetable(row)?, row.get(3)?)));
    Ok(readable((&mut statement, []), usize::MAX, SCHEDULE, schedule)?.rows.into_iter().collect())
}

fn timetable(row: &Row<'_>) -> rusqlite::Result<Timetable> {
    match (row.get(1)?, row.get(2)?) {
        (0, _) => Err(damaged(Type::Integer, "no interval")),
        (interval_s, phase_s) => Ok(Timetable { interval_s, phase_s }),
    }
}

type StoredSchedule = (InstanceId, Enabled, Option<DateTime<Utc>>);

/// The enabled schedules, with the last time that a state of the instance was written. All of them: this is the
/// memory of the timers, a few dozen bytes each.
fn stored(conn: &Connection) -> rusqlite::Result<Vec<StoredSchedule>> {
    let mut statement = conn.prepare(
        "SELECT instance_id, interval_s, phase_s, (SELECT organization_id FROM instances WHERE id = instance_id),
             (SELECT max(written_at_us) FROM resources r WHERE r.instance_id = s.instance_id)
         FROM schedules s WHERE enabled = 1",
    )?;
    let schedule = |row: &Row<'_>| {
        Ok((instance_id(row.get(0)?), (timetable(row)?, row.get(3)?), time_or_none(row.get(4)?)?))
    };
    Ok(readable((&mut statement, []), usize::MAX, SCHEDULE, schedule)?.rows)
}
