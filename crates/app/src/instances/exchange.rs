//! The exchange of what a person pasted for tokens: as it is, and where the provider does not know that, as it may have
//! been meant. What is still refused is told with what it looks like.

use super::{Refusal, SignInCode};
use crate::context::Context;
use crate::ports::Secrets;
use connectors::Descriptor;
use connectors::oauth::{Grant, TokenError, TokenErrorKind, Tokens};
use domain::pasted;
use domain::settings::{
    Items, OAUTH_API_KEY, OAUTH_API_SECRET, OAUTH_CALLBACK_URL, OAUTH_REFRESH_TOKEN, OAUTH_SCOPE, given,
};

/// Where a code stands in a request.
const CODE: &str = "providerData.code";

/// Exchanges the code of a sign-in, with the redirect address that the configuration names.
pub(super) async fn code(
    app: &Context,
    descriptor: &Descriptor,
    (plain, secrets): (&Items, &Secrets),
    sign_in: &SignInCode,
) -> Result<Tokens, Refusal> {
    let rule = "is required to exchange `providerData.code`";
    let redirect_uri =
        given(plain, OAUTH_CALLBACK_URL).ok_or_else(|| Refusal::rule(OAUTH_CALLBACK_URL, rule))?;
    let (code, scope) = (sign_in.code.as_str(), given(plain, OAUTH_SCOPE));
    let code_verifier = sign_in.verifier.as_deref();
    let grant = Grant::Code { code, redirect_uri, code_verifier };
    let mut exchanged = app.exchange(descriptor, secrets, &grant, scope).await;
    if let Some(code) = meant(&exchanged, code) {
        let grant = Grant::Code { code: &code, redirect_uri, code_verifier };
        exchanged = app.exchange(descriptor, secrets, &grant, scope).await;
    }
    exchanged.map_err(|error| suspected(error, secrets, Some((CODE, code))))
}

/// What the application itself is granted, without a sign-in.
pub(super) async fn application(
    app: &Context,
    descriptor: &Descriptor,
    (plain, secrets): (&Items, &Secrets),
) -> Result<Tokens, Refusal> {
    let exchanged = app.exchange(descriptor, secrets, &Grant::Client, given(plain, OAUTH_SCOPE)).await;
    exchanged.map_err(|error| suspected(error, secrets, None))
}

/// Exchanges a refresh token; the tokens have the one that can be kept.
pub(super) async fn refresh_token(
    app: &Context,
    descriptor: &Descriptor,
    (plain, secrets): (&Items, &Secrets),
    refresh_token: &str,
) -> Result<Tokens, Refusal> {
    let scope = given(plain, OAUTH_SCOPE);
    let mut exchanged = app.exchange(descriptor, secrets, &Grant::Refresh { refresh_token }, scope).await;
    if let Some(decoded) = meant(&exchanged, refresh_token) {
        let grant = Grant::Refresh { refresh_token: &decoded };
        exchanged = app.exchange(descriptor, secrets, &grant, scope).await;
        if let Ok(tokens) = &mut exchanged {
            tokens.refresh_token.get_or_insert(decoded);
        }
    }
    exchanged.map_err(|error| suspected(error, secrets, Some((OAUTH_REFRESH_TOKEN, refresh_token))))
}

/// What may have been meant by a credential that the provider does not know: the same decoded, once.
///
/// As it is given comes first, whatever it looks like: a provider may have such ones, and asking with one that it does
/// not know does not spend the one that is meant.
fn meant(exchanged: &Result<Tokens, TokenError>, credential: &str) -> Option<String> {
    let is_unknown =
        |error: &TokenError| matches!(error.kind, TokenErrorKind::InvalidGrant | TokenErrorKind::Rejected);
    exchanged.as_ref().err().filter(|error| is_unknown(error))?;
    pasted::decoded(credential)
}

/// The refusal, with what the credentials look like that should not look so. No value is shown.
fn suspected(error: TokenError, secrets: &Secrets, own: Option<(&str, &str)>) -> Refusal {
    let is_refused = error.kind != TokenErrorKind::Unavailable;
    let application =
        [OAUTH_API_KEY, OAUTH_API_SECRET].map(|key| (key, secrets.get(key).map_or("", String::as_str)));
    let told: String = own
        .into_iter()
        .chain(application)
        .filter_map(|(key, value)| Some(format!("; `{key}`: {}", pasted::suspicion(value)?)))
        .collect();
    match Refusal::from(error) {
        Refusal::Provider { message, provider_message, is_unavailable } if is_refused => {
            Refusal::Provider { message: message + &told, provider_message, is_unavailable }
        }
        other => other,
    }
}
