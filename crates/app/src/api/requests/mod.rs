//! What the interface is sent, a type for each body. They are read by hand, so that every error names the field and the
//! rule, and so that what people paste is taken as it was meant; what they can hold is described by their fields.

pub(super) mod account;
pub(super) mod application;
pub(super) mod backfill;
pub(super) mod bulk;
pub(super) mod configuration;
pub(super) mod element;
pub(super) mod explain;
pub(super) mod instance;
pub(super) mod sign_in_link;
pub(super) mod test_event;

use super::error::ApiError;
use schemars::JsonSchema;
use serde_json::{Map, Value};

/// A body that is a JSON object.
pub(super) trait Request: JsonSchema + Sized {
    /// It may be left out, and is then read from an empty object.
    const IS_OPTIONAL: bool = false;

    /// # Errors
    /// The first field that breaks its rule.
    fn read(object: &Map<String, Value>) -> Result<Self, ApiError>;
}
