//! Times as they stand in answers.

use chrono::{DateTime, SecondsFormat, Utc};
use domain::envelope::iso_seconds;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use std::borrow::Cow;

/// RFC 3339 in UTC, in whole seconds unless said otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::api) struct Moment(String);

impl Moment {
    pub(in crate::api) fn of(at: DateTime<Utc>) -> Self {
        Moment(iso_seconds(at))
    }

    /// With milliseconds.
    pub(in crate::api) fn in_ms(at: DateTime<Utc>) -> Self {
        Moment(at.to_rfc3339_opts(SecondsFormat::Millis, true))
    }

    /// As exact as it is known.
    pub(in crate::api) fn exact(at: DateTime<Utc>) -> Self {
        Moment(at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl JsonSchema for Moment {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}
