//! Signing in for a time.

use super::auth::{self, Platform};
use super::body;
use super::error::ApiError;
use crate::context::Context;
use crate::signing_in::{self, SignedIn};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use domain::envelope::iso_seconds;
use serde_json::{Value, json};
use std::sync::Arc;

/// A session for a user who gives their secrets.
pub(super) async fn begin(
    State(app): State<Arc<Context>>,
    _: Platform,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (user, organization) = auth::secrets(&app, &headers)?;
    Ok(shown(&signing_in::begin(&app, user, organization).await?))
}

/// A session for the holder of an unused link.
pub(super) async fn follow(State(app): State<Arc<Context>>, bytes: Bytes) -> Result<Json<Value>, ApiError> {
    let object = body::object(&bytes)?;
    let link = object.get("link").and_then(Value::as_str);
    let link = link.ok_or_else(|| ApiError::rule("link", "must be the token of a link"))?;
    match signing_in::follow(&app, link).await? {
        Some(signed_in) => Ok(shown(&signed_in)),
        None => {
            Err(ApiError::new(StatusCode::UNAUTHORIZED, "`link`: was used, has expired, or is not known"))
        }
    }
}

/// Ends the caller's session.
pub(super) async fn end(
    State(app): State<Arc<Context>>,
    _: Platform,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let token =
        auth::session(&headers).ok_or_else(|| ApiError::rule("Authorization", "needs `Session <token>`"))?;
    signing_in::end(&app, token).await?;
    Ok(StatusCode::OK)
}

fn shown(signed_in: &SignedIn) -> Json<Value> {
    Json(json!({ "sessionToken": signed_in.token, "expiresDate": iso_seconds(signed_in.expires_at) }))
}
