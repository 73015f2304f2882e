//! The jobs' table. A job is its own key, as JSON.

use super::class::{Class, LaneId, lane_of};
use crate::sqlite::columns::{damaged, from_json, to_json};
use crate::sqlite::readable::readable;
use app::ports::Job;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Result, Row};

/// Stores a job that is due then, or earlier if it waits for an earlier time already: the time that counts.
pub(super) fn put(tx: &Connection, job: &Job, due_at_us: i64) -> Result<i64> {
    tx.prepare_cached(
        "INSERT INTO jobs (job, class, instance_id, due_at_us, failures) VALUES (?1, ?2, ?3, ?4, 0)
         ON CONFLICT DO UPDATE SET due_at_us = min(due_at_us, excluded.due_at_us)
         RETURNING due_at_us",
    )?
    .query_row((to_json(job)?, Class::of(job).text(), lane_of(job).1, due_at_us), |row| row.get(0))
}

/// Sets when a job that was under way is due again.
pub(super) fn put_again(tx: &Connection, job: &Job, due_at_us: i64, failures: u32) -> Result<()> {
    tx.prepare_cached("UPDATE jobs SET due_at_us = ?2, failures = ?3 WHERE job = ?1")?.execute((
        to_json(job)?,
        due_at_us,
        failures,
    ))?;
    Ok(())
}

pub(super) fn delete(tx: &Connection, job: &Job) -> Result<()> {
    tx.prepare_cached("DELETE FROM jobs WHERE job = ?1")?.execute([to_json(job)?])?;
    Ok(())
}

pub(super) fn failures(conn: &Connection, job: &Job) -> Result<u32> {
    let failures = conn
        .prepare_cached("SELECT failures FROM jobs WHERE job = ?1")?
        .query_row([to_json(job)?], |row| row.get(0))
        .optional()?;
    Ok(failures.unwrap_or(0))
}

/// Puts a job aside that failed too often.
pub(super) fn bury(tx: &Connection, job: &Job, failures: u32, now_us: i64) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO dead_jobs (job, instance_id, failures, died_at_us) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET failures = excluded.failures, died_at_us = excluded.died_at_us",
    )?
    .execute((to_json(job)?, lane_of(job).1, failures, now_us))?;
    delete(tx, job)
}

/// The lanes that have jobs, with the organizations of their instances.
pub(super) fn lanes(conn: &Connection) -> Result<Vec<(LaneId, Option<u32>)>> {
    let mut statement = conn.prepare(
        "SELECT DISTINCT jobs.class, jobs.instance_id, instances.organization_id
         FROM jobs LEFT JOIN instances ON instances.id = jobs.instance_id AND jobs.class <> 'bulk'",
    )?;
    let lane = |row: &Row<'_>| {
        let name = row.get_ref(0)?.as_str()?;
        let known = Class::ALL.into_iter().find(|known| known.text() == name);
        let known = known.ok_or_else(|| damaged(Type::Text, "no such class"))?;
        Ok(((known, row.get(1)?), row.get(2)?))
    };
    Ok(readable((&mut statement, []), usize::MAX, ("jobs of an instance", 1), lane)?.rows)
}

/// Whose a job is: a health event's says it, else whose instance it is for, while there is one. A bulk action's lane is
/// its organization's.
pub(super) fn organization_id(conn: &Connection, job: &Job) -> Result<Option<u32>> {
    if let Job::Tell { organization_id, .. } = job {
        return Ok(Some(*organization_id));
    }
    let Some(id) = job.instance() else { return Ok(None) };
    conn.prepare_cached("SELECT organization_id FROM instances WHERE id = ?1")?
        .query_row([id.get()], |row| row.get(0))
        .optional()
}

/// Brings what is due later nearer, to `now` at the nearest.
pub(super) fn set_back(tx: &Connection, by_us: i64, now_us: i64) -> Result<()> {
    tx.execute("UPDATE jobs SET due_at_us = max(?2, due_at_us - ?1) WHERE due_at_us > ?2", (by_us, now_us))?;
    Ok(())
}

/// The first jobs of a lane with their due times, and whether there are more.
pub(super) fn first_of(conn: &Connection, lane: LaneId, limit: usize) -> Result<(Vec<(Job, i64)>, bool)> {
    let mut statement = conn.prepare_cached(
        "SELECT job, due_at_us, id FROM jobs WHERE class = ?1 AND instance_id = ?2 ORDER BY due_at_us, id",
    )?;
    let job = |row: &Row<'_>| Ok((from_json::<Job>(row.get_ref(0)?.as_str()?)?, row.get(1)?));
    let jobs = readable((&mut statement, (lane.0.text(), lane.1)), limit, ("jobs", 2), job)?.rows;
    let more = jobs.len() == limit;
    Ok((jobs, more))
}

/// Whether a job waits or is under way; of an instance's settling jobs any will do.
pub(super) fn holds(conn: &Connection, job: &Job) -> Result<bool> {
    if let Job::Settle { instance, .. } = job {
        return conn
            .prepare_cached(
                "SELECT 1 FROM jobs WHERE class = ?1 AND instance_id = ?2 AND job LIKE '{\"Settle\":%'",
            )?
            .exists((Class::of(job).text(), instance.get()));
    }
    conn.prepare_cached("SELECT 1 FROM jobs WHERE job = ?1")?.exists([to_json(job)?])
}

/// How many of a class are due, how many later, and when the first is due.
pub(super) fn depth(conn: &Connection, of: Class, now_us: i64) -> Result<(u64, u64, Option<i64>)> {
    conn.prepare_cached(
        "SELECT count(*) FILTER (WHERE due_at_us <= ?2), count(*) FILTER (WHERE due_at_us > ?2),
             min(due_at_us) FILTER (WHERE due_at_us <= ?2)
         FROM jobs WHERE class = ?1",
    )?
    .query_row((of.text(), now_us), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
}

/// How many jobs are dead, and since when the oldest is.
pub(super) fn dead_depth(conn: &Connection) -> Result<(u64, Option<i64>)> {
    conn.query_row("SELECT count(*), min(died_at_us) FROM dead_jobs", [], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })
}

/// Dead jobs, the oldest first; `None` for an unreadable one. Stops after `limit` readable ones.
pub(super) fn dead(conn: &Connection, limit: usize) -> Result<Vec<Option<Job>>> {
    let mut statement = conn.prepare_cached("SELECT job FROM dead_jobs ORDER BY died_at_us, job")?;
    let mut rows = statement.query([])?;
    let (mut jobs, mut readable) = (Vec::new(), 0);
    while let Some(row) = rows.next()?.filter(|_| readable < limit) {
        let job: Option<Job> = from_json(row.get_ref(0)?.as_str()?).ok();
        readable += usize::from(job.is_some());
        jobs.push(job);
    }
    Ok(jobs)
}

pub(super) fn unbury(tx: &Connection, job: &Job) -> Result<()> {
    tx.prepare_cached("DELETE FROM dead_jobs WHERE job = ?1")?.execute([to_json(job)?])?;
    Ok(())
}

pub(super) fn count(conn: &Connection) -> Result<u64> {
    conn.query_row("SELECT count(*) FROM jobs", [], |row| row.get(0))
}

pub(super) fn dead_count(conn: &Connection) -> Result<u64> {
    conn.query_row("SELECT count(*) FROM dead_jobs", [], |row| row.get(0))
}
