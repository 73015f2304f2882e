//! Asking for a window of the past.

use super::Request;
use crate::api::body;
use crate::api::error::ApiError;
use crate::api::query::time;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

/// Resources that one request names.
const RESOURCES_COUNT_MAX: usize = 20;

/// A window of the past that is to be read again.
#[derive(JsonSchema)]
#[schemars(example = json!({ "from": "2026-11-22T11:00:00Z", "to": "2026-11-22T12:00:00Z", "resources": ["messages"] }))]
pub(in crate::api) struct BackfillRequest {
    /// RFC 3339, or milliseconds since the Unix epoch as a text.
    #[schemars(with = "String")]
    pub(in crate::api) from: DateTime<Utc>,
    /// Default: now.
    #[schemars(with = "Option<String>")]
    pub(in crate::api) to: Option<DateTime<Utc>>,
    /// Names of polled resources; default: all.
    #[schemars(with = "Option<Vec<String>>", length(max = 20))]
    pub(in crate::api) resources: Vec<String>,
}

impl Request for BackfillRequest {
    fn read(object: &Map<String, Value>) -> Result<Self, ApiError> {
        let at = |name: &str| body::text(object, name)?.map(|text| time(name, &text)).transpose();
        Ok(BackfillRequest {
            from: at("from")?.ok_or_else(|| ApiError::rule("from", "is required"))?,
            to: at("to")?,
            resources: resources(object)?,
        })
    }
}

fn resources(object: &Map<String, Value>) -> Result<Vec<String>, ApiError> {
    let rule =
        || ApiError::rule("resources", &format!("must be a list of at most {RESOURCES_COUNT_MAX} names"));
    let names = match object.get("resources") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(names)) if names.len() <= RESOURCES_COUNT_MAX => names,
        Some(_) => return Err(rule()),
    };
    let mut names: Vec<String> =
        names.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<_>>().ok_or_else(rule)?;
    names.sort();
    names.dedup();
    Ok(names)
}
