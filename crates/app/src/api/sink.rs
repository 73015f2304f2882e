//! Where the samples point their callback: at the service itself. Anybody may post here, so nothing is kept of it.

use super::error::ApiError;
use crate::context::Context;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use std::sync::{Arc, Mutex, PoisonError};

/// A body at the most, bytes: the largest notification that we send ourselves is below.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Between two lines of the log, s: strangers must not fill it.
const LOG_EVERY_S: i64 = 60;

/// What arrived since the last line of the log.
#[derive(Clone, Default)]
pub(super) struct Sink(Arc<Mutex<Arrived>>);

#[derive(Default)]
struct Arrived {
    count: u64,
    bytes: u64,
    logged_at: Option<DateTime<Utc>>,
}

impl Sink {
    fn note(&self, bytes: usize, now: DateTime<Utc>) {
        let mut arrived = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        arrived.count += 1;
        arrived.bytes += bytes as u64;
        if arrived.logged_at.is_none_or(|at| (now - at).num_seconds().abs() >= LOG_EVERY_S) {
            tracing::info!(count = arrived.count, body_bytes = arrived.bytes, "event.received");
            *arrived = Arrived { logged_at: Some(now), ..Arrived::default() };
        }
    }
}

/// Lets a body pass by, piece by piece.
pub(super) async fn take(
    State(app): State<Arc<Context>>,
    Extension(sink): Extension<Sink>,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let (mut pieces, mut bytes) = (body.into_data_stream(), 0);
    while let Some(piece) = pieces.next().await {
        bytes += piece.map_err(|error| ApiError::bad(format!("the body can't be read: {error}")))?.len();
        if bytes > BODY_BYTES_MAX {
            let rule = format!("the body is longer than {BODY_BYTES_MAX} bytes");
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, rule));
        }
    }
    sink.note(bytes, app.now());
    Ok(StatusCode::OK)
}
