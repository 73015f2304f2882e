//! What is said of a request that failed.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

/// Why a request failed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Error", example = json!({
    "requestId": "5f0c6a3b1d2e4f5a6b7c8d9e",
    "message": "`event.poller.refresh_interval`: must be a whole number of minutes from 1 to 1440",
}))]
pub(in crate::api) struct ErrorBody {
    /// 24 hexadecimal digits, also in the header `Elements-Request-Id`.
    pub(in crate::api) request_id: String,
    /// What is wrong: the field and the rule. Its words may change.
    pub(in crate::api) message: String,
    /// What a program can tell it by, where the status leaves several: `signInRepeated` (400: what counts once,
    /// `providerData.once`, came before; its first request may have ended well, or be about to). There will be others.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(in crate::api) code: Option<ErrorCode>,
    /// The provider's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) provider_message: Option<String>,
    /// Where a sign-in was asked to be confirmed that turned out to be another mailbox's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) other_mailbox: Option<OtherMailbox>,
}

/// What clients tell errors of one status by. On the wire a text, so that a new one breaks no generated client.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) enum ErrorCode {
    SignInRepeated,
}

/// The mailbox that somebody signed in to.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({ "address": "sales@example.com", "confirmation": "SEALED" }))]
pub(in crate::api) struct OtherMailbox {
    /// Where the provider told it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) address: Option<String>,
    /// Sealed. Sent as `providerData.confirmation` it stands for the sign-in, for ten minutes.
    pub(in crate::api) confirmation: String,
}
