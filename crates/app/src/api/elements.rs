//! Connectors: where to send a user to sign in; and whether we are well.

use super::auth::Caller;
use super::error::ApiError;
use crate::app::App;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use connectors::oauth;
use serde::Deserialize;
use serde_json::{Value, json};

/// Parameters of `oauth/url`; the secret that clients send along is not needed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OAuthQuery {
    api_key: Option<String>,
    callback_url: Option<String>,
    scope: Option<String>,
    state: Option<String>,
}

pub(super) async fn oauth_url(
    State(app): State<App>,
    _caller: Caller,
    Path(element): Path<String>,
    Query(query): Query<OAuthQuery>,
) -> Result<Json<Value>, ApiError> {
    let connector = app.0.connector(&element);
    let connector = connector.ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "no such connector"))?;
    let descriptor = connector.descriptor();
    let required = |value: Option<String>, name: &str| {
        value.filter(|value| !value.is_empty()).ok_or_else(|| ApiError::rule(name, "is required"))
    };
    let (api_key, callback_url) =
        (required(query.api_key, "apiKey")?, required(query.callback_url, "callbackUrl")?);
    let url = oauth::authorize_url(
        &descriptor.oauth,
        app.0.config.endpoints.url(&descriptor.oauth.authorize),
        &api_key,
        &callback_url,
        query.scope.as_deref(),
        query.state.as_deref().unwrap_or(descriptor.key),
    );
    let url = url.map_err(|_| {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "the configured authorize address is not a URL")
    })?;
    Ok(Json(json!({ "oauthUrl": url, "element": descriptor.key })))
}

pub(super) async fn health() -> Json<Value> {
    Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}
