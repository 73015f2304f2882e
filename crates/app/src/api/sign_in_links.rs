//! Links by which owners of mailboxes sign in: made by users, followed by anybody who has one. The token stands in
//! bodies, so that no log of addresses has it.

use super::answer::Answered;
use super::answers::element::OAuthUrl;
use super::answers::sign_in_link::{LinkOutcome, LinkState, MadeLink};
use super::auth::{Own, Platform};
use super::body::Body;
use super::elements::check_challenge;
use super::error::ApiError;
use super::requests::sign_in_link::{
    InstanceLinkRequest, LinkLoginRequest, LinkRequest, LinkReturnRequest, NewLinkRequest,
};
use super::visitor::Visitor;
use crate::context::Context;
use crate::instances::Refusal;
use crate::owners_link::{self, NewMailbox, NoLink, Shown};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::sign_in_link::LinkStanding;
use std::sync::Arc;

impl From<NoLink> for ApiError {
    fn from(none: NoLink) -> Self {
        let gone = |why: &str| ApiError::new(StatusCode::GONE, why);
        match none {
            NoLink::Unknown => ApiError::not_found("link"),
            NoLink::TooMany(wait_s) => ApiError::too_many("too many links that are none", Some(wait_s)),
            NoLink::Over(LinkStanding::Expired) => gone("the link has expired"),
            NoLink::Over(LinkStanding::Exhausted) => gone("the link was tried too often"),
            NoLink::Over(LinkStanding::Spent(_) | LinkStanding::Open) => gone("the link was used already"),
            NoLink::Refused(Refusal::NotFound) => gone("what the link was for is no longer there"),
            NoLink::Refused(refusal) => refusal.into(),
        }
    }
}

pub(super) async fn for_instance(
    State(app): State<Arc<Context>>,
    own: Own,
    Body(wanted): Body<InstanceLinkRequest>,
) -> Answered<Json<MadeLink>> {
    let made = owners_link::for_instance(&app, &own.caller.by, &own.instance, wanted.terms()).await?;
    Ok(Json(made.into()))
}

pub(super) async fn for_new(
    State(app): State<Arc<Context>>,
    Platform(caller): Platform,
    Body(wanted): Body<NewLinkRequest>,
) -> Answered<Json<MadeLink>> {
    let connector = app.connector(&wanted.element).cloned();
    let connector =
        connector.ok_or_else(|| ApiError::rule("element.key", "is not a connector's key or id"))?;
    let terms = wanted.terms();
    let mailbox = NewMailbox {
        by: caller.by,
        account: caller.account,
        items: wanted.configuration,
        name: wanted.name.unwrap_or_else(|| connector.descriptor().name.to_owned()),
        tags: wanted.tags.unwrap_or_default(),
        connector,
    };
    Ok(Json(owners_link::for_new(&app, mailbox, terms).await?.into()))
}

/// Spends nothing.
pub(super) async fn look(
    State(app): State<Arc<Context>>,
    Visitor(visitor): Visitor,
    Body(LinkRequest { link }): Body<LinkRequest>,
) -> Answered<Json<LinkState>> {
    Ok(Json(owners_link::look(&app, &Shown { token: &link, visitor }).await?.into()))
}

/// Spends nothing either: whoever asks remembers the state.
pub(super) async fn login(
    State(app): State<Arc<Context>>,
    Visitor(visitor): Visitor,
    Body(asked): Body<LinkLoginRequest>,
) -> Answered<Json<OAuthUrl>> {
    check_challenge(Some(&asked.code_challenge), None)?;
    let shown = Shown { token: &asked.link, visitor };
    let told = owners_link::login(&app, &shown, (&asked.state, &asked.code_challenge)).await?;
    Ok(Json(OAuthUrl { oauth_url: told.0, element: told.1.descriptor().key }))
}

pub(super) async fn finish(
    State(app): State<Arc<Context>>,
    Visitor(visitor): Visitor,
    Body(back): Body<LinkReturnRequest>,
) -> Answered<Json<LinkOutcome>> {
    let shown = Shown { token: &back.link, visitor };
    Ok(Json(owners_link::finish(&app, &shown, back.provider_data).await?.into()))
}
