//! Mail, contacts and events in the order of their modification; folders and calendars by comparing their lists.

pub(super) mod again;
mod listing;
mod narrow;
pub(super) mod pages;
pub(super) mod plan;
pub(super) mod walk;

use super::cursor::aside::KnownStates;
use super::cursor::clocks::Clocks;
use super::cursor::{Cursor, instant, overlap_s};
use super::recover;
use crate::descriptor::Polling;
use crate::error::Error;
use crate::http::HttpResponse;
use crate::outlook::api::batch::BoundedWay;
use crate::outlook::lane::deltas::Deltas;
use crate::outlook::lane::errand::Errand;
use crate::outlook::lane::note::LaneNote;
use crate::outlook::lane::stored::Lane;
use crate::outlook::lane::work::{self, WalkNews};
use crate::outlook::normalise::selection::PAGE_SIZE_MAX;
use crate::{Archive, Call, Past, Step, snapshot};
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
    let beside = Beside::of(call, &plan, past);
    let errand = match &beside {
        Some(beside) => beside.errand(&cursor).await?,
        None => None,
    };
    let path = |errand: &Errand, beside: &Beside<'_>| errand.path(beside.deltas, &plan, call.now.timestamp());
    let bytes_max = plan.selection.page_bytes_max();
    let way = BoundedWay::new(
        call,
        bytes_max,
        errand.as_ref().zip(beside.as_ref()).map(|(one, beside)| path(one, beside)),
    );
    let known = cursor.known(call).await?;
    let walked = walk::step(&way.call(), &plan, &cursor, known, past.failures).await?;
    let answer = errand.zip(way.answer());
    if let Some(healed) = cursor.healed(walked.clocks, past.baseline_at.timestamp(), overlap_s) {
        return Ok(recover::gone_back(&healed, past, overlap_s));
    }
    let mut cursor = match (walked.moved, walked.clocks.vouched()) {
        (false, Some(second)) if !walked.is_tail => walked.cursor.settled(second, overlap_s),
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
    let mut step = match &beside {
        Some(beside) => beside.with_lane(call, &plan, &mut cursor, step, answer).await?,
        None => step,
    };
    if step.moved && call.archive.is_some() {
        step.annex.extend(cursor.put_aside());
    }
    if let Some(index) = walked.known.filter(|_| step.more) {
        // Where one page shows all of the overlap, that page is read.
        let ended = walked.ended.filter(|_| index.len() >= PAGE_SIZE_MAX);
        cursor.keep_known(call, KnownStates { index, ended });
    }
    Ok(Step { cursor: cursor.to_value(), ..step })
}

/// What the second lane needs beside the walk.
struct Beside<'a> {
    deltas: &'static Deltas,
    archive: &'a dyn Archive,
    number: u64,
}

impl<'a> Beside<'a> {
    /// `None`: the resource has no such lane, or this is no poll.
    fn of(call: &Call<'a>, plan: &Plan<'_>, past: &Past) -> Option<Self> {
        Some(Beside { deltas: Deltas::of(plan)?, archive: call.archive?, number: past.number? })
    }

    /// What to read of it beside the walk's page.
    async fn errand(&self, cursor: &Cursor) -> Result<Option<Errand>, Error> {
        match &cursor.lane {
            Some(note) => note.errand(self.deltas, self.archive, self.number).await,
            None => Ok(None),
        }
    }

    /// The step with what the lane adds to it, once the walk has come to its end.
    async fn with_lane(
        &self,
        call: &Call<'_>,
        plan: &Plan<'_>,
        cursor: &mut Cursor,
        mut step: Step,
        answer: Option<(Errand, HttpResponse)>,
    ) -> Result<Step, Error> {
        let is_idle = |note: &LaneNote| {
            let turn = note.turn(self.deltas, self.number);
            note.is_idle(call, self.deltas, turn, answer.as_ref())
        };
        let walk_moved = step.moved || !step.failed.is_empty();
        if !walk_moved && cursor.lane.as_ref().is_some_and(is_idle) {
            return Ok(step);
        }
        let mut lane = Lane::load(self.deltas, self.archive, cursor.lane.clone()).await?;
        let failed = step.failed.iter().map(|record| record.object_id.as_str()).collect();
        let news = WalkNews { changes: &step.changes, failed, beside: answer };
        match step.more || step.halted.is_some() {
            true => lane.note(&news),
            false => {
                let found = work::step(call, self.archive, plan, self.deltas, &mut lane, news).await;
                step.is_aside = !step.moved && found.changes.is_empty();
                step.changes.extend(found.changes);
                step.moved |= found.moved;
                step.more = found.more;
                step.again_at = found.again_at;
                step.halted = found.halted;
            }
        }
        if walk_moved || step.moved {
            let (note, annex) = lane.store(self.archive, step.more).await?;
            cursor.lane = Some(note);
            step.annex = annex;
        }
        Ok(step)
    }
}

/// The present, with what was modified shortly before it.
async fn dated_baseline(call: &Call<'_>, resource: &ResourceConfig) -> Result<Cursor, Error> {
    let overlap_s = overlap_s(resource);
    let mut cursor = Cursor::at(call.now.timestamp(), overlap_s);
    for step in 1.. {
        let plan = Plan::at_poll(resource, instant(cursor.since(overlap_s)), call)?;
        // Nothing counts the failures of a baseline, and where an item is broken each of them fails: it goes round at once.
        let known = cursor.known(call).await?;
        let walked = walk::step(call, &plan, &cursor, known, narrow::FAILURES_COUNT_MIN).await?;
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
