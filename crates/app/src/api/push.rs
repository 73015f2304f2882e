//! Where providers send notices: an address for each connector that knows push, outside of the described interface.
//!
//! Anybody can post here. All but a handshake gets the same answer, so that nothing can be learned from it; within a
//! second, also where something of ours fails ([0057](../../../../docs/decisions/0057-a-notice-is-always-accepted.md)).

use super::arriving::of_stranger;
use crate::context::Context;
use crate::push::{PushPosted, ReadAhead, arrive, read};
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Extension, Router};
use connectors::{Connector, Notice, PushRequest};
use std::sync::Arc;
use std::time::Duration;

/// An answer is given within this time: providers want it within a second, and count the way there and back.
const ANSWER_TIME_MAX: Duration = Duration::from_millis(700);
/// A body, bytes: notices are some hundred bytes each, and come some dozens at a time.
const BODY_BYTES_MAX: usize = 512 * 1024;
/// What a handshake is answered, bytes.
const HANDSHAKE_BYTES_MAX: usize = 4 * 1024;

/// The address of each connector that knows push.
pub(super) fn routes(app: &Arc<Context>) -> Router<Arc<Context>> {
    let connectors = app.connectors.iter().filter(|connector| connector.push().is_some());
    connectors.fold(Router::new(), |router, connector| {
        let path = format!("/push/{}", connector.descriptor().key);
        let connector = connector.clone();
        let handler = move |State(app): State<Arc<Context>>,
                            query: RawQuery,
                            headers: HeaderMap,
                            ahead: Option<Extension<ReadAhead>>,
                            body: Body| async move {
            // Too large a body is as good as none, and its sender learns no more than others.
            let body = of_stranger(body, &app, BODY_BYTES_MAX).await.unwrap_or_default();
            take(app, connector, query, headers, ahead.map(|Extension(ahead)| ahead), body).await
        };
        router.route(&path, post(handler))
    })
}

async fn take(
    app: Arc<Context>,
    connector: Arc<dyn Connector>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    ahead: Option<ReadAhead>,
    body: Bytes,
) -> Response {
    let request = PushRequest {
        query: query.as_deref().unwrap_or_default(),
        authorization: headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()),
        body: &body,
    };
    match read(&app, &connector, &request) {
        PushPosted::Handshake(text) if text.len() <= HANDSHAKE_BYTES_MAX => {
            let headers = [
                (CONTENT_TYPE, "text/plain; charset=utf-8"),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (CACHE_CONTROL, "no-store"),
            ];
            return (headers, text).into_response();
        }
        PushPosted::Notices(notices) if !notices.is_empty() => in_time(app, connector, notices, ahead).await,
        PushPosted::Handshake(_) | PushPosted::Notices(_) => {}
    }
    StatusCode::ACCEPTED.into_response()
}

/// Takes notices, for as long as an answer may take. On a task of its own: what takes longer is still done, where the host
/// goes on.
async fn in_time(
    app: Arc<Context>,
    connector: Arc<dyn Connector>,
    notices: Vec<Notice>,
    ahead: Option<ReadAhead>,
) {
    let name = connector.descriptor().key;
    let theirs = app.clone();
    let arriving = tokio::spawn(async move { arrive(&theirs, &connector, notices, ahead).await });
    let why = match tokio::time::timeout(ANSWER_TIME_MAX, arriving).await {
        Ok(Ok(())) => return,
        Ok(Err(_)) => "panicked",
        Err(_) => "late",
    };
    app.heard.fail(name, why, app.now());
}
