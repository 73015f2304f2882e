//! Who calls: `Authorization: User <secret>, Organization <secret>[, Element <token>]`; `Session <token>` stands for
//! the first two.

use super::error::{ApiError, RequestId, Requester};
use super::visitor::Visitor;
use crate::access::{self, Admission, ShownSecrets};
use crate::audit::By;
use crate::config::admin_key_digest;
use crate::context::Context;
use crate::ports::{Actor, Counted, LookupHash};
use crate::sealing::Lookup;
use crate::sight::Sight;
use crate::signing_in;
use crate::wrong_guesses::Network;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ids::InstanceId;
use domain::instance::{Account, Instance};
use std::sync::Arc;

/// A known caller: a user with the organization's secret, with an instance's token, or with both.
pub(super) struct Caller {
    pub(super) account: Account,
    /// The instance of the Element token, where one was given.
    pub(super) element: Option<Instance>,
    /// The organization's secret was given. A token alone reaches no further than its own instance: whoever has it
    /// may be told of one mailbox, not of all.
    has_organization: bool,
    /// A person in a browser, and not an application.
    pub(super) is_in_session: bool,
    pub(super) by: By,
}

impl Caller {
    /// The instance of this id, if it is the caller's.
    pub(super) async fn instance(&self, app: &Context, id: &str) -> Result<Instance, ApiError> {
        let id = InstanceId::parse(id).ok_or_else(ApiError::no_instance)?;
        self.sight().instance(app, id).await?.ok_or_else(ApiError::no_instance)
    }

    /// The instance of the Element token.
    pub(super) fn element(&self) -> Result<&Instance, ApiError> {
        self.element.as_ref().ok_or_else(|| unauthorized("needs `Element <instance token>`"))
    }

    /// The only instance that the caller reaches, where it is not all of the account's.
    pub(super) fn only(&self) -> Option<&Instance> {
        self.element.as_ref().filter(|_| !self.has_organization)
    }

    pub(super) fn sight(&self) -> Sight<'_> {
        Sight { account: &self.account, only: self.only() }
    }
}

/// A caller with the organization's secret, for what is not about one instance.
pub(super) struct Platform(pub(super) Caller);

impl FromRequestParts<Arc<Context>> for Platform {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<Context>) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, app).await?;
        match caller.has_organization {
            true => Ok(Platform(caller)),
            false => Err(ApiError::forbidden(
                "`Authorization`: needs `Organization <organization secret>`: an instance's token is for that instance",
            )),
        }
    }
}

impl FromRequestParts<Arc<Context>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<Context>) -> Result<Self, ApiError> {
        Caller::of(parts, app, Counted::Requests).await
    }
}

impl Caller {
    async fn of(parts: &mut Parts, app: &Arc<Context>, what: Counted) -> Result<Self, ApiError> {
        let request_id = request_id(parts);
        let network = network(parts).await;
        let given = HeaderParts::parse(&parts.headers);
        let shown = match given.session {
            Some(token) => in_session(app, token, network).await?,
            None => given.hashes(app, network)?,
        };
        let account = match access::admit(app, &shown, what).await? {
            Admission::Known(account) => account,
            Admission::Unknown => return Err(unauthorized(given.unknown())),
            Admission::TooMany { wait_s } => return Err(too_many(app, wait_s)),
            Admission::Guesses { wait_s } => return Err(guesses(wait_s)),
        };
        if let Some(requester) = parts.extensions.get::<Requester>() {
            requester.is(account.organization_id);
        }
        let element = match given.element {
            Some(token) => Some(
                access::instance_of_token(app, &account, token)
                    .await?
                    .ok_or_else(|| unauthorized("the instance token is not known"))?,
            ),
            None => None,
        };
        let by = By { actor: Actor::User { user_id: account.user_id }, request_id };
        let is_in_session = given.session.is_some();
        Ok(Caller { account, element, has_organization: shown.organization.is_some(), is_in_session, by })
    }
}

async fn network(parts: &mut Parts) -> Network {
    let Ok(Visitor(visitor)) = Visitor::from_request_parts(parts, &()).await;
    Network::of(visitor)
}

/// The hashes of the secrets that a session stands for.
async fn in_session(app: &Context, token: &str, network: Network) -> Result<ShownSecrets, ApiError> {
    match signing_in::secrets(app, token).await? {
        Some((user, organization)) => {
            Ok(ShownSecrets { user, organization: Some(organization), network: None })
        }
        None => {
            let hash = app.sealer.lookup_hash(Lookup::Session, token);
            let unknown = || unauthorized("the session is not known, or has ended");
            Err(guessed(app, &hash, network, unknown).await)
        }
    }
}

/// The answer to a secret that nobody has, whatever kind it is of.
pub(super) async fn guessed(
    app: &Context,
    secret: &LookupHash,
    network: Network,
    unknown: impl FnOnce() -> ApiError,
) -> ApiError {
    match access::refuse(app, (secret, None), network).await {
        Admission::Guesses { wait_s } => guesses(wait_s),
        _ => unknown(),
    }
}

/// The hashes of both secrets, where they were shown.
pub(super) fn secrets(app: &Context, headers: &HeaderMap) -> Result<(LookupHash, LookupHash), ApiError> {
    let given = HeaderParts::parse(headers);
    match given.session {
        // Or a session could be prolonged for ever.
        Some(_) => Err(unauthorized("needs both secrets: a session can't begin another")),
        None => {
            let given = given.hashes(app, Network::of(None))?;
            Ok((
                given.user,
                given
                    .organization
                    .ok_or_else(|| unauthorized("`Organization <organization secret>` is missing"))?,
            ))
        }
    }
}

/// The token of the caller's session, where they have one.
pub(super) fn session(headers: &HeaderMap) -> Option<&str> {
    HeaderParts::parse(headers).session
}

fn request_id(parts: &Parts) -> String {
    parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default()
}

/// One too many in this minute has to wait for the next.
fn too_many(app: &Context, wait_s: u64) -> ApiError {
    let limit = app.config.requests_per_minute;
    ApiError::too_many(format!("more than {limit} requests of the organization in a minute"), Some(wait_s))
}

/// Who tries secrets out waits for the next minute; right secrets do not.
fn guesses(wait_s: u64) -> ApiError {
    ApiError::too_many(
        "too many unknown secrets were sent from there, or for this organization",
        Some(wait_s),
    )
}

/// A caller, and the instance that the path names, or else the one of the Element token.
pub(super) struct Own {
    pub(super) caller: Caller,
    pub(super) instance: Instance,
}

impl FromRequestParts<Arc<Context>> for Own {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<Context>) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let path = RawPathParams::from_request_parts(parts, app).await;
        let path = path.map_err(|_| ApiError::bad("the path is not UTF-8"))?;
        let named = |name: &str| path.iter().find(|(key, _)| *key == name).map(|(_, value)| value);
        let instance = match named("id") {
            Some(id) => caller.instance(app, id).await?,
            None => caller.element()?.clone(),
        };
        if let Some(element) = named("element") {
            let connector = app.connector(element).ok_or_else(|| ApiError::not_found("connector"))?;
            if connector.descriptor().key != instance.connector {
                return Err(ApiError::no_instance());
            }
        }
        Ok(Own { caller, instance })
    }
}

/// In a time that tells nothing of how much of it is right.
fn is_admin_key(app: &Context, digest: &LookupHash) -> bool {
    let keyed = |digest: &LookupHash| app.sealer.lookup_hash(Lookup::AdminKey, &STANDARD.encode(digest));
    app.config.admin_key_digest.is_some_and(|configured| {
        app.sealer.is_lookup_hash(Lookup::AdminKey, &STANDARD.encode(digest), &keyed(&configured))
    })
}

/// Who may administer: the host's own key, for every organization; or a user who sees all of theirs, for that one.
pub(super) struct Administrator {
    /// The one organization, where it is not all.
    organization_id: Option<u32>,
    pub(super) by: By,
}

impl Administrator {
    /// Whether this organization is theirs to administer.
    pub(super) fn of(&self, organization_id: u32) -> Result<(), ApiError> {
        match self.organization_id {
            Some(own) if own != organization_id => Err(ApiError::not_found("organization")),
            _ => Ok(()),
        }
    }

    /// Whether all organizations are.
    pub(super) fn of_all(&self) -> Result<(), ApiError> {
        match self.organization_id {
            Some(_) => Err(ApiError::forbidden("`Authorization`: needs `Admin <key>`")),
            None => Ok(()),
        }
    }
}

impl FromRequestParts<Arc<Context>> for Administrator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<Context>) -> Result<Self, ApiError> {
        if let Some(key) = HeaderParts::parse(&parts.headers).admin {
            let digest = admin_key_digest(key);
            let is_it = is_admin_key(app, &digest);
            let by = By { actor: Actor::Administrator, request_id: request_id(parts) };
            if is_it {
                return Ok(Administrator { organization_id: None, by });
            }
            let unknown = || unauthorized("the administrator's key is not known");
            return Err(guessed(app, &digest, network(parts).await, unknown).await);
        }
        let caller = Caller::of(parts, app, Counted::Administration).await?;
        if caller.account.sees_own_only || !caller.has_organization {
            return Err(ApiError::forbidden("only a user who sees all of the organization may do this"));
        }
        Ok(Administrator { organization_id: Some(caller.account.organization_id), by: caller.by })
    }
}

fn unauthorized(what: &str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, format!("`Authorization`: {what}"))
}

/// The parts of the header, in any order, their kinds in any case.
#[derive(Default, Debug, PartialEq)]
pub(super) struct HeaderParts<'a> {
    pub(super) user: Option<&'a str>,
    pub(super) organization: Option<&'a str>,
    pub(super) element: Option<&'a str>,
    pub(super) admin: Option<&'a str>,
    pub(super) session: Option<&'a str>,
}

impl<'a> HeaderParts<'a> {
    fn hashes(&self, app: &Context, network: Network) -> Result<ShownSecrets, ApiError> {
        let user = self.user.ok_or_else(|| unauthorized("`User <user secret>` is missing"))?;
        if self.organization.is_none() && self.element.is_none() {
            return Err(unauthorized(
                "`Organization <organization secret>` or `Element <instance token>` is missing",
            ));
        }
        let hash = |kind, secret: &str| app.sealer.lookup_hash(kind, secret);
        Ok(ShownSecrets {
            user: hash(Lookup::User, user),
            organization: self.organization.map(|secret| hash(Lookup::Organization, secret)),
            network: Some(network),
        })
    }

    fn unknown(&self) -> &'static str {
        match self.session {
            Some(_) => "the secrets of the session were replaced",
            None => "the secrets are not known",
        }
    }

    fn parse(headers: &'a HeaderMap) -> Self {
        let header = headers.get("authorization").and_then(|value| value.to_str().ok());
        HeaderParts::read(header.unwrap_or_default())
    }

    pub(super) fn read(header: &'a str) -> Self {
        let mut given = HeaderParts::default();
        for part in header.split(',') {
            // Some clients write a colon behind the kind.
            let part = part.trim();
            let Some((kind, value)) = part.split_once([' ', '\t', ':']) else { continue };
            let value = value.trim_start().trim_start_matches(':');
            let value = Some(value.trim()).filter(|value| !value.is_empty());
            match kind.to_ascii_lowercase().as_str() {
                "user" => given.user = value,
                "organization" => given.organization = value,
                "element" => given.element = value,
                "admin" => given.admin = value,
                "session" => given.session = value,
                _ => {}
            }
        }
        given
    }
}

#[cfg(test)]
mod tests {
    use super::HeaderParts;

    #[test]
    fn parts_come_in_any_order_and_case() {
        let expected = HeaderParts {
            user: Some("u="),
            organization: Some("o"),
            element: Some("e="),
            ..HeaderParts::default()
        };
        assert_eq!(HeaderParts::read("User u=, Organization o, Element e="), expected);
        assert_eq!(HeaderParts::read("ELEMENT  e= ,organization o,user u="), expected);
        assert_eq!(HeaderParts::read("User: u=, Organization:o, Element : e="), expected);
        assert_eq!(HeaderParts::read("Bearer x"), HeaderParts::default());
        assert_eq!(HeaderParts::read("User , Organization "), HeaderParts::default());
    }
}
