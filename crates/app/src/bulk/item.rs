//! One instance of a bulk action, by the use case of the single call.
//!
//! A step that died is done again from where it was stored, so each of them is repeatable: what is as was asked for by
//! now counts as done, since it was not so when it was asked for.

use super::plan::kind;
use crate::audit::{self, By};
use crate::context::Context;
use crate::event_log;
use crate::instances::{self, BackfillOrder, Patch, Refusal, TagChange};
use crate::ports::{Actor, Notification, Progress, Result};
use crate::redelivery::redeliver;
use crate::sight::Sight;
use crate::unreadable::{is_told, readable};
use chrono::{DateTime, Utc};
use domain::backfill::Backfill;
use domain::bulk::{Bulk, BulkAction, BulkOutcome, RetryKind};
use domain::delivery::SubscriptionStatus;
use domain::ids::{InstanceId, Sequence};
use domain::instance::Instance;
use std::collections::BTreeSet;

/// Notifications of one stretch of an instance's log.
const RETRIES_AT_ONCE: usize = 20;
/// Tags of an instance, as of a single change.
const TAGS_COUNT_MAX: usize = 50;
/// Digits of an entry's name behind those of the bulk action's.
const OWN_DIGITS: usize = 8;

/// Goes on to the next instance.
pub(super) fn next(bulk: &mut Bulk) {
    bulk.position.finished += 1;
    bulk.position.before = None;
    bulk.position.tries = 0;
}

/// Does it to one, or to a stretch of its log, and counts it.
pub(super) async fn take(app: &Context, bulk: &mut Bulk, id: InstanceId) -> Result<()> {
    let account = bulk.account;
    // Also who asked may see less by now.
    let read = (Sight { account: &account, only: None }).instance(app, id).await;
    let Some(read) = readable(read)? else {
        bulk.tally.add(id, None, unreadable());
        next(bulk);
        return Ok(());
    };
    let Some(instance) = read else {
        let outcome = match bulk.action {
            BulkAction::Delete => BulkOutcome::Done,
            _ => skipped("it was deleted meanwhile"),
        };
        bulk.tally.add(id, None, outcome);
        next(bulk);
        return Ok(());
    };
    if let BulkAction::Retry { from, to, of } = &bulk.action {
        let (window, of) = ((*from, *to), of.clone());
        return retry(app, bulk, &instance, window, &of).await;
    }
    let outcome = act(app, bulk, &instance).await?;
    bulk.tally.add(id, None, outcome);
    next(bulk);
    Ok(())
}

/// Its entries in the audit record begin with the bulk action's id.
fn by(app: &Context, bulk: &Bulk) -> By {
    let random = audit::request_id(app);
    let own: String = random.chars().take(OWN_DIGITS).collect();
    By { actor: Actor::User { user_id: bulk.account.user_id }, request_id: format!("{}{own}", bulk.id) }
}

fn skipped(reason: &str) -> BulkOutcome {
    BulkOutcome::Skipped(reason.to_owned())
}

fn unreadable() -> BulkOutcome {
    BulkOutcome::Failed("what is stored of it can't be read".to_owned())
}

async fn act(app: &Context, bulk: &Bulk, instance: &Instance) -> Result<BulkOutcome> {
    let (id, by) = (instance.id, by(app, bulk));
    let acted = match &bulk.action {
        BulkAction::Enable => instances::set_enabled(app, id, &by, true).await,
        BulkAction::Disable => instances::set_enabled(app, id, &by, false).await,
        BulkAction::Delete => instances::delete(app, id, &by).await,
        BulkAction::Tag { add, remove } => {
            let change = TagChange::Some { add: add.clone(), remove: remove.clone() };
            return tag(app, &by, instance, change).await;
        }
        BulkAction::Release { .. } => return release(app, &by, instance).await,
        BulkAction::Backfill { from, to, resources } => {
            let order = BackfillOrder { from: *from, to: *to, resources: resources.clone() };
            return backfill(app, &by, bulk, id, &order).await;
        }
        BulkAction::Retry { .. } => Ok(()),
    };
    outcome(acted)
}

fn outcome<T>(acted: std::result::Result<T, Refusal>) -> Result<BulkOutcome> {
    match acted {
        Ok(_) => Ok(BulkOutcome::Done),
        Err(Refusal::Port(error)) if is_told(&error) => Ok(unreadable()),
        Err(Refusal::Port(error)) => Err(error),
        Err(Refusal::NotFound) => Ok(skipped("it was deleted meanwhile")),
        Err(Refusal::NotNow(reason)) => Ok(skipped(reason)),
        Err(
            refusal @ (Refusal::Invalid(_)
            | Refusal::Provider { .. }
            | Refusal::OtherMailbox(_)
            | Refusal::ByLink(_)
            | Refusal::CameBefore
            | Refusal::Conflict),
        ) => Ok(BulkOutcome::Failed(refusal.to_string())),
    }
}

async fn tag(app: &Context, by: &By, instance: &Instance, change: TagChange) -> Result<BulkOutcome> {
    let after = change.applied(&instance.tags);
    if after == instance.tags {
        return Ok(BulkOutcome::Done);
    }
    if after.len() > TAGS_COUNT_MAX {
        return Ok(BulkOutcome::Failed(format!("it would have more than {TAGS_COUNT_MAX} tags")));
    }
    let patch = Patch { tags: Some(change), ..Patch::default() };
    outcome(instances::change(app, instance.id, by, patch).await)
}

async fn release(app: &Context, by: &By, instance: &Instance) -> Result<BulkOutcome> {
    if instance.disabled {
        return Ok(skipped("it is disabled: enabling it releases what is queued"));
    }
    match instances::subscription(app, instance.id).await?.status {
        SubscriptionStatus::Suspended => outcome(instances::release(app, instance.id, by).await),
        // Since it was asked for.
        SubscriptionStatus::Active | SubscriptionStatus::Releasing => Ok(BulkOutcome::Done),
    }
}

async fn backfill(
    app: &Context,
    by: &By,
    bulk: &Bulk,
    id: InstanceId,
    order: &BackfillOrder,
) -> Result<BulkOutcome> {
    let Some(read) = readable(instances::mailbox(app, id).await)? else {
        return Ok(unreadable());
    };
    let Some(mailbox) = read else {
        return Ok(skipped("it was deleted meanwhile"));
    };
    let rows = mailbox.resources.iter().filter(|row| !row.removed);
    let is_ours = |backfill: &Backfill| backfill.requested_at >= bulk.asked_at && backfill.from == order.from;
    // A step that died had begun it.
    if rows.filter_map(|row| Backfill::of(&row.state)).any(|backfill| is_ours(&backfill)) {
        return Ok(BulkOutcome::Done);
    }
    outcome(instances::begin_backfill(app, id, by, order).await)
}

/// Delivers a stretch of an instance's log again, newest first; each one that is done with is behind the position.
async fn retry(
    app: &Context,
    bulk: &mut Bulk,
    instance: &Instance,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    of: &BTreeSet<RetryKind>,
) -> Result<()> {
    let before = bulk.position.before.map_or(event_log::sequence_at(to), Sequence);
    let first = Some(event_log::sequence_at(from));
    let read = event_log::of_instance(app, instance.id, Some(before), first, RETRIES_AT_ONCE).await?;
    let callback = instances::subscription(app, instance.id).await?.status;
    for notification in &read.notifications {
        match kind(notification.progress, callback) {
            Some(kind) if of.contains(&kind) => {
                let outcome = retry_one(app, bulk, instance, notification).await?;
                bulk.tally.add(instance.id, Some(notification.name.event_id.clone()), outcome);
            }
            None if notification.progress == Progress::Pending && of.contains(&RetryKind::Undelivered) => {
                let event_id = Some(notification.name.event_id.clone());
                bulk.tally.add(instance.id, event_id, skipped("it is queued: release it"));
            }
            _ => {}
        }
        bulk.position.before = Some(notification.sequence.0);
        bulk.position.tries = 0;
    }
    if read.is_last {
        next(bulk);
    }
    Ok(())
}

async fn retry_one(
    app: &Context,
    bulk: &Bulk,
    instance: &Instance,
    notification: &Notification,
) -> Result<BulkOutcome> {
    // A step that died had seen to it, or the receiver took it meanwhile.
    let last = notification.attempts.last().filter(|attempt| attempt.at >= bulk.asked_at);
    if notification.progress == Progress::Delivered && last.is_some() {
        return Ok(BulkOutcome::Done);
    }
    Ok(match redeliver(app, &by(app, bulk), instance, notification).await? {
        Some(_) => BulkOutcome::Done,
        None => skipped("it is not delivered to anybody"),
    })
}
