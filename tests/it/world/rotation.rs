//! Connectors of a provider that says what becomes of a refresh token that was used as its double does: the real one takes it
//! again.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connectors::{
    Authentication, Baseline, Call, Connector, Descriptor, Error, FailedRecord, Past, Push, RecordStanding,
    Sought, Step, UsedRefreshToken, Window, hub, registry,
};
use domain::event::Change;
use domain::invalid::Invalid;
use domain::resource::ResourceConfig;
use doubles::Microsoft;
use serde_json::Value;
use std::sync::Arc;

/// All connectors.
pub(super) fn connectors(microsoft: &Microsoft) -> Vec<Arc<dyn Connector>> {
    registry()
        .into_iter()
        .map(|inner| Arc::new(Rotating::new(inner, microsoft)) as Arc<dyn Connector>)
        .collect()
}

struct Rotating {
    inner: Arc<dyn Connector>,
    microsoft: Microsoft,
    strict: &'static Descriptor,
}

impl Rotating {
    fn new(inner: Arc<dyn Connector>, microsoft: &Microsoft) -> Self {
        let mut strict = inner.descriptor().clone();
        if let Authentication::SignIn(oauth) = &mut strict.authentication {
            oauth.used_refresh_token = UsedRefreshToken::IsVoid;
        }
        Rotating { inner, microsoft: microsoft.clone(), strict: Box::leak(Box::new(strict)) }
    }
}

#[async_trait]
impl Connector for Rotating {
    fn descriptor(&self) -> &'static Descriptor {
        if self.microsoft.refuses_reuse() { self.strict } else { self.inner.descriptor() }
    }

    fn check(&self, resource: &ResourceConfig) -> Result<(), Invalid> {
        self.inner.check(resource)
    }

    async fn baseline(&self, call: &Call<'_>, resource: &ResourceConfig) -> Result<Baseline, Error> {
        self.inner.baseline(call, resource).await
    }

    async fn poll(
        &self,
        call: &Call<'_>,
        resource: &ResourceConfig,
        cursor: &Value,
        past: &Past,
    ) -> Result<Step, Error> {
        self.inner.poll(call, resource, cursor, past).await
    }

    async fn recover(&self, call: &Call<'_>, cursor: &Value, past: &Past) -> Result<Step, Error> {
        self.inner.recover(call, cursor, past).await
    }

    async fn backfill(
        &self,
        call: &Call<'_>,
        resource: &ResourceConfig,
        window: Window,
        cursor: Option<&Value>,
        past: &Past,
    ) -> Result<Step, Error> {
        self.inner.backfill(call, resource, window, cursor, past).await
    }

    async fn read(&self, call: &Call<'_>, query: &hub::Query) -> Result<hub::Answer, hub::ReadError> {
        self.inner.read(call, query).await
    }

    async fn content(&self, call: &Call<'_>, path: &[String]) -> Result<hub::Content, hub::ReadError> {
        self.inner.content(call, path).await
    }

    fn seek(&self, resource: &ResourceConfig, sought: &Sought, now: DateTime<Utc>) -> Option<hub::Query> {
        self.inner.seek(resource, sought, now)
    }

    fn standing(
        &self,
        resource: &ResourceConfig,
        record: &Value,
        now: DateTime<Utc>,
    ) -> Option<RecordStanding> {
        self.inner.standing(resource, record, now)
    }

    fn subject<'a>(&self, record: &'a Value) -> Option<&'a str> {
        self.inner.subject(record)
    }

    async fn lacks(&self, call: &Call<'_>, resource: &ResourceConfig) -> Result<Vec<String>, Error> {
        self.inner.lacks(call, resource).await
    }

    fn push(&self) -> Option<&dyn Push> {
        self.inner.push()
    }

    async fn address(&self, call: &Call<'_>) -> Result<Option<String>, Error> {
        self.inner.address(call).await
    }

    async fn ping(&self, call: &Call<'_>) -> Result<(), Error> {
        self.inner.ping(call).await
    }

    fn looks_at_once(&self, call: &Call<'_>, resource: &ResourceConfig) -> usize {
        self.inner.looks_at_once(call, resource)
    }

    async fn fetch(
        &self,
        call: &Call<'_>,
        resource: &ResourceConfig,
        record: &FailedRecord,
    ) -> Result<Option<Change>, Error> {
        self.inner.fetch(call, resource, record).await
    }
}
