//! Asking for a test of a callback.

use super::Request;
use crate::api::body;
use crate::api::error::ApiError;
use domain::ids::InstanceId;
use domain::settings::Items;
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

/// A callback to be tested: that of an instance, or one that is not stored yet.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({ "configuration": {
    "event.notification.callback.url": "https://app.example/events",
    "event.notification.signature.key": "SIGNATURE_KEY",
} }))]
pub(in crate::api) struct TestEventRequest {
    /// The callback of this instance, with the secrets that are stored.
    #[schemars(with = "Option<u32>")]
    pub(in crate::api) instance_id: Option<InstanceId>,
    /// Items of a configuration that say where and how events are sent: `event.notification.callback.url`,
    /// `event.notification.signature.key` and the like. Others are not looked at.
    #[schemars(with = "Option<Map<String, Value>>")]
    pub(in crate::api) configuration: Option<Items>,
}

impl Request for TestEventRequest {
    fn read(object: &Map<String, Value>) -> Result<Self, ApiError> {
        let id = match object.get("instanceId") {
            None | Some(Value::Null) => None,
            Some(id) => {
                Some(InstanceId::parse(id.to_string().trim_matches('"')).ok_or_else(ApiError::no_instance)?)
            }
        };
        let asked = TestEventRequest { instance_id: id, configuration: body::items(object)? };
        match (asked.instance_id.is_some(), asked.configuration.is_some()) {
            (true, false) | (false, true) => Ok(asked),
            _ => Err(ApiError::bad("one of `instanceId` and `configuration` is needed, and not both")),
        }
    }
}
