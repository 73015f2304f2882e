//! Windows of the past that are read again.

use super::moment::Moment;
use super::named::OrderedObject;
use domain::backfill::Status;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

/// A window of the past that is read again.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "id": "1f0c6a3b1d2e4f5a", "instanceId": 4711, "status": "running", "requestedDate": "2026-11-22T12:00:00Z",
    "resources": { "messages": {
        "status": "running", "from": "2026-11-22T11:00:00Z", "to": "2026-11-22T12:00:00Z", "changes": 0, "events": 0,
        "error": null, "retryAt": null,
    } },
}))]
pub(in crate::api) struct Backfill {
    pub(in crate::api) id: String,
    pub(in crate::api) instance_id: u32,
    pub(in crate::api) status: BackfillStatus,
    pub(in crate::api) requested_date: Option<Moment>,
    /// How far it is in each resource, by its name.
    pub(in crate::api) resources: OrderedObject<ResourceBackfill>,
}

/// How much a backfill would be about, as the provider shows it now. Nothing was stored.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(example = json!({
    "from": "2026-11-22T11:00:00Z", "to": "2026-11-22T12:00:00Z",
    "resources": { "messages": { "records": 132, "reported": 120, "atLeast": false, "notRead": null } },
}))]
pub(in crate::api) struct BackfillPreview {
    pub(in crate::api) from: Moment,
    pub(in crate::api) to: Moment,
    pub(in crate::api) resources: OrderedObject<PreviewedResource>,
}

/// How much of a resource came within a window.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct PreviewedResource {
    /// What came, and fulfils the conditions; at most 500 are counted.
    pub(in crate::api) records: u64,
    /// What of it the event log has: it is not reported twice.
    pub(in crate::api) reported: u64,
    /// There may be more than were counted.
    pub(in crate::api) at_least: bool,
    /// Why it was not counted to its end.
    pub(in crate::api) not_read: Option<String>,
}

/// How far a backfill is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::api) enum BackfillStatus {
    Running,
    Done,
    Failed,
}

impl From<Status> for BackfillStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Running => BackfillStatus::Running,
            Status::Done => BackfillStatus::Done,
            Status::Failed => BackfillStatus::Failed,
        }
    }
}

/// How far a backfill is in a resource.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct ResourceBackfill {
    pub(in crate::api) status: BackfillStatus,
    pub(in crate::api) from: Moment,
    pub(in crate::api) to: Moment,
    pub(in crate::api) changes: u64,
    pub(in crate::api) events: u64,
    pub(in crate::api) error: Option<String>,
    pub(in crate::api) retry_at: Option<Moment>,
}
