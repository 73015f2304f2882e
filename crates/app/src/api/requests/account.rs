//! Accounts, users, sessions.

use super::Request;
use crate::api::error::ApiError;
use domain::account_settings;
use domain::settings::Items;
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

/// What an account is set to.
#[derive(JsonSchema)]
#[schemars(rename = "SettingsChange", deny_unknown_fields, example = json!({ "notification.webhook.failure.policy": "retry" }))]
pub(in crate::api) struct AccountSettings {
    #[schemars(rename = "notification.webhook.failure.policy", with = "Option<FailurePolicy>")]
    given: Map<String, Value>,
    /// Where the organization is told of its connections' health; empty: nowhere. For those who see all of it.
    #[schemars(rename = "notification.health.callback.url", with = "Option<String>")]
    #[expect(dead_code, reason = "the domain reads it")]
    health_url: (),
    /// The key that this is signed with; empty: none.
    #[schemars(rename = "notification.health.signature.key", with = "Option<String>")]
    #[expect(dead_code, reason = "the domain reads it")]
    health_key: (),
}

impl AccountSettings {
    /// # Errors
    /// Each key and its rule. Whose account it is comes first.
    pub(in crate::api) fn items(&self) -> Result<Items, ApiError> {
        account_settings::check(&self.given)
            .map_err(|errors| ApiError::bad(domain::invalid::in_words(&errors)))
    }
}

/// `queue`: after the first failure everything waits for a release; `retry`: after the last retry.
#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
#[expect(dead_code, reason = "the domain reads it")]
pub(in crate::api) enum FailurePolicy {
    Retry,
    Queue,
}

impl Request for AccountSettings {
    fn read(object: &Map<String, Value>) -> Result<Self, ApiError> {
        Ok(AccountSettings { given: object.clone(), health_url: (), health_key: () })
    }
}

/// A user to be added.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({ "seesAll": false }))]
pub(in crate::api) struct UserRequest {
    /// Sees all of the organization, and may administer it; else only what belongs to their own account.
    #[schemars(with = "Option<bool>")]
    pub(in crate::api) sees_all: bool,
}

impl Request for UserRequest {
    const IS_OPTIONAL: bool = true;

    fn read(object: &Map<String, Value>) -> Result<Self, ApiError> {
        let sees_all = object.get("seesAll").map_or(Some(false), domain::invalid::boolean);
        let sees_all = sees_all.ok_or_else(|| ApiError::rule("seesAll", "must be true or false"))?;
        Ok(UserRequest { sees_all })
    }
}

/// A link that signs in once.
#[derive(JsonSchema)]
#[schemars(example = json!({ "link": "RANDOM" }))]
pub(in crate::api) struct SignInLink {
    /// The token that ends the link.
    pub(in crate::api) link: String,
}

impl Request for SignInLink {
    fn read(object: &Map<String, Value>) -> Result<Self, ApiError> {
        let link = object.get("link").and_then(Value::as_str);
        let link = link.ok_or_else(|| ApiError::rule("link", "must be the token of a link"))?;
        Ok(SignInLink { link: link.to_owned() })
    }
}
