//! Storing and changing OAuth applications.

use super::Request;
use crate::api::body;
use crate::api::error::ApiError;
use domain::application::{check_credential, check_name, check_tenant};
use domain::invalid::Invalid;
use domain::pasted::trimmed;
use domain::settings::MASK;
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

/// An application to be stored.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "name": "sales", "connector": crate::api::answers::element::first().key,
    "apiKey": "CLIENT_ID", "apiSecret": "CLIENT_SECRET",
}))]
pub(in crate::api) struct ApplicationRequest {
    /// Letters, digits, `-`, `_` and `.`.
    #[schemars(length(min = 1, max = 64))]
    pub(in crate::api) name: String,
    /// The connector, by its key or number.
    pub(in crate::api) connector: String,
    /// Client id.
    pub(in crate::api) api_key: String,
    /// Client secret.
    pub(in crate::api) api_secret: String,
    /// The tenant whose users alone sign in, by its id or domain name, where the provider has tenants.
    pub(in crate::api) tenant: Option<String>,
}

/// What changes of an application. Its name, connector and `apiKey` may be given as they are.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({ "apiSecret": "NEW_CLIENT_SECRET" }))]
pub(in crate::api) struct ApplicationChange {
    pub(in crate::api) name: Option<String>,
    pub(in crate::api) connector: Option<String>,
    pub(in crate::api) api_key: Option<String>,
    /// The new secret, for all instances that name the application; `********` means unchanged.
    pub(in crate::api) api_secret: Option<String>,
    /// Another tenant; an empty text: every tenant.
    #[schemars(with = "Option<String>")]
    pub(in crate::api) tenant: Option<Option<String>>,
}

/// A text without what was pasted along with it.
fn text(object: &Map<String, Value>, key: &str) -> Result<Option<String>, ApiError> {
    Ok(body::long_text(object, key)?.map(|text| trimmed(&text).to_owned()))
}

fn required(object: &Map<String, Value>, key: &str) -> Result<String, ApiError> {
    let given = text(object, key)?.filter(|text| !text.is_empty());
    given.ok_or_else(|| ApiError::rule(key, "is required"))
}

fn checked(errors: impl IntoIterator<Item = Option<Invalid>>) -> Result<(), ApiError> {
    errors.into_iter().flatten().next().map_or(Ok(()), |invalid| Err(invalid.into()))
}

impl Request for ApplicationRequest {
    fn read(object: &Map<String, Value>) -> Result<Self, ApiError> {
        let one = ApplicationRequest {
            name: required(object, "name")?,
            connector: required(object, "connector")?,
            api_key: required(object, "apiKey")?,
            api_secret: required(object, "apiSecret")?,
            tenant: text(object, "tenant")?.filter(|tenant| !tenant.is_empty()),
        };
        if one.api_secret == MASK {
            return Err(ApiError::rule("apiSecret", "is masked, but there is no earlier value"));
        }
        checked([
            check_name(&one.name),
            check_credential("apiKey", &one.api_key),
            check_credential("apiSecret", &one.api_secret),
            one.tenant.as_deref().and_then(check_tenant),
        ])?;
        Ok(one)
    }
}

impl Request for ApplicationChange {
    fn read(object: &Map<String, Value>) -> Result<Self, ApiError> {
        let tenant = text(object, "tenant")?;
        let one = ApplicationChange {
            name: text(object, "name")?,
            connector: text(object, "connector")?,
            api_key: text(object, "apiKey")?,
            api_secret: text(object, "apiSecret")?.filter(|secret| secret != MASK),
            tenant: tenant.map(|tenant| Some(tenant).filter(|tenant| !tenant.is_empty())),
        };
        checked([
            one.api_secret.as_deref().and_then(|secret| check_credential("apiSecret", secret)),
            one.tenant.iter().flatten().find_map(|tenant| check_tenant(tenant)),
        ])?;
        Ok(one)
    }
}
