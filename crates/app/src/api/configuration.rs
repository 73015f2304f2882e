//! An instance's configuration, item by item.

use super::auth::Own;
use super::error::ApiError;
use super::{body, wire};
use crate::context::Context;
use crate::instances::{self, Patch};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{RawPathParams, State};
use domain::catalogue::{self, catalogue};
use domain::instance::Instance;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) async fn list(State(app): State<Arc<Context>>, own: Own) -> Json<Value> {
    Json(items(&app, &own.instance).into())
}

pub(super) async fn read(
    State(app): State<Arc<Context>>,
    own: Own,
    path: RawPathParams,
) -> Result<Json<Value>, ApiError> {
    find(&app, &own.instance, &path).map(Json)
}

/// The body is the item with another `propertyValue`.
pub(super) async fn change(
    State(app): State<Arc<Context>>,
    own: Own,
    path: RawPathParams,
    bytes: Bytes,
) -> Result<Json<Value>, ApiError> {
    let mut item = find(&app, &own.instance, &path)?;
    let key = item["key"].as_str().unwrap_or_default().to_owned();
    let mut object = body::object(&bytes)?;
    let value =
        object.remove("propertyValue").ok_or_else(|| ApiError::rule("propertyValue", "is required"))?;
    let given = serde_json::Map::from_iter([(key, if value.is_null() { "".into() } else { value })]);
    let given = domain::settings::items(&given);
    let items = given.map_err(|errors| ApiError::bad(domain::invalid::in_words(&errors)))?;
    let patch = Patch { items: Some(items), ..Patch::default() };
    let (instance, _) = instances::change(&app, own.instance.id, &own.caller.by, patch).await?;
    // One that the catalogue does not have is gone once it is empty.
    item["propertyValue"] = Value::Null;
    Ok(Json(find(&app, &instance, &path).unwrap_or(item)))
}

fn find(app: &Context, instance: &Instance, path: &RawPathParams) -> Result<Value, ApiError> {
    let id = path.iter().find(|(name, _)| *name == "item").map(|(_, value)| value).unwrap_or_default();
    let number: Option<u64> = id.parse().ok();
    let is_it = |item: &Value| item["key"] == id || (number.is_some() && item["id"].as_u64() == number);
    items(app, instance).into_iter().find(is_it).ok_or_else(|| ApiError::not_found("configuration item"))
}

/// What the catalogue has, in its order, then what else was given. Secrets are masked.
fn items(app: &Context, instance: &Instance) -> Vec<Value> {
    let values = wire::configuration(instance);
    let known = catalogue().iter().map(|item| item.key);
    let others: BTreeSet<&str> =
        values.keys().map(String::as_str).filter(|key| catalogue::item(key).is_none()).collect();
    // An empty text takes an item out.
    let given = |key: &str| values.get(key).filter(|value| value.as_str() != Some("")).cloned();
    let default = |key: &str| {
        app.connector(&instance.connector).and_then(|one| wire::default_of(key, one.descriptor()))
    };
    known
        .chain(others)
        .map(|key| {
            let item = catalogue::item(key);
            json!({
                "id": catalogue::id_of(key),
                "key": key,
                "name": item.map_or(key, |item| item.name),
                "description": item.map(|item| item.description),
                "propertyValue": given(key).or_else(|| default(key).map(Value::from)),
                "type": item.map(|item| item.kind.text()),
                "required": item.is_some_and(|item| item.required),
                "hideFromConsole": item.is_some_and(|item| item.hidden),
                "displayOrder": item.map(|item| item.display_order),
                "readOnly": false,
            })
        })
        .collect()
}
