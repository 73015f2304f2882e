//! Mail, contacts and events in the order of their modification; folders and calendars by comparing their lists.

pub(super) mod again;
mod listing;
mod narrow;
pub(super) mod pages;
pub(super) mod plan;
pub(super) mod walk;

use super::cursor::clocks::Clocks;
use super::cursor::{Cursor, instant, overlap_s};
use super::recover;
use crate::descriptor::Polling;
use crate::error::Error;
use crate::http::HttpResponse;
use crate::outlook::api::batch::Paired;
use crate::outlook::lane::work::WalkNews;
use crate::outlook::lane::{self, Deltas, Errand, Lane};
use crate::{Call, Past, Step, snapshot};
use domain::resource::ResourceConfig;
use listing::Listing;
use plan::Plan;
use serde_json::Value;

/// Maximum steps of a baseline: what changed within the overlap before it.
const BASELINE_STEPS_COUNT_MAX: usize = 40;
/// A clock that differs more from the provider's is not ours to go by, seconds.
const CLOCK_SKEW_MAX_S: i64 = 60;

/// The position from which to watch.
pub(super) async fn baseline(call: &Call<'_>, resource: &ResourceConfig) -> Result<Value, Error> {
    let plan = Plan::at_poll(resource, call.now, call)?;
    match plan.polling {
        Polling::Snapshots => snapshot::baseline(&Listing::new(call, &plan, None), call.now).await,
        _ => Ok(dated_baseline(call, resource).await?.to_value()),
    }
}

/// The next stretch of changes.
pub(super) async fn step(
    call: &Call<'_>,
    resource: &ResourceConfig,
    cursor: &Value,
    past: &Past,
) -> Result<Step, Error> {
    let plan = Plan::at_poll(resource, call.now, call)?;
    if plan.polling == Polling::Snapshots {
        return snapshot::step(&Listing::new(call, &plan, Some(past.failures)), cursor, past).await;
    }
    let cursor = Cursor::from_value(cursor)?;
    let overlap_s = overlap_s(resource);
    let plan = Plan::at_poll(resource, instant(cursor.since(overlap_s)), call)?;
    let errand = lane_errand(call, &plan, &cursor, past);
    let paired = Paired::new(call, errand.as_ref().map(|(_, path)| path.clone()));
    let walked = walk::step(&paired.call(), &plan, &cursor, past.failures).await?;
    let beside = errand.map(|(errand, _)| errand).zip(paired.answer());
    if let Some(healed) = cursor.healed(walked.clocks, past.baseline_at.timestamp(), overlap_s) {
        return Ok(recover::gone_back(&healed, past, overlap_s));
    }
    let mut cursor = match (walked.moved, walked.clocks.vouched()) {
        (false, Some(second)) => walked.cursor.settled(second, overlap_s),
        _ => walked.cursor,
    };
    cursor.is_checked = true;
    let step = Step {
        changes: walked.changes,
        failed: walked.failed,
        moved: walked.moved,
        more: walked.more,
        gap: walked.gap,
        halted: walked.halted,
        ..Step::nothing()
    };
    let step = with_lane(call, &plan, &mut cursor, past, step, beside).await;
    Ok(Step { cursor: cursor.to_value(), ..step })
}

/// What to read of the second lane beside the walk's page, and its path.
fn lane_errand(call: &Call<'_>, plan: &Plan<'_>, cursor: &Cursor, past: &Past) -> Option<(Errand, String)> {
    let (deltas, lane) = (Deltas::of(plan)?, cursor.lane.as_ref()?);
    let errand = lane.errand(deltas, past.number?)?;
    let path = lane.path(deltas, &errand, plan, call.now.timestamp());
    Some((errand, path))
}

/// The step with what the second lane adds to it, once the walk has come to its end.
async fn with_lane(
    call: &Call<'_>,
    plan: &Plan<'_>,
    cursor: &mut Cursor,
    past: &Past,
    mut step: Step,
    beside: Option<(Errand, HttpResponse)>,
) -> Step {
    let Some(deltas) = Deltas::of(plan).filter(|_| past.number.is_some()) else { return step };
    let mut lane = cursor.lane.take().unwrap_or_else(|| Lane::new(deltas));
    let failed = step.failed.iter().map(|record| record.object_id.as_str()).collect();
    let news = WalkNews { changes: &step.changes, failed, beside };
    match step.more || step.halted.is_some() {
        true => lane.note(&news),
        false => {
            let found = lane::work::step(call, plan, deltas, &mut lane, news).await;
            step.is_aside = !step.moved && found.changes.is_empty();
            step.changes.extend(found.changes);
            step.moved |= found.moved;
            step.more = found.more;
            step.again_at = found.again_at;
            step.halted = found.halted;
        }
    }
    cursor.lane = Some(lane);
    step
}

/// The present, with what was modified shortly before it.
async fn dated_baseline(call: &Call<'_>, resource: &ResourceConfig) -> Result<Cursor, Error> {
    let overlap_s = overlap_s(resource);
    let mut cursor = Cursor::at(call.now.timestamp(), overlap_s);
    for step in 1.. {
        let plan = Plan::at_poll(resource, instant(cursor.since(overlap_s)), call)?;
        // Nothing counts the failures of a baseline, and where an item is broken each of them fails: it goes round at once.
        let walked = walk::step(call, &plan, &cursor, narrow::FAILURES_COUNT_MIN).await?;
        if step == 1 && walked.clocks.ahead_s().abs() > CLOCK_SKEW_MAX_S {
            cursor = Cursor::at(present(call, &plan, walked.clocks).await?, overlap_s);
        } else if walked.more && step < BASELINE_STEPS_COUNT_MAX {
            cursor = walked.cursor;
        } else {
            return Ok(walked.cursor.settled(walked.clocks.earlier(), overlap_s));
        }
    }
    Ok(cursor)
}

/// Where to begin when the clocks do not agree: at the earlier one, because nothing after the baseline may be missing;
/// but a mailbox that was changed after that is older, and nothing it holds until then is new.
async fn present(call: &Call<'_>, plan: &Plan<'_>, clocks: Clocks) -> Result<i64, Error> {
    let newest = match clocks.ahead_s() > 0 {
        true => pages::newest(call, plan).await?,
        false => None,
    };
    let is_past = |second: &i64| (clocks.earlier()..=clocks.later()).contains(second);
    Ok(newest.filter(is_past).unwrap_or(clocks.earlier()))
}
