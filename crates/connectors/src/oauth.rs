//! OAuth 2.0 as both providers speak it: addresses, forms, replies. Pure.

use crate::descriptor::{Authentication, OAuth};
use crate::error::short;
use crate::http::{HttpError, HttpRequest, HttpResponse, Method, Route};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use domain::schedule::Pause;
use serde::Deserialize;

/// Lifetime assumed where a token reply gives none, seconds.
const LIFETIME_DEFAULT_S: u32 = 3600;
/// A token reply is small.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// The application's registration at the provider.
pub struct Application<'a> {
    /// Client id of the application.
    pub client_id: &'a str,
    /// Client secret of the application.
    pub client_secret: &'a str,
}

/// What is exchanged for an access token.
pub enum Grant<'a> {
    /// The code of a sign-in, the redirect address it was sent to, and the verifier where the sign-in had a challenge.
    Code { code: &'a str, redirect_uri: &'a str, code_verifier: Option<&'a str> },
    /// The token kept from an earlier exchange.
    Refresh { refresh_token: &'a str },
    /// Nothing but the application's own id and secret.
    Client,
}

/// Tokens, as the provider gave them. No `Debug`.
pub struct Tokens {
    /// The access token.
    pub access_token: String,
    /// Absent on most refreshes at Google: the old one stays.
    pub refresh_token: Option<String>,
    /// How long it is valid.
    pub lifetime_s: u32,
    /// The address of whoever signed in, where the scopes ask for it (`openid email`).
    pub address: Option<String>,
}

/// What the caller can do about a failed exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenErrorKind {
    /// The code or refresh token is dead: a person has to sign in again.
    InvalidGrant,
    /// The application's own id or secret is wrong: not the mailbox's fault.
    InvalidClient,
    /// Refused for another reason, for good.
    Rejected,
    /// Fails for now.
    Unavailable,
}

/// A failed exchange.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct TokenError {
    /// What a caller can do about it.
    pub kind: TokenErrorKind,
    /// Without secrets.
    pub message: String,
    /// The provider's error code.
    pub provider_message: Option<String>,
    /// The pause that the provider asked for.
    pub pause: Pause,
    #[source]
    source: Option<HttpError>,
}

impl From<HttpError> for TokenError {
    fn from(source: HttpError) -> Self {
        TokenError {
            kind: TokenErrorKind::Unavailable,
            message: format!("the provider's token endpoint can't be reached: {source}"),
            provider_message: None,
            pause: Pause::Unsaid,
            source: Some(source),
        }
    }
}

impl TokenError {
    /// It fails for now, for a reason of ours.
    pub fn unavailable(message: impl Into<String>) -> Self {
        TokenError {
            kind: TokenErrorKind::Unavailable,
            message: message.into(),
            provider_message: None,
            pause: Pause::Unsaid,
            source: None,
        }
    }
}

/// The scopes to ask for: the given ones in today's spelling, or the connector's own.
pub fn scopes(oauth: &OAuth, given: Option<&str>) -> String {
    let given = given.map(str::trim).filter(|given| !given.is_empty());
    let mut scopes: Vec<String> = Vec::new();
    let words = given.unwrap_or(oauth.scopes).split([' ', ',']).filter(|word| !word.is_empty());
    for scope in words.map(oauth.translate_scope).chain(oauth.required_scopes.iter().map(|s| (*s).to_owned()))
    {
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    scopes.join(" ")
}

/// What a sign-in is asked for with.
pub struct SignIn<'a> {
    /// Client id of the application.
    pub client_id: &'a str,
    /// Where the provider sends the browser back.
    pub redirect_uri: &'a str,
    /// Scopes; those of the connector where there are none.
    pub scope: Option<&'a str>,
    /// What comes back with the code.
    pub state: &'a str,
    /// PKCE's S256 digest of a verifier, which the exchange of the code then has to show.
    pub code_challenge: Option<&'a str>,
}

/// The address to send a user to.
///
/// # Errors
/// If `authorize_url` is no address.
pub fn authorize_url(
    oauth: &OAuth,
    authorize_url: &str,
    sign_in: &SignIn<'_>,
) -> Result<String, url::ParseError> {
    let mut url = url::Url::parse(authorize_url)?;
    url.query_pairs_mut()
        .extend_pairs(oauth.authorize_parameters)
        .append_pair("scope", &scopes(oauth, sign_in.scope))
        .append_pair("response_type", "code")
        .append_pair("redirect_uri", sign_in.redirect_uri)
        .append_pair("state", sign_in.state)
        .append_pair("client_id", sign_in.client_id);
    if let Some(challenge) = sign_in.code_challenge {
        url.query_pairs_mut()
            .append_pair("code_challenge", challenge)
            .append_pair("code_challenge_method", "S256");
    }
    Ok(url.into())
}

/// The request that exchanges a grant.
pub fn token_request(
    authentication: &Authentication,
    token_url: &str,
    application: &Application<'_>,
    grant: &Grant<'_>,
    scope: Option<&str>,
    timeout_ms: u64,
) -> HttpRequest<'static> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    match grant {
        Grant::Code { code, redirect_uri, code_verifier } => {
            form.append_pair("grant_type", "authorization_code");
            form.append_pair("code", code);
            form.append_pair("redirect_uri", redirect_uri);
            if let Some(verifier) = code_verifier {
                form.append_pair("code_verifier", verifier);
            }
        }
        Grant::Refresh { refresh_token } => {
            form.append_pair("grant_type", "refresh_token");
            form.append_pair("refresh_token", refresh_token);
        }
        Grant::Client => {
            form.append_pair("grant_type", "client_credentials");
        }
    }
    form.append_pair("client_id", application.client_id);
    form.append_pair("client_secret", application.client_secret);
    match authentication {
        Authentication::SignIn(oauth) if oauth.scope_on_refresh => {
            form.append_pair("scope", &scopes(oauth, scope));
        }
        Authentication::ClientCredentials(client) => {
            form.append_pair("scope", scope.unwrap_or(client.scopes));
        }
        Authentication::SignIn(_) | Authentication::Key => {}
    }
    HttpRequest {
        method: Method::Post,
        url: token_url.to_owned(),
        headers: vec![
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("accept", "application/json".to_owned()),
        ],
        body: form.finish().into(),
        timeout_ms,
        answer_bytes_max: ANSWER_BYTES_MAX,
        route: Route::Provider,
    }
}

#[derive(Deserialize)]
struct TokenReply {
    access_token: String,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    expires_in: Option<serde_json::Value>,
    #[serde(default)]
    id_token: Option<String>,
}

#[derive(Deserialize)]
struct TokenFailure {
    error: String,
}

/// Reads a token endpoint's answer.
///
/// # Errors
/// [`TokenError`], whose kind says whether to sign in again, to mend the application, or to try later.
pub fn parse_tokens(response: &HttpResponse, now: DateTime<Utc>) -> Result<Tokens, TokenError> {
    if response.status != 200 {
        return Err(failure(response, now));
    }
    let reply: TokenReply = serde_json::from_slice(&response.body).map_err(|_| TokenError {
        kind: TokenErrorKind::Unavailable,
        message: "the provider's token reply can't be read".to_owned(),
        provider_message: None,
        pause: Pause::Unsaid,
        source: None,
    })?;
    Ok(Tokens {
        access_token: reply.access_token,
        refresh_token: reply.refresh_token.filter(|token| !token.is_empty()),
        lifetime_s: reply.expires_in.as_ref().and_then(seconds).unwrap_or(LIFETIME_DEFAULT_S),
        address: reply.id_token.as_deref().and_then(address),
    })
}

/// Whose an identity token is. It came from the token endpoint itself, so that its signature adds nothing
/// (<https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation>, 6), and nobody gets in by it.
fn address(id_token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        email: Option<String>,
        preferred_username: Option<String>,
    }
    let claims = id_token.split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    claims.email.or(claims.preferred_username).filter(|name| name.contains('@'))
}

/// Lifetimes come as numbers, and from some servers as texts.
fn seconds(value: &serde_json::Value) -> Option<u32> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    Some(u32::try_from(number).unwrap_or(u32::MAX))
}

/// As [`crate::Error::pause`]: a 503 is said to everybody.
fn pause(response: &HttpResponse, now: DateTime<Utc>) -> Pause {
    match (response.retry_after_s(now), response.status) {
        (None, _) => Pause::Unsaid,
        (Some(seconds), 429) => Pause::OfMailbox(seconds),
        (Some(seconds), _) => Pause::OfEverybody(seconds),
    }
}

fn failure(response: &HttpResponse, now: DateTime<Utc>) -> TokenError {
    let code = serde_json::from_slice::<TokenFailure>(&response.body).ok().map(|failure| failure.error);
    let kind = match (response.status, code.as_deref()) {
        (429 | 500..=599, _) => TokenErrorKind::Unavailable,
        (_, Some("invalid_grant" | "interaction_required" | "consent_required" | "login_required")) => {
            TokenErrorKind::InvalidGrant
        }
        (_, Some("invalid_client" | "unauthorized_client" | "deleted_client")) => {
            TokenErrorKind::InvalidClient
        }
        (_, Some("temporarily_unavailable" | "server_error")) => TokenErrorKind::Unavailable,
        (_, Some(_)) => TokenErrorKind::Rejected,
        // An answer that is not OAuth's comes from something in between.
        (_, None) => TokenErrorKind::Unavailable,
    };
    let status = response.status;
    TokenError {
        kind,
        message: match &code {
            Some(code) => format!("the provider's token endpoint answered {status} {}", short(code)),
            None => format!("the provider's token endpoint answered {status}"),
        },
        provider_message: code.as_deref().map(short),
        pause: pause(response, now),
        source: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    #[track_caller]
    fn check(status: u16, body: &str, kind: TokenErrorKind) {
        let response = HttpResponse { status, headers: http::HeaderMap::new(), body: body.to_owned().into() };
        let now = Utc.timestamp_opt(0, 0).unwrap();
        assert_eq!(parse_tokens(&response, now).err().map(|error| error.kind), Some(kind), "{status} {body}");
    }

    #[test]
    fn failures_are_told_apart_by_the_error_code_not_its_description() {
        use TokenErrorKind::*;
        check(400, r#"{"error":"invalid_grant","error_description":"whatever"}"#, InvalidGrant);
        check(400, r#"{"error":"interaction_required","error_codes":[50076]}"#, InvalidGrant);
        check(401, r#"{"error":"invalid_client"}"#, InvalidClient);
        check(400, r#"{"error":"invalid_scope"}"#, Rejected);
        check(503, r#"{"error":"invalid_grant"}"#, Unavailable);
        check(400, r#"{"error":"temporarily_unavailable"}"#, Unavailable);
        check(502, "<html>Bad gateway</html>", Unavailable);
        check(400, "<html>proxy</html>", Unavailable);
        check(200, "{\"access_tok", Unavailable);
    }

    const fn provider() -> OAuth {
        OAuth {
            authorize: crate::descriptor::Endpoint { variable: "A", default: "https://login.example" },
            token: crate::descriptor::Endpoint { variable: "T", default: "https://token.example" },
            scopes: "mail",
            authorize_parameters: &[],
            translate_scope: str::to_owned,
            required_scopes: &[],
            used_refresh_token: crate::UsedRefreshToken::Serves,
            scope_on_refresh: false,
            tenant: None,
            registration: crate::registration::Registration {
                address: "https://provider.example",
                steps: &[],
                consent: "",
                refusals: &[],
            },
        }
    }

    #[test]
    fn a_challenge_goes_into_the_address_and_its_verifier_into_the_exchange() {
        let address = |code_challenge| {
            let sign_in =
                SignIn { client_id: "c", redirect_uri: "r", scope: None, state: "s", code_challenge };
            authorize_url(&provider(), "https://login.example", &sign_in).unwrap()
        };
        assert!(address(Some("abc")).contains("&code_challenge=abc&code_challenge_method=S256"));
        assert!(!address(None).contains("challenge"));
        let form = |code_verifier| {
            let application = Application { client_id: "c", client_secret: "p" };
            let grant = Grant::Code { code: "code", redirect_uri: "r", code_verifier };
            let authentication = Authentication::SignIn(provider());
            let request =
                token_request(&authentication, "https://token.example", &application, &grant, None, 1);
            String::from_utf8(request.body.to_vec()).unwrap()
        };
        assert!(form(Some("word")).contains("&code_verifier=word&"));
        assert!(!form(None).contains("verifier"));
    }

    #[test]
    fn an_application_asks_for_itself_with_the_configured_scopes_or_the_connectors_own() {
        let token = crate::descriptor::Endpoint { variable: "T", default: "https://token.example" };
        let authentication =
            Authentication::ClientCredentials(crate::ClientCredentials { token, scopes: "all" });
        let form = |scope| {
            let application = Application { client_id: "c", client_secret: "p" };
            let request = token_request(
                &authentication,
                "https://token.example",
                &application,
                &Grant::Client,
                scope,
                1,
            );
            String::from_utf8(request.body.to_vec()).unwrap()
        };
        assert_eq!(form(None), "grant_type=client_credentials&client_id=c&client_secret=p&scope=all");
        assert!(form(Some("some")).ends_with("&scope=some"));
    }

    #[test]
    fn a_reply_without_refresh_token_or_with_a_text_lifetime_is_read() {
        let response = HttpResponse {
            status: 200,
            headers: http::HeaderMap::new(),
            body: r#"{"access_token":"a","expires_in":"3599","refresh_token":""}"#.into(),
        };
        let tokens = parse_tokens(&response, Utc.timestamp_opt(0, 0).unwrap()).ok().unwrap();
        assert_eq!(
            (tokens.access_token.as_str(), tokens.refresh_token, tokens.lifetime_s),
            ("a", None, 3599)
        );
    }

    #[test]
    fn an_identity_token_tells_the_address_and_an_odd_one_nothing() {
        let of = |id_token: &str| {
            let body = serde_json::json!({ "access_token": "a", "id_token": id_token }).to_string();
            let response = HttpResponse { status: 200, headers: http::HeaderMap::new(), body: body.into() };
            parse_tokens(&response, DateTime::UNIX_EPOCH).unwrap().address
        };
        let signed = |claims: &str| format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
        let both = signed(r#"{"email":"ada@example.com","preferred_username":"ada@login.example"}"#);
        assert_eq!(of(&both).as_deref(), Some("ada@example.com"));
        let name = signed(r#"{"preferred_username":"ada@login.example"}"#);
        assert_eq!(of(&name).as_deref(), Some("ada@login.example"));
        for odd in ["", "e30", "e30.*.c2ln", &signed("[]"), &signed(r#"{"preferred_username":"+44 20"}"#)] {
            assert_eq!(of(odd), None, "{odd}");
        }
    }
}
