//! What a poll found.

use super::named::OrderedObject;
use crate::api::answer::Answer;
use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::json;

/// What a poll found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({ "resources": { "messages": { "changes": 2, "events": 2, "notifications": 1 } } }))]
pub(in crate::api) struct PollReport {
    /// By the resource's name.
    pub(in crate::api) resources: OrderedObject<ResourcePoll>,
    /// It was not done in time, and goes on.
    #[serde(skip_serializing_if = "is_false")]
    pub(in crate::api) more: bool,
}

/// What a poll found of a resource.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct ResourcePoll {
    pub(in crate::api) changes: usize,
    pub(in crate::api) events: usize,
    pub(in crate::api) notifications: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) error: Option<String>,
    /// Seconds to wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) retry_after: Option<u64>,
}

/// What is said of a poll that could not read the provider: the report, and what every error says.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("examples" = [{
    "resources": { "messages": {
        "changes": 0, "events": 0, "notifications": 0, "error": "the provider answered 503", "retryAfter": 30,
    } },
    "requestId": "5f0c6a3b1d2e4f5a6b7c8d9e", "message": "the provider answered 503",
}]))]
pub(in crate::api) struct FailedPoll {
    #[serde(flatten)]
    pub(in crate::api) report: PollReport,
    /// As of every error.
    pub(in crate::api) request_id: String,
    /// What is wrong.
    pub(in crate::api) message: String,
}

/// A poll that was asked for.
pub(in crate::api) enum Polled {
    /// Some resource was read, or nothing went wrong.
    Read(PollReport),
    /// The provider throttles, for this many seconds if it says so.
    LeftAlone(FailedPoll, Option<u64>),
    Failed(FailedPoll),
}

impl IntoResponse for Polled {
    fn into_response(self) -> Response {
        match self {
            Polled::Read(report) => Json(report).into_response(),
            Polled::Failed(failed) => (StatusCode::BAD_GATEWAY, Json(failed)).into_response(),
            Polled::LeftAlone(failed, wait_s) => {
                let mut headers = HeaderMap::new();
                if let Some(seconds) = wait_s {
                    headers.insert("retry-after", HeaderValue::from(seconds));
                }
                (StatusCode::TOO_MANY_REQUESTS, headers, Json(failed)).into_response()
            }
        }
    }
}

impl Answer for Polled {
    fn schema(schemas: &mut SchemaGenerator) -> Option<Schema> {
        Some(schemas.subschema_for::<PollReport>())
    }

    fn failure(schemas: &mut SchemaGenerator) -> Option<Schema> {
        Some(schemas.subschema_for::<FailedPoll>())
    }
}

/// What is false is left out.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}
