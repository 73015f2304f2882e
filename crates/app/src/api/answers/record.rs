//! What a mailbox holds, as the provider has it.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Value, json};
use std::borrow::Cow;

/// An object of a mailbox.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(in crate::api) struct Record(pub(in crate::api) Value);

impl JsonSchema for Record {
    fn schema_name() -> Cow<'static, str> {
        "Record".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An object of the mailbox as the provider has it, in the spelling of notifications. Fields \
                without a value are left out unless the instance keeps them.",
            "type": "object",
            "additionalProperties": true,
            "examples": [json!({ "id": "18c1f0a2b3c4d5e6", "threadId": "18c1f0a2b3c4d5e6", "labelIds": ["INBOX"] })],
        })
    }
}
