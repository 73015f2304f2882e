//! Instances: create, read, list, change, enable, delete.

use super::auth::Caller;
use super::error::ApiError;
use super::paging::{self, PageQuery};
use super::{body, wire};
use crate::app::App;
use crate::audit::By;
use crate::instances::{self, Creation, Patch};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::ids::InstanceId;
use domain::instance::Instance;
use serde_json::{Map, Value, json};

pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    bytes: Bytes,
) -> Result<Json<Value>, ApiError> {
    let object = body::object(&bytes)?;
    let element = body::element(&object)?;
    create_from(app, caller, &element, &object, "element.key").await
}

pub(super) async fn create_at(
    State(app): State<App>,
    caller: Caller,
    Path(element): Path<String>,
    bytes: Bytes,
) -> Result<Json<Value>, ApiError> {
    create_from(app, caller, &element, &body::object(&bytes)?, "element").await
}

async fn create_from(
    app: App,
    caller: Caller,
    element: &str,
    object: &Map<String, Value>,
    field: &str,
) -> Result<Json<Value>, ApiError> {
    let connector = app.0.connector(element).cloned();
    let connector = connector.ok_or_else(|| ApiError::rule(field, "is not a connector's key or id"))?;
    let name = body::text(object, "name")?.filter(|name| !name.trim().is_empty());
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
    finish(async move {
        let (instance, _token) = instances::create(&app.0, creation).await?;
        Ok(Json(wire::instance(&app, &instance)?))
    })
    .await
}

/// A client that goes away does not stop what it began half-way.
async fn finish<T: Send + 'static>(
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::spawn(work).await.unwrap_or_else(|_| {
        Err(ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "something failed inside; look before trying again",
        ))
    })
}

pub(super) async fn read(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let instance = caller.instance(&app, &id).await?;
    shown(&app, instance.id).await
}

async fn shown(app: &App, id: InstanceId) -> Result<Json<Value>, ApiError> {
    let mailbox = app.0.ports.store.mailbox(id).await?.ok_or_else(ApiError::no_instance)?;
    Ok(Json(wire::mailbox(app, &mailbox)?))
}

/// With an Element token its own instance, else a page of all.
pub(super) async fn list_or_own(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Response, ApiError> {
    match &caller.element {
        Some(instance) => Ok(shown(&app, instance.id).await?.into_response()),
        None => listed(&app, &caller, &query, None).await,
    }
}

pub(super) async fn list_of(
    State(app): State<App>,
    caller: Caller,
    Path(element): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, ApiError> {
    let connector = app.0.connector(&element).cloned();
    let connector = connector.ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "no such connector"))?;
    listed(&app, &caller, &query, Some(connector.descriptor().key)).await
}

async fn listed(
    app: &App,
    caller: &Caller,
    query: &PageQuery,
    key: Option<&str>,
) -> Result<Response, ApiError> {
    let page = query.page()?;
    let after = page.after.and_then(|after| InstanceId::parse(&after.to_string()));
    let all = app.0.ports.store.instances(caller.account.organization_id, after, page.size).await?;
    let last = all.last().filter(|_| all.len() == page.size).map(|last| last.id.get().into());
    let wanted = all.iter().filter(|instance| key.is_none_or(|key| instance.connector == key));
    let shown = wanted.map(|instance| wire::instance(app, instance)).collect::<Result<Vec<_>, _>>()?;
    let headers = paging::headers(shown.len(), &page, last);
    Ok((headers, Json(shown)).into_response())
}

pub(super) async fn patch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Json<Value>, ApiError> {
    let instance = caller.instance(&app, &id).await?;
    let object = body::object(&bytes)?;
    let patch = Patch {
        name: body::text(&object, "name")?,
        tags: body::tags(&object)?,
        items: body::items(&object)?,
        code: body::code(&object)?,
    };
    finish(async move {
        let instance = instances::change(&app.0, instance.id, &caller.by, patch).await?;
        Ok(Json(wire::instance(&app, &instance)?))
    })
    .await
}

pub(super) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let instance = caller.instance(&app, &id).await?;
    instances::delete(&app.0, instance.id, &caller.by).await?;
    Ok(StatusCode::OK)
}

pub(super) async fn enable(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    switch(&app, caller.instance(&app, &id).await?, &caller.by, true).await
}

pub(super) async fn disable(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    switch(&app, caller.instance(&app, &id).await?, &caller.by, false).await
}

async fn switch(app: &App, instance: Instance, by: &By, enabled: bool) -> Result<Json<Value>, ApiError> {
    instances::set_enabled(&app.0, instance.id, by, enabled).await?;
    Ok(Json(json!({ "id": instance.id.get(), "disabled": !enabled })))
}
