//! One action on many instances: each by the use case of the single call, a few at a time, in a job.
//!
//! What was asked for is a row, written with the instances that it is about: those that come later are not among them.
//! Its job is promised before the row is written, and each step enqueues the next before it ends, so that neither a
//! death nor a lost answer stops it ([0050](../../../docs/decisions/0050-bulk-actions.md)).

mod item;
mod plan;
mod step;

use crate::audit::By;
use crate::context::Context;
use crate::instances::Refusal;
use crate::ports::{FleetRow, Job, Result, Rows, Written};
use crate::sight::Sight;
use chrono::Duration;
use domain::bulk::{Bulk, BulkAction, BulkId, BulkPosition, BulkStatus, RUNNING_COUNT_MAX};
use domain::ids::InstanceId;
use domain::instance::Account;
use serde_json::{Value, json};

pub(crate) use plan::BulkPlan;
pub(crate) use step::run;

/// From the promise of a job to the job, seconds: longer than a request lives, so that the row is there by then or never.
const PROMISED_AFTER_S: i64 = 120;
/// Tries against a worker who changes the same row.
const TRIES_COUNT_MAX: usize = 5;

/// Instances that somebody named.
pub(crate) struct BulkSelection {
    /// How they were named, for whoever looks later.
    pub(crate) given: Value,
    /// Those that the caller sees.
    pub(crate) rows: Vec<FleetRow>,
    /// Ids of none of them.
    pub(crate) unknown: Vec<InstanceId>,
}

/// Who asks for what.
pub(crate) struct BulkOrder {
    pub(crate) by: By,
    pub(crate) account: Account,
    pub(crate) action: BulkAction,
    pub(crate) selection: BulkSelection,
    /// What they were told that it would be about.
    pub(crate) expected: Option<u64>,
}

/// Why a bulk action was not begun.
pub(crate) enum NotBegun {
    Refused(Refusal),
    /// So many run already.
    TooMany(u32),
    /// It would be about so many by now.
    Unexpected(u64),
}

impl From<crate::ports::PortError> for NotBegun {
    fn from(error: crate::ports::PortError) -> Self {
        NotBegun::Refused(error.into())
    }
}

/// What an action would be about.
pub(crate) async fn preview(
    app: &Context,
    account: &Account,
    action: &BulkAction,
    selection: &BulkSelection,
) -> std::result::Result<BulkPlan, Refusal> {
    plan::plan(app, Sight { account, only: None }, action, selection).await
}

/// Stores what was asked for; jobs do it.
pub(crate) async fn begin(app: &Context, order: BulkOrder) -> std::result::Result<Bulk, NotBegun> {
    let BulkOrder { by, account, action, selection, expected } = order;
    let plan = preview(app, &account, &action, &selection).await.map_err(NotBegun::Refused)?;
    if expected.is_some_and(|expected| expected != plan.affected()) {
        return Err(NotBegun::Unexpected(plan.affected()));
    }
    let mut random = [0; 2];
    app.ports.entropy.fill(&mut random);
    let now = app.now();
    let bulk = Bulk {
        id: BulkId::new(now, u16::from_be_bytes(random)),
        account,
        asked_at: now,
        action,
        selection: selection.given,
        selected: plan.selected,
        instances: plan.targets.len(),
        status: BulkStatus::Running,
        position: BulkPosition::default(),
        tally: plan.tally,
        leased_until: None,
        updated_at: now,
        ended_at: None,
        version: 1,
    };
    let job = job(&bulk);
    app.ports.queue.send(&[(job, now + Duration::seconds(PROMISED_AFTER_S))]).await?;
    let after = json!({ "action": bulk.action, "selection": bulk.selection, "instances": bulk.instances });
    let entry = by.entry(app, account.organization_id, "bulk.begun", subject(&bulk), (None, Some(after)));
    match app.ports.store.insert_bulk(&bulk, &plan.targets, RUNNING_COUNT_MAX, &entry).await? {
        Written::Done => {}
        Written::Conflict | Written::Gone => return Err(NotBegun::TooMany(RUNNING_COUNT_MAX)),
    }
    tracing::info!(bulk.id = %bulk.id, instances = bulk.instances, action = bulk.action.text(), "bulk.begun");
    // The promised one would do, a little later.
    if let Err(error) = app.ports.queue.send(&[(job, app.now())]).await {
        let error: &dyn std::error::Error = &error;
        tracing::warn!(bulk.id = %bulk.id, error, "bulk.delayed");
    }
    Ok(bulk)
}

/// Stops one; what was done stays. `None` if there is none that the caller sees.
pub(crate) async fn cancel(app: &Context, by: &By, account: &Account, id: BulkId) -> Result<Option<Bulk>> {
    for _ in 0..TRIES_COUNT_MAX {
        let Some(bulk) = read(app, account, id).await? else { return Ok(None) };
        if !bulk.is_running() {
            return Ok(Some(bulk));
        }
        let now = app.now();
        // Whoever is at it keeps the lease: they tell what they did meanwhile.
        let bulk =
            Bulk { version: bulk.version + 1, updated_at: now, ..bulk.ended(BulkStatus::Cancelled, now) };
        let documents = (None, Some(json!({ "finished": bulk.position.finished })));
        let entry = by.entry(app, account.organization_id, "bulk.cancelled", subject(&bulk), documents);
        if app.ports.store.end_bulk(&bulk, Some(&entry)).await? == Written::Done {
            return Ok(Some(bulk));
        }
    }
    Err(crate::ports::PortError::new("cancelling a bulk action", "it was changed at each try"))
}

/// One, if the caller sees it: their own, or with sight of the whole organization any of it.
pub(crate) async fn read(app: &Context, account: &Account, id: BulkId) -> Result<Option<Bulk>> {
    let bulk = app.ports.store.bulk(account.organization_id, id).await?;
    Ok(bulk.filter(|bulk| account.sees(&bulk.account)))
}

/// A page before one, newest first, and whether there may be more: then behind the last that was looked at.
pub(crate) async fn list(
    app: &Context,
    account: &Account,
    before: Option<BulkId>,
    size: usize,
) -> Result<(Rows<Bulk>, Option<BulkId>)> {
    let mut page = app.ports.store.bulks(account.organization_id, before, size).await?;
    let next = page.rows.last().map(|last| last.id).filter(|_| page.rows.len() == size);
    page.rows.retain(|bulk| account.sees(&bulk.account));
    Ok((page, next))
}

fn job(bulk: &Bulk) -> Job {
    Job::Bulk { organization_id: bulk.account.organization_id, id: bulk.id }
}

fn subject(bulk: &Bulk) -> String {
    format!("bulk/{}", bulk.id)
}
