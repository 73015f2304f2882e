//! How a test of a callback went.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

/// What came of a test event. The body of the callback's answer is not shown.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "eventId": "test-5f0c6a3b1d2e4f5a6b7c8d9e", "taken": true, "status": 200, "error": null,
    "durationMilliseconds": 41, "signed": true,
}))]
pub(in crate::api) struct TestedCallback {
    /// `message.eventId`, and the value of `Elements-Webhook-Id`.
    pub(in crate::api) event_id: String,
    /// Whether the answer was a success, 2xx.
    pub(in crate::api) taken: bool,
    /// The answer's status; none where there was no answer.
    pub(in crate::api) status: Option<u16>,
    /// Why there was no answer.
    pub(in crate::api) error: Option<String>,
    pub(in crate::api) duration_milliseconds: u64,
    /// Whether it was signed: there was a signature key.
    pub(in crate::api) signed: bool,
}
