#![doc = include_str!("README.md")]

mod again;
mod api;
mod backfill;
mod clocks;
mod conditions;
mod cursor;
mod cut;
mod descriptor;
mod entity;
mod error;
mod field;
mod fields;
mod filter;
mod holes;
mod hub;
mod listing;
mod memory;
mod narrow;
mod next;
mod normalize;
mod pages;
mod place;
mod plan;
#[cfg(test)]
mod tests;
mod walk;

use crate::descriptor::{Descriptor, Polling};
use crate::error::Error;
use crate::hub::{Answer, Query, ReadError};
use crate::{Baseline, Call, Connector, FailedRecord, Past, Step, Window, snapshot, values};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use clocks::Clocks;
use cursor::{Cursor, overlap_s};
use descriptor::DESCRIPTOR;
use domain::event::Change;
use domain::invalid::Invalid;
use domain::resource::ResourceConfig;
use listing::Listing;
use plan::Plan;
use serde_json::Value;

/// Outlook mail, by Microsoft Graph.
pub(crate) struct Outlook;

/// Steps of a baseline at the most: what changed within the overlap before it.
const BASELINE_STEPS_COUNT_MAX: usize = 40;
/// A clock that differs more from the provider's is not ours to go by, seconds.
const CLOCK_SKEW_MAX_S: i64 = 60;

#[async_trait]
impl Connector for Outlook {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn check(&self, resource: &ResourceConfig) -> Result<(), Invalid> {
        let key = format!("event.poller.configuration.{}.url", resource.name);
        let never = DateTime::UNIX_EPOCH;
        let checked = Plan::of(resource, never, never).and_then(|plan| {
            let held = |field: &str| plan.entity.path(field).ok()?.kind.holds();
            values::check(resource, held, conditions::is_cursor_bound)
        });
        checked.map_err(|rule| Invalid::new(key, rule))
    }

    async fn baseline(&self, call: &Call<'_>, resource: &ResourceConfig) -> Result<Baseline, Error> {
        let plan = Plan::at_poll(resource, call.now, call)?;
        let cursor = match plan.polling {
            Polling::Snapshots => snapshot::baseline(&Listing::new(call, &plan, None), call.now).await?,
            _ => dated_baseline(call, resource).await?.to_value(),
        };
        Ok(Baseline { cursor, identity: api::inbox_id(call).await? })
    }

    async fn poll(
        &self,
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
        let walked = walk::step(call, &plan, &cursor, past.failures).await?;
        if let Some(healed) = cursor.healed(walked.clocks, past.baseline_at.timestamp(), overlap_s) {
            return Ok(gone_back(&healed, past, overlap_s));
        }
        let cursor = match (walked.moved, walked.clocks.vouched()) {
            (false, Some(second)) => walked.cursor.settled(second, overlap_s),
            _ => walked.cursor,
        };
        Ok(Step {
            changes: walked.changes,
            failed: walked.failed,
            cursor: Cursor { is_checked: true, ..cursor }.to_value(),
            moved: walked.moved,
            more: walked.more,
            gap: walked.gap,
            halted: walked.halted,
        })
    }

    async fn backfill(
        &self,
        call: &Call<'_>,
        resource: &ResourceConfig,
        window: Window,
        cursor: Option<&Value>,
        past: &Past,
    ) -> Result<Step, Error> {
        let plan = Plan::for_window(resource, window, call)?;
        backfill::step(call, &plan, window, cursor, past.failures).await
    }

    async fn read(&self, call: &Call<'_>, query: &Query) -> Result<Answer, ReadError> {
        hub::read(call, query).await
    }

    async fn fetch(
        &self,
        call: &Call<'_>,
        resource: &ResourceConfig,
        record: &FailedRecord,
    ) -> Result<Option<Change>, Error> {
        let plan = Plan::at_poll(resource, call.now, call)?;
        again::object(call, &plan, record).await
    }

    async fn ping(&self, call: &Call<'_>) -> Result<(), Error> {
        hub::ping(call).await
    }
}

/// A position that lay ahead of the clocks was followed by nothing: what came since is read again, as far as the event
/// log can tell what was told of it.
fn gone_back(healed: &Cursor, past: &Past, overlap_s: i64) -> Step {
    let is_whole = healed.since(overlap_s) <= past.baseline_at.timestamp();
    let reason = "the position lay ahead of the clock: what changed within the last day is read again, what changed \
                  before that may be missing";
    Step {
        cursor: healed.to_value(),
        moved: true,
        more: true,
        gap: (!is_whole).then(|| (past.baseline_at, reason.to_owned())),
        ..Step::nothing()
    }
}

/// The present, with what was modified shortly before it.
async fn dated_baseline(call: &Call<'_>, resource: &ResourceConfig) -> Result<Cursor, Error> {
    let overlap_s = overlap_s(resource);
    let mut cursor = Cursor::at(call.now.timestamp(), overlap_s);
    for step in 1.. {
        let plan = Plan::at_poll(resource, instant(cursor.since(overlap_s)), call)?;
        let walked = walk::step(call, &plan, &cursor, 0).await?;
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
/// but a mailbox that was changed after that is older, and all it holds until then is no news.
async fn present(call: &Call<'_>, plan: &Plan<'_>, clocks: Clocks) -> Result<i64, Error> {
    let newest = match clocks.ahead_s() > 0 {
        true => pages::newest(call, plan).await?,
        false => None,
    };
    let is_past = |second: &i64| (clocks.earlier()..=clocks.later()).contains(second);
    Ok(newest.filter(is_past).unwrap_or(clocks.earlier()))
}

fn instant(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap_or(DateTime::UNIX_EPOCH)
}
