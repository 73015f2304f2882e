//! What is said of a request that failed.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

/// Why a request failed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Error", example = json!({
    "requestId": "5f0c6a3b1d2e4f5a6b7c8d9e",
    "message": "`event.poller.refresh_interval`: must be a whole number of minutes from 1 to 1440",
}))]
pub(in crate::api) struct ErrorBody {
    /// 24 hexadecimal digits, also in the header `Elements-Request-Id`.
    pub(in crate::api) request_id: String,
    /// What is wrong: the field and the rule.
    pub(in crate::api) message: String,
    /// The provider's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) provider_message: Option<String>,
}
