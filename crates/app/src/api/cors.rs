//! Cross-origin requests: pages of origins that the operator names may call the interface from a browser.
//! <https://fetch.spec.whatwg.org/#http-cors-protocol>

use crate::context::Context;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use std::sync::Arc;

/// What the interface takes.
const METHODS: &str = "GET, POST, PUT, PATCH, DELETE";
/// What pages may read of an answer, beside its body.
const EXPOSED: &str = "Elements-Request-Id, Elements-Returned-Count, Elements-Total-Count, Elements-Next-Page-Token, \
    Elements-Searched-To, Elements-Unreadable-Count, Retry-After";
/// How long a browser may keep a preflight's answer, seconds: the most that Chromium does.
const PREFLIGHT_AGE_S: &str = "7200";

/// Answers preflights, and lets named origins read every answer, errors too. Browsers send no cookie along: it is not
/// allowed, and nothing here reads one.
pub(super) async fn allow_named_origins(
    State(app): State<Arc<Context>>,
    request: Request,
    next: Next,
) -> Response {
    if app.config.cors_origins.is_empty() {
        return next.run(request).await;
    }
    let is_named = |origin: &&HeaderValue| app.config.cors_origins.iter().any(|named| *origin == named);
    let origin = request.headers().get(ORIGIN).filter(is_named).cloned();
    let is_preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let asked = request.headers().get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let mut response = match &origin {
        Some(_) if is_preflight => StatusCode::NO_CONTENT.into_response(),
        _ => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("origin"));
    let Some(origin) = origin else { return response };
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    if !is_preflight {
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        return response;
    }
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_AGE_S));
    if let Some(asked) = asked {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked);
    }
    response
}
