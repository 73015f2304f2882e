//! What polls watch: messages and threads by the mailbox's history, labels and drafts by comparing their lists.

pub(super) mod hydrate;
pub(super) mod labelled;
pub(super) mod messages;
pub(super) mod plan;
mod records;
pub(super) mod snapshots;
mod threads;
mod walk;

use super::cursor::{Cursor, HistoryId};
use super::descriptor::DESCRIPTOR;
use super::recover;
use crate::descriptor::Polling;
use crate::error::{Error, ErrorKind};
use crate::{Call, Past, Step, snapshot};
use chrono::{DateTime, Utc};
use domain::resource::{HubRead, ResourceConfig};
use messages::Messages;
use plan::Plan;
use serde_json::Value;
use snapshots::{FilteredList, FilteredPages, List};
use threads::Threads;
use walk::Begun;

/// What a url watches. The name of its resource decides, whatever the configuration calls it.
pub(super) enum PolledList {
    Messages(Plan),
    Threads(Plan),
    Lists(FilteredList),
}

impl PolledList {
    /// The error is the broken rule.
    pub(super) fn of(resource: &ResourceConfig, now: DateTime<Utc>) -> Result<Self, String> {
        let read = resource.read_at(now, now)?;
        match polled(&read)? {
            "threads" => Plan::of(&Threads, &read).map(PolledList::Threads),
            "labels" => FilteredList::of(List::Labels, &read).map(PolledList::Lists),
            "drafts" => FilteredList::of(List::Drafts, &read).map(PolledList::Lists),
            _ => Plan::of(&Messages, &read).map(PolledList::Messages),
        }
    }

    /// The same for a configuration that was accepted.
    pub(super) fn at_poll(resource: &ResourceConfig, call: &Call<'_>) -> Result<Self, Error> {
        Self::of(resource, call.now)
            .map_err(|rule| Error::new(ErrorKind::Rejected, format!("the url is broken: {rule}")))
    }

    /// How its objects are read by time; lists have none.
    pub(super) fn plan(&self, resource: &ResourceConfig) -> Result<&Plan, Error> {
        match self {
            PolledList::Messages(plan) | PolledList::Threads(plan) => Ok(plan),
            PolledList::Lists(_) => Err(Error::new(
                ErrorKind::Rejected,
                format!("`{}` can't be read again by time", resource.name),
            )),
        }
    }

    /// The position from which to watch; `now` is the mailbox's own.
    pub(super) async fn baseline(&self, call: &Call<'_>, now: HistoryId) -> Result<Value, Error> {
        match self {
            PolledList::Messages(_) | PolledList::Threads(_) => Ok(Cursor::at(now).to_value()),
            PolledList::Lists(wanted) => snapshot::baseline(&FilteredPages { call, wanted }, call.now).await,
        }
    }

    /// The next stretch of changes.
    pub(super) async fn step(&self, call: &Call<'_>, stored: &Value, past: &Past) -> Result<Step, Error> {
        match self {
            PolledList::Lists(wanted) => snapshot::step(&FilteredPages { call, wanted }, stored, past).await,
            PolledList::Messages(plan) => match begun(call, plan, stored, past).await? {
                Begun::Nothing(step) => Ok(step),
                Begun::Walk(walk) => messages::tell(call, plan, walk, past).await,
            },
            PolledList::Threads(plan) => match begun(call, plan, stored, past).await? {
                Begun::Nothing(step) => Ok(step),
                Begun::Walk(walk) => threads::tell(call, plan, walk, past).await,
            },
        }
    }
}

/// Goes on with a catch-up, or with history.
async fn begun(call: &Call<'_>, plan: &Plan, stored: &Value, past: &Past) -> Result<Begun, Error> {
    let cursor = Cursor::from_value(stored)?;
    match &cursor.catch_up {
        Some(catch_up) => recover::step(call, plan, &cursor, catch_up, past).await.map(Begun::Nothing),
        None => walk::begin(call, stored, &cursor, past).await,
    }
}

/// The polled resource that a url names.
fn polled(read: &HubRead) -> Result<&'static str, String> {
    let resource = DESCRIPTOR.resource(&read.resource).filter(|resource| resource.polling != Polling::Never);
    let named = resource.map(|resource| resource.name);
    named.ok_or_else(|| format!("`{}` is not a resource that Gmail polls", read.resource))
}
