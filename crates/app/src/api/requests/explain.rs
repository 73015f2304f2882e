//! Asking why something was not sent.

use super::Request;
use crate::api::body;
use crate::api::error::ApiError;
use crate::api::query::time;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

/// Longest subject or id, bytes: a line of a message at the most.
const TEXT_BYTES_MAX: usize = 998;

/// What was expected; one of the three.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({ "objectId": "18c1f0a2b3c4d5e6" }))]
pub(in crate::api) struct ExplainRequest {
    /// As far as the provider can search by it: Gmail finds its words, Outlook the whole.
    #[schemars(length(max = 998))]
    pub(in crate::api) subject: Option<String>,
    /// The provider's id.
    #[schemars(length(max = 998))]
    pub(in crate::api) object_id: Option<String>,
    /// When it came, within five minutes: RFC 3339, or milliseconds since the Unix epoch as a text.
    #[schemars(with = "Option<String>")]
    pub(in crate::api) at: Option<DateTime<Utc>>,
}

impl Request for ExplainRequest {
    fn read(object: &Map<String, Value>) -> Result<Self, ApiError> {
        let text = |name: &str| -> Result<Option<String>, ApiError> {
            let text = body::text(object, name)?.map(|text| text.trim().to_owned());
            match text.filter(|text| !text.is_empty()) {
                Some(text) if text.len() > TEXT_BYTES_MAX => {
                    Err(ApiError::rule(name, &format!("must be at most {TEXT_BYTES_MAX} bytes")))
                }
                text => Ok(text),
            }
        };
        let at = body::text(object, "at")?.map(|text| time("at", &text)).transpose()?;
        let asked = ExplainRequest { subject: text("subject")?, object_id: text("objectId")?, at };
        let count = [asked.subject.is_some(), asked.object_id.is_some(), asked.at.is_some()];
        match count.into_iter().filter(|given| *given).count() {
            1 => Ok(asked),
            _ => Err(ApiError::bad("one of `subject`, `objectId` and `at` is needed, and no other")),
        }
    }
}
