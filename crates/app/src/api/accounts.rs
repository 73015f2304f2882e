//! Organizations and users, and the record of what was changed.

use super::answer::{Answered, Done, PagedList};
use super::answers::account::{
    Audited, Organization, OrganizationSecret, OrganizationWithSecrets, User, UserSecret, UserWithSecret,
};
use super::answers::moment::Moment;
use super::auth::Administrator;
use super::body::Body;
use super::error::ApiError;
use super::paging::{self, PageRequest, foreign};
use super::query::Params;
use super::requests::account::UserRequest;
use crate::admin::{Admitted, accounts as admission};
use crate::audit::entries_before;
use crate::context::Context;
use crate::ports::AuditMark;
use axum::Json;
use axum::extract::{Path, State};
use chrono::SecondsFormat;
use domain::date_pattern::{Zone, parse_rfc3339};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn organizations(
    State(app): State<Arc<Context>>,
    by: Administrator,
    params: Params,
) -> Answered<PagedList<Organization>> {
    by.of_all()?;
    let from = listed_from(&params)?;
    let (organizations, next) = admission::organizations(&app, from).await?;
    let one = |one: &crate::ports::Organization| Organization { id: one.id, users_count: one.users_count };
    Ok(listed(organizations.iter().map(one).collect(), next))
}

fn listed_from(params: &Params) -> Result<Option<u32>, ApiError> {
    let after = paging::after(params)?;
    let number = |after: Value| after.as_str()?.parse::<u32>().ok().filter(|id| *id > 0);
    after.map(|after| number(after).ok_or_else(foreign)).transpose()
}

fn listed<T>(shown: Vec<T>, next: Option<u32>) -> PagedList<T> {
    let size = shown.len();
    PagedList::new(shown, size, next.map(|number| number.to_string().into()))
}

/// A new organization with a first user. The secrets are in this answer and nowhere else.
pub(super) async fn add_organization(
    State(app): State<Arc<Context>>,
    by: Administrator,
) -> Answered<Json<OrganizationWithSecrets>> {
    by.of_all()?;
    let admitted = admission::add_organization(&app, &by.by).await?;
    Ok(Json(OrganizationWithSecrets {
        id: admitted.account.organization_id,
        organization_secret: admitted.organization_secret.clone(),
        user: user_with_secret(&admitted),
    }))
}

fn user_with_secret(admitted: &Admitted) -> UserWithSecret {
    UserWithSecret {
        id: admitted.account.user_id,
        account_id: admitted.account.account_id,
        organization_id: admitted.account.organization_id,
        sees_all: !admitted.account.sees_own_only,
        user_secret: admitted.user_secret.clone(),
    }
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
) -> Answered<PagedList<User>> {
    let id = organization(&by, &id)?;
    let from = listed_from(&params)?;
    let (users, next) = admission::users(&app, id, from).await?;
    let user = |user: &crate::ports::User| User {
        id: user.account.user_id,
        account_id: user.account.account_id,
        organization_id: user.account.organization_id,
        sees_all: !user.account.sees_own_only,
        created_date: user.created_at.map(Moment::of),
    };
    Ok(listed(users.iter().map(user).collect(), next))
}

pub(super) async fn add_user(
    State(app): State<Arc<Context>>,
    by: Administrator,
    Path(id): Path<String>,
    Body(wanted): Body<UserRequest>,
) -> Answered<Json<UserWithSecret>> {
    let id = organization(&by, &id)?;
    let admitted = admission::add_user(&app, &by.by, id, wanted.sees_all).await?;
    let admitted = admitted.ok_or_else(|| ApiError::not_found("organization"))?;
    Ok(Json(user_with_secret(&admitted)))
}

pub(super) async fn remove_user(
    State(app): State<Arc<Context>>,
    by: Administrator,
    Path((id, user)): Path<(String, String)>,
) -> Answered<Done> {
    let (id, user_id) = user_of(&by, &id, &user)?;
    match admission::remove_user(&app, &by.by, id, user_id).await? {
        true => Ok(Done),
        false => Err(ApiError::not_found("user")),
    }
}

fn user_of(by: &Administrator, id: &str, user: &str) -> Result<(u32, u32), ApiError> {
    let id = organization(by, id)?;
    Ok((id, user.parse().map_err(|_| ApiError::not_found("user"))?))
}

/// Replaces an organization's secret: the former one is no longer valid.
pub(super) async fn rotate_organization(
    State(app): State<Arc<Context>>,
    by: Administrator,
    Path(id): Path<String>,
) -> Answered<Json<OrganizationSecret>> {
    let id = organization(&by, &id)?;
    let secret = admission::replace_organization_secret(&app, &by.by, id).await?;
    let secret = secret.ok_or_else(|| ApiError::not_found("organization"))?;
    Ok(Json(OrganizationSecret { id, organization_secret: secret }))
}

/// The same for a user.
pub(super) async fn rotate_user(
    State(app): State<Arc<Context>>,
    by: Administrator,
    Path((id, user)): Path<(String, String)>,
) -> Answered<Json<UserSecret>> {
    let (id, user_id) = user_of(&by, &id, &user)?;
    let secret = admission::replace_user_secret(&app, &by.by, id, user_id).await?;
    let secret = secret.ok_or_else(|| ApiError::not_found("user"))?;
    Ok(Json(UserSecret { id: user_id, organization_id: id, user_secret: secret }))
}

/// What was changed in the caller's organization, newest first.
pub(super) async fn audit(
    State(app): State<Arc<Context>>,
    by: Administrator,
    Path(id): Path<String>,
    params: Params,
) -> Answered<PagedList<Audited>> {
    let id = organization(&by, &id)?;
    let page = PageRequest::of(&params)?;
    let before = page.after.as_ref().map(|after| mark(after).ok_or_else(foreign)).transpose()?;
    let (entries, is_more) = entries_before(&app, id, before.as_ref(), page.size).await?;
    let last = entries.rows.last().filter(|_| is_more);
    let next = last.map(|last| json!([last.at.to_rfc3339_opts(SecondsFormat::Micros, true), last.id]));
    let audited = entries.rows.into_iter().map(Audited::from).collect();
    Ok(PagedList::new(audited, page.size, next).lacking(entries.unreadable_count))
}

fn mark(token: &Value) -> Option<AuditMark> {
    let [at, id] = token.as_array()?.as_slice() else { return None };
    // Nothing else is an entry's name, so nothing else is asked of the store.
    let id = id.as_str().filter(|id| id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    Some(AuditMark { at: parse_rfc3339(at.as_str()?, Zone::UTC)?, id: id.to_owned() })
}
