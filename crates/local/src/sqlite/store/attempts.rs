//! Delivery attempts: claimed, finished, begun anew.

use super::SqliteStore;
use super::notifications;
use super::{instances, living, resources, subscriptions};
use crate::sqlite::columns::{from_json, micros, to_json};
use app::ports;
use app::ports::{AttemptKey, AttemptOutcome, Attempts, Claim, Claimant, Notification, Progress, Written};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::delivery::{Attempt, Verdict};
use domain::ids::{InstanceId, Sequence};
use domain::instance::Instance;
use rusqlite::{Connection, Result, params};

/// Attempts that a notification remembers; older ones make room. More than two rounds of the longest policy.
const ATTEMPTS_KEPT_MAX: usize = 50;

/// Gives an attempt to one worker. The queue may hand a job out twice and a release may run beside it, so whoever posts
/// must have been told so by this row: of two that read it before either wrote, both would post. Whether the callback
/// takes anything is looked at in the same write; looked at before, a suspension in between would let one more attempt
/// through, and a release that had just found the queue empty would leave it behind for good.
pub(super) fn claim(
    conn: &Connection,
    key: AttemptKey,
    by: Claimant,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Claim> {
    let Some(instance) = instances::get(conn, key.instance)?.filter(|it| it.deleted_at.is_none()) else {
        return Ok(Claim::Gone);
    };
    let Some((standing, _)) = notifications::standing(conn, key.instance, key.sequence)? else {
        return Ok(Claim::Gone);
    };
    let subscription = subscriptions::get(conn, instance.id)?.unwrap_or_default();
    let is_claimed = standing.is_claimed(key, by, until);
    if !by.may_deliver(&instance, &subscription) {
        if is_claimed {
            unclaim(conn, key, until)?;
        }
        return Ok(Claim::Queued);
    }
    if !is_claimed {
        if let Some(refusal) = standing.refusal(key, now) {
            return Ok(refusal);
        }
        mark(conn, key, by, until)?;
    }
    let notification = notifications::get(conn, key.instance, key.sequence)?;
    Ok(notification.map_or(Claim::Gone, |notification| Claim::Yours(Box::new((notification, instance)))))
}

/// What was claimed with its commit, if the callback takes something: nothing is to be written for it.
fn committed(
    conn: &Connection,
    key: AttemptKey,
    until: DateTime<Utc>,
) -> Result<Option<(Notification, Instance)>> {
    let Some((standing, _)) = notifications::standing(conn, key.instance, key.sequence)? else {
        return Ok(None);
    };
    if !standing.is_claimed(key, Claimant::Committer, until) {
        return Ok(None);
    }
    let instance = instances::get(conn, key.instance)?.filter(|it| it.deleted_at.is_none());
    let subscription = subscriptions::get(conn, key.instance)?.unwrap_or_default();
    let Some(instance) = instance.filter(|it| Claimant::Committer.may_deliver(it, &subscription)) else {
        return Ok(None);
    };
    let notification = notifications::get(conn, key.instance, key.sequence)?;
    Ok(notification.map(|notification| (notification, instance)))
}

/// Writes the claim. A release's first claim begins the notification's round in the row, too.
fn mark(conn: &Connection, key: AttemptKey, by: Claimant, until: DateTime<Utc>) -> Result<()> {
    let row = (key.instance.get(), key.sequence.0, micros(until));
    match by {
        Claimant::Job | Claimant::Committer => conn
            .prepare_cached(
                "UPDATE notifications SET claim_until_us = ?3 WHERE instance_id = ?1 AND sequence = ?2",
            )?
            .execute(row)?,
        Claimant::Release { generation } => conn
            .prepare_cached(
                "UPDATE notifications SET claim_until_us = ?3, round_generation = ?4,
                     round_start = iif(round_generation < ?4, attempt - 1, round_start),
                     due_at_us = iif(round_generation < ?4, NULL, due_at_us)
                 WHERE instance_id = ?1 AND sequence = ?2",
            )?
            .execute((row.0, row.1, row.2, generation))?,
    };
    Ok(())
}

pub(super) fn unclaim(conn: &Connection, key: AttemptKey, until: DateTime<Utc>) -> Result<()> {
    conn.prepare_cached(
        "UPDATE notifications SET claim_until_us = NULL
         WHERE instance_id = ?1 AND sequence = ?2 AND attempt = ?3 AND claim_until_us = ?4",
    )?
    .execute((key.instance.get(), key.sequence.0, key.attempt, micros(until)))?;
    Ok(())
}

pub(super) fn finish(conn: &Connection, key: AttemptKey, outcome: &AttemptOutcome) -> Result<Written> {
    if living::version(conn, key.instance)?.is_none() {
        return Ok(Written::Gone);
    }
    let Some((standing, attempts)) = notifications::standing(conn, key.instance, key.sequence)? else {
        return Ok(Written::Gone);
    };
    if standing.progress != Progress::Pending || standing.attempt != key.attempt {
        return Ok(Written::Conflict);
    }
    let next = key.attempt.saturating_add(1);
    let (progress, attempt, due_at, expires_at) = match outcome.verdict {
        Verdict::Delivered => (Progress::Delivered, key.attempt, None, Some(outcome.expires_at)),
        Verdict::Retry(due_at) => (Progress::Pending, next, Some(due_at), None),
        Verdict::Suspend => (Progress::Pending, next, None, None),
    };
    conn.prepare_cached(
        "UPDATE notifications SET progress = ?3, attempt = ?4, due_at_us = ?5, expires_at_us = ?6,
             attempts = ?7, claim_until_us = NULL, reached_callback = ?8, reached_bus = ?9
         WHERE instance_id = ?1 AND sequence = ?2",
    )?
    .execute(params![
        key.instance.get(),
        key.sequence.0,
        progress.text(),
        attempt,
        due_at.map(micros),
        expires_at.map(micros),
        with_attempt(&attempts, &outcome.attempt)?,
        outcome.reached.callback,
        outcome.reached.bus,
    ])?;
    if outcome.in_outbox && outcome.verdict == Verdict::Delivered {
        resources::leave_outbox(conn, key.instance, key.sequence)?;
    }
    if outcome.verdict == Verdict::Suspend {
        subscriptions::suspend_once(conn, key.instance, outcome.reason.as_deref())?;
    }
    Ok(Written::Done)
}

fn with_attempt(stored: &str, attempt: &Attempt) -> Result<String> {
    let mut attempts: Vec<Attempt> = from_json(stored)?;
    attempts.push(attempt.clone());
    let surplus = attempts.len().saturating_sub(ATTEMPTS_KEPT_MAX);
    to_json(&&attempts[surplus..])
}

pub(super) fn reopen(
    conn: &Connection,
    id: InstanceId,
    number: Sequence,
    now: DateTime<Utc>,
) -> Result<Option<AttemptKey>> {
    if living::version(conn, id)?.is_none() {
        return Ok(None);
    }
    let Some((standing, _)) = notifications::standing(conn, id, number)? else { return Ok(None) };
    let attempt = match standing.progress {
        // It may be under way: then its claim stands.
        Progress::Pending => standing.attempt,
        Progress::Delivered => standing.attempt.saturating_add(1),
        Progress::Dropped | Progress::Logged => return Ok(None),
    };
    conn.prepare_cached(
        "UPDATE notifications SET progress = 'pending', attempt = ?3, round_start = ?3 - 1, due_at_us = ?4,
             expires_at_us = NULL, reached_callback = 0, reached_bus = 0
         WHERE instance_id = ?1 AND sequence = ?2",
    )?
    .execute((id.get(), number.0, attempt, micros(now)))?;
    Ok(Some(AttemptKey { instance: id, sequence: number, attempt }))
}

#[async_trait]
impl Attempts for SqliteStore {
    async fn claim_attempt(
        &self,
        key: AttemptKey,
        by: Claimant,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> ports::Result<Claim> {
        if by == Claimant::Committer
            && let Some(claimed) =
                self.db.glance("find a claim", move |conn| committed(conn, key, until)).await?
        {
            return Ok(Claim::Yours(Box::new(claimed)));
        }
        // Whoever starts after a power cut frees what was claimed. Its notification is on disk.
        self.db.write_behind("claim an attempt", move |tx| claim(tx, key, by, now, until)).await
    }

    async fn unclaim_attempt(&self, key: AttemptKey, until: DateTime<Utc>) -> ports::Result<()> {
        self.db.write("give an attempt back", move |tx| unclaim(tx, key, until)).await
    }

    async fn finish_attempt(&self, key: AttemptKey, outcome: &AttemptOutcome) -> ports::Result<Written> {
        let outcome = outcome.clone();
        // An attempt whose outcome a power cut takes is made again, with the same id and bytes, as after any crash.
        let (context, is_last) = ("finish an attempt", outcome.verdict == Verdict::Delivered);
        let is_released = matches!(outcome.by, Claimant::Release { .. });
        let work = move |tx: &Connection| finish(tx, key, &outcome);
        // A release goes on with the next one when this is stored, and a retry is enqueued then.
        match is_last && !is_released {
            true => self.db.write_along(context, work).await,
            false => self.db.write_behind(context, work).await,
        }
    }

    async fn reopen(
        &self,
        id: InstanceId,
        sequence: Sequence,
        now: DateTime<Utc>,
    ) -> ports::Result<Option<AttemptKey>> {
        self.db.write("reopen a notification", move |tx| reopen(tx, id, sequence, now)).await
    }
}
