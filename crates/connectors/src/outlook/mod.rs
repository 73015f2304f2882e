#![doc = include_str!("README.md")]

mod api;
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
mod memory;
mod next;
mod normalize;
mod pages;
mod place;
#[cfg(test)]
mod tests;
mod walk;

use crate::descriptor::{Descriptor, Polling};
use crate::error::{Error, Kind};
use crate::hub::{Answer, Query, ReadError};
use crate::{Baseline, Call, Connector, Past, Step};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use conditions::Conditions;
use cursor::Cursor;
use descriptor::DESCRIPTOR;
use domain::invalid::Invalid;
use domain::resource::ResourceConfig;
use entity::{Entity, List};
use fields::Selection;
use serde_json::Value;

/// Outlook mail, by Microsoft Graph.
pub(crate) struct Outlook;

/// Steps of a baseline at the most: what changed within the overlap before it.
const BASELINE_STEPS_COUNT_MAX: usize = 40;
/// A clock that differs more from the provider's is not ours to go by, seconds.
const CLOCK_SKEW_MAX_S: i64 = 60;

/// What a resource's configuration asks of this connector, at a certain time.
struct Plan<'a> {
    resource: &'a ResourceConfig,
    entity: &'static Entity,
    /// The list below the mailbox.
    path: &'static str,
    /// The time that the list is read in the order of.
    ordered_by: &'static str,
    /// The second before which it ends, if any.
    until: Option<i64>,
    conditions: Conditions,
    selection: Selection,
}

impl<'a> Plan<'a> {
    /// `since_s` is where the walk looks back to: templates must not look less far.
    fn of(resource: &'a ResourceConfig, since_s: i64, now: DateTime<Utc>) -> Result<Self, String> {
        let since = DateTime::from_timestamp(since_s, 0).unwrap_or(now);
        let read = resource.read_at(since, now)?;
        let polled = DESCRIPTOR.resource(&read.resource).filter(|found| found.polling != Polling::Never);
        let Some(list) = polled.and_then(|found| List::named(found.name)) else {
            return Err(format!("`{}` is not a resource that Outlook polls", read.resource));
        };
        let entity = list.entity;
        let conditions = Conditions::parse(entity, read.conditions)?;
        let selection = Selection::new(entity, &read.fields, resource, conditions.roots())?;
        let (path, ordered_by) = (list.graph, "lastModifiedDateTime");
        Ok(Plan { resource, entity, path, ordered_by, until: None, conditions, selection })
    }

    fn at_poll(resource: &'a ResourceConfig, since_s: i64, call: &Call<'_>) -> Result<Self, Error> {
        Self::of(resource, since_s, call.now)
            .map_err(|rule| Error::new(Kind::Rejected, format!("the url is broken: {rule}")))
    }

    /// A page that begins with a second.
    fn url(&self, call: &Call<'_>, from: i64, size: usize) -> String {
        // The ordered property comes first in the filter: anything else is refused as inefficient.
        let mut filter = format!("{} ge {}", self.ordered_by, api::instant(from));
        if let Some(until) = self.until {
            filter.push_str(&format!(" and {} lt {}", self.ordered_by, api::instant(until)));
        }
        if !self.conditions.filter().is_empty() {
            filter.push_str(&format!(" and {}", self.conditions.filter()));
        }
        let query = [
            ("$filter", filter.as_str()),
            ("$orderby", self.ordered_by),
            ("$top", &size.to_string()),
            ("$select", self.selection.as_str()),
        ];
        api::url(call, self.path, &query)
    }
}

#[async_trait]
impl Connector for Outlook {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn check(&self, resource: &ResourceConfig) -> Result<(), Invalid> {
        let key = format!("event.poller.configuration.{}.url", resource.name);
        Plan::of(resource, 0, DateTime::UNIX_EPOCH).map(drop).map_err(|rule| Invalid::new(key, rule))
    }

    async fn baseline(&self, call: &Call<'_>, resource: &ResourceConfig) -> Result<Baseline, Error> {
        let mut cursor = Cursor::at(call.now.timestamp());
        let mut steps = 0;
        loop {
            let plan = Plan::at_poll(resource, cursor.since(), call)?;
            let walked = walk::step(call, &plan, &cursor).await?;
            let skew = walked.server_s - call.now.timestamp();
            steps += 1;
            if steps == 1 && skew.abs() > CLOCK_SKEW_MAX_S {
                cursor = Cursor::at(walked.server_s);
            } else if walked.more && steps < BASELINE_STEPS_COUNT_MAX {
                cursor = walked.cursor;
            } else {
                let cursor = walked.cursor.settled(walked.server_s);
                return Ok(Baseline { cursor: cursor.to_value(), identity: api::inbox_id(call).await? });
            }
        }
    }

    async fn poll(
        &self,
        call: &Call<'_>,
        resource: &ResourceConfig,
        cursor: &Value,
        _past: &Past,
    ) -> Result<Step, Error> {
        let cursor = Cursor::from_value(cursor)?;
        let plan = Plan::at_poll(resource, cursor.since(), call)?;
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

    async fn read(&self, call: &Call<'_>, query: &Query) -> Result<Answer, ReadError> {
        hub::read(call, query).await
    }

    async fn ping(&self, call: &Call<'_>) -> Result<(), Error> {
        hub::ping(call).await
    }
}
