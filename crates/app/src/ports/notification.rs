//! Notifications as they are stored.

use chrono::{DateTime, Utc};
use domain::delivery::{Attempt, Reached};
use domain::ids::{EventId, InstanceId, NotificationName, Sequence};
use domain::life::Sighting;
use serde::{Deserialize, Serialize};

/// A stored notification.
#[derive(Debug, Clone)]
pub struct Notification {
    /// The instance it belongs to.
    pub instance: InstanceId,
    /// Its place in the order of the instance.
    pub sequence: Sequence,
    /// Id and number.
    pub name: NotificationName,
    /// Polled resource it belongs to.
    pub resource: String,
    /// Ids of its events, in order.
    pub events: Vec<EventId>,
    /// The bytes that are signed and posted.
    pub body: String,
    /// When it was committed.
    pub created_at: DateTime<Utc>,
    /// How its changes were found, where that was stored.
    pub sighting: Option<Sighting>,
    /// How far its delivery is.
    pub progress: Progress,
    /// Number of the attempt that is next or under way, from 1 over the notification's life.
    pub attempt: u32,
    /// Attempts made before the present round of retries began.
    pub round_start: u32,
    /// When the next attempt is due, where one is.
    pub due_at: Option<DateTime<Utc>>,
    /// Attempts so far, oldest first.
    pub attempts: Vec<Attempt>,
    /// Of this round of delivery.
    pub reached: Reached,
    /// When retention ends; `None` until delivered or dropped.
    pub expires_at: Option<DateTime<Utc>>,
}

/// How far a notification is. A pending one of a callback that is not active is shown as queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Progress {
    Pending,
    Delivered,
    /// Never to be delivered: the instance was deleted.
    Dropped,
    /// Only for the log.
    Logged,
}

impl Progress {
    /// As it is stored.
    pub fn text(self) -> &'static str {
        match self {
            Progress::Pending => "pending",
            Progress::Delivered => "delivered",
            Progress::Dropped => "dropped",
            Progress::Logged => "logged",
        }
    }

    /// Back from [`Progress::text`].
    pub fn parse(text: &str) -> Option<Self> {
        [Progress::Pending, Progress::Delivered, Progress::Dropped, Progress::Logged]
            .into_iter()
            .find(|progress| progress.text() == text)
    }
}
