//! Connectors: what there is, what each can do and needs, and where to send a user to sign in.

use super::answer::{Answered, PagedList};
use super::answers::element::{Element, ElementItem, ElementMetadata, Health, OAuthUrl};
use super::auth::{Caller, Own};
use super::body::Body;
use super::error::ApiError;
use super::paging::{PageRequest, foreign};
use super::query::Params;
use super::requests::element::OAuthUrlRequest;
use super::wire;
use crate::applications;
use crate::context::Context;
use crate::host_state;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use connectors::oauth::{self, SignIn};
use connectors::{Connector, Descriptor};
use domain::address::check_led_to;
use domain::application::{Application, check_tenant, is_name};
use domain::catalogue::{Item, catalogue};
use domain::pasted::trimmed;
use domain::settings;
use serde_json::Value;
use std::sync::Arc;

/// In the registry's order: a page goes on behind so many.
pub(super) async fn list(
    State(app): State<Arc<Context>>,
    _caller: Caller,
    params: Params,
) -> Answered<PagedList<Element>> {
    let page = PageRequest::large(&params)?;
    let behind = page.after.as_ref().map_or(Some(0), Value::as_u64).ok_or_else(foreign)?;
    let behind = usize::try_from(behind).map_err(|_| foreign())?;
    let all = app.connectors.iter().map(|one| Element::of(one.descriptor()));
    let records: Vec<Element> = all.skip(behind).take(page.size).collect();
    let end = behind.saturating_add(records.len());
    let next = (end < app.connectors.len()).then(|| end.into());
    Ok(PagedList { total: Some(app.connectors.len() as u64), ..PagedList::new(records, page.size, next) })
}

pub(super) async fn keys(
    State(app): State<Arc<Context>>,
    _caller: Caller,
) -> Answered<Json<Vec<&'static str>>> {
    Ok(Json(app.connectors.iter().map(|one| one.descriptor().key).collect()))
}

pub(super) fn connector<'a>(app: &'a Context, element: &str) -> Result<&'a Arc<dyn Connector>, ApiError> {
    app.connector(element).ok_or_else(|| ApiError::not_found("connector"))
}

pub(super) async fn one(
    State(app): State<Arc<Context>>,
    _caller: Caller,
    Path(element): Path<String>,
) -> Answered<Json<Element>> {
    Ok(Json(Element::of(connector(&app, &element)?.descriptor())))
}

/// What the connector can do: its resources, how each is polled, and what polls do by default.
pub(super) async fn metadata(
    State(app): State<Arc<Context>>,
    _caller: Caller,
    Path(element): Path<String>,
) -> Answered<Json<ElementMetadata>> {
    Ok(Json(ElementMetadata::of(connector(&app, &element)?.descriptor())))
}

/// The names that reads know.
pub(super) async fn objects(
    State(app): State<Arc<Context>>,
    _caller: Caller,
    Path(element): Path<String>,
) -> Answered<Json<Vec<&'static str>>> {
    Ok(Json(connector(&app, &element)?.descriptor().listed().collect()))
}

/// The same of an instance, also of a disabled one.
pub(super) async fn objects_of(
    State(app): State<Arc<Context>>,
    own: Own,
) -> Answered<Json<Vec<&'static str>>> {
    Ok(Json(connector(&app, &own.instance.connector)?.descriptor().listed().collect()))
}

/// What an instance needs to know, in the order of a form.
pub(super) async fn configuration(
    State(app): State<Arc<Context>>,
    _caller: Caller,
    Path(element): Path<String>,
) -> Answered<Json<Vec<ElementItem>>> {
    let descriptor = connector(&app, &element)?.descriptor();
    Ok(Json(catalogue().iter().map(|item| described(item, descriptor)).collect()))
}

fn described(item: &'static Item, descriptor: &Descriptor) -> ElementItem {
    let is_asked_for = descriptor.authentication.asks_for(item.key);
    ElementItem {
        id: item.id,
        name: item.name,
        key: item.key,
        description: item.description,
        default_value: wire::default_of(item.key, descriptor),
        reseller_config: false,
        company_config: false,
        active: true,
        internal: false,
        group_control: false,
        display_order: item.display_order,
        kind: item.kind.text(),
        hide_from_console: item.hidden || !is_asked_for,
        required: item.required && is_asked_for,
        group_name: item.group.text(),
    }
}

/// Where to send a user, from the query.
pub(super) async fn oauth_url(
    State(app): State<Arc<Context>>,
    caller: Caller,
    Path(element): Path<String>,
    params: Params,
) -> Answered<Json<OAuthUrl>> {
    let named = params.text("application");
    let application = application(&app, &caller, named).await?;
    url(&app, &element, application.as_ref(), |name| Ok(params.text(name).map(str::to_owned)))
}

/// The stored application of this name.
async fn application(
    app: &Context,
    caller: &Caller,
    name: Option<&str>,
) -> Result<Option<Application>, ApiError> {
    let Some(name) = name.map(trimmed).filter(|name| !name.is_empty()) else { return Ok(None) };
    let organization_id = caller.account.organization_id;
    let stored = match is_name(name) {
        true => applications::read(app, organization_id, name).await?,
        false => None,
    };
    let none = || ApiError::rule("application", "is not the name of a stored application");
    Ok(Some(stored.ok_or_else(none)?.application))
}

/// The same, from a body: names as in the query, or as in a configuration.
pub(super) async fn oauth_url_of(
    State(app): State<Arc<Context>>,
    caller: Caller,
    Path(element): Path<String>,
    params: Params,
    Body(given): Body<OAuthUrlRequest>,
) -> Answered<Json<OAuthUrl>> {
    let named = given.application.as_deref().or_else(|| params.text("application"));
    let application = application(&app, &caller, named).await?;
    url(&app, &element, application.as_ref(), |name| {
        let given = match name {
            "apiKey" => &given.api_key,
            "callbackUrl" => &given.callback_url,
            "tenant" => &given.tenant,
            "scope" => &given.scope,
            "state" => &given.state,
            "codeChallenge" => &given.code_challenge,
            "codeChallengeMethod" => &given.code_challenge_method,
            _ => &None,
        };
        Ok(given.clone().or_else(|| params.text(name).map(str::to_owned)))
    })
}

/// The same for a stored instance, whose application signs in again. Its client id stays in the vault's keeping: the
/// address is the only thing it is told in, as providers show it there anyway.
pub(super) async fn oauth_url_again(
    State(app): State<Arc<Context>>,
    own: Own,
    params: Params,
) -> Answered<Json<OAuthUrl>> {
    let instance = &own.instance;
    let stored_application = settings::given(&instance.configuration, settings::OAUTH_APPLICATION);
    let application = application(&app, &own.caller, stored_application).await?;
    let (secrets, _) = app.secrets.now(instance.id).await?;
    let stored = |key: &str| settings::given(&instance.configuration, key).map(str::to_owned);
    url(&app, &instance.connector, application.as_ref(), |name| {
        Ok(match name {
            "apiKey" => secrets.get(settings::OAUTH_API_KEY).cloned(),
            "callbackUrl" => {
                params.text(name).map(str::to_owned).or_else(|| stored(settings::OAUTH_CALLBACK_URL))
            }
            "scope" => params.text(name).map(str::to_owned).or_else(|| stored(settings::OAUTH_SCOPE)),
            name => params.text(name).map(str::to_owned),
        })
    })
}

/// The secret that clients send along is not needed.
fn url(
    app: &Context,
    element: &str,
    application: Option<&Application>,
    value: impl Fn(&str) -> Result<Option<String>, ApiError>,
) -> Answered<Json<OAuthUrl>> {
    let descriptor = connector(app, element)?.descriptor();
    let Some(oauth) = descriptor.authentication.sign_in() else {
        return Err(ApiError::rule("element", "has no sign-in: its credentials are in the configuration"));
    };
    let value = |name: &str| {
        let trimmed = value(name)?.map(|value| trimmed(&value).to_owned());
        Ok::<_, ApiError>(trimmed.filter(|value| !value.is_empty()))
    };
    let required = |name: &str| value(name)?.ok_or_else(|| ApiError::rule(name, "is required"));
    let client_id = match application {
        Some(application) if application.connector != descriptor.key => {
            return Err(ApiError::rule("application", "is an application of another connector"));
        }
        Some(application) => application.api_key.clone(),
        None => required("apiKey")?,
    };
    let challenge = value("codeChallenge")?;
    check_challenge(challenge.as_deref(), value("codeChallengeMethod")?.as_deref())?;
    let (scope, state) = (value("scope")?, value("state")?);
    let redirect_uri = required("callbackUrl")?;
    check_led_to(&redirect_uri).map_err(|rule| ApiError::rule("callbackUrl", &rule.to_string()))?;
    let sign_in = SignIn {
        client_id: &client_id,
        redirect_uri: &redirect_uri,
        scope: scope.as_deref(),
        state: state.as_deref().unwrap_or(descriptor.key),
        code_challenge: challenge.as_deref(),
    };
    let tenant = match application {
        Some(application) => application.tenant.clone(),
        None => value("tenant")?,
    };
    if let Some(invalid) = tenant.as_deref().and_then(check_tenant) {
        return Err(invalid.into());
    }
    let address = oauth.in_tenant(app.config.endpoints.url(&oauth.authorize), tenant.as_deref());
    let url = oauth::authorize_url(oauth, &address, &sign_in);
    let url = url.map_err(|_| {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "the configured authorize address is not a URL")
    })?;
    Ok(Json(OAuthUrl { oauth_url: url, element: descriptor.key }))
}

/// Base64 of a SHA-256 digest, without padding: 43 characters.
const CHALLENGE_BYTES: usize = 43;

/// PKCE with S256 alone: a challenge that is the verifier itself protects nothing.
pub(super) fn check_challenge(challenge: Option<&str>, method: Option<&str>) -> Result<(), ApiError> {
    if method.is_some_and(|method| method != "S256") {
        return Err(ApiError::rule("codeChallengeMethod", "must be S256"));
    }
    let is_digest = |text: &str| {
        text.len() == CHALLENGE_BYTES
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    match challenge {
        Some(challenge) if !is_digest(challenge) => {
            Err(ApiError::rule("codeChallenge", "must be a SHA-256 digest as 43 characters of base64url"))
        }
        None if method.is_some() => Err(ApiError::rule("codeChallenge", "is required with its method")),
        _ => Ok(()),
    }
}

pub(super) async fn health(State(app): State<Arc<Context>>) -> Answered<Json<Health>> {
    host_state::can_write(&app).await.map_err(ApiError::not_writable)?;
    Ok(Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_an_s256_digest_or_refused() {
        let digest = Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        let is_taken = |challenge, method| check_challenge(challenge, method).is_ok();
        assert!(is_taken(None, None) && is_taken(digest, None) && is_taken(digest, Some("S256")));
        for (challenge, method) in
            [(digest, Some("plain")), (Some("short"), None), (Some(""), Some("S256")), (None, Some("S256"))]
        {
            assert!(!is_taken(challenge, method), "{challenge:?} {method:?}");
        }
    }
}
