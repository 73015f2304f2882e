//! Asking where to send a user to sign in.

use super::Request;
use crate::api::body;
use crate::api::error::ApiError;
use domain::settings;
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

/// What an address to sign in at is made of. Names as in the query, or as in a configuration (`oauth.api.key` and the
/// like).
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "apiKey": "CLIENT_ID", "callbackUrl": "https://app.example/oauth", "state": "my-state",
}))]
pub(in crate::api) struct OAuthUrlRequest {
    pub(in crate::api) api_key: Option<String>,
    /// The name of a stored application, instead of `apiKey`.
    pub(in crate::api) application: Option<String>,
    /// The tenant whose users alone sign in, with `apiKey`, where the provider has tenants.
    pub(in crate::api) tenant: Option<String>,
    pub(in crate::api) callback_url: Option<String>,
    pub(in crate::api) scope: Option<String>,
    pub(in crate::api) state: Option<String>,
    /// PKCE: the SHA-256 digest of a verifier, in base64url without padding.
    pub(in crate::api) code_challenge: Option<String>,
    /// `S256`.
    pub(in crate::api) code_challenge_method: Option<String>,
}

impl Request for OAuthUrlRequest {
    fn read(object: &Map<String, Value>) -> Result<Self, ApiError> {
        let given =
            |name: &str| Ok::<_, ApiError>(body::long_text(object, name)?.filter(|text| !text.is_empty()));
        let either = |name: &str, configured: &str| match body::long_text(object, name)? {
            None => given(configured),
            text => Ok(text.filter(|text| !text.is_empty())),
        };
        Ok(OAuthUrlRequest {
            api_key: either("apiKey", settings::OAUTH_API_KEY)?,
            application: either("application", settings::OAUTH_APPLICATION)?,
            tenant: given("tenant")?,
            callback_url: either("callbackUrl", settings::OAUTH_CALLBACK_URL)?,
            scope: either("scope", settings::OAUTH_SCOPE)?,
            state: given("state")?,
            code_challenge: given("codeChallenge")?,
            code_challenge_method: given("codeChallengeMethod")?,
        })
    }
}
