//! What is stored of a resource, for its connector: what was reported, of which some have to ask the provider again what became
//! of it, and its annex.

use crate::context::Context;
use crate::ports::{LogPage, PortError};
use async_trait::async_trait;
use connectors::{Archive, Error, ErrorKind, ToldPage};
use domain::ids::{InstanceId, Sequence};
use serde_json::Value;
use std::sync::{Mutex, PoisonError};

/// Notifications of one stretch.
const NOTIFICATIONS_COUNT_MAX: usize = 50;

/// Of one resource.
pub(super) struct ArchiveOf<'a> {
    app: &'a Context,
    id: InstanceId,
    resource: &'a str,
    /// Why something could not be read.
    fault: Mutex<Option<PortError>>,
}

impl<'a> ArchiveOf<'a> {
    pub(super) fn new(app: &'a Context, id: InstanceId, resource: &'a str) -> Self {
        ArchiveOf { app, id, resource, fault: Mutex::default() }
    }

    /// Why something could not be read, if so: the error of a step that failed for it is not the provider's.
    pub(super) fn fault(self) -> Option<PortError> {
        self.fault.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, fault: PortError) -> Error {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
        Error::new(ErrorKind::Unavailable, "what is stored of the resource can't be read")
    }
}

#[async_trait]
impl Archive for ArchiveOf<'_> {
    async fn told(&self, before: Option<u64>) -> Result<ToldPage, Error> {
        let limit = NOTIFICATIONS_COUNT_MAX;
        let page = LogPage { before: before.map(Sequence), limit, pending_only: false };
        let found = self.app.ports.store.notifications(self.id, page).await;
        let found = found.map_err(|fault| self.failed(fault))?.rows;
        let before = found.last().filter(|_| found.len() == limit).map(|last| last.sequence.0);
        let of_resource = found.iter().filter(|one| one.resource == self.resource);
        let records = of_resource.flat_map(|one| records(&one.body)).collect();
        Ok(ToldPage { records, before })
    }

    async fn annex(&self, names: &[String]) -> Result<Vec<Option<String>>, Error> {
        let read = self.app.ports.store.annex(self.id, self.resource, names).await;
        read.map_err(|fault| self.failed(fault))
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
