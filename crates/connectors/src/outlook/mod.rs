#![doc = include_str!("README.md")]

mod api;
mod backfill;
mod cursor;
mod descriptor;
mod error;
mod hub;
mod lane;
mod normalise;
mod poll;
mod push;
mod recover;
#[cfg(test)]
mod tests;

use crate::descriptor::Descriptor;
use crate::error::Error;
use crate::hub::{Answer, Content, Query, ReadError};
use crate::{
    Baseline, Call, Connector, FailedRecord, Past, Push, RecordStanding, Sought, Step, Window, values,
};
use api::batch::BoundedWay;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use descriptor::DESCRIPTOR;
use domain::event::Change;
use domain::invalid::Invalid;
use domain::resource::ResourceConfig;
use normalise::conditions;
use normalise::field::held;
use poll::again;
use poll::plan::Plan;
use serde_json::Value;

/// Outlook mail, by Microsoft Graph.
pub(crate) struct Outlook;

#[async_trait]
impl Connector for Outlook {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn check(&self, resource: &ResourceConfig) -> Result<(), Invalid> {
        let key = format!("event.poller.configuration.{}.url", resource.name);
        let never = DateTime::UNIX_EPOCH;
        let checked = Plan::of(resource, never, never).and_then(|plan| {
            values::check(resource, |field| held(plan.entity, field), conditions::is_cursor_bound)
        });
        checked.map_err(|rule| Invalid::new(key, rule))
    }

    async fn baseline(&self, call: &Call<'_>, resource: &ResourceConfig) -> Result<Baseline, Error> {
        let cursor = poll::baseline(call, resource).await?;
        let inbox = api::inbox(call).await?;
        Ok(Baseline { cursor, identity: inbox.id, address: inbox.owner })
    }

    async fn address(&self, call: &Call<'_>) -> Result<Option<String>, Error> {
        Ok(api::inbox(call).await?.owner)
    }

    async fn poll(
        &self,
        call: &Call<'_>,
        resource: &ResourceConfig,
        cursor: &Value,
        past: &Past,
    ) -> Result<Step, Error> {
        poll::step(call, resource, cursor, past).await
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
        let way = BoundedWay::new(call, plan.selection.page_bytes_max(), None);
        backfill::step(&way.call(), &plan, window, cursor, past.failures).await
    }

    async fn read(&self, call: &Call<'_>, query: &Query) -> Result<Answer, ReadError> {
        hub::read(call, query).await
    }

    async fn content(&self, call: &Call<'_>, path: &[String]) -> Result<Content, ReadError> {
        hub::content::open(call, path).await
    }

    fn seek(&self, resource: &ResourceConfig, sought: &Sought, now: DateTime<Utc>) -> Option<Query> {
        hub::sought::query(resource, sought, now)
    }

    fn standing(
        &self,
        resource: &ResourceConfig,
        record: &Value,
        now: DateTime<Utc>,
    ) -> Option<RecordStanding> {
        hub::sought::standing(resource, record, now)
    }

    fn subject<'a>(&self, record: &'a Value) -> Option<&'a str> {
        hub::sought::subject(record)
    }

    fn looks_at_once(&self, call: &Call<'_>, resource: &ResourceConfig) -> usize {
        Plan::at_poll(resource, call.now, call).map_or(1, |plan| plan.selection.reads_at_once())
    }

    async fn fetch(
        &self,
        call: &Call<'_>,
        resource: &ResourceConfig,
        record: &FailedRecord,
    ) -> Result<Option<Change>, Error> {
        let plan = Plan::at_poll(resource, call.now, call)?;
        let way = BoundedWay::new(call, plan.selection.page_bytes_max(), None);
        again::object(&way.call(), &plan, record).await
    }

    fn push(&self) -> Option<&dyn Push> {
        Some(self)
    }

    async fn ping(&self, call: &Call<'_>) -> Result<(), Error> {
        hub::ping(call).await
    }
}
