//! Instances: create, read, change, enable, resume, delete. Lists are in [`super::lists`].

use super::answer::{Accepted, Answered, Done};
use super::answers::instance::{DryRun, Enabled, Instance, PushState};
use super::answers::named::OrderedObject;
use super::auth::{Caller, Own, Platform};
use super::body::Body;
use super::error::ApiError;
use super::health;
use super::query::Params;
use super::requests::instance::{InstancePatch, InstanceRequest};
use super::wire;
use crate::context::Context;
use crate::instances::{self, Creation, OnOther, Outcome, Patch, TagChange, Trial};
use crate::push;
use axum::Json;
use axum::extract::{Path, State};
use domain::ids::InstanceId;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use std::borrow::Cow;
use std::sync::Arc;

pub(super) async fn create(
    State(app): State<Arc<Context>>,
    Platform(caller): Platform,
    params: Params,
    Body(wanted): Body<InstanceRequest>,
) -> Answered<Json<CreateAnswer>> {
    let element = wanted.element.clone().ok_or_else(|| ApiError::rule("element.key", "is required"))?;
    create_from(app, caller, &params, (&element, "element.key"), wanted).await
}

pub(super) async fn create_at(
    State(app): State<Arc<Context>>,
    Platform(caller): Platform,
    Path(element): Path<String>,
    params: Params,
    Body(wanted): Body<InstanceRequest>,
) -> Answered<Json<CreateAnswer>> {
    create_from(app, caller, &params, (&element, "element"), wanted).await
}

/// What creating would do.
pub(super) async fn try_create(
    State(app): State<Arc<Context>>,
    Platform(caller): Platform,
    Body(wanted): Body<InstanceRequest>,
) -> Answered<Json<DryRun>> {
    let element = wanted.element.clone().ok_or_else(|| ApiError::rule("element.key", "is required"))?;
    let creation = creation(&app, caller, (&element, "element.key"), wanted)?;
    Ok(Json(dry_run(instances::try_create(&app, creation).await?)))
}

async fn create_from(
    app: Arc<Context>,
    caller: Caller,
    params: &Params,
    (element, field): (&str, &str),
    wanted: InstanceRequest,
) -> Answered<Json<CreateAnswer>> {
    let creation = creation(&app, caller, (element, field), wanted)?;
    if params.flag("dryRun")? {
        return Ok(Json(CreateAnswer::Tried(dry_run(instances::try_create(&app, creation).await?))));
    }
    let (instance, trials) = instances::create(&app, creation).await?;
    let trial = outcomes(trials);
    let push = pushed(&app, &instance).await?;
    Ok(Json(CreateAnswer::Stored(Box::new(Instance {
        trial,
        push,
        ..wire::listing(&app, &instance)?.into()
    }))))
}

fn creation(
    app: &Context,
    caller: Caller,
    (element, field): (&str, &str),
    wanted: InstanceRequest,
) -> Answered<Creation> {
    let connector = app.connector(element).cloned();
    let connector = connector.ok_or_else(|| ApiError::rule(field, "is not a connector's key or id"))?;
    Ok(Creation {
        by: caller.by,
        account: caller.account,
        name: wanted.name.unwrap_or_else(|| connector.descriptor().name.to_owned()),
        connector,
        code: wanted.provider_data,
        items: wanted.configuration.ok_or_else(|| ApiError::rule("configuration", "is required"))?,
        tags: wanted.tags.unwrap_or_default(),
        external_authentication: wanted.external_authentication.unwrap_or_else(|| "none".to_owned()),
        spends: None,
    })
}

/// An instance. With `dryRun`, the older way to ask for a trial, what the trial answers: it is described there, so that
/// each operation has one answer.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum CreateAnswer {
    Stored(Box<Instance>),
    Tried(DryRun),
}

impl JsonSchema for CreateAnswer {
    fn schema_name() -> Cow<'static, str> {
        Instance::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        Instance::schema_id()
    }

    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        Instance::json_schema(schemas)
    }
}

fn dry_run(trials: Vec<Trial>) -> DryRun {
    DryRun { dry_run: true, resources: outcomes(trials) }
}

fn outcomes(trials: Vec<Trial>) -> OrderedObject<Outcome> {
    trials.into_iter().map(|trial| (trial.resource, trial.outcome)).collect()
}

pub(super) async fn read(State(app): State<Arc<Context>>, own: Own) -> Answered<Json<Instance>> {
    shown(&app, own.instance.id).await
}

pub(super) async fn shown(app: &Context, id: InstanceId) -> Answered<Json<Instance>> {
    let mailbox = instances::mailbox(app, id).await?.ok_or_else(ApiError::no_instance)?;
    let push = pushed(app, &mailbox.instance).await?;
    let (_, settings) = instances::understood(app, &mailbox.instance)?;
    let health = Some(health::of(app, &mailbox, &settings));
    Ok(Json(Instance { push, health, ..wire::mailbox(app, &mailbox)? }))
}

/// Whether the provider gives notice of changes, where that is asked for.
async fn pushed(app: &Context, instance: &domain::instance::Instance) -> Answered<Option<PushState>> {
    let (connector, settings) = instances::understood(app, instance)?;
    Ok(push::status(app, instance, connector, &settings).await?.map(PushState::from))
}

pub(super) async fn patch(
    State(app): State<Arc<Context>>,
    own: Own,
    params: Params,
    Body(changes): Body<InstancePatch>,
) -> Answered<Json<CreateAnswer>> {
    let on_other = if params.flag("confirmMailbox")? { OnOther::Asks } else { OnOther::Replaces };
    change(app, own, &params, Patch { on_other, ..patch_of(changes, false) }).await
}

/// A whole body instead of the present one; the connector and what the instance signs in with stay.
pub(super) async fn replace(
    State(app): State<Arc<Context>>,
    own: Own,
    params: Params,
    Body(changes): Body<InstancePatch>,
) -> Answered<Json<CreateAnswer>> {
    let patch = patch_of(changes, true);
    // A client that keeps what it sends apart from signing in says so, and means it.
    let keeps_sign_in =
        params.text("reAuthenticate").is_some_and(|value| value.eq_ignore_ascii_case("false"));
    let patch = Patch { code: patch.code.filter(|_| !keeps_sign_in), ..patch };
    let Json(mut made) = change(app, own, &params, patch).await?;
    if let CreateAnswer::Stored(instance) = &mut made {
        instance.listing.provider_data = None;
    }
    Ok(Json(made))
}

fn patch_of(changes: InstancePatch, replaces: bool) -> Patch {
    Patch {
        name: changes.name,
        tags: changes.tags.map(TagChange::All),
        items: changes.configuration,
        code: changes.provider_data,
        confirmation: changes.confirmation,
        on_other: OnOther::Replaces,
        spends: None,
        replaces,
    }
}

/// What [`patch`] would do.
pub(super) async fn try_patch(
    State(app): State<Arc<Context>>,
    own: Own,
    Body(changes): Body<InstancePatch>,
) -> Answered<Json<DryRun>> {
    let patch = patch_of(changes, false);
    Ok(Json(dry_run(instances::try_change(&app, own.instance.id, &patch).await?)))
}

async fn change(app: Arc<Context>, own: Own, params: &Params, patch: Patch) -> Answered<Json<CreateAnswer>> {
    let (id, by) = (own.instance.id, own.caller.by);
    if params.flag("dryRun")? {
        return Ok(Json(CreateAnswer::Tried(dry_run(instances::try_change(&app, id, &patch).await?))));
    }
    let (instance, trials) = instances::change(&app, id, &by, patch).await?;
    let trial = outcomes(trials);
    let push = pushed(&app, &instance).await?;
    Ok(Json(CreateAnswer::Stored(Box::new(Instance {
        trial,
        push,
        ..wire::listing(&app, &instance)?.into()
    }))))
}

pub(super) async fn delete(State(app): State<Arc<Context>>, own: Own) -> Answered<Done> {
    instances::delete(&app, own.instance.id, &own.caller.by).await?;
    Ok(Done)
}

pub(super) async fn enable(State(app): State<Arc<Context>>, own: Own) -> Answered<Json<Enabled>> {
    switch(&app, &own, true).await
}

pub(super) async fn disable(State(app): State<Arc<Context>>, own: Own) -> Answered<Json<Enabled>> {
    switch(&app, &own, false).await
}

async fn switch(app: &Context, own: &Own, enabled: bool) -> Answered<Json<Enabled>> {
    instances::set_enabled(app, own.instance.id, &own.caller.by, enabled).await?;
    Ok(Json(Enabled { id: own.instance.id.get(), disabled: !enabled }))
}

/// Forgets failures and back-offs, and polls.
pub(super) async fn resume(State(app): State<Arc<Context>>, own: Own) -> Answered<Accepted<Instance>> {
    instances::resume(&app, own.instance.id, &own.caller.by).await?;
    let Json(instance) = shown(&app, own.instance.id).await?;
    Ok(Accepted(instance))
}
