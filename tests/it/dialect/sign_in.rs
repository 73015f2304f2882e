//! Sign-ins with PKCE, the first one and again, through both providers' login pages.

use crate::world::{AUTHORIZATION, GMAIL_USER, OUTLOOK_USER, World, gmail_body, outlook_body};
use axum::Router;
use axum::body::Body;
use axum::extract::Query;
use http::{Request, header};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tower::ServiceExt as _;

/// The pair of RFC 7636, appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// Follows an address as the user does; gives the code and the state that came back.
async fn signed_in(login: Router, reply: &Value, user: &str) -> (String, String) {
    let url = url_of(reply);
    let path = url.splitn(4, '/').nth(3).unwrap();
    let request = Request::get(format!("/{path}&login_hint={user}")).body(Body::empty()).unwrap();
    let answer = login.oneshot(request).await.unwrap();
    let back = answer.headers()[header::LOCATION].to_str().unwrap().parse().unwrap();
    let Query(mut query) = Query::<BTreeMap<String, String>>::try_from_uri(&back).unwrap();
    let mut of = |name: &str| query.remove(name).unwrap();
    (of("code"), of("state"))
}

fn url_of(reply: &Value) -> &str {
    reply["oauthUrl"].as_str().unwrap()
}

#[track_caller]
fn is_invalid_grant(status: u16, body: &Value) {
    assert_eq!((status, &body["providerMessage"]), (400, &json!("invalid_grant")), "{body}");
    assert_eq!(body.get("code"), None, "{body}");
}

#[tokio::test]
async fn a_code_that_was_asked_for_with_a_challenge_needs_its_verifier_first_and_again() {
    for connector in ["gmail", "outlookemail"] {
        let world = World::new(171);
        let (login, user, body) = match connector {
            "gmail" => (world.google.router(), GMAIL_USER, gmail_body("")),
            _ => (world.microsoft.router(), OUTLOOK_USER, outlook_body("")),
        };
        let asked = json!({
            "apiKey": body["configuration"]["oauth.api.key"],
            "callbackUrl": body["configuration"]["oauth.callback.url"],
            "codeChallenge": CHALLENGE, "codeChallengeMethod": "S256", "state": "first",
        });
        let path = format!("/elements/{connector}/oauth/url");
        let url = world.call("POST", &path, &asked).await.body;
        let mut created = None;
        for data in [json!({}), json!({ "codeVerifier": "wrong" }), json!({ "codeVerifier": VERIFIER })] {
            let (code, state) = signed_in(login.clone(), &url, user).await;
            assert_eq!(state, "first");
            let mut body = body.clone();
            body["providerData"] = data;
            body["providerData"]["code"] = code.into();
            let reply = world.call("POST", "/instances", &body).await;
            match body["providerData"]["codeVerifier"] == VERIFIER {
                true => created = Some(reply.instance_id()),
                false => is_invalid_grant(reply.status, &reply.body),
            }
        }
        let id = created.unwrap();
        let again = format!("/instances/{id}/oauth/url?state=again&codeChallenge={CHALLENGE}");
        let url = world.get(&again).await;
        let client = asked["apiKey"].as_str().unwrap();
        assert!(url_of(&url).contains(&format!("client_id={client}")), "{url}");
        for (verifier, is_taken) in [("wrong", false), (VERIFIER, true)] {
            let (code, state) = signed_in(login.clone(), &url, user).await;
            assert_eq!(state, "again");
            let body = json!({ "providerData": { "code": code, "codeVerifier": verifier } });
            let reply = world.call("PATCH", &format!("/instances/{id}"), &body).await;
            if is_taken {
                assert_eq!((reply.status, &reply.body["valid"]), (200, &json!(true)), "{}", reply.body);
            } else {
                is_invalid_grant(reply.status, &reply.body);
            }
        }
    }
}

/// On every host, and before the provider sees the code: some take back what they gave for one that comes twice.
#[tokio::test]
async fn what_counts_once_is_taken_by_one_process_and_is_the_organizations_own() {
    let world = World::new(173);
    let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
    body["providerData"]["once"] = "a-state".into();
    let id = world.create(&body).await;
    let asked_count = world.google.token_requests_count();
    let path = format!("/instances/{id}");
    let others = world.another_process();
    for code in [body["providerData"]["code"].clone(), world.google.new_code(GMAIL_USER).into()] {
        body["providerData"]["code"] = code;
        let again = json!({ "providerData": body["providerData"] });
        for reply in
            [world.call("POST", "/instances", &body).await, world.patch_on(&others, &path, &again).await]
        {
            assert_eq!(
                (reply.status, &reply.body["code"]),
                (400, &json!("signInRepeated")),
                "{}",
                reply.body
            );
            let said = reply.body["message"].as_str().unwrap();
            assert!(said.contains("`providerData.once`") && !said.contains("a-state"), "{said}");
        }
    }
    assert_eq!(world.google.token_requests_count(), asked_count);
    world.admit_another("another-user-secret", "another-organization").await;
    let another = "User another-user-secret, Organization another-organization";
    let reply = world.call_as(another, "POST", "/instances", &body.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

#[tokio::test]
async fn a_challenge_that_protects_nothing_is_refused() {
    let world = World::new(172);
    let common = "/elements/gmail/oauth/url?apiKey=k&callbackUrl=https%3A%2F%2Fapp.example";
    for (query, field) in [
        (format!("codeChallenge={CHALLENGE}&codeChallengeMethod=plain"), "codeChallengeMethod"),
        ("codeChallenge=short".to_owned(), "codeChallenge"),
        ("codeChallengeMethod=S256".to_owned(), "codeChallenge"),
    ] {
        let reply = world.call_as(AUTHORIZATION, "GET", &format!("{common}&{query}"), "").await;
        assert_eq!(reply.status, 400, "{query}");
        assert!(reply.body["message"].as_str().unwrap().contains(&format!("`{field}`")), "{}", reply.body);
    }
}
