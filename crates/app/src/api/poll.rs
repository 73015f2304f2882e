//! Poll now.

use super::auth::Caller;
use super::error::ApiError;
use crate::context::Context;
use crate::poll::{self, PollOutcome, PollReport, ResourceReport, Way};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::Duration;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Longest time in the request; what is left goes on as a job.
const REQUEST_S: i64 = 20;

pub(super) async fn now(
    State(app): State<Arc<Context>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let instance = caller.instance(&app, &id).await?;
    let request_id = caller.by.request_id;
    let deadline = app.now() + Duration::seconds(REQUEST_S);
    let work = async move { poll::poll(&app, instance.id, Way::Asked, deadline).await };
    let polled = tokio::spawn(work).await;
    let polled =
        polled.map_err(|_| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "the poll failed inside"))?;
    match polled? {
        PollOutcome::Polled(report) => Ok(answer(&report, &request_id)),
        // The current poller continues: what it finds goes to the callback.
        PollOutcome::Busy => Ok(answer(&PollReport { resources: Vec::new(), more: true }, &request_id)),
        PollOutcome::NotFound => Err(ApiError::no_instance()),
        PollOutcome::NotPolled(reason) => {
            Err(ApiError::new(StatusCode::CONFLICT, format!("the instance is not polled: {reason}")))
        }
    }
}

/// 200 if any resource was read, or nothing went wrong; else 429 while the provider wants to be left alone,
/// and 502 where it failed, with the report beside what every error says.
fn answer(report: &PollReport, request_id: &str) -> Response {
    let mut body = Map::new();
    let resources: Map<String, Value> =
        report.resources.iter().map(|(name, one)| (name.clone(), resource(one))).collect();
    body.insert("resources".to_owned(), resources.into());
    if report.more {
        body.insert("more".to_owned(), true.into());
    }
    let failed = report.resources.iter().all(|(_, one)| !one.read && one.error.is_some());
    let wait = report.resources.iter().filter_map(|(_, one)| one.retry_after_s).min();
    let status = match report.resources.iter().any(|(_, one)| one.is_wait) {
        _ if report.resources.is_empty() || !failed => StatusCode::OK,
        true => StatusCode::TOO_MANY_REQUESTS,
        false => StatusCode::BAD_GATEWAY,
    };
    if status != StatusCode::OK {
        let error = report.resources.iter().find_map(|(_, one)| one.error.as_deref());
        body.insert("requestId".to_owned(), request_id.into());
        body.insert("message".to_owned(), error.unwrap_or("the provider was not read").into());
    }
    let mut headers = HeaderMap::new();
    if let Some(seconds) = wait.filter(|_| status == StatusCode::TOO_MANY_REQUESTS) {
        headers.insert("retry-after", HeaderValue::from(seconds));
    }
    (status, headers, Json(body)).into_response()
}

fn resource(report: &ResourceReport) -> Value {
    let mut value = json!({
        "changes": report.changes,
        "events": report.events,
        "notifications": report.notifications,
    });
    if let Some(error) = &report.error {
        value["error"] = error.as_str().into();
    }
    if let Some(seconds) = report.retry_after_s {
        value["retryAfter"] = seconds.into();
    }
    value
}
