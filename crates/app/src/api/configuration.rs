//! An instance's configuration, item by item.

use super::answer::Answered;
use super::answers::configuration::ConfigurationItem;
use super::auth::Own;
use super::body::Body;
use super::error::ApiError;
use super::requests::configuration::ConfigurationValue;
use super::wire;
use crate::context::Context;
use crate::instances::{self, Patch};
use axum::Json;
use axum::extract::{RawPathParams, State};
use domain::catalogue::{self, catalogue};
use domain::instance::Instance;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) async fn list(
    State(app): State<Arc<Context>>,
    own: Own,
) -> Answered<Json<Vec<ConfigurationItem>>> {
    Ok(Json(items(&app, &own.instance)))
}

pub(super) async fn read(
    State(app): State<Arc<Context>>,
    own: Own,
    path: RawPathParams,
) -> Answered<Json<ConfigurationItem>> {
    find(&app, &own.instance, &path).map(Json)
}

/// The body is the item with another `propertyValue`.
pub(super) async fn change(
    State(app): State<Arc<Context>>,
    own: Own,
    path: RawPathParams,
    Body(ConfigurationValue { property_value }): Body<ConfigurationValue>,
) -> Answered<Json<ConfigurationItem>> {
    let item = find(&app, &own.instance, &path)?;
    let value = if property_value.is_null() { "".into() } else { property_value };
    let given = serde_json::Map::from_iter([(item.key.clone(), value)]);
    let given = domain::settings::items(&given);
    let items = given.map_err(|errors| ApiError::bad(domain::invalid::in_words(&errors)))?;
    let patch = Patch { items: Some(items), ..Patch::default() };
    let (instance, _) = instances::change(&app, own.instance.id, &own.caller.by, patch).await?;
    // One that the catalogue does not have is gone once it is empty.
    let gone = ConfigurationItem { property_value: None, ..item };
    Ok(Json(find(&app, &instance, &path).unwrap_or(gone)))
}

fn find(app: &Context, instance: &Instance, path: &RawPathParams) -> Answered<ConfigurationItem> {
    let id = path.iter().find(|(name, _)| *name == "item").map(|(_, value)| value).unwrap_or_default();
    let number: Option<u32> = id.parse().ok();
    let is_it = |item: &ConfigurationItem| item.key == id || number == Some(item.id);
    items(app, instance).into_iter().find(is_it).ok_or_else(|| ApiError::not_found("configuration item"))
}

/// What the catalogue has, in its order, then what else was given. Secrets are masked.
fn items(app: &Context, instance: &Instance) -> Vec<ConfigurationItem> {
    let descriptor = app.connector(&instance.connector).map(|connector| connector.descriptor());
    let values = wire::configuration(instance, descriptor);
    let known = catalogue().iter().map(|item| item.key);
    let others: BTreeSet<&str> =
        values.keys().map(String::as_str).filter(|key| catalogue::item(key).is_none()).collect();
    // An empty text takes an item out.
    let given = |key: &str| values.get(key).filter(|value| value.as_str() != Some("")).cloned();
    let default = |key: &str| descriptor.and_then(|descriptor| wire::default_of(key, descriptor));
    known
        .chain(others)
        .map(|key| {
            let item = catalogue::item(key);
            ConfigurationItem {
                id: catalogue::id_of(key),
                key: key.to_owned(),
                name: item.map_or(key, |item| item.name).to_owned(),
                description: item.map(|item| item.description),
                property_value: given(key).or_else(|| default(key).map(Value::from)),
                kind: item.map(|item| item.kind.text()),
                required: item.is_some_and(|item| item.required),
                hide_from_console: item.is_some_and(|item| item.hidden),
                display_order: item.map(|item| item.display_order),
                read_only: false,
            }
        })
        .collect()
}
