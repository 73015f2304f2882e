//! Organizations, users and what their accounts are set to; and the record of what was changed.

use super::auth::{Administrator, Caller};
use super::body;
use super::error::ApiError;
use super::paging::{self, Page, foreign};
use super::query::Params;
use crate::admin::{Admitted, accounts};
use crate::app::App;
use crate::ports::{AuditMark, Mark};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::SecondsFormat;
use domain::account_settings::{self, FAILURE_POLICY};
use domain::date_pattern::{Zone, parse_rfc3339};
use domain::envelope::iso_seconds;
use domain::settings::Items;
use serde_json::{Value, json};

/// The settings of the caller's account.
pub(super) async fn settings(State(app): State<App>, caller: Caller) -> Result<Json<Value>, ApiError> {
    shown(&app, &caller, caller.account.account_id).await
}

pub(super) async fn settings_of(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    shown(&app, &caller, account(&caller, &id)?).await
}

pub(super) async fn change_settings(
    State(app): State<App>,
    caller: Caller,
    bytes: Bytes,
) -> Result<Json<Value>, ApiError> {
    let id = caller.account.account_id;
    change(&app, &caller, id, &bytes).await
}

pub(super) async fn change_settings_of(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Json<Value>, ApiError> {
    let id = account(&caller, &id)?;
    change(&app, &caller, id, &bytes).await
}

/// An account that the caller may look at: their own, or with the sight of all, any of the organization.
fn account(caller: &Caller, id: &str) -> Result<u32, ApiError> {
    let id: u32 = id.parse().map_err(|_| ApiError::not_found("account"))?;
    match caller.account.sees_own_only && id != caller.account.account_id {
        true => Err(ApiError::not_found("account")),
        false => Ok(id),
    }
}

async fn shown(app: &App, caller: &Caller, id: u32) -> Result<Json<Value>, ApiError> {
    let given = app.0.ports.accounts.settings(caller.account.organization_id, id).await?;
    Ok(Json(with_defaults(given)))
}

fn with_defaults(given: Items) -> Value {
    let mut all = Items::from([(FAILURE_POLICY.to_owned(), "retry".to_owned())]);
    all.extend(given);
    json!(all)
}

async fn change(app: &App, caller: &Caller, id: u32, bytes: &Bytes) -> Result<Json<Value>, ApiError> {
    let object = body::object(bytes)?;
    let items = account_settings::check(&object)
        .map_err(|errors| ApiError::bad(crate::instances::in_words(&errors)))?;
    let organization_id = caller.account.organization_id;
    let port = &app.0.ports.accounts;
    let before = port.settings(organization_id, id).await?;
    port.put_settings(organization_id, id, &items).await?;
    let after = port.settings(organization_id, id).await?;
    let documents = (Some(json!(before)), Some(json!(after)));
    let subject = format!("accounts/{id}/settings");
    port.note(&caller.by.entry(&app.0, organization_id, "account.changed", subject, documents)).await?;
    Ok(Json(with_defaults(after)))
}

pub(super) async fn organizations(
    State(app): State<App>,
    by: Administrator,
    params: Params,
) -> Result<Response, ApiError> {
    by.of_all()?;
    let from = listed_from(&params)?;
    let page = app.0.ports.accounts.organizations(from.as_ref()).await?;
    let shown: Vec<Value> =
        page.items.iter().map(|one| json!({ "id": one.id, "usersCount": one.users_count })).collect();
    Ok((listed(shown.len(), page.next), Json(shown)).into_response())
}

fn listed_from(params: &Params) -> Result<Option<Mark>, ApiError> {
    let after = paging::after(params)?;
    after.map(|after| after.as_str().map(|text| Mark(text.to_owned())).ok_or_else(foreign)).transpose()
}

fn listed(count: usize, next: Option<Mark>) -> axum::http::HeaderMap {
    paging::headers(count, None, count, next.map(|mark| mark.0.into()))
}

/// A new organization with a first user. The secrets stand in this answer and nowhere else.
pub(super) async fn add_organization(
    State(app): State<App>,
    by: Administrator,
) -> Result<Json<Value>, ApiError> {
    by.of_all()?;
    let admitted = accounts::add_organization(&app.0, &by.by).await?;
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
    State(app): State<App>,
    by: Administrator,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, ApiError> {
    let id = organization(&by, &id)?;
    let from = listed_from(&params)?;
    let page = app.0.ports.accounts.users(id, from.as_ref()).await?;
    let user = |user: &crate::ports::User| {
        json!({
            "id": user.account.user_id,
            "accountId": user.account.account_id,
            "organizationId": user.account.organization_id,
            "seesAll": !user.account.sees_own_only,
            "createdDate": user.created_at.map(iso_seconds),
        })
    };
    let shown: Vec<Value> = page.items.iter().map(user).collect();
    Ok((listed(shown.len(), page.next), Json(shown)).into_response())
}

pub(super) async fn add_user(
    State(app): State<App>,
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
    let admitted = accounts::add_user(&app.0, &by.by, id, sees_all).await?;
    let admitted = admitted.ok_or_else(|| ApiError::not_found("organization"))?;
    Ok(Json(user_with_secret(&admitted)))
}

pub(super) async fn remove_user(
    State(app): State<App>,
    by: Administrator,
    Path((id, user)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let (id, user_id) = user_of(&by, &id, &user)?;
    match accounts::remove_user(&app.0, &by.by, id, user_id).await? {
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
    State(app): State<App>,
    by: Administrator,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let id = organization(&by, &id)?;
    let secret = accounts::replace_organization_secret(&app.0, &by.by, id).await?;
    let secret = secret.ok_or_else(|| ApiError::not_found("organization"))?;
    Ok(Json(json!({ "id": id, "organizationSecret": secret })))
}

/// The same for a user.
pub(super) async fn rotate_user(
    State(app): State<App>,
    by: Administrator,
    Path((id, user)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let (id, user_id) = user_of(&by, &id, &user)?;
    let secret = accounts::replace_user_secret(&app.0, &by.by, id, user_id).await?;
    let secret = secret.ok_or_else(|| ApiError::not_found("user"))?;
    Ok(Json(json!({ "id": user_id, "organizationId": id, "userSecret": secret })))
}

/// What was changed in the caller's organization, newest first.
pub(super) async fn audit(
    State(app): State<App>,
    by: Administrator,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, ApiError> {
    let id = organization(&by, &id)?;
    let page = Page::of(&params)?;
    let before = page.after.as_ref().map(|after| mark(after).ok_or_else(foreign)).transpose()?;
    let entries = app.0.ports.accounts.audit(id, before.as_ref(), page.size).await?;
    let last = entries.last().filter(|_| entries.len() == page.size);
    let next = last.map(|last| json!([last.at.to_rfc3339_opts(SecondsFormat::Micros, true), last.id]));
    Ok((paging::headers(entries.len(), None, page.size, next), Json(entries)).into_response())
}

fn mark(token: &Value) -> Option<AuditMark> {
    let [at, id] = token.as_array()?.as_slice() else { return None };
    Some(AuditMark { at: parse_rfc3339(at.as_str()?, Zone::UTC)?, id: id.as_str()?.to_owned() })
}
