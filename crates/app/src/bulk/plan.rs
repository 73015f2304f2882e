//! What an action is about, before anything is done: the instances that there is something to be done to, and why there
//! is nothing to be done to the others.

use super::BulkSelection;
use crate::context::Context;
use crate::event_log;
use crate::instances::{Refusal, TagChange};
use crate::ports::{FleetRow, Progress};
use crate::sight::Sight;
use chrono::{DateTime, Duration, Utc};
use domain::bulk::{BulkAction, BulkOutcome, BulkTally, INSTANCES_COUNT_MAX, RETRIES_COUNT_MAX, RetryKind};
use domain::delivery::SubscriptionStatus;
use domain::ids::{InstanceId, Sequence};
use std::collections::{BTreeSet, HashMap};

/// Lines of the log that are counted for one request, also those of other instances.
const LINES_COUNT_MAX: usize = 50_000;
/// Until then queues are looked at, seconds from the beginning: a client waits.
const LOOKS_S: i64 = 15;

/// What an action would be about.
pub(crate) struct BulkPlan {
    /// Instances that were named.
    pub(crate) selected: u64,
    /// Those that there is something to be done to.
    pub(crate) targets: Vec<InstanceId>,
    /// The others, by reason.
    pub(crate) tally: BulkTally,
    /// Notifications that would be delivered again, where that is what is done.
    pub(crate) notifications: Option<u64>,
}

impl BulkPlan {
    /// What would be done, in its own unit.
    pub(crate) fn affected(&self) -> u64 {
        self.notifications.unwrap_or(self.targets.len() as u64)
    }
}

pub(super) async fn plan(
    app: &Context,
    sight: Sight<'_>,
    action: &BulkAction,
    selection: &BulkSelection,
) -> std::result::Result<BulkPlan, Refusal> {
    if selection.rows.len() > INSTANCES_COUNT_MAX {
        let rule = format!("matches more than {INSTANCES_COUNT_MAX} instances: narrow it");
        return Err(Refusal::rule("filter", rule));
    }
    let until = app.now() + Duration::seconds(LOOKS_S);
    let mut tally = BulkTally::default();
    for id in &selection.unknown {
        tally.add(*id, None, skipped("there is no such instance"));
    }
    let mut targets = Vec::new();
    for row in &selection.rows {
        match nothing_to_do(action, row) {
            Some(reason) => tally.add(row.id, None, skipped(reason)),
            None if !is_queued_within(app, action, row, until).await? => {
                tally.add(row.id, None, skipped("nothing of that time is queued"));
            }
            None => targets.push(row.id),
        }
    }
    let notifications = match action {
        BulkAction::Retry { from, to, of } => {
            Some(retries(app, sight, (*from, *to), of, &selection.rows).await?)
        }
        _ => None,
    };
    let selected = (selection.rows.len() + selection.unknown.len()) as u64;
    Ok(BulkPlan { selected, targets, tally, notifications })
}

fn skipped(reason: &str) -> BulkOutcome {
    BulkOutcome::Skipped(reason.to_owned())
}

/// Why there is nothing to be done to an instance, or why it can't be done.
fn nothing_to_do(action: &BulkAction, row: &FleetRow) -> Option<&'static str> {
    let vitals = &row.vitals;
    match action {
        BulkAction::Enable => (!vitals.is_disabled).then_some("it is enabled already"),
        BulkAction::Disable => vitals.is_disabled.then_some("it is disabled already"),
        BulkAction::Delete | BulkAction::Retry { .. } => None,
        BulkAction::Tag { add, remove } => {
            let change = TagChange::Some { add: add.clone(), remove: remove.clone() };
            (change.applied(&row.tags) == row.tags).then_some("its tags are so already")
        }
        BulkAction::Release { .. } => match vitals.callback {
            SubscriptionStatus::Active => Some("nothing is queued"),
            SubscriptionStatus::Suspended | SubscriptionStatus::Releasing if vitals.is_disabled => {
                Some("it is disabled: enabling it releases what is queued")
            }
            SubscriptionStatus::Releasing => Some("it is being released"),
            SubscriptionStatus::Suspended => None,
        },
        BulkAction::Backfill { .. } if vitals.is_disabled => Some("it is disabled"),
        BulkAction::Backfill { .. } if !vitals.is_valid => Some("a person has to sign in"),
        BulkAction::Backfill { .. } => (!vitals.is_polled).then_some("its events are off"),
    }
}

/// Whether something that waits was committed within the window, where only that is to be released.
async fn is_queued_within(
    app: &Context,
    action: &BulkAction,
    row: &FleetRow,
    until: DateTime<Utc>,
) -> std::result::Result<bool, Refusal> {
    let (from, to) = match action {
        BulkAction::Release { from: None, to: None } => return Ok(true),
        BulkAction::Release { from, to } => (from, to),
        _ => return Ok(true),
    };
    if app.now() >= until {
        let rule = "leaves more queues to look at than one request can: narrow it, or leave out the time";
        return Err(Refusal::rule("filter", rule));
    }
    let behind = from.map_or(Sequence(0), |from| Sequence(event_log::sequence_at(from).0.saturating_sub(1)));
    let first = event_log::waiting(app, row.id, behind, 1).await?.notifications;
    let is_before = |sequence: Sequence| to.is_none_or(|to| sequence < event_log::sequence_at(to));
    Ok(first.first().is_some_and(|one| is_before(one.sequence)))
}

/// How many notifications of the window would be delivered again.
async fn retries(
    app: &Context,
    sight: Sight<'_>,
    window: (DateTime<Utc>, DateTime<Utc>),
    of: &BTreeSet<RetryKind>,
    rows: &[FleetRow],
) -> std::result::Result<u64, Refusal> {
    let (lines, is_cut) = event_log::lines(app, sight, window, LINES_COUNT_MAX).await?;
    let callbacks: HashMap<InstanceId, SubscriptionStatus> =
        rows.iter().map(|row| (row.id, row.vitals.callback)).collect();
    let wanted = lines.iter().filter(|(line, _)| {
        let callback = callbacks.get(&line.mark.instance);
        callback.is_some_and(|callback| kind(line.progress, *callback).is_some_and(|kind| of.contains(&kind)))
    });
    let count = wanted.count() as u64;
    match is_cut || count > RETRIES_COUNT_MAX {
        true => {
            let rule = format!(
                "there is too much in this time: at most {RETRIES_COUNT_MAX} notifications are delivered again, among \
                 {LINES_COUNT_MAX} of the organization"
            );
            Err(Refusal::rule("from", rule))
        }
        false => Ok(count),
    }
}

/// As what a notification is delivered again; `None` for what is not.
pub(super) fn kind(progress: Progress, callback: SubscriptionStatus) -> Option<RetryKind> {
    match progress {
        Progress::Delivered => Some(RetryKind::Delivered),
        Progress::Pending if callback == SubscriptionStatus::Active => Some(RetryKind::Undelivered),
        Progress::Pending | Progress::Dropped | Progress::Logged => None,
    }
}
