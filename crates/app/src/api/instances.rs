//! Instances: create, read, change, enable, resume, delete. Lists are in [`super::lists`].

use super::auth::{Caller, Own, Platform};
use super::error::ApiError;
use super::query::Params;
use super::{body, wire};
use crate::context::Context;
use crate::instances::{self, Creation, Patch, Trial};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::ids::InstanceId;
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub(super) async fn create(
    State(app): State<Arc<Context>>,
    Platform(caller): Platform,
    params: Params,
    bytes: Bytes,
) -> Result<Json<Value>, ApiError> {
    let object = body::object(&bytes)?;
    let element = body::element(&object)?;
    create_from(app, caller, &params, (&element, "element.key"), &object).await
}

pub(super) async fn create_at(
    State(app): State<Arc<Context>>,
    Platform(caller): Platform,
    Path(element): Path<String>,
    params: Params,
    bytes: Bytes,
) -> Result<Json<Value>, ApiError> {
    create_from(app, caller, &params, (&element, "element"), &body::object(&bytes)?).await
}

async fn create_from(
    app: Arc<Context>,
    caller: Caller,
    params: &Params,
    (element, field): (&str, &str),
    object: &Map<String, Value>,
) -> Result<Json<Value>, ApiError> {
    let connector = app.connector(element).cloned();
    let connector = connector.ok_or_else(|| ApiError::rule(field, "is not a connector's key or id"))?;
    let name = body::name(object)?.filter(|name| !name.trim().is_empty());
    let creation = Creation {
        by: caller.by,
        account: caller.account,
        name: name.unwrap_or_else(|| connector.descriptor().name.to_owned()),
        connector,
        code: body::code(object)?,
        items: body::items(object)?.ok_or_else(|| ApiError::rule("configuration", "is required"))?,
        tags: body::tags(object)?.unwrap_or_default(),
        external_authentication: body::text(object, "externalAuthentication")?
            .unwrap_or_else(|| "none".to_owned()),
    };
    if params.flag("dryRun")? {
        return Ok(Json(dry_run(&instances::try_create(&app, creation).await?)));
    }
    let (instance, trials) = instances::create(&app, creation).await?;
    Ok(Json(with_trials(wire::instance(&app, &instance)?, &trials)))
}

fn dry_run(trials: &[Trial]) -> Value {
    json!({ "dryRun": true, "resources": outcomes(trials) })
}

/// What each resource would do, beside the instance; nothing where nothing was tried.
fn with_trials(mut instance: Value, trials: &[Trial]) -> Value {
    if !trials.is_empty() {
        instance["trial"] = outcomes(trials);
    }
    instance
}

fn outcomes(trials: &[Trial]) -> Value {
    trials.iter().map(|trial| (trial.resource.clone(), trial.outcome.clone())).collect::<Map<_, _>>().into()
}

pub(super) async fn read(State(app): State<Arc<Context>>, own: Own) -> Result<Json<Value>, ApiError> {
    shown(&app, own.instance.id).await
}

pub(super) async fn shown(app: &Context, id: InstanceId) -> Result<Json<Value>, ApiError> {
    let mailbox = instances::mailbox(app, id).await?.ok_or_else(ApiError::no_instance)?;
    Ok(Json(wire::mailbox(app, &mailbox)?))
}

pub(super) async fn patch(
    State(app): State<Arc<Context>>,
    own: Own,
    params: Params,
    bytes: Bytes,
) -> Result<Json<Value>, ApiError> {
    change(app, own, &params, read_patch(&body::object(&bytes)?, false)?).await
}

/// A whole body in the place of what is there; the connector and what the instance signs in with stay.
pub(super) async fn replace(
    State(app): State<Arc<Context>>,
    own: Own,
    params: Params,
    bytes: Bytes,
) -> Result<Json<Value>, ApiError> {
    let patch = read_patch(&body::object(&bytes)?, true)?;
    // A client that keeps what it sends apart from signing in says so, and means it.
    let keeps_sign_in =
        params.text("reAuthenticate").is_some_and(|value| value.eq_ignore_ascii_case("false"));
    let patch = Patch { code: patch.code.filter(|_| !keeps_sign_in), ..patch };
    let Json(mut instance) = change(app, own, &params, patch).await?;
    if let Some(object) = instance.as_object_mut() {
        object.remove("providerData");
    }
    Ok(Json(instance))
}

/// Who changes a name gives one.
fn given_name(object: &Map<String, Value>) -> Result<Option<String>, ApiError> {
    match body::name(object)? {
        Some(name) if name.trim().is_empty() => Err(ApiError::rule("name", "must not be empty")),
        name => Ok(name),
    }
}

fn read_patch(object: &Map<String, Value>, replaces: bool) -> Result<Patch, ApiError> {
    Ok(Patch {
        name: given_name(object)?,
        tags: body::tags(object)?,
        items: body::items(object)?,
        // What a reply says in its place is not a code.
        code: body::code(object)?.filter(|sign_in| sign_in.code != domain::settings::MASK),
        replaces,
    })
}

async fn change(app: Arc<Context>, own: Own, params: &Params, patch: Patch) -> Result<Json<Value>, ApiError> {
    let (id, by) = (own.instance.id, own.caller.by);
    if params.flag("dryRun")? {
        return Ok(Json(dry_run(&instances::try_change(&app, id, &patch).await?)));
    }
    let (instance, trials) = instances::change(&app, id, &by, patch).await?;
    Ok(Json(with_trials(wire::instance(&app, &instance)?, &trials)))
}

pub(super) async fn delete(State(app): State<Arc<Context>>, own: Own) -> Result<StatusCode, ApiError> {
    instances::delete(&app, own.instance.id, &own.caller.by).await?;
    Ok(StatusCode::OK)
}

pub(super) async fn enable(State(app): State<Arc<Context>>, own: Own) -> Result<Json<Value>, ApiError> {
    switch(&app, &own, true).await
}

pub(super) async fn disable(State(app): State<Arc<Context>>, own: Own) -> Result<Json<Value>, ApiError> {
    switch(&app, &own, false).await
}

async fn switch(app: &Context, own: &Own, enabled: bool) -> Result<Json<Value>, ApiError> {
    instances::set_enabled(app, own.instance.id, &own.caller.by, enabled).await?;
    Ok(Json(json!({ "id": own.instance.id.get(), "disabled": !enabled })))
}

/// Forgets failures and back-offs, and polls.
pub(super) async fn resume(State(app): State<Arc<Context>>, own: Own) -> Result<Response, ApiError> {
    instances::resume(&app, own.instance.id, &own.caller.by).await?;
    Ok((StatusCode::ACCEPTED, shown(&app, own.instance.id).await?).into_response())
}
