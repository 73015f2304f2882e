//! Accounts by their numbers: whose they are, and what they are set to.

use super::answer::Answered;
use super::answers::account::Settings;
use super::auth::{Caller, Platform};
use super::body::Body;
use super::error::ApiError;
use super::requests::account::AccountSettings;
use crate::account_settings;
use crate::admin::accounts::{self, PAGES_COUNT_MAX};
use crate::context::Context;
use axum::Json;
use axum::extract::{Path, State};
use domain::account_settings::{FAILURE_POLICY, HEALTH_KEY, HEALTH_URL, is_of_organization};
use domain::address::is_plain_http;
use domain::settings::Items;
use std::sync::Arc;

/// The settings of the caller's account.
pub(super) async fn settings(
    State(app): State<Arc<Context>>,
    Platform(caller): Platform,
) -> Answered<Json<Settings>> {
    shown(&app, &caller, caller.account.account_id).await
}

pub(super) async fn settings_of(
    State(app): State<Arc<Context>>,
    Platform(caller): Platform,
    Path(id): Path<String>,
) -> Answered<Json<Settings>> {
    let id = account(&app, &caller, &id).await?;
    shown(&app, &caller, id).await
}

pub(super) async fn change_settings(
    State(app): State<Arc<Context>>,
    Platform(caller): Platform,
    Body(changes): Body<AccountSettings>,
) -> Answered<Json<Settings>> {
    let id = caller.account.account_id;
    change(&app, &caller, id, &changes.items()?).await
}

pub(super) async fn change_settings_of(
    State(app): State<Arc<Context>>,
    Platform(caller): Platform,
    Path(id): Path<String>,
    Body(changes): Body<AccountSettings>,
) -> Answered<Json<Settings>> {
    let id = account(&app, &caller, &id).await?;
    change(&app, &caller, id, &changes.items()?).await
}

/// An account that the caller may look at: their own, or with the sight of all, any of the organization.
async fn account(app: &Context, caller: &Caller, id: &str) -> Result<u32, ApiError> {
    let missing = || ApiError::not_found("account");
    let id: u32 = id.parse().map_err(|_| missing())?;
    match is_own(app, caller, id).await? {
        true => Ok(id),
        false => Err(missing()),
    }
}

/// Whether an account is the caller's, or of the organization that the caller sees all of.
pub(super) async fn is_own(app: &Context, caller: &Caller, id: u32) -> Result<bool, ApiError> {
    let own = caller.only().map_or(caller.account.account_id, |instance| instance.account.account_id);
    if id == own || caller.account.sees_own_only || caller.only().is_some() {
        return Ok(id == own);
    }
    match accounts::has_account(app, caller.account.organization_id, id).await? {
        Some(is_there) => Ok(is_there),
        None => Err(ApiError::too_much("account", &format!("{PAGES_COUNT_MAX} pages of users"))),
    }
}

async fn shown(app: &Context, caller: &Caller, id: u32) -> Answered<Json<Settings>> {
    let given = account_settings::read(app, caller.account.organization_id, id).await?;
    let failure_policy = given.get(FAILURE_POLICY).map_or("retry", String::as_str).to_owned();
    let of_organization = |key| given.get(key).filter(|_| !caller.account.sees_own_only).cloned();
    let (health_url, health_key) = (of_organization(HEALTH_URL), of_organization(HEALTH_KEY));
    Ok(Json(Settings { failure_policy, health_url, health_key }))
}

async fn change(app: &Context, caller: &Caller, id: u32, items: &Items) -> Answered<Json<Settings>> {
    if caller.account.sees_own_only && items.keys().any(|key| is_of_organization(key)) {
        let why = "the health address is the organization's: only who sees all of it may set it";
        return Err(ApiError::forbidden(why));
    }
    if items.get(HEALTH_URL).is_some_and(|url| app.config.require_https_callbacks && is_plain_http(url)) {
        return Err(ApiError::rule(HEALTH_URL, "must be an https address"));
    }
    account_settings::change(app, &caller.by, caller.account.organization_id, id, items).await?;
    shown(app, caller, id).await
}
