//! How many events there were.

use super::moment::Moment;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

/// Events of an interval.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(example = json!({ "timestamp": super::AT, "count": 12 }))]
pub(in crate::api) struct Count {
    pub(in crate::api) timestamp: Moment,
    pub(in crate::api) count: u64,
}

/// Events of an interval, by instance.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::api) struct InstanceCounts {
    pub(in crate::api) timestamp: Moment,
    pub(in crate::api) total: u64,
    pub(in crate::api) records: Vec<OfInstance>,
}

/// Events of an interval, by account.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::api) struct AccountCounts {
    pub(in crate::api) timestamp: Moment,
    pub(in crate::api) total: u64,
    pub(in crate::api) records: Vec<OfAccount>,
}

/// Events of an instance in an interval.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "InstanceEvents", example = json!({ "instanceId": 4711, "count": 12, "success": 11, "failed": 1 }))]
pub(in crate::api) struct OfInstance {
    pub(in crate::api) instance_id: u32,
    #[serde(flatten)]
    pub(in crate::api) sum: Sum,
}

/// Events of an account in an interval.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AccountEvents", example = json!({ "accountId": 1, "count": 12, "success": 11, "failed": 1 }))]
pub(in crate::api) struct OfAccount {
    pub(in crate::api) account_id: u32,
    #[serde(flatten)]
    pub(in crate::api) sum: Sum,
}

/// How many there were, and what became of them.
#[derive(Debug, Clone, Copy, Default, Serialize, JsonSchema)]
pub(in crate::api) struct Sum {
    pub(in crate::api) count: u64,
    /// Delivered.
    pub(in crate::api) success: u64,
    /// Not delivered yet, or dropped.
    pub(in crate::api) failed: u64,
}
