//! Where the samples point their callback: at the service itself. Anybody may post here, so nothing is kept of it.

use super::answer::{Answered, Done};
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
pub(super) struct Sink(Arc<Mutex<SinkCounts>>);

#[derive(Default)]
struct SinkCounts {
    count: u64,
    bytes: u64,
    logged_at: Option<DateTime<Utc>>,
}

impl Sink {
    fn note(&self, bytes: usize, now: DateTime<Utc>) {
        let mut arrived = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((count, body_bytes)) = arrived.add(bytes, now) {
            tracing::info!(count, body_bytes, "event.received");
        }
    }
}

impl SinkCounts {
    /// One more body; how many there were and how long, where a line of the log is due.
    fn add(&mut self, bytes: usize, now: DateTime<Utc>) -> Option<(u64, u64)> {
        self.count += 1;
        self.bytes += bytes as u64;
        let is_due = self.logged_at.is_none_or(|at| (now - at).num_seconds().abs() >= LOG_EVERY_S);
        let SinkCounts { count, bytes, .. } = *self;
        is_due.then(|| {
            *self = SinkCounts { logged_at: Some(now), ..SinkCounts::default() };
            (count, bytes)
        })
    }
}

/// Lets a body pass by, piece by piece.
pub(super) async fn take(
    State(app): State<Arc<Context>>,
    Extension(sink): Extension<Sink>,
    body: Body,
) -> Answered<Done> {
    let (mut pieces, mut bytes) = (body.into_data_stream(), 0);
    while let Some(piece) = pieces.next().await {
        bytes += piece.map_err(|error| ApiError::bad(format!("the body can't be read: {error}")))?.len();
        if bytes > BODY_BYTES_MAX {
            let rule = format!("the body is longer than {BODY_BYTES_MAX} bytes");
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, rule));
        }
    }
    sink.note(bytes, app.now());
    Ok(Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Duration;

    #[test]
    fn the_log_has_a_line_a_minute_however_many_post() {
        let mut arrived = SinkCounts::default();
        let at = |seconds| DateTime::UNIX_EPOCH + Duration::seconds(seconds);
        let lines: Vec<_> = (0..3600).filter_map(|second| arrived.add(7, at(second))).collect();
        assert_eq!(lines.len(), 60);
        assert_eq!(lines[1], (60, 420));
        assert!(arrived.add(7, at(-3600)).is_some(), "a clock that was set back silences nothing");
    }
}
