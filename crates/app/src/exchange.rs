//! Exchanging at a provider's token endpoint: a stored grant as it is; what a person pasted also as it may have been
//! meant, where the provider does not know it. What is still refused is told with what it looks like.

use crate::clients::Client;
use crate::context::Context;
use crate::instances::{Refusal, SignInCode};
use crate::signing_in;
use connectors::oauth::{self, Application, Grant, TokenError, TokenErrorKind, Tokens};
use connectors::{Descriptor, Http as _};
use domain::pasted;
use domain::settings::{
    Items, OAUTH_API_KEY, OAUTH_API_SECRET, OAUTH_CALLBACK_URL, OAUTH_REFRESH_TOKEN, OAUTH_SCOPE, given,
};

/// Time for the token endpoint.
const TOKEN_TIMEOUT_MS: u64 = 10_000;
/// The field of a request that has the code.
const CODE: &str = "providerData.code";

/// Exchanges a grant at the provider's token endpoint. Where a stored application is refused that was changed since it
/// was read, it is tried once more as it is now. A refresh token may be called unknown, too, if it is another client's.
pub(crate) async fn exchange(
    app: &Context,
    descriptor: &Descriptor,
    client: &Client,
    grant: &Grant<'_>,
    scope: Option<&str>,
) -> Result<Tokens, TokenError> {
    let exchanged = once(app, descriptor, client, grant, scope).await;
    let is_refused = |error: &TokenError| {
        matches!(error.kind, TokenErrorKind::InvalidClient | TokenErrorKind::InvalidGrant)
    };
    if !exchanged.as_ref().is_err_and(is_refused) {
        return exchanged;
    }
    match app.clients.newer(client).await {
        Ok(Some(newer)) => once(app, descriptor, &newer, grant, scope).await,
        Ok(None) => exchanged,
        Err(_) => Err(TokenError::unavailable("the application can't be read just now")),
    }
}

async fn once(
    app: &Context,
    descriptor: &Descriptor,
    client: &Client,
    grant: &Grant<'_>,
    scope: Option<&str>,
) -> Result<Tokens, TokenError> {
    let application = Application { client_id: &client.key, client_secret: &client.secret };
    let authentication = &descriptor.authentication;
    let Some(endpoint) = authentication.token() else {
        // A key is a token that never ends: where the provider refuses it, the one of the vault may be newer.
        let access_token = application.client_id.to_owned();
        return Ok(Tokens { access_token, refresh_token: None, lifetime_s: u32::MAX, address: None });
    };
    let url = app.config.endpoints.url(endpoint);
    let url = match authentication.sign_in() {
        Some(oauth) => oauth.in_tenant(url, client.tenant.as_deref()),
        None => url.to_owned(),
    };
    let request = oauth::token_request(authentication, &url, &application, grant, scope, TOKEN_TIMEOUT_MS);
    let response = app.to_provider(descriptor).send(request).await?;
    oauth::parse_tokens(&response, app.now())
}

/// Exchanges the code of an organization's sign-in, with the redirect address that the configuration names.
pub(crate) async fn code(
    app: &Context,
    descriptor: &Descriptor,
    (plain, client): (&Items, &Client),
    (organization_id, sign_in): (u32, &SignInCode),
) -> Result<Tokens, Refusal> {
    let rule = "is required to exchange `providerData.code`";
    let redirect_uri =
        given(plain, OAUTH_CALLBACK_URL).ok_or_else(|| Refusal::rule(OAUTH_CALLBACK_URL, rule))?;
    // Before the code is shown again: a provider may take back what it gave for one that comes twice.
    if !signing_in::is_first(app, organization_id, sign_in.once.as_deref()).await? {
        return Err(Refusal::CameBefore);
    }
    let (code, scope) = (sign_in.code.as_str(), given(plain, OAUTH_SCOPE));
    let code_verifier = sign_in.verifier.as_deref();
    let grant = Grant::Code { code, redirect_uri, code_verifier };
    let mut exchanged = exchange(app, descriptor, client, &grant, scope).await;
    if let Some(code) = meant(&exchanged, code) {
        let grant = Grant::Code { code: &code, redirect_uri, code_verifier };
        exchanged = exchange(app, descriptor, client, &grant, scope).await;
    }
    exchanged.map_err(|error| suspected(error, client, Some((CODE, code))))
}

/// What the application itself is granted, without a sign-in.
pub(crate) async fn application(
    app: &Context,
    descriptor: &Descriptor,
    (plain, client): (&Items, &Client),
) -> Result<Tokens, Refusal> {
    let exchanged = exchange(app, descriptor, client, &Grant::Client, given(plain, OAUTH_SCOPE)).await;
    exchanged.map_err(|error| suspected(error, client, None))
}

/// Exchanges a refresh token; the tokens have the one that can be kept.
pub(crate) async fn refresh_token(
    app: &Context,
    descriptor: &Descriptor,
    (plain, client): (&Items, &Client),
    refresh_token: &str,
) -> Result<Tokens, Refusal> {
    let scope = given(plain, OAUTH_SCOPE);
    let mut exchanged = exchange(app, descriptor, client, &Grant::Refresh { refresh_token }, scope).await;
    if let Some(decoded) = meant(&exchanged, refresh_token) {
        let grant = Grant::Refresh { refresh_token: &decoded };
        exchanged = exchange(app, descriptor, client, &grant, scope).await;
        if let Ok(tokens) = &mut exchanged {
            tokens.refresh_token.get_or_insert(decoded);
        }
    }
    exchanged.map_err(|error| suspected(error, client, Some((OAUTH_REFRESH_TOKEN, refresh_token))))
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
fn suspected(error: TokenError, client: &Client, own: Option<(&str, &str)>) -> Refusal {
    let is_refused = error.kind != TokenErrorKind::Unavailable;
    let application = [(OAUTH_API_KEY, client.key.as_str()), (OAUTH_API_SECRET, client.secret.as_str())];
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
