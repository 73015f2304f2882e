#![doc = include_str!("README.md")]

mod api;
mod backfill;
mod cursor;
mod descriptor;
mod error;
mod hub;
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
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cursor::Cursor;
use descriptor::DESCRIPTOR;
use domain::event::Change;
use domain::invalid::Invalid;
use domain::resource::ResourceConfig;
use poll::PolledList;
use poll::{labelled, snapshots};
use serde_json::Value;

/// Gmail.
pub(crate) struct Gmail;

#[async_trait]
impl Connector for Gmail {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn check(&self, resource: &ResourceConfig) -> Result<(), Invalid> {
        let key = format!("event.poller.configuration.{}.url", resource.name);
        let checked = PolledList::of(resource, chrono::DateTime::UNIX_EPOCH)
            .and_then(|_| labelled::check(resource))
            .and_then(|()| values::check(resource, snapshots::held, |_| false));
        checked.map_err(|rule| Invalid::new(key, rule))
    }

    async fn baseline(&self, call: &Call<'_>, resource: &ResourceConfig) -> Result<Baseline, Error> {
        let watched = PolledList::at_poll(resource, call)?;
        let profile = api::profile(call).await?;
        let cursor = watched.baseline(call, profile.history_id).await?;
        let address = profile.email_address.to_ascii_lowercase();
        Ok(Baseline { cursor, identity: Some(address.clone()), address: Some(address) })
    }

    async fn address(&self, call: &Call<'_>) -> Result<Option<String>, Error> {
        Ok(Some(api::profile(call).await?.email_address.to_ascii_lowercase()))
    }

    async fn poll(
        &self,
        call: &Call<'_>,
        resource: &ResourceConfig,
        cursor: &Value,
        past: &Past,
    ) -> Result<Step, Error> {
        PolledList::at_poll(resource, call)?.step(call, cursor, past).await
    }

    async fn recover(&self, call: &Call<'_>, cursor: &Value, past: &Past) -> Result<Step, Error> {
        recover::begin(call, &Cursor::from_value(cursor)?, past).await
    }

    async fn backfill(
        &self,
        call: &Call<'_>,
        resource: &ResourceConfig,
        window: Window,
        cursor: Option<&Value>,
        past: &Past,
    ) -> Result<Step, Error> {
        let watched = PolledList::at_poll(resource, call)?;
        backfill::step(call, watched.plan(resource)?, window, cursor, past).await
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

    async fn lacks(&self, call: &Call<'_>, resource: &ResourceConfig) -> Result<Vec<String>, Error> {
        PolledList::at_poll(resource, call)?;
        labelled::lacks(call, resource).await
    }

    fn push(&self) -> Option<&dyn Push> {
        Some(self)
    }

    async fn ping(&self, call: &Call<'_>) -> Result<(), Error> {
        api::profile(call).await.map(drop)
    }

    fn looks_at_once(&self, call: &Call<'_>, resource: &ResourceConfig) -> usize {
        match PolledList::at_poll(resource, call) {
            Ok(PolledList::Messages(plan) | PolledList::Threads(plan)) => plan.reads_at_once(),
            Ok(PolledList::Lists(_)) | Err(_) => 1,
        }
    }

    async fn fetch(
        &self,
        call: &Call<'_>,
        resource: &ResourceConfig,
        record: &FailedRecord,
    ) -> Result<Option<Change>, Error> {
        match PolledList::at_poll(resource, call)? {
            PolledList::Messages(plan) | PolledList::Threads(plan) => {
                recover::again(call, &plan, record).await
            }
            // Their lists hold the records.
            PolledList::Lists(_) => Ok(None),
        }
    }
}
