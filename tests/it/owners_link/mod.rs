//! The owner's link: whoever has it signs in to the mailbox, without an account here.

mod again;
mod attacks;
mod deaths;
mod new;
mod refused;

use crate::world::{GMAIL_USER, OUTLOOK_USER, Reply, World, body_of};
use axum::Router;
use axum::body::Body;
use axum::extract::Query;
use chrono::Duration;
use domain::ids::InstanceId;
use http::{Request, header};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tower::ServiceExt as _;

/// Where the host is reached, and where it takes users back.
const BACK: &str = "https://carillon.test/oauth/callback";
/// The pair of RFC 7636, appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CONNECTORS: [&str; 2] = ["gmail", "outlookemail"];

pub(crate) fn user(connector: &str) -> &'static str {
    if connector == "gmail" { GMAIL_USER } else { OUTLOOK_USER }
}

fn login_page(world: &World, connector: &str) -> Router {
    if connector == "gmail" { world.google.router() } else { world.microsoft.router() }
}

/// What an application's developer prepares, to come back here.
pub(crate) fn prepared(connector: &str, code: &str) -> Value {
    let mut body = body_of(connector, code);
    body["configuration"]["oauth.callback.url"] = BACK.into();
    body
}

pub(crate) async fn connected(world: &World, connector: &str) -> InstanceId {
    let code = match connector {
        "gmail" => world.google.new_code(GMAIL_USER),
        _ => world.microsoft.new_code(OUTLOOK_USER),
    };
    world.create(&prepared(connector, &code)).await
}

/// The provider wants its user to sign in again, and the instance knows.
pub(crate) async fn locked_out(world: &World, connector: &str, id: InstanceId) {
    match connector {
        "gmail" => world.google.revoke(GMAIL_USER),
        _ => world.microsoft.revoke(OUTLOOK_USER),
    }
    world.pass(Duration::minutes(70)).await;
    assert_eq!(world.shown(id).await["health"]["status"], "needsSignIn");
}

/// The token of a link for an instance.
pub(crate) async fn link_for(world: &World, id: InstanceId) -> String {
    let made = world.call("POST", &format!("/instances/{id}/sign-in-link"), &Value::Null).await;
    token_of(&made)
}

#[track_caller]
pub(crate) fn token_of(made: &Reply) -> String {
    assert_eq!(made.status, 200, "{}", made.body);
    let url = made.body["url"].as_str().unwrap();
    url.strip_prefix("https://carillon.test/link?key=").unwrap().to_owned()
}

/// Without an account.
async fn anybody(world: &World, path: &str, body: &Value) -> Reply {
    world.call_as("", "POST", path, &body.to_string()).await
}

async fn look(world: &World, token: &str) -> Reply {
    anybody(world, "/sign-in-links/look", &json!({ "link": token })).await
}

async fn status(world: &World, token: &str) -> Value {
    look(world, token).await.body["status"].clone()
}

/// The address of the provider's login.
async fn login(world: &World, token: &str, state: &str) -> String {
    let body = json!({ "link": token, "state": state, "codeChallenge": CHALLENGE });
    let told = anybody(world, "/sign-in-links/login", &body).await;
    assert_eq!(told.status, 200, "{}", told.body);
    told.body["oauthUrl"].as_str().unwrap().to_owned()
}

/// The user consents there: the code that they come back with.
async fn consent(page: Router, login: &str, user: &str, state: &str) -> String {
    let path = login.splitn(4, '/').nth(3).unwrap();
    let request = Request::get(format!("/{path}&login_hint={user}")).body(Body::empty()).unwrap();
    let answer = page.oneshot(request).await.unwrap();
    let back = answer.headers()[header::LOCATION].to_str().unwrap().to_owned();
    assert!(back.starts_with(BACK), "{back}");
    let back = back.parse().unwrap();
    let Query(mut query) = Query::<BTreeMap<String, String>>::try_from_uri(&back).unwrap();
    assert_eq!(query["state"], state);
    query.remove("code").unwrap()
}

fn returned(token: &str, code: &str) -> Value {
    json!({ "link": token, "providerData": { "code": code, "codeVerifier": VERIFIER } })
}

/// All of it, as this user.
pub(crate) async fn sign_in(world: &World, connector: &str, token: &str, user: &str) -> Reply {
    let login = login(world, token, "a-state").await;
    let code = consent(login_page(world, connector), &login, user, "a-state").await;
    anybody(world, "/sign-in-links/return", &returned(token, &code)).await
}
