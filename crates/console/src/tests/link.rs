//! The page of an owner's link, in browsers without an account.

use super::{Browser, HOSTILE, PageSeen, error};
use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// A token as links have it.
const KEY: &str = "/link?key=7.good";

/// What the interface was asked: where, and with what.
type Asked = Arc<Mutex<Vec<(String, Value)>>>;

/// An interface that knows links, and nobody with an account.
async fn links(request: Request, bodies: Asked) -> Response {
    let path = request.uri().path().rsplit('/').next().unwrap().to_owned();
    let is_of_anybody = request.headers().get(header::AUTHORIZATION).is_none();
    let bytes = axum::body::to_bytes(request.into_body(), 1 << 16).await.unwrap();
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    bodies.lock().unwrap().push((path.clone(), body.clone()));
    let link = body["link"].as_str().unwrap_or_default().to_owned();
    match (path.as_str(), link.as_str()) {
        _ if !is_of_anybody => error(StatusCode::IM_A_TEAPOT, "a session has no place here"),
        (_, "7.none") => error(StatusCode::NOT_FOUND, "no such link"),
        (_, "7.deleted") => error(StatusCode::GONE, "it is gone"),
        (_, "7.guess") => error(StatusCode::TOO_MANY_REQUESTS, "too many"),
        ("look", status @ ("7.used" | "7.expired" | "7.exhausted")) => seen(&status[2..]),
        ("look", _) => seen("open"),
        ("login", _) => {
            let state = body["state"].as_str().unwrap();
            axum::Json(json!({ "oauthUrl": format!("https://login.example/authorize?state={state}") }))
                .into_response()
        }
        ("return", _) => returned(body["providerData"]["code"].as_str().unwrap()),
        _ => error(StatusCode::UNAUTHORIZED, "`Authorization`: is missing"),
    }
}

fn seen(status: &str) -> Response {
    axum::Json(json!({
        "status": status, "askedBy": HOSTILE, "element": "pigeon", "elementName": "Pigeon Post", "again": true,
        "reads": ["changed-messages"], "scopes": [HOSTILE], "expiresAt": "2026-11-25T12:00:00Z",
    }))
    .into_response()
}

fn returned(code: &str) -> Response {
    match code {
        "good" => axum::Json(json!({
            "askedBy": HOSTILE, "element": "pigeon", "elementName": "Pigeon Post", "again": true,
            "mailbox": HOSTILE, "readUntil": "2026-11-14T11:00:00Z", "polled": true,
        }))
        .into_response(),
        "other" => error(StatusCode::CONFLICT, "the sign-in is to another mailbox than the link is for"),
        "bad" => error(StatusCode::BAD_REQUEST, "invalid_grant"),
        "twice" => {
            let body = json!({ "message": "it came before", "code": "signInRepeated" });
            (StatusCode::BAD_REQUEST, axum::Json(body)).into_response()
        }
        _ => error(StatusCode::BAD_GATEWAY, "the provider fails"),
    }
}

fn browser() -> (Browser, Asked) {
    let bodies = Asked::default();
    let log = bodies.clone();
    let api = Router::new().fallback(move |request: Request| links(request, log.clone()));
    (Browser::on(api, Arc::default(), Some("https://console.example")), bodies)
}

fn number(page: &PageSeen) -> String {
    let rest = page.text.split("name=\"form_number\" value=\"").nth(1).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

/// As browsers post from a page that tells nobody where it is.
const OWN: [(&str, &str); 2] = [("origin", "null"), ("sec-fetch-site", "same-origin")];

/// The button, and where it leads: the state that comes back.
async fn pressed(browser: &Browser) -> String {
    let page = browser.get(KEY).await;
    let fields = [("key", "7.good"), ("form_number", &number(&page))];
    let onward = browser.post_from("/link", &OWN, &fields).await;
    assert_eq!(onward.status, StatusCode::OK, "{}", onward.text);
    assert!(
        onward.text.contains("http-equiv=\"refresh\" content=\"0; url=https://login.example/"),
        "{}",
        onward.text
    );
    onward.text.split("state=").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

async fn come_back(browser: &Browser, query: &str) -> PageSeen {
    let back = browser.get(&format!("/oauth/callback?{query}")).await;
    assert_eq!(back.status, StatusCode::SEE_OTHER, "{}", back.text);
    assert_eq!(back.location(), "https://console.example/link?key=7.good");
    browser.get(KEY).await
}

#[track_caller]
fn assert_strict(page: &PageSeen) {
    let header = |name: &str| page.headers.get(name).map_or("", |value| value.to_str().unwrap());
    assert_eq!(header("referrer-policy"), "no-referrer");
    assert_eq!(header("x-robots-tag"), "noindex, nofollow");
    assert_eq!((header("cache-control"), header("x-frame-options")), ("no-store", "DENY"));
    let policy = header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert!(!policy.contains("script-src") && !policy.contains("connect-src"), "{policy}");
    assert!(!page.text.contains("<script") && !page.text.contains("<nav") && !page.text.contains(HOSTILE));
    assert!(page.text.contains("<meta name=\"robots\" content=\"noindex, nofollow\">"));
    assert_eq!((page.text.matches("<h1>").count(), page.text.matches("<main").count()), (1, 1));
}

#[tokio::test]
async fn opening_shows_who_asks_and_does_nothing() {
    let (browser, asked) = browser();
    for _ in 0..3 {
        let page = browser.get(KEY).await;
        assert_eq!(page.status, StatusCode::OK);
        assert_strict(&page);
        for text in [
            "asks you to sign in to your Pigeon Post mailbox again",
            "changed messages",
            "Sign in at Pigeon Post",
        ] {
            assert!(page.text.contains(text), "{text}: {}", page.text);
        }
    }
    assert_eq!(browser.send("HEAD", KEY, &[], String::new()).await.status, StatusCode::OK);
    assert!(asked.lock().unwrap().iter().all(|(path, _)| path == "look"));
}

#[tokio::test]
async fn an_owner_goes_through_the_login_and_learns_what_was_missed() {
    let (browser, asked) = browser();
    let state = pressed(&browser).await;
    let done = come_back(&browser, &format!("state={state}&code=good")).await;
    assert_strict(&done);
    for text in ["You are signed in again", "8 days", "2026-11-14 11:00:00 UTC", "After more than a week"] {
        assert!(done.text.contains(text), "{text}: {}", done.text);
    }
    let asked = asked.lock().unwrap();
    let login = &asked.iter().find(|(path, _)| path == "login").unwrap().1;
    let ended = &asked.iter().find(|(path, _)| path == "return").unwrap().1;
    let verifier = ended["providerData"]["codeVerifier"].as_str().unwrap();
    use base64::Engine as _;
    let digest = ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes());
    let challenge = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest);
    assert_eq!(login["codeChallenge"], challenge);
}

/// What comes back counts once, and in the browser that it began in.
#[tokio::test]
async fn a_return_belongs_to_its_browser() {
    let (owner, asked) = browser();
    let state = pressed(&owner).await;
    let (other, others) = browser();
    other.get(KEY).await;
    let forged = other.get(&format!("/oauth/callback?state={state}&code=good")).await;
    assert!(forged.location().starts_with("/sign-in?"), "{}", forged.location());
    assert!(others.lock().unwrap().iter().all(|(path, _)| path == "look"));
    for wrong in [state.replace('.', ".x"), format!("{state}x"), String::new()] {
        let refused = owner.get(&format!("/oauth/callback?state={wrong}&code=good")).await;
        assert!(refused.location().starts_with("/sign-in?"), "{wrong}");
    }
    let looked =
        owner.send("HEAD", &format!("/oauth/callback?state={state}&code=good"), &[], String::new()).await;
    assert_eq!(looked.status, StatusCode::NO_CONTENT);
    assert!(asked.lock().unwrap().iter().all(|(path, _)| path != "return"), "nothing was ended yet");
    let copied = owner.copied_cookies();
    come_back(&owner, &format!("state={state}&code=good")).await;
    let again = owner.get(&format!("/oauth/callback?state={state}&code=good")).await;
    assert!(again.location().starts_with("/sign-in?"), "it is spent");
    owner.put_back(copied);
    come_back(&owner, &format!("state={state}&code=good")).await;
    let asked = asked.lock().unwrap();
    let returns: Vec<_> = asked.iter().filter(|(path, _)| path == "return").collect();
    let once = |(_, body): &&(String, Value)| body["providerData"]["once"] == state.as_str();
    assert!(
        returns.len() == 2 && returns.iter().all(once),
        "with the cookies of before the interface refuses"
    );
}

/// The page of who pressed the button in one tab and looks in another stays what it is.
#[tokio::test]
async fn what_goes_wrong_is_said_on_the_link_page() {
    for (query, said) in [
        ("error=access_denied&error_description=x", "You did not agree at the provider"),
        ("error=server_error", "(server_error)"),
        ("", "without an answer"),
        ("code=other", "another mailbox than the link is for"),
        ("code=bad", "did not accept this sign-in"),
        ("code=twice", "may have ended well"),
        ("code=later", "did not work just now"),
    ] {
        let (browser, _) = browser();
        let state = pressed(&browser).await;
        let page = come_back(&browser, &format!("state={state}&{query}")).await;
        assert!(page.text.contains(said) && page.text.contains("role=\"alert\""), "{query}: {}", page.text);
        assert!(page.text.contains("Sign in at Pigeon Post"), "it can be tried again");
        assert_strict(&page);
    }
    let (browser, _) = browser();
    let state = pressed(&browser).await;
    let page = come_back(&browser, &format!("state={state}&error=%3Cb%3E%0d%0aX-Evil:%201")).await;
    assert!(!page.text.contains("<b>") && page.headers.get("x-evil").is_none(), "{}", page.text);
}

/// A form of another site has no number, whatever it says of itself.
#[tokio::test]
async fn the_button_is_of_this_page_and_browser() {
    let (browser, asked) = browser();
    let page = browser.get(KEY).await;
    let good = number(&page);
    for (headers, status) in [
        (vec![("origin", "https://evil.example")], StatusCode::FORBIDDEN),
        (vec![("origin", "null"), ("sec-fetch-site", "cross-site")], StatusCode::FORBIDDEN),
        (vec![("sec-fetch-site", "same-site")], StatusCode::FORBIDDEN),
    ] {
        let refused =
            browser.post_from("/link", &headers, &[("key", "7.good"), ("form_number", &good)]).await;
        assert_eq!(refused.status, status, "{headers:?}");
    }
    for number in ["", "another", &good[1..]] {
        let shown = browser.post_from("/link", &OWN, &[("key", "7.good"), ("form_number", number)]).await;
        assert!(shown.text.contains("press the button once more"), "{}", shown.text);
    }
    assert!(asked.lock().unwrap().iter().all(|(path, _)| path == "look"));
    let elsewhere = browser.post_from("/sign-in", &OWN, &[("user_secret", "u")]).await;
    assert_eq!(elsewhere.status, StatusCode::FORBIDDEN, "other forms say where they come from");
}

#[tokio::test]
async fn a_link_that_leads_nowhere_says_so() {
    let (browser, _) = browser();
    for (token, status, said) in [
        ("7.none", StatusCode::NOT_FOUND, "not known here"),
        ("7.deleted", StatusCode::GONE, "be used any more"),
        ("7.guess", StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
        ("7.used", StatusCode::GONE, "This link was used"),
        ("7.expired", StatusCode::GONE, "has expired"),
        ("7.exhausted", StatusCode::GONE, "tried too often"),
        (&"x".repeat(300), StatusCode::NOT_FOUND, "not known here"),
    ] {
        let page = browser.get(&format!("/link?key={token}")).await;
        assert!(page.status == status && page.text.contains(said), "{token}: {} {}", page.status, page.text);
        assert_strict(&page);
        assert!(!page.text.contains("<form"), "{token}");
    }
}

/// Whoever has an account makes one, which is shown once.
#[tokio::test]
async fn a_user_makes_a_link_and_sees_it_once() {
    let browser = Browser::signed_in().await;
    let form = browser.get("/instances/7/sign-in-link").await;
    let token = form.form_token();
    let fields = [("form_token", token.as_str()), ("asked_by", "Example Ltd"), ("lasts", "86400")];
    let made = browser.post("/instances/7/sign-in-link", &fields).await;
    assert!(made.text.contains("<code>https://console.example/link?key=7.RANDOM</code>"), "{}", made.text);
    assert!(browser.asked().contains(&"POST /elements/api-v2/instances/7/sign-in-link".to_owned()));
    assert!(!browser.get("/instances/7/sign-in-link").await.text.contains("RANDOM"));
    let forged = browser.post("/instances/7/sign-in-link", &fields[1..]).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
}
