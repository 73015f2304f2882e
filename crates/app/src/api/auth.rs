//! Who calls: `Authorization: User <secret>, Organization <secret>[, Element <token>]`.

use super::error::{ApiError, RequestId};
use crate::app::App;
use crate::audit::By;
use crate::ports::Actor;
use crate::sealing::Lookup;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use domain::ids::InstanceId;
use domain::instance::{Account, Instance};

/// A known caller: a user with the organization's secret, with an instance's token, or with both.
pub(super) struct Caller {
    pub(super) account: Account,
    /// The instance of the Element token, where one was given.
    pub(super) element: Option<Instance>,
    pub(super) by: By,
}

impl Caller {
    /// The instance of this id, if it is the caller's.
    pub(super) async fn instance(&self, app: &App, id: &str) -> Result<Instance, ApiError> {
        let id = InstanceId::parse(id).ok_or_else(ApiError::no_instance)?;
        let instance = app.0.ports.store.instance(id).await?;
        instance.filter(|instance| self.owns(instance)).ok_or_else(ApiError::no_instance)
    }

    /// The instance of the Element token.
    pub(super) fn element(&self) -> Result<&Instance, ApiError> {
        self.element
            .as_ref()
            .ok_or_else(|| ApiError::rule("Authorization", "needs `Element <instance token>`"))
    }

    fn owns(&self, instance: &Instance) -> bool {
        instance.deleted_at.is_none() && self.account.sees(&instance.account)
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let header =
            parts.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let given = Given::parse(header);
        let hash = |kind, secret: &str| app.0.sealer.lookup_hash(kind, secret);
        let user = given.user.ok_or_else(|| unauthorized("`User <user secret>` is missing"))?;
        if given.organization.is_none() && given.element.is_none() {
            return Err(unauthorized(
                "`Organization <organization secret>` or `Element <instance token>` is missing",
            ));
        }
        let organization = given.organization.map(|secret| hash(Lookup::Organization, secret));
        let account = app.0.ports.store.account(&hash(Lookup::User, user), organization.as_ref()).await?;
        let account = account.ok_or_else(|| unauthorized("the secrets are not known"))?;
        let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
        let by = By { actor: Actor::User { user_id: account.user_id }, request_id };
        let mut caller = Caller { account, element: None, by };
        if let Some(token) = given.element {
            let instance = app.0.ports.store.instance_by_token(&hash(Lookup::InstanceToken, token)).await?;
            let instance = instance.filter(|instance| caller.owns(instance));
            caller.element = Some(instance.ok_or_else(|| unauthorized("the instance token is not known"))?);
        }
        Ok(caller)
    }
}

fn unauthorized(what: &str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, format!("`Authorization`: {what}"))
}

/// The parts of the header, in any order, their kinds in any case.
#[derive(Default, Debug, PartialEq)]
struct Given<'a> {
    user: Option<&'a str>,
    organization: Option<&'a str>,
    element: Option<&'a str>,
}

impl<'a> Given<'a> {
    fn parse(header: &'a str) -> Self {
        let mut given = Given::default();
        for part in header.split(',') {
            let Some((kind, value)) = part.trim().split_once(char::is_whitespace) else { continue };
            let value = Some(value.trim()).filter(|value| !value.is_empty());
            match kind.to_ascii_lowercase().as_str() {
                "user" => given.user = value,
                "organization" => given.organization = value,
                "element" => given.element = value,
                _ => {}
            }
        }
        given
    }
}

#[cfg(test)]
mod tests {
    use super::Given;

    #[test]
    fn parts_come_in_any_order_and_case() {
        let expected = Given { user: Some("u="), organization: Some("o"), element: Some("e=") };
        assert_eq!(Given::parse("User u=, Organization o, Element e="), expected);
        assert_eq!(Given::parse("ELEMENT  e= ,organization o,user u="), expected);
        assert_eq!(Given::parse("Bearer x"), Given::default());
        assert_eq!(Given::parse("User , Organization "), Given::default());
    }
}
