//! Creating and changing instances.

use super::Request;
use crate::api::body;
use crate::api::error::ApiError;
use crate::instances::SignInCode;
use domain::settings::{Items, MASK};
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

/// An instance to be created.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = example())]
pub(in crate::api) struct InstanceRequest {
    /// The connector, by its key or number. Not needed where the path names it.
    #[schemars(with = "Option<ElementReference>")]
    pub(in crate::api) element: Option<String>,
    #[schemars(with = "Option<SignInData>")]
    pub(in crate::api) provider_data: Option<SignInCode>,
    /// Items by key; GET /elements/{element}/configuration lists them. Booleans, numbers and objects may come as such
    /// or as texts. `********` means unchanged.
    #[schemars(with = "Map<String, Value>")]
    pub(in crate::api) configuration: Option<Items>,
    #[schemars(length(max = 50), inner(length(max = 256)))]
    pub(in crate::api) tags: Option<Vec<String>>,
    /// Default: the connector's name.
    #[schemars(length(max = 256))]
    pub(in crate::api) name: Option<String>,
    /// `initial`: sign in with the refresh token in the configuration instead of a code; else `none`.
    pub(in crate::api) external_authentication: Option<String>,
}

/// A connector, by its key or number.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "read by hand: either does")]
pub(super) struct ElementReference {
    key: Option<String>,
    #[schemars(extend("type" = ["integer", "string", "null"]))]
    id: Option<Value>,
}

/// What a sign-in at the provider came back with.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "read by hand: it comes out of an address bar")]
pub(super) struct SignInData {
    /// The code that the provider sent the user back with. In replies it is masked.
    code: Option<String>,
    /// PKCE: the verifier, where the sign-in had a `codeChallenge`.
    code_verifier: Option<String>,
    /// What counts once: a second request with it is refused for an hour, whatever came of the first. For instance the
    /// `state` that came back with the code, if it is random.
    once: Option<String>,
}

/// What changes of an instance. What is not named stays, unless the whole instance is replaced.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({ "configuration": { "event.poller.refresh_interval": "5" } }))]
pub(in crate::api) struct InstancePatch {
    #[schemars(length(max = 256))]
    pub(in crate::api) name: Option<String>,
    #[schemars(length(max = 50), inner(length(max = 256)))]
    pub(in crate::api) tags: Option<Vec<String>>,
    /// Items by key, as of a creation.
    #[schemars(with = "Option<Map<String, Value>>")]
    pub(in crate::api) configuration: Option<Items>,
    /// A code signs in again.
    #[schemars(with = "Option<AgainData>")]
    pub(in crate::api) provider_data: Option<SignInCode>,
    #[schemars(skip)]
    pub(in crate::api) confirmation: Option<String>,
}

/// What a sign-in at the provider came back with, or what stands for one.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "read by hand, as that of a creation")]
struct AgainData {
    code: Option<String>,
    /// PKCE: the verifier, where the sign-in had a `codeChallenge`.
    code_verifier: Option<String>,
    /// What counts once: a second request with it is refused for an hour, whatever came of the first. For instance the
    /// `state` that came back with the code, if it is random.
    once: Option<String>,
    /// Instead of a code: what a refusal gave (`otherMailbox.confirmation`), within ten minutes. The other mailbox takes
    /// the place of the former one.
    confirmation: Option<String>,
}

impl Request for InstanceRequest {
    fn read(object: &Map<String, Value>) -> Result<Self, ApiError> {
        Ok(InstanceRequest {
            element: body::element(object),
            provider_data: body::code(object)?,
            configuration: body::items(object)?,
            tags: body::tags(object)?,
            name: body::name(object)?.filter(|name| !name.trim().is_empty()),
            external_authentication: body::text(object, "externalAuthentication")?,
        })
    }
}

impl Request for InstancePatch {
    fn read(object: &Map<String, Value>) -> Result<Self, ApiError> {
        Ok(InstancePatch {
            // Who changes a name gives one.
            name: match body::name(object)? {
                Some(name) if name.trim().is_empty() => {
                    return Err(ApiError::rule("name", "must not be empty"));
                }
                name => name,
            },
            tags: body::tags(object)?,
            configuration: body::items(object)?,
            // What a reply says in its place is not a code.
            provider_data: body::code(object)?.filter(|sign_in| sign_in.code != MASK),
            confirmation: body::provider_data(object, "confirmation")?,
        })
    }
}

/// The README's, for the first connector.
fn example() -> Value {
    let connector = crate::api::answers::element::first();
    json!({
        "element": { "key": connector.key },
        "providerData": { "code": "CODE" },
        "configuration": {
            "oauth.api.key": "CLIENT_ID",
            "oauth.api.secret": "CLIENT_SECRET",
            "oauth.callback.url": "https://app.example/oauth",
            "event.notification.enabled": "true",
            "event.vendor.type": "polling",
            "event.notification.callback.url": "https://app.example/events",
            "event.notification.signature.key": "SIGNATURE_KEY",
            "event.poller.refresh_interval": "15",
            "event.poller.configuration": {
                "messages": { "url": "/hubs/general/messages", "idField": "id" },
            },
        },
        "tags": ["Docs"],
        "name": "API Instance with Polling",
    })
}
