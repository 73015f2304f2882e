//! Signing in for a time.

use super::answer::{Answered, Done};
use super::answers::account::Session;
use super::answers::moment::Moment;
use super::auth::{self, Platform};
use super::body::Body;
use super::error::ApiError;
use super::requests::account::SignInLink;
use super::visitor::Visitor;
use crate::context::Context;
use crate::sealing::Lookup;
use crate::signing_in::{self, SignedIn};
use crate::wrong_guesses::Network;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use std::sync::Arc;

/// A session for a user who gives their secrets.
pub(super) async fn begin(
    State(app): State<Arc<Context>>,
    _: Platform,
    headers: HeaderMap,
) -> Answered<Json<Session>> {
    let (user, organization) = auth::secrets(&app, &headers)?;
    Ok(shown(&signing_in::begin(&app, user, organization).await?))
}

/// A session for the holder of an unused link.
pub(super) async fn follow(
    State(app): State<Arc<Context>>,
    Visitor(visitor): Visitor,
    Body(wanted): Body<SignInLink>,
) -> Answered<Json<Session>> {
    match signing_in::follow(&app, &wanted.link).await? {
        Some(signed_in) => Ok(shown(&signed_in)),
        None => {
            let hash = app.sealer.lookup_hash(Lookup::SignInLink, &wanted.link);
            let rule = "`link`: was used, has expired, or is not known";
            let unknown = || ApiError::new(StatusCode::UNAUTHORIZED, rule);
            Err(auth::guessed(&app, &hash, Network::of(visitor), unknown).await)
        }
    }
}

/// Ends the caller's session.
pub(super) async fn end(State(app): State<Arc<Context>>, _: Platform, headers: HeaderMap) -> Answered<Done> {
    let token =
        auth::session(&headers).ok_or_else(|| ApiError::rule("Authorization", "needs `Session <token>`"))?;
    signing_in::end(&app, token).await?;
    Ok(Done)
}

fn shown(signed_in: &SignedIn) -> Json<Session> {
    let expires_date = Moment::of(signed_in.expires_at);
    Json(Session { session_token: signed_in.token.clone(), expires_date })
}
