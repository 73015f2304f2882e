//! What a resource's configuration asks of polls.

use super::conditions::Conditions;
use super::hydrate::Format;
use super::{DESCRIPTOR, lists, normalize, threads};
use crate::descriptor::Polling;
use crate::error::{Error, Kind};
use crate::{Call, STEP_CHANGES_MAX};
use chrono::{DateTime, Utc};
use domain::ceql::Expr;
use domain::event::Change;
use domain::resource::{HubRead, ResourceConfig};
use serde_json::Value;

/// Threads read in one step: each may be as large as many messages, and is begun again when the provider refuses.
const STEP_THREADS_READ_MAX: usize = 10;

/// What a url watches. The name of its resource decides, whatever the configuration calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watched {
    /// Messages, by the mailbox's history.
    Messages,
    /// Threads, by the same history.
    Threads,
    /// Labels, by comparing all of them.
    Labels,
    /// Drafts, by comparing all of them.
    Drafts,
}

/// The resource, checked.
pub(super) struct Plan {
    pub(super) watched: Watched,
    pub(super) format: Format,
    /// The url says how much is to be read.
    pub(super) has_format: bool,
    /// What messages, and the messages of threads, must fulfil.
    pub(super) conditions: Conditions,
    /// What labels and drafts must fulfil.
    pub(super) filter: Vec<Expr>,
}

impl Plan {
    /// The error is the broken rule.
    pub(super) fn of(resource: &ResourceConfig, now: DateTime<Utc>) -> Result<Self, String> {
        let read = resource.read_at(now, now)?;
        let watched = watched(&read)?;
        let format = read.parameter("format");
        let (history, filter) = match watched {
            Watched::Messages | Watched::Threads => (read.conditions.clone(), Vec::new()),
            Watched::Labels | Watched::Drafts => (Vec::new(), read.conditions.clone()),
        };
        if let (Watched::Labels | Watched::Drafts, Some(_)) = (watched, format) {
            return Err(format!(
                "`format` is for messages and threads, `{}` are told as they are listed",
                read.resource
            ));
        }
        for condition in &filter {
            lists::check(watched, condition)?;
        }
        Ok(Plan {
            watched,
            format: Format::parse(format)?,
            has_format: format.is_some(),
            conditions: Conditions::parse(history)?,
            filter,
        })
    }

    /// The same for a configuration that was accepted.
    pub(super) fn at_poll(resource: &ResourceConfig, call: &Call<'_>) -> Result<Self, Error> {
        Self::of(resource, call.now)
            .map_err(|rule| Error::new(Kind::Rejected, format!("the url is broken: {rule}")))
    }

    /// The collection whose objects are read.
    pub(super) fn collection(&self) -> &'static str {
        match self.watched {
            Watched::Messages => "messages",
            Watched::Threads => "threads",
            Watched::Labels => "labels",
            Watched::Drafts => "drafts",
        }
    }

    /// Parameters with which an object is read.
    pub(super) fn parameters(&self) -> Vec<(&'static str, &'static str)> {
        match (self.watched, self.has_format) {
            (Watched::Threads, false) => threads::THIN.to_vec(),
            _ => self.format.query(),
        }
    }

    /// Messages in one step.
    pub(super) fn step_messages_max(&self) -> usize {
        match (self.watched, self.has_format) {
            (Watched::Threads, true) => STEP_THREADS_READ_MAX,
            (Watched::Threads, false) => STEP_CHANGES_MAX,
            _ => self.format.step_messages_max(),
        }
    }

    /// What was read, as a creation; `None` where it is nothing to report.
    pub(super) fn created(&self, record: Value, recheck: bool) -> Option<Change> {
        match self.watched {
            Watched::Threads => threads::created(record, &self.conditions, recheck),
            _ => normalize::created(record, &self.conditions, recheck),
        }
    }

    /// When a message came in, or the first one of a thread.
    pub(super) fn began_at(&self, record: &Value) -> Option<DateTime<Utc>> {
        match self.watched {
            Watched::Threads => threads::began_at(record),
            _ => normalize::internal_date(record),
        }
    }
}

fn watched(read: &HubRead) -> Result<Watched, String> {
    let resource = DESCRIPTOR.resource(&read.resource).filter(|resource| resource.polling != Polling::Never);
    match resource.map(|resource| resource.name) {
        Some("threads") => Ok(Watched::Threads),
        Some("labels") => Ok(Watched::Labels),
        Some("drafts") => Ok(Watched::Drafts),
        Some(_) => Ok(Watched::Messages),
        None => Err(format!("`{}` is not a resource that Gmail polls", read.resource)),
    }
}
