//! Changing one configuration item.

use super::Request;
use crate::api::error::ApiError;
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

/// The item with another value; whatever else it shows may come along.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({ "propertyValue": "5" }))]
pub(in crate::api) struct ConfigurationValue {
    /// The new value: a text, a number, a flag, an object, or null; null and an empty text take the item out.
    pub(in crate::api) property_value: Value,
}

impl Request for ConfigurationValue {
    fn read(object: &Map<String, Value>) -> Result<Self, ApiError> {
        match object.get("propertyValue") {
            Some(value) => Ok(ConfigurationValue { property_value: value.clone() }),
            None => Err(ApiError::rule("propertyValue", "is required")),
        }
    }
}
