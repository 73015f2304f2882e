//! Stored OAuth applications: administrators write them, everybody in the organization may name them.

use super::answer::{Answered, Done, PagedList};
use super::answers::application::Application;
use super::auth::{Caller, Platform};
use super::body::Body;
use super::error::ApiError;
use super::paging::{PageRequest, foreign};
use super::query::Params;
use super::requests::application::{ApplicationChange, ApplicationRequest};
use crate::applications::{self, ApplicationPatch, NewApplication, Removal};
use crate::context::Context;
use axum::Json;
use axum::extract::{Path, State};
use domain::application::is_name;
use std::sync::Arc;

/// An application's secret is that of all its mailboxes.
fn administrator(caller: &Caller) -> Result<(), ApiError> {
    match caller.account.sees_own_only {
        true => Err(ApiError::forbidden("only a user who sees all of the organization may do this")),
        false => Ok(()),
    }
}

fn missing() -> ApiError {
    ApiError::not_found("application")
}

pub(super) async fn list(
    State(app): State<Arc<Context>>,
    Platform(caller): Platform,
    params: Params,
) -> Answered<PagedList<Application>> {
    let page = PageRequest::of(&params)?;
    let after = page.after.as_ref().map(|after| after.as_str().filter(|name| is_name(name)));
    let after = after.map(|after| after.ok_or_else(foreign)).transpose()?;
    let organization_id = caller.account.organization_id;
    let (stored, is_more) = applications::list(&app, organization_id, after, page.size).await?;
    let last = stored.rows.last().filter(|_| is_more);
    let next = last.map(|last| last.application.name.clone().into());
    let applications = stored.rows.into_iter().map(Application::from).collect();
    Ok(PagedList::new(applications, page.size, next).lacking(stored.unreadable_count))
}

pub(super) async fn read(
    State(app): State<Arc<Context>>,
    Platform(caller): Platform,
    Path(name): Path<String>,
) -> Answered<Json<Application>> {
    let stored = applications::read(&app, caller.account.organization_id, named(&name)?).await?;
    stored.map(|stored| Json(stored.into())).ok_or_else(missing)
}

/// A text that can be no name is none's.
fn named(name: &str) -> Result<&str, ApiError> {
    if is_name(name) { Ok(name) } else { Err(missing()) }
}

pub(super) async fn create(
    State(app): State<Arc<Context>>,
    Platform(caller): Platform,
    params: Params,
    Body(wanted): Body<ApplicationRequest>,
) -> Answered<Json<Application>> {
    administrator(&caller)?;
    let connector = app.connector(&wanted.connector);
    let descriptor =
        connector.ok_or_else(|| ApiError::rule("connector", "is not a connector's key or id"))?.descriptor();
    if !descriptor.authentication.has_application() {
        return Err(ApiError::rule("connector", "signs in with a key, without an application"));
    }
    check_tenant(descriptor, wanted.tenant.as_deref())?;
    let new = NewApplication {
        name: wanted.name,
        connector: descriptor.key.to_owned(),
        api_key: wanted.api_key,
        api_secret: wanted.api_secret,
        tenant: wanted.tenant,
    };
    let create = if params.flag("dryRun")? { applications::Create::Try } else { applications::Create::Store };
    let stored =
        applications::create(&app, &caller.by, caller.account.organization_id, (new, create)).await?;
    let taken = || ApiError::conflict("`name`: there is an application of this name");
    stored.map(|stored| Json(stored.into())).ok_or_else(taken)
}

pub(super) async fn change(
    State(app): State<Arc<Context>>,
    Platform(caller): Platform,
    Path(name): Path<String>,
    Body(wanted): Body<ApplicationChange>,
) -> Answered<Json<Application>> {
    administrator(&caller)?;
    let key = (caller.account.organization_id, named(&name)?);
    let stored = applications::read(&app, key.0, key.1).await?.ok_or_else(missing)?;
    let bound = "can't be changed: refresh tokens are bound to it; store another application";
    let asked = [
        ("name", &wanted.name, &stored.application.name),
        ("connector", &wanted.connector, &stored.application.connector),
        ("apiKey", &wanted.api_key, &stored.application.api_key),
    ];
    if let Some((key, ..)) =
        asked.iter().find(|(_, asked, is)| asked.as_ref().is_some_and(|asked| asked != *is))
    {
        return Err(ApiError::rule(key, bound));
    }
    if let (Some(Some(tenant)), Some(connector)) =
        (&wanted.tenant, app.connector(&stored.application.connector))
    {
        check_tenant(connector.descriptor(), Some(tenant))?;
    }
    let patch = ApplicationPatch { api_secret: wanted.api_secret, tenant: wanted.tenant };
    let changed = applications::change(&app, &caller.by, key, &patch).await?;
    changed.map(|stored| Json(stored.into())).ok_or_else(missing)
}

pub(super) async fn remove(
    State(app): State<Arc<Context>>,
    Platform(caller): Platform,
    Path(name): Path<String>,
) -> Answered<Done> {
    administrator(&caller)?;
    match applications::remove(&app, &caller.by, (caller.account.organization_id, named(&name)?)).await? {
        Removal::Done => Ok(Done),
        Removal::Missing => Err(missing()),
        Removal::InUse(1) => Err(ApiError::conflict("an instance names this application")),
        Removal::InUse(count) => Err(ApiError::conflict(format!("{count} instances name this application"))),
    }
}

fn check_tenant(descriptor: &connectors::Descriptor, tenant: Option<&str>) -> Result<(), ApiError> {
    let has_tenants = descriptor.authentication.sign_in().is_some_and(|oauth| oauth.tenant.is_some());
    match tenant {
        Some(_) if !has_tenants => Err(ApiError::rule("tenant", "means nothing to this connector")),
        _ => Ok(()),
    }
}
