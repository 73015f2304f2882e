//! Links by which owners of mailboxes sign in.

use super::Request;
use crate::api::body;
use crate::api::error::ApiError;
use crate::instances::SignInCode;
use crate::owners_link::LinkTerms;
use domain::settings::Items;
use domain::sign_in_link::{VALID_S_MAX, VALID_S_MIN};
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

/// What a provider brings back of ours, bytes.
const STATE_BYTES_MAX: usize = 512;
/// Who asks, characters.
const ASKED_BY_CHARS_MAX: usize = 100;

/// A link for an instance.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({ "askedBy": "Example Ltd", "expiresInSeconds": 86_400 }))]
pub(in crate::api) struct InstanceLinkRequest {
    /// Who asks, as the page names them. Default: the stored application's name, or this service's host.
    #[schemars(length(max = 100))]
    asked_by: Option<String>,
    /// From 300 to 1,209,600; 259,200 (three days) by default.
    #[schemars(with = "Option<u32>", range(min = 300, max = 1_209_600))]
    expires_in_seconds: Option<u32>,
}

/// A link for a new mailbox.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = example())]
pub(in crate::api) struct NewLinkRequest {
    /// The connector, by its key or number.
    #[schemars(with = "super::instance::ElementReference")]
    pub(in crate::api) element: String,
    /// Items of the instance to be, as of a creation; `oauth.callback.url` may be left out.
    #[schemars(with = "Map<String, Value>")]
    pub(in crate::api) configuration: Items,
    #[schemars(length(max = 50), inner(length(max = 256)))]
    pub(in crate::api) tags: Option<Vec<String>>,
    /// Default: the connector's name.
    #[schemars(length(max = 256))]
    pub(in crate::api) name: Option<String>,
    /// Who asks, as the page names them. Default: the stored application's name, or this service's host.
    #[schemars(length(max = 100))]
    asked_by: Option<String>,
    /// From 300 to 1,209,600; 259,200 (three days) by default.
    #[schemars(with = "Option<u32>", range(min = 300, max = 1_209_600))]
    expires_in_seconds: Option<u32>,
}

/// A link that somebody has.
#[derive(JsonSchema)]
#[schemars(rename = "OwnersLink", example = json!({ "link": "4711.RANDOM" }))]
pub(in crate::api) struct LinkRequest {
    /// The token that ends the link.
    pub(in crate::api) link: String,
}

/// A sign-in that begins.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "link": "4711.RANDOM", "state": "RANDOM",
    "codeChallenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
}))]
pub(in crate::api) struct LinkLoginRequest {
    /// The token that ends the link.
    pub(in crate::api) link: String,
    /// Comes back with the user: it has to be random, and bound to the browser.
    #[schemars(length(min = 1, max = 512))]
    pub(in crate::api) state: String,
    /// PKCE's S256 digest of a verifier.
    pub(in crate::api) code_challenge: String,
}

/// A sign-in that came back from the provider.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "link": "4711.RANDOM", "providerData": { "code": "CODE", "codeVerifier": "VERIFIER", "once": "RANDOM" },
}))]
pub(in crate::api) struct LinkReturnRequest {
    /// The token that ends the link.
    pub(in crate::api) link: String,
    #[schemars(with = "super::instance::SignInData")]
    pub(in crate::api) provider_data: SignInCode,
}

impl InstanceLinkRequest {
    pub(in crate::api) fn terms(self) -> LinkTerms {
        LinkTerms { asked_by: self.asked_by, valid_s: self.expires_in_seconds }
    }
}

impl NewLinkRequest {
    pub(in crate::api) fn terms(&self) -> LinkTerms {
        LinkTerms { asked_by: self.asked_by.clone(), valid_s: self.expires_in_seconds }
    }
}

impl Request for InstanceLinkRequest {
    const IS_OPTIONAL: bool = true;

    fn read(object: &Map<String, Value>) -> Result<Self, ApiError> {
        Ok(InstanceLinkRequest { asked_by: asked_by(object)?, expires_in_seconds: valid_s(object)? })
    }
}

impl Request for NewLinkRequest {
    fn read(object: &Map<String, Value>) -> Result<Self, ApiError> {
        Ok(NewLinkRequest {
            element: body::element(object).ok_or_else(|| ApiError::rule("element.key", "is required"))?,
            configuration: body::items(object)?
                .ok_or_else(|| ApiError::rule("configuration", "is required"))?,
            tags: body::tags(object)?,
            name: body::name(object)?.filter(|name| !name.trim().is_empty()),
            asked_by: asked_by(object)?,
            expires_in_seconds: valid_s(object)?,
        })
    }
}

impl Request for LinkRequest {
    fn read(object: &Map<String, Value>) -> Result<Self, ApiError> {
        Ok(LinkRequest { link: link(object)? })
    }
}

impl Request for LinkLoginRequest {
    fn read(object: &Map<String, Value>) -> Result<Self, ApiError> {
        let state = object.get("state").and_then(Value::as_str).unwrap_or_default();
        let is_plain = state.bytes().all(|byte| byte.is_ascii_graphic());
        if state.is_empty() || state.len() > STATE_BYTES_MAX || !is_plain {
            let rule = format!("must be 1 to {STATE_BYTES_MAX} printable characters without a space");
            return Err(ApiError::rule("state", &rule));
        }
        let challenge = object.get("codeChallenge").and_then(Value::as_str);
        let challenge = challenge.ok_or_else(|| ApiError::rule("codeChallenge", "is required"))?;
        Ok(LinkLoginRequest {
            link: link(object)?,
            state: state.to_owned(),
            code_challenge: challenge.to_owned(),
        })
    }
}

impl Request for LinkReturnRequest {
    fn read(object: &Map<String, Value>) -> Result<Self, ApiError> {
        let code = body::code(object)?.ok_or_else(|| ApiError::rule("providerData.code", "is required"))?;
        Ok(LinkReturnRequest { link: link(object)?, provider_data: code })
    }
}

fn link(object: &Map<String, Value>) -> Result<String, ApiError> {
    let link = object.get("link").and_then(Value::as_str);
    link.map(str::to_owned).ok_or_else(|| ApiError::rule("link", "must be the token of a link"))
}

fn asked_by(object: &Map<String, Value>) -> Result<Option<String>, ApiError> {
    let asked_by = body::text(object, "askedBy")?;
    let is_name =
        |name: &String| name.chars().count() <= ASKED_BY_CHARS_MAX && !name.chars().any(char::is_control);
    match asked_by {
        Some(name) if !is_name(&name) => {
            let rule = format!("must be a name of at most {ASKED_BY_CHARS_MAX} characters");
            Err(ApiError::rule("askedBy", &rule))
        }
        asked_by => Ok(asked_by),
    }
}

fn valid_s(object: &Map<String, Value>) -> Result<Option<u32>, ApiError> {
    let given = match object.get("expiresInSeconds") {
        None | Some(Value::Null) => return Ok(None),
        Some(given) => given.as_u64().and_then(|seconds| u32::try_from(seconds).ok()),
    };
    match given.filter(|seconds| (VALID_S_MIN..=VALID_S_MAX).contains(seconds)) {
        Some(seconds) => Ok(Some(seconds)),
        None => {
            let rule = format!("must be a whole number from {VALID_S_MIN} to {VALID_S_MAX}");
            Err(ApiError::rule("expiresInSeconds", &rule))
        }
    }
}

fn example() -> Value {
    let connector = crate::api::answers::element::first();
    json!({
        "element": { "key": connector.key },
        "configuration": {
            "oauth.application": "example",
            "event.notification.enabled": "true",
            "event.notification.callback.url": "https://app.example/events",
        },
        "name": "Ada's mailbox", "tags": ["customer-17"], "askedBy": "Example Ltd",
    })
}
