//! Organizations and users, and the record of what was changed.

use super::auth::Administrator;
use super::body;
use super::error::ApiError;
use super::paging::{self, Page, foreign};
use super::query::Params;
use crate::admin::{Admitted, accounts as admission};
use crate::audit::entries_before;
use crate::context::Context;
use crate::ports::AuditMark;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::SecondsFormat;
use domain::date_pattern::{Zone, parse_rfc3339};
use domain::envelope::iso_seconds;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn organizations(
    State(app): State<Arc<Context>>,
    by: Administrator,
    params: Params,
) -> Result<Response, ApiError> {
    by.of_all()?;
    let from = listed_from(&params)?;
    let (organizations, next) = admission::organizations(&app, from).await?;
    let shown: Vec<Value> =
        organizations.iter().map(|one| json!({ "id": one.id, "usersCount": one.users_count })).collect();
    Ok((listed(shown.len(), next), Json(shown)).into_response())
}

fn listed_from(params: &Params) -> Result<Option<u32>, ApiError> {
    let after = paging::after(params)?;
    let number = |after: Value| after.as_str()?.parse::<u32>().ok().filter(|id| *id > 0);
    after.map(|after| number(after).ok_or_else(foreign)).transpose()
}

fn listed(count: usize, next: Option<u32>) -> axum::http::HeaderMap {
    paging::headers(count, None, count, next.map(|number| number.to_string().into()))
}

/// A new organization with a first user. The secrets stand in this answer and nowhere else.
pub(super) async fn add_organization(
    State(app): State<Arc<Context>>,
    by: Administrator,
) -> Result<Json<Value>, ApiError> {
    by.of_all()?;
    let admitted = admission::add_organization(&app, &by.by).await?;
    Ok(Json(json!({
        "id": admitted.account.organization_id,
        "organizationSecret": admitted.organization_secret,
        "user": user_with_secret(&admitted),
    })))
}

fn user_with_secret(admitted: &Admitted) -> Value {
    json!({
        "id": admitted.account.user_id,
        "accountId": admitted.account.account_id,
        "organizationId": admitted.account.organization_id,
        "seesAll": !admitted.account.sees_own_only,
        "userSecret": admitted.user_secret,
    })
}

fn organization(by: &Administrator, id: &str) -> Result<u32, ApiError> {
    let id: u32 = id.parse().map_err(|_| ApiError::not_found("organization"))?;
    by.of(id)?;
    Ok(id)
}

pub(super) async fn users(
    State(app): State<Arc<Context>>,
    by: Administrator,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, ApiError> {
    let id = organization(&by, &id)?;
    let from = listed_from(&params)?;
    let (users, next) = admission::users(&app, id, from).await?;
    let user = |user: &crate::ports::User| {
        json!({
            "id": user.account.user_id,
            "accountId": user.account.account_id,
            "organizationId": user.account.organization_id,
            "seesAll": !user.account.sees_own_only,
            "createdDate": user.created_at.map(iso_seconds),
        })
    };
    let shown: Vec<Value> = users.iter().map(user).collect();
    Ok((listed(shown.len(), next), Json(shown)).into_response())
}

pub(super) async fn add_user(
    State(app): State<Arc<Context>>,
    by: Administrator,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Json<Value>, ApiError> {
    let id = organization(&by, &id)?;
    let object = if bytes.is_empty() { serde_json::Map::new() } else { body::object(&bytes)? };
    let sees_all = match object.get("seesAll") {
        None => false,
        Some(value) => domain::invalid::boolean(value)
            .ok_or_else(|| ApiError::rule("seesAll", "must be true or false"))?,
    };
    let admitted = admission::add_user(&app, &by.by, id, sees_all).await?;
    let admitted = admitted.ok_or_else(|| ApiError::not_found("organization"))?;
    Ok(Json(user_with_secret(&admitted)))
}

pub(super) async fn remove_user(
    State(app): State<Arc<Context>>,
    by: Administrator,
    Path((id, user)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let (id, user_id) = user_of(&by, &id, &user)?;
    match admission::remove_user(&app, &by.by, id, user_id).await? {
        true => Ok(StatusCode::OK),
        false => Err(ApiError::not_found("user")),
    }
}

fn user_of(by: &Administrator, id: &str, user: &str) -> Result<(u32, u32), ApiError> {
    let id = organization(by, id)?;
    Ok((id, user.parse().map_err(|_| ApiError::not_found("user"))?))
}

/// Another secret in the place of an organization's: the former one is worth nothing from now on.
pub(super) async fn rotate_organization(
    State(app): State<Arc<Context>>,
    by: Administrator,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let id = organization(&by, &id)?;
    let secret = admission::replace_organization_secret(&app, &by.by, id).await?;
    let secret = secret.ok_or_else(|| ApiError::not_found("organization"))?;
    Ok(Json(json!({ "id": id, "organizationSecret": secret })))
}

/// The same for a user.
pub(super) async fn rotate_user(
    State(app): State<Arc<Context>>,
    by: Administrator,
    Path((id, user)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let (id, user_id) = user_of(&by, &id, &user)?;
    let secret = admission::replace_user_secret(&app, &by.by, id, user_id).await?;
    let secret = secret.ok_or_else(|| ApiError::not_found("user"))?;
    Ok(Json(json!({ "id": user_id, "organizationId": id, "userSecret": secret })))
}

/// What was changed in the caller's organization, newest first.
pub(super) async fn audit(
    State(app): State<Arc<Context>>,
    by: Administrator,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, ApiError> {
    let id = organization(&by, &id)?;
    let page = Page::of(&params)?;
    let before = page.after.as_ref().map(|after| mark(after).ok_or_else(foreign)).transpose()?;
    let (entries, is_more) = entries_before(&app, id, before.as_ref(), page.size).await?;
    let last = entries.last().filter(|_| is_more);
    let next = last.map(|last| json!([last.at.to_rfc3339_opts(SecondsFormat::Micros, true), last.id]));
    Ok((paging::headers(entries.len(), None, page.size, next), Json(entries)).into_response())
}

fn mark(token: &Value) -> Option<AuditMark> {
    let [at, id] = token.as_array()?.as_slice() else { return None };
    // Nothing else is an entry's name, so nothing else is asked of the store.
    let id = id.as_str().filter(|id| id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    Some(AuditMark { at: parse_rfc3339(at.as_str()?, Zone::UTC)?, id: id.to_owned() })
}
