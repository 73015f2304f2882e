//! What a url asks of polls by history.

use crate::gmail::normalise::conditions::Conditions;
use crate::{REQUESTS_IN_FLIGHT_MAX, STEP_CHANGES_MAX};
use chrono::{DateTime, Utc};
use domain::event::Change;
use domain::resource::HubRead;
use serde_json::Value;

/// Headers of the default, metadata.
const HEADERS: [&str; 10] =
    ["Subject", "From", "To", "Cc", "Bcc", "Date", "Message-ID", "In-Reply-To", "References", "Reply-To"];
/// Messages with their text in one step, so that what it commits stays small.
const STEP_FULL_MESSAGES_MAX: usize = 10;

/// How much of an object is read: the `format` parameter of the configured url.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Labels, snippet, dates, and the headers people ask for. The default of messages.
    Metadata,
    /// Labels, snippet, dates.
    Minimal,
    /// The parsed text too.
    Full,
}

impl Format {
    pub(crate) fn parse(parameter: &str) -> Result<Self, String> {
        match parameter {
            "metadata" => Ok(Format::Metadata),
            "minimal" => Ok(Format::Minimal),
            "full" => Ok(Format::Full),
            _ => Err("`format` must be `metadata`, `minimal` or `full`".to_owned()),
        }
    }

    /// Messages in one step.
    pub(crate) fn step_messages_max(self) -> usize {
        match self {
            Format::Metadata | Format::Minimal => STEP_CHANGES_MAX,
            Format::Full => STEP_FULL_MESSAGES_MAX,
        }
    }

    pub(crate) fn query(self) -> Vec<(&'static str, &'static str)> {
        match self {
            Format::Metadata => std::iter::once(("format", "metadata"))
                .chain(HEADERS.into_iter().map(|header| ("metadataHeaders", header)))
                .collect(),
            Format::Minimal => vec![("format", "minimal")],
            Format::Full => vec![("format", "full")],
        }
    }
}

/// The objects that history covers: messages, or the threads that they make.
pub(crate) trait Objects: Send + Sync {
    /// The collection whose objects are read.
    fn collection(&self) -> &'static str;

    /// Parameters with which an object is read.
    fn parameters(&self, format: Option<Format>) -> Vec<(&'static str, &'static str)>;

    /// Objects in one step.
    fn step_objects_max(&self, format: Option<Format>) -> usize;

    /// What was read, as a creation; `None` where it is nothing to report.
    fn created(&self, record: Value, conditions: &Conditions, recheck: bool) -> Option<Change>;

    /// When a message came in, or the first one of a thread.
    fn began_at(&self, record: &Value) -> Option<DateTime<Utc>>;
}

/// A url, checked.
pub(crate) struct Plan {
    objects: &'static dyn Objects,
    format: Option<Format>,
    /// What messages, and the messages of threads, must fulfil.
    pub(crate) conditions: Conditions,
}

impl Plan {
    /// The error is the broken rule.
    pub(crate) fn of(objects: &'static dyn Objects, read: &HubRead) -> Result<Self, String> {
        let format = read.parameter("format").map(Format::parse).transpose()?;
        Ok(Plan { objects, format, conditions: Conditions::parse(read.conditions.clone())? })
    }

    /// The url says how much is to be read.
    pub(crate) fn has_format(&self) -> bool {
        self.format.is_some()
    }

    pub(crate) fn collection(&self) -> &'static str {
        self.objects.collection()
    }

    pub(crate) fn parameters(&self) -> Vec<(&'static str, &'static str)> {
        self.objects.parameters(self.format)
    }

    pub(crate) fn step_objects_max(&self) -> usize {
        self.objects.step_objects_max(self.format)
    }

    /// Objects that are read at once: of those that may be long, one.
    pub(crate) fn reads_at_once(&self) -> usize {
        if self.format == Some(Format::Full) { 1 } else { REQUESTS_IN_FLIGHT_MAX }
    }

    pub(crate) fn created(&self, record: Value, recheck: bool) -> Option<Change> {
        self.objects.created(record, &self.conditions, recheck)
    }

    pub(crate) fn began_at(&self, record: &Value) -> Option<DateTime<Utc>> {
        self.objects.began_at(record)
    }
}
