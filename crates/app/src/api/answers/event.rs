//! The event log.

use super::life::LifeStage;
use super::moment::Moment;
use crate::ports::{Notification, Progress};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

/// NOTIFIED: delivered; RECEIVED: on its way or queued; CONSUMED: only logged, or dropped. The original has NEW and
/// DISPATCHED, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[cfg_attr(not(test), expect(dead_code, reason = "the original has two that nothing here has"))]
pub(in crate::api) enum EventStatus {
    New,
    Received,
    Dispatched,
    Consumed,
    Notified,
}

impl EventStatus {
    pub(in crate::api) const ALL: [&'static str; 5] =
        ["NEW", "RECEIVED", "DISPATCHED", "CONSUMED", "NOTIFIED"];

    pub(in crate::api) fn of(progress: Progress) -> Self {
        match progress {
            Progress::Delivered => EventStatus::Notified,
            Progress::Pending => EventStatus::Received,
            Progress::Dropped | Progress::Logged => EventStatus::Consumed,
        }
    }

    pub(in crate::api) fn text(self) -> &'static str {
        Self::ALL[self as usize]
    }
}

/// Where the delivery of a notification stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::api) enum DeliveryStatus {
    Created,
    Delivered,
    Retry,
    Queued,
    Dropped,
    Logged,
}

impl DeliveryStatus {
    pub(in crate::api) const ALL: [&'static str; 6] =
        ["created", "delivered", "retry", "queued", "dropped", "logged"];

    /// Of a notification; `is_queued`: what is pending of its instance waits for a release.
    pub(in crate::api) fn of(notification: &Notification, is_queued: bool) -> Self {
        match notification.progress {
            Progress::Delivered => DeliveryStatus::Delivered,
            Progress::Dropped => DeliveryStatus::Dropped,
            Progress::Logged => DeliveryStatus::Logged,
            Progress::Pending if is_queued => DeliveryStatus::Queued,
            Progress::Pending if notification.attempts.is_empty() => DeliveryStatus::Created,
            Progress::Pending => DeliveryStatus::Retry,
        }
    }

    pub(in crate::api) fn text(self) -> &'static str {
        Self::ALL[self as usize]
    }
}

/// A notification of the event log.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "id": super::ID, "eventDate": super::AT, "status": "NOTIFIED", "providerData": "{}", "instanceId": 4711,
    "notificationId": 1400001, "objectType": "messages", "events": ["mEgXr6yixV0pRP0N_DbdZg"],
    "delivery": "delivered", "nextAttempt": null,
    "attempts": [{
        "number": 1, "date": "2026-11-22T11:40:01.250Z", "durationMs": 83, "status": 200, "error": null, "answer": "ok",
    }],
}))]
pub(in crate::api) struct Event {
    /// `message.eventId` of the callback.
    pub(in crate::api) id: String,
    pub(in crate::api) event_date: Moment,
    pub(in crate::api) status: EventStatus,
    /// The callback's body, exactly.
    pub(in crate::api) provider_data: String,
    pub(in crate::api) instance_id: u32,
    /// `id` of the callback, as a number of 53 bits.
    pub(in crate::api) notification_id: u64,
    pub(in crate::api) object_type: String,
    /// Ids of the events in it.
    pub(in crate::api) events: Vec<String>,
    pub(in crate::api) delivery: DeliveryStatus,
    pub(in crate::api) next_attempt: Option<Moment>,
    pub(in crate::api) attempts: Vec<Attempt>,
    /// What the first record is called that has a name: a message's subject, the title of an event, the name of a
    /// contact. At most 300 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) subject: Option<String>,
    /// Of each event in it, where a single one is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) lives: Option<Vec<Life>>,
}

/// One change of an object, from the provider to the receiver.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "id": "mEgXr6yixV0pRP0N_DbdZg", "eventId": super::ID, "instanceId": 4711, "objectId": "18c1f0a2b3c4d5e6",
    "objectType": "messages", "eventType": "CREATED", "delivery": "delivered",
    "stages": [
        { "stage": "arrived", "date": "2026-11-22T11:38:12.000Z", "afterMs": null, "attempt": null },
        { "stage": "seen", "date": "2026-11-22T11:40:00.250Z", "afterMs": 108_250, "attempt": null },
    ],
}))]
pub(in crate::api) struct Life {
    /// Of the event, as its callback has it.
    pub(in crate::api) id: String,
    /// `message.eventId` of the notification it is in.
    pub(in crate::api) event_id: String,
    pub(in crate::api) instance_id: u32,
    pub(in crate::api) object_id: String,
    pub(in crate::api) object_type: String,
    pub(in crate::api) event_type: String,
    pub(in crate::api) delivery: DeliveryStatus,
    /// In their order; what is not known is left out.
    pub(in crate::api) stages: Vec<LifeStage>,
}

/// One POST of a notification.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct Attempt {
    pub(in crate::api) number: u32,
    /// With milliseconds.
    pub(in crate::api) date: Moment,
    pub(in crate::api) duration_ms: u64,
    /// Of the callback's answer.
    pub(in crate::api) status: Option<u16>,
    /// Where there was no answer.
    pub(in crate::api) error: Option<String>,
    /// Its first bytes.
    pub(in crate::api) answer: String,
}

/// What became of a notification, in words.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "eventId": super::ID, "elementInstanceId": 4711,
    "notificationData": [{ "message": "Error delivering event: the callback answered 502", "date": super::AT }],
}))]
pub(in crate::api) struct Disposition {
    pub(in crate::api) event_id: String,
    pub(in crate::api) element_instance_id: u32,
    pub(in crate::api) notification_data: Vec<DispositionMessage>,
}

/// What was said of an attempt.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DispositionMessage")]
pub(in crate::api) struct DispositionMessage {
    pub(in crate::api) message: String,
    pub(in crate::api) date: Moment,
}

/// A delivery that is made again.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({ "eventId": super::ID, "attempt": 2 }))]
pub(in crate::api) struct Retry {
    pub(in crate::api) event_id: String,
    /// The number of the attempt that follows.
    pub(in crate::api) attempt: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_called_what_they_are_written_as() {
        let events = [
            EventStatus::New,
            EventStatus::Received,
            EventStatus::Dispatched,
            EventStatus::Consumed,
            EventStatus::Notified,
        ];
        for status in events {
            assert_eq!(json!(status), status.text());
        }
        let deliveries = [
            DeliveryStatus::Created,
            DeliveryStatus::Delivered,
            DeliveryStatus::Retry,
            DeliveryStatus::Queued,
            DeliveryStatus::Dropped,
            DeliveryStatus::Logged,
        ];
        for status in deliveries {
            assert_eq!(json!(status), status.text());
        }
    }
}
