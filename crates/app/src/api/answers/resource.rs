//! Where polled resources stand.

use super::moment::Moment;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

/// Where a polled resource stands.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct PolledResource {
    /// Its configured name.
    pub(in crate::api) name: String,
    /// The last poll that read the provider, as far as it is known: an idle one is stored every ten minutes, on AWS
    /// every hour, and a process knows its own.
    pub(in crate::api) last_poll: Option<Moment>,
    pub(in crate::api) last_poll_age_seconds: Option<i64>,
    /// When the position last moved because something was found.
    pub(in crate::api) last_change: Option<Moment>,
    pub(in crate::api) last_change_age_seconds: Option<i64>,
    /// The last change that a notice of the provider led to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) last_push: Option<LastPush>,
    /// The same as `lastPoll`.
    pub(in crate::api) last_success: Option<Moment>,
    /// Failures in a row.
    pub(in crate::api) failures: u32,
    /// The last one, in words.
    pub(in crate::api) error: Option<String>,
    /// It is not polled before then.
    pub(in crate::api) retry_at: Option<Moment>,
    /// No success for longer than three intervals, or ten minutes and two intervals, on AWS an hour and two.
    pub(in crate::api) frozen: bool,
    /// Records that failed on their own and are tried again.
    pub(in crate::api) records_to_retry: usize,
    /// Intervals in which changes may have been missed.
    pub(in crate::api) gaps: Vec<Gap>,
}

/// A change that a notice of the provider led to.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(in crate::api) struct LastPush {
    /// When the notice came.
    pub(in crate::api) hint_at: Moment,
    /// From the notice to the poll that found the change.
    pub(in crate::api) latency_milliseconds: i64,
}

/// An interval in which changes may have been missed.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::api) struct Gap {
    pub(in crate::api) from: Moment,
    pub(in crate::api) to: Moment,
    pub(in crate::api) reason: String,
}

/// Where a polled resource stands, with whose it is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "name": "messages", "lastPoll": super::AT, "lastPollAgeSeconds": 60, "lastChange": null,
    "lastChangeAgeSeconds": null, "lastSuccess": super::AT, "failures": 0, "error": null, "retryAt": null,
    "frozen": false, "recordsToRetry": 0, "gaps": [], "objectType": "messages", "instanceId": 4711,
    "elementKey": super::element::first().key, "interval": 15, "nextPoll": "2026-11-22T11:55:00Z",
}))]
pub(in crate::api) struct PollerRecord {
    #[serde(flatten)]
    pub(in crate::api) resource: PolledResource,
    pub(in crate::api) object_type: String,
    pub(in crate::api) instance_id: u32,
    pub(in crate::api) element_key: String,
    /// Minutes between polls.
    pub(in crate::api) interval: u32,
    /// When the schedule polls it next; null if it is not polled.
    pub(in crate::api) next_poll: Option<Moment>,
}
