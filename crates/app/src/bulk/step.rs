//! A step of a bulk action: a bounded number of instances, under a lease, each counted.

use super::{item, job};
use crate::context::Context;
use crate::ports::{PortError, Result, Written};
use chrono::{DateTime, Duration, Utc};
use domain::bulk::{Bulk, BulkId, BulkOutcome, BulkStatus};
use domain::ids::InstanceId;

/// Longer than a step works, with one slow instance at its end.
const LEASE_S: i64 = 75;
/// Then the rest goes on in another job.
const WORK_S: i64 = 10;
/// Instances, or stretches of a log, of one step.
const ITEMS_COUNT_MAX: usize = 100;
/// How far it is is stored after so many of them: what is done twice after a death, and what a stop is late by.
const SAVED_EVERY: usize = 10;
/// Between two steps, seconds: others have their turn.
const PAUSE_S: i64 = 1;
/// Tries of an instance while a store fails, and the pause after the first, seconds, which doubles: two and a half
/// minutes, so that a short outage fails nothing.
const TRIES_COUNT_MAX: u32 = 6;
const AGAIN_FIRST_S: i64 = 5;

/// How a step ended.
enum StepEnd {
    /// The next one follows then.
    Later(DateTime<Utc>),
    /// Nothing is left.
    Finished,
    /// Somebody stopped it, or another worker took it over.
    NotOurs,
}

/// Runs the job of a bulk action: one step of it.
///
/// Every step enqueues the next before its job is done, and a job that died is run again. A second one for the same
/// action finds the lease, and comes back after it.
pub(crate) async fn run(
    app: &Context,
    (organization_id, id): (u32, BulkId),
    deadline: DateTime<Utc>,
) -> Result<()> {
    let store = &app.ports.store;
    let Some(bulk) = store.bulk(organization_id, id).await? else { return Ok(()) };
    if !bulk.is_running() {
        return Ok(());
    }
    let now = app.now();
    if let Some(until) = bulk.leased_until.filter(|until| *until > now) {
        return app.ports.queue.send(&[(job(&bulk), until)]).await;
    }
    let job = job(&bulk);
    let mut step = Step { app, bulk, unsaved: 0 };
    if step.bulk.is_overdue(now) {
        return step.end(BulkStatus::GivenUp).await;
    }
    step.bulk.leased_until = Some(now + Duration::seconds(LEASE_S));
    if !step.save().await? {
        // Whoever was first may have stopped it, or work on it.
        return app.ports.queue.send(&[(job, now + Duration::seconds(PAUSE_S))]).await;
    }
    let targets = store.bulk_targets(organization_id, id).await?;
    match step.work(&targets, deadline.min(now + Duration::seconds(WORK_S))).await? {
        StepEnd::NotOurs => Ok(()),
        StepEnd::Finished => step.end(BulkStatus::Done).await,
        StepEnd::Later(due_at) => {
            step.bulk.leased_until = None;
            match step.save().await? {
                true => app.ports.queue.send(&[(job, due_at)]).await,
                false => Ok(()),
            }
        }
    }
}

struct Step<'a> {
    app: &'a Context,
    /// As it is stored, and what was done since.
    bulk: Bulk,
    unsaved: usize,
}

impl Step<'_> {
    async fn work(&mut self, targets: &[InstanceId], until: DateTime<Utc>) -> Result<StepEnd> {
        for _ in 0..ITEMS_COUNT_MAX {
            if self.bulk.position.finished >= self.bulk.instances {
                return Ok(StepEnd::Finished);
            }
            if self.app.now() >= until {
                break;
            }
            let Some(id) = targets.get(self.bulk.position.finished) else {
                return self.without_targets().await;
            };
            if let Err(error) = item::take(self.app, &mut self.bulk, *id).await {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(bulk.id = %self.bulk.id, instance.id = id.get(), error, "bulk.item_failed");
                if let Some(pause_s) = self.failed(*id) {
                    return Ok(StepEnd::Later(self.app.now() + Duration::seconds(pause_s)));
                }
            }
            self.unsaved += 1;
            if self.unsaved >= SAVED_EVERY && !self.save().await? {
                return Ok(StepEnd::NotOurs);
            }
        }
        match self.bulk.position.finished >= self.bulk.instances {
            true => Ok(StepEnd::Finished),
            false => Ok(StepEnd::Later(self.app.now() + Duration::seconds(PAUSE_S))),
        }
    }

    /// Its instances go when somebody stops it.
    async fn without_targets(&mut self) -> Result<StepEnd> {
        match self.save().await? {
            true => Err(PortError::new("reading the instances of a bulk action", "they are not there")),
            false => Ok(StepEnd::NotOurs),
        }
    }

    /// After a pause it is tried again; after enough of them it has failed, and no other waits for it.
    fn failed(&mut self, id: InstanceId) -> Option<i64> {
        let tries = self.bulk.position.tries + 1;
        if tries < TRIES_COUNT_MAX {
            self.bulk.position.tries = tries;
            return Some(AGAIN_FIRST_S << (tries - 1));
        }
        self.bulk.tally.add(
            id,
            None,
            BulkOutcome::Failed("a store failed, again and again: the rest of it was left".to_owned()),
        );
        item::next(&mut self.bulk);
        None
    }

    /// Stores how far it is; `false` where it is not ours any more.
    async fn save(&mut self) -> Result<bool> {
        self.bulk.version += 1;
        self.bulk.updated_at = self.app.now();
        self.unsaved = 0;
        match self.app.ports.store.change_bulk(&self.bulk).await? {
            Written::Done => Ok(true),
            Written::Conflict | Written::Gone => self.tell().await.map(|()| false),
        }
    }

    async fn end(mut self, status: BulkStatus) -> Result<()> {
        let now = self.app.now();
        self.bulk = self.bulk.ended(status, now);
        self.bulk.leased_until = None;
        self.bulk.version += 1;
        self.bulk.updated_at = now;
        if self.app.ports.store.end_bulk(&self.bulk, None).await? != Written::Done {
            return self.tell().await;
        }
        let (done, failed) = (self.bulk.tally.done, self.bulk.tally.failed());
        tracing::info!(bulk.id = %self.bulk.id, done, failed, "bulk.ended");
        Ok(())
    }

    /// Where somebody stopped it while we were at it: what was done until then counts.
    async fn tell(&self) -> Result<()> {
        let store = &self.app.ports.store;
        let stored = store.bulk(self.bulk.account.organization_id, self.bulk.id).await?;
        let Some(stored) = stored.filter(|stored| stored.status == BulkStatus::Cancelled) else {
            return Ok(());
        };
        if stored.leased_until.is_none() || stored.position.finished > self.bulk.position.finished {
            return Ok(());
        }
        let told = Bulk {
            position: self.bulk.position,
            tally: self.bulk.tally.clone(),
            leased_until: None,
            version: stored.version + 1,
            ..stored
        };
        store.change_bulk(&told).await.map(drop)
    }
}
