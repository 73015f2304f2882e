//! Configuration, item by item.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// An item of an instance's configuration.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "id": 11, "key": "event.poller.refresh_interval", "name": "Event poller refresh interval (mins)",
    "description": "Minutes between polls.", "propertyValue": "15", "type": "TEXTFIELD_32", "required": false,
    "hideFromConsole": false, "displayOrder": 101, "readOnly": false,
}))]
pub(in crate::api) struct ConfigurationItem {
    pub(in crate::api) id: u32,
    pub(in crate::api) key: String,
    pub(in crate::api) name: String,
    pub(in crate::api) description: Option<&'static str>,
    /// The value; secrets are masked; the default if none is set.
    #[schemars(with = "Option<String>")]
    pub(in crate::api) property_value: Option<Value>,
    #[serde(rename = "type")]
    pub(in crate::api) kind: Option<&'static str>,
    pub(in crate::api) required: bool,
    pub(in crate::api) hide_from_console: bool,
    pub(in crate::api) display_order: Option<u16>,
    pub(in crate::api) read_only: bool,
}
