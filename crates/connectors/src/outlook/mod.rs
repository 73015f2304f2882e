#![doc = include_str!("README.md")]

mod api;
mod backfill;
mod conditions;
mod cursor;
mod cut;
mod descriptor;
mod entity;
mod error;
mod field;
mod fields;
mod filter;
mod hub;
mod listing;
mod memory;
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
use crate::{Baseline, Call, Connector, Past, Step, Window, snapshot};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cursor::Cursor;
use descriptor::DESCRIPTOR;
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
        Plan::of(resource, never, never).map(drop).map_err(|rule| Invalid::new(key, rule))
    }

    async fn baseline(&self, call: &Call<'_>, resource: &ResourceConfig) -> Result<Baseline, Error> {
        let plan = Plan::at_poll(resource, call.now, call)?;
        let cursor = match plan.polling {
            Polling::Snapshots => snapshot::baseline(&Listing::new(call, &plan)).await?,
            _ => dated_baseline(call, resource).await?.to_value(),
        };
        Ok(Baseline { cursor, identity: api::inbox_id(call).await? })
    }

    async fn poll(
        &self,
        call: &Call<'_>,
        resource: &ResourceConfig,
        cursor: &Value,
        _past: &Past,
    ) -> Result<Step, Error> {
        let plan = Plan::at_poll(resource, call.now, call)?;
        if plan.polling == Polling::Snapshots {
            return snapshot::step(&Listing::new(call, &plan), cursor).await;
        }
        let cursor = Cursor::from_value(cursor)?;
        let plan = Plan::at_poll(resource, instant(cursor.since()), call)?;
        let walked = walk::step(call, &plan, &cursor).await?;
        let cursor = if walked.moved { walked.cursor } else { walked.cursor.settled(walked.server_s) };
        Ok(Step {
            changes: walked.changes,
            failed: Vec::new(),
            cursor: cursor.to_value(),
            moved: walked.moved,
            more: walked.more,
            gap: None,
            halted: None,
        })
    }

    async fn backfill(
        &self,
        call: &Call<'_>,
        resource: &ResourceConfig,
        window: Window,
        cursor: Option<&Value>,
        _past: &Past,
    ) -> Result<Step, Error> {
        let plan = Plan::for_window(resource, window, call)?;
        backfill::step(call, &plan, window, cursor).await
    }

    async fn read(&self, call: &Call<'_>, query: &Query) -> Result<Answer, ReadError> {
        hub::read(call, query).await
    }

    async fn ping(&self, call: &Call<'_>) -> Result<(), Error> {
        hub::ping(call).await
    }
}

/// The provider's clock, with what was modified shortly before it.
async fn dated_baseline(call: &Call<'_>, resource: &ResourceConfig) -> Result<Cursor, Error> {
    let mut cursor = Cursor::at(call.now.timestamp());
    for step in 1.. {
        let plan = Plan::at_poll(resource, instant(cursor.since()), call)?;
        let walked = walk::step(call, &plan, &cursor).await?;
        let skew = walked.server_s - call.now.timestamp();
        if step == 1 && skew.abs() > CLOCK_SKEW_MAX_S {
            cursor = Cursor::at(walked.server_s);
        } else if walked.more && step < BASELINE_STEPS_COUNT_MAX {
            cursor = walked.cursor;
        } else {
            return Ok(walked.cursor.settled(walked.server_s));
        }
    }
    Ok(cursor)
}

fn instant(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap_or(DateTime::UNIX_EPOCH)
}
