//! Poll now.

use super::answer::Answered;
use super::answers::poll::{self as answers, FailedPoll, Polled, ResourcePoll};
use super::auth::Caller;
use super::error::ApiError;
use crate::context::Context;
use crate::poll::{self, PollOutcome, PollReport, ResourceReport};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use chrono::Duration;
use std::sync::Arc;

/// Longest time in the request; what is left goes on as a job.
const REQUEST_S: i64 = 20;

pub(super) async fn now(
    State(app): State<Arc<Context>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answered<Polled> {
    let instance = caller.instance(&app, &id).await?;
    let request_id = caller.by.request_id;
    let deadline = app.now() + Duration::seconds(REQUEST_S);
    match poll::asked(&app, &instance, deadline).await? {
        PollOutcome::Polled(report) => Ok(answer(&report, &request_id)),
        // The current poller or a job goes on: what it finds goes to the callback.
        PollOutcome::Busy => Ok(answer(&PollReport { resources: Vec::new(), more: true }, &request_id)),
        PollOutcome::NotFound => Err(ApiError::no_instance()),
        PollOutcome::NotPolled(reason) => {
            Err(ApiError::new(StatusCode::CONFLICT, format!("the instance is not polled: {reason}")))
        }
    }
}

/// 200 if any resource was read, or nothing went wrong; else 429 while the provider asked for a pause,
/// and 502 where it failed, with the report beside what every error says.
fn answer(report: &PollReport, request_id: &str) -> Polled {
    let resources = report.resources.iter().map(|(name, one)| (name.clone(), resource(one))).collect();
    let shown = answers::PollReport { resources, more: report.more };
    let failed = report.resources.iter().all(|(_, one)| !one.read && one.error.is_some());
    if report.resources.is_empty() || !failed {
        return Polled::Read(shown);
    }
    let error = report.resources.iter().find_map(|(_, one)| one.error.as_deref());
    let failed = FailedPoll {
        report: shown,
        request_id: request_id.to_owned(),
        message: error.unwrap_or("the provider was not read").to_owned(),
    };
    match report.resources.iter().any(|(_, one)| one.is_wait) {
        true => {
            Polled::LeftAlone(failed, report.resources.iter().filter_map(|(_, one)| one.retry_after_s).min())
        }
        false => Polled::Failed(failed),
    }
}

fn resource(report: &ResourceReport) -> ResourcePoll {
    ResourcePoll {
        changes: report.changes,
        events: report.events,
        notifications: report.notifications,
        error: report.error.clone(),
        retry_after: report.retry_after_s,
    }
}
