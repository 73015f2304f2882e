#![doc = include_str!("README.md")]

mod api;
mod backfill;
mod cursor;
mod descriptor;
mod error;
mod hub;
mod normalise;
mod poll;
mod recover;
#[cfg(test)]
mod tests;

use crate::descriptor::Descriptor;
use crate::error::Error;
use crate::hub::{Answer, Query, ReadError};
use crate::{Baseline, Call, Connector, FailedRecord, Past, RecordStanding, Sought, Step, Window, values};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use descriptor::DESCRIPTOR;
use domain::event::Change;
use domain::invalid::Invalid;
use domain::resource::ResourceConfig;
use normalise::conditions::{Conditions, held, is_cursor_bound};
use serde_json::Value;

/// Google Calendar.
pub(crate) struct GoogleCalendar;

#[async_trait]
impl Connector for GoogleCalendar {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn check(&self, resource: &ResourceConfig) -> Result<(), Invalid> {
        let key = format!("event.poller.configuration.{}.url", resource.name);
        let checked = Conditions::of(resource, DateTime::UNIX_EPOCH)
            .and_then(|_| values::check(resource, held, is_cursor_bound));
        checked.map_err(|rule| Invalid::new(key, rule))
    }

    async fn baseline(&self, call: &Call<'_>, resource: &ResourceConfig) -> Result<Baseline, Error> {
        Conditions::at_poll(resource, call)?;
        let cursor = poll::baseline(call).await?;
        let id = api::calendar_id(call).await?;
        Ok(Baseline { cursor, identity: id.clone(), address: id })
    }

    async fn address(&self, call: &Call<'_>) -> Result<Option<String>, Error> {
        api::calendar_id(call).await
    }

    async fn poll(
        &self,
        call: &Call<'_>,
        resource: &ResourceConfig,
        cursor: &Value,
        past: &Past,
    ) -> Result<Step, Error> {
        poll::step(call, &Conditions::at_poll(resource, call)?, cursor, past).await
    }

    async fn recover(&self, _call: &Call<'_>, cursor: &Value, past: &Past) -> Result<Step, Error> {
        recover::begin(cursor, past)
    }

    async fn backfill(
        &self,
        call: &Call<'_>,
        resource: &ResourceConfig,
        window: Window,
        cursor: Option<&Value>,
        past: &Past,
    ) -> Result<Step, Error> {
        backfill::step(call, &Conditions::at_poll(resource, call)?, window, cursor, past).await
    }

    async fn fetch(
        &self,
        call: &Call<'_>,
        resource: &ResourceConfig,
        record: &FailedRecord,
    ) -> Result<Option<Change>, Error> {
        poll::event(call, &Conditions::at_poll(resource, call)?, record).await
    }

    async fn read(&self, call: &Call<'_>, query: &Query) -> Result<Answer, ReadError> {
        hub::read(call, query).await
    }

    fn seek(&self, _resource: &ResourceConfig, sought: &Sought, _now: DateTime<Utc>) -> Option<Query> {
        hub::sought::query(sought)
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

    async fn ping(&self, call: &Call<'_>) -> Result<(), Error> {
        api::calendar_id(call).await.map(drop)
    }
}
