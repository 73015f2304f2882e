//! From a provider-shaped change to a normalised event.

use crate::ids::{EventId, InstanceId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// The object is new to the mailbox.
    #[default]
    Created,
    /// The object was there and differs now.
    Updated,
    /// The object is gone.
    Deleted,
}

impl ChangeKind {
    /// `events[].eventType`.
    pub fn wire(self) -> &'static str {
        match self {
            ChangeKind::Created => "CREATED",
            ChangeKind::Updated => "UPDATED",
            ChangeKind::Deleted => "DELETED",
        }
    }
}

/// One difference, as a connector found it.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The provider's id of the object: its identity.
    pub object_id: String,
    /// `events[].objectId` where the configured id field is another one.
    pub shown_id: Option<String>,
    /// What happened to it.
    pub kind: ChangeKind,
    /// The provider's name of the object's new state (change key, history record id). No part of the identity of an
    /// object's first creation.
    pub version: String,
    /// When the provider says it happened; the poll's time is used where it says nothing.
    pub at: Option<DateTime<Utc>>,
    /// The record that goes into `raw`, as the hub resource would return it.
    pub record: Value,
    /// The walk that found this change may have passed it before: it counts only if the event log of the
    /// instance does not hold it yet. A creation that the log holds is an update, if it has a version.
    pub recheck: bool,
    /// A creation after a reported deletion: the version distinguishes it from the first one.
    pub again: bool,
}

impl Change {
    /// The event's identity: stable over replays.
    pub fn event_id(&self, instance: InstanceId, resource: &str) -> EventId {
        match self.kind {
            ChangeKind::Created if !self.again => EventId::of_creation(instance, resource, &self.object_id),
            kind => EventId::of_version(instance, resource, &self.object_id, kind.wire(), &self.version),
        }
    }
}
