//! What was reported of a resource, for its connector: some have to ask the provider again what became of it.

use crate::context::Context;
use crate::ports::LogPage;
use async_trait::async_trait;
use connectors::{Error, ErrorKind, ToldLog, ToldPage};
use domain::ids::{InstanceId, Sequence};
use serde_json::Value;

/// Notifications of one stretch.
const NOTIFICATIONS_COUNT_MAX: usize = 50;

/// The event log of one resource.
pub(super) struct ToldOf<'a> {
    pub(super) app: &'a Context,
    pub(super) id: InstanceId,
    pub(super) resource: &'a str,
}

#[async_trait]
impl ToldLog for ToldOf<'_> {
    async fn told(&self, before: Option<u64>) -> Result<ToldPage, Error> {
        let limit = NOTIFICATIONS_COUNT_MAX;
        let page = LogPage { before: before.map(Sequence), limit, pending_only: false };
        let found = self.app.ports.store.notifications(self.id, page).await;
        let found = found.map_err(|_| Error::new(ErrorKind::Unavailable, "the event log can't be read"))?;
        let before = found.last().filter(|_| found.len() == limit).map(|last| last.sequence.0);
        let of_resource = found.iter().filter(|one| one.resource == self.resource);
        let records = of_resource.flat_map(|one| records(&one.body)).collect();
        Ok(ToldPage { records, before })
    }
}

/// The records of a callback's body.
fn records(body: &str) -> Vec<Value> {
    let Ok(mut body) = serde_json::from_str::<Value>(body) else { return Vec::new() };
    let Some(raw) = body.pointer_mut("/message/raw").and_then(Value::as_object_mut) else {
        return Vec::new();
    };
    let lists = raw.values_mut().filter_map(Value::as_array_mut);
    lists.flat_map(std::mem::take).collect()
}
