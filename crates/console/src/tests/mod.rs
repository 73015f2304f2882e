//! Pages against a scripted interface.

mod activity;
mod applications;
mod connect;
mod connect_scripted;
mod contents;
mod edit;
mod link;
mod log;
mod pages;
mod sessions;

use crate::Console;
use crate::shared::{Arrived, Inspector, Seal};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tower::ServiceExt as _;

pub(super) const HOST: &str = "console.example";

/// The console on a scripted interface, and what a browser keeps.
pub(super) struct Browser {
    router: Router,
    now: Arc<Mutex<DateTime<Utc>>>,
    /// What the interface was asked: method and address.
    asked: Arc<Mutex<Vec<String>>>,
    cookies: Mutex<Vec<(String, String)>>,
}

/// A page as it came.
pub(super) struct PageSeen {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl PageSeen {
    pub(super) fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn form_token(&self) -> String {
        let rest = self.text.split("name=\"form_token\" value=\"").nth(1).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }
}

/// Good enough to see that what was sealed for one purpose opens for no other.
struct Reversed;

impl Seal for Reversed {
    fn seal(&self, purpose: &str, plain: &[u8]) -> Option<String> {
        let text = [purpose.as_bytes(), b"|", plain].concat();
        Some(URL_SAFE_NO_PAD.encode(text.into_iter().rev().collect::<Vec<u8>>()))
    }

    fn open(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        let text: Vec<u8> = URL_SAFE_NO_PAD.decode(sealed).ok()?.into_iter().rev().collect();
        text.strip_prefix(format!("{purpose}|").as_bytes()).map(<[u8]>::to_vec)
    }
}

/// A receiver that refused what came.
struct Refusing;

impl Inspector for Refusing {
    fn arrived(&self, _: usize) -> Vec<Arrived> {
        let body = json!({ "message": HOSTILE }).to_string();
        let (event_id, said) = (HOSTILE.to_owned(), HOSTILE.to_owned());
        vec![Arrived { at_us: 0, event_id, answered: 503, said, is_signed: false, body }]
    }
}

impl Browser {
    pub(super) fn new() -> Self {
        Self::with(None)
    }

    pub(super) fn with(public_url: Option<&str>) -> Self {
        Self::of(public_url, None)
    }

    /// One that is signed in where a receiver runs beside.
    pub(super) async fn inspecting() -> Self {
        let browser = Self::of(None, Some(Arc::new(Refusing)));
        browser.get("/sign-in/once?key=once").await;
        browser
    }

    fn of(public_url: Option<&str>, inspector: Option<Arc<dyn Inspector>>) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        let link = Arc::new(Mutex::new(Some("once")));
        let api = Router::new().fallback(move |request: Request| {
            log.lock().unwrap().push(format!("{} {}", request.method(), request.uri()));
            let link = link.clone();
            async move {
                match request.uri().path().ends_with("/sessions/link") {
                    true => follow(request, &link).await,
                    false => interface(&request),
                }
            }
        });
        Self::with_api(api, asked, public_url, inspector)
    }

    /// On another interface.
    pub(super) fn on(api: Router, asked: Arc<Mutex<Vec<String>>>, public_url: Option<&str>) -> Self {
        Self::with_api(api, asked, public_url, None)
    }

    fn with_api(
        api: Router,
        asked: Arc<Mutex<Vec<String>>>,
        public_url: Option<&str>,
        inspector: Option<Arc<dyn Inspector>>,
    ) -> Self {
        let now = Arc::new(Mutex::new(crate::time::read(Some("2026-11-22T12:00:00Z")).unwrap()));
        let clock = now.clone();
        let router = crate::router(Console {
            api,
            seal: Arc::new(Reversed),
            clock: Arc::new(move || *clock.lock().unwrap()),
            public_url: public_url.map(str::to_owned),
            inspector,
            defaults: [(
                "pigeon".to_owned(),
                [("oauth.api.key".to_owned(), "known-client".to_owned())].into(),
            )]
            .into(),
        });
        Browser { router, now, asked, cookies: Mutex::default() }
    }

    /// One that is signed in.
    pub(super) async fn signed_in() -> Self {
        let browser = Self::new();
        assert_eq!(browser.get("/sign-in/once?key=once").await.status, StatusCode::SEE_OTHER);
        browser
    }

    /// What the browser keeps, as it stands in a request.
    pub(super) fn cookies_as_text(&self) -> String {
        self.cookies.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}; ")).collect()
    }

    pub(super) fn cookie_bytes(&self) -> usize {
        self.cookies_as_text().len()
    }

    /// What somebody may have copied.
    pub(super) fn copied_cookies(&self) -> Vec<(String, String)> {
        self.cookies.lock().unwrap().clone()
    }

    pub(super) fn put_back(&self, copied: Vec<(String, String)>) {
        *self.cookies.lock().unwrap() = copied;
    }

    pub(super) fn end_session(&self) {
        self.cookies.lock().unwrap().retain(|(name, _)| name != "carillon_session");
    }

    pub(super) async fn sign_in_again(&self) {
        let secrets = [("user_secret", "u"), ("organization_secret", "o")];
        assert_eq!(self.post("/sign-in", &secrets).await.status, StatusCode::SEE_OTHER);
    }

    pub(super) fn later(&self, time: TimeDelta) {
        *self.now.lock().unwrap() += time;
    }

    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    pub(super) async fn get(&self, path: &str) -> PageSeen {
        self.send("GET", path, &[], String::new()).await
    }

    pub(super) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> PageSeen {
        self.post_from(path, &[("origin", "http://console.example")], fields).await
    }

    pub(super) async fn post_from(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        fields: &[(&str, &str)],
    ) -> PageSeen {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send("POST", path, headers, body).await
    }

    pub(super) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> PageSeen {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, HOST);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        for (name, value) in self.cookies.lock().unwrap().iter() {
            request = request.header(header::COOKIE, format!("{name}={value}"));
        }
        let request = request.body(Body::from(body)).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 24).await.unwrap();
        self.keep(&parts.headers);
        PageSeen {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    fn keep(&self, headers: &HeaderMap) {
        let mut cookies = self.cookies.lock().unwrap();
        for cookie in headers.get_all(header::SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }
}

/// An instance whose every text would be markup.
pub(super) const HOSTILE: &str = r#"<img src=x onerror="alert(1)">'&"#;

/// Answers, and where a page behind this token is asked for, says that two rows can't be read.
fn interface(request: &Request) -> Response {
    let mut answer = answered(request);
    if request.uri().query().is_some_and(|query| query.contains("nextPage=damaged")) {
        answer.headers_mut().insert("elements-unreadable-count", 2.into());
    }
    answer
}

fn answered(request: &Request) -> Response {
    let authorization = request.headers().get(header::AUTHORIZATION).map(|value| value.to_str().unwrap());
    let Some(path) = request.uri().path().strip_prefix("/elements/api-v2") else {
        return error(StatusCode::NOT_FOUND, "there is nothing here");
    };
    if (path, authorization) == ("/sessions", Some("User u, Organization o")) {
        return axum::Json(session()).into_response();
    }
    if let Some(answer) = contents::answer(path, authorization) {
        return answer;
    }
    let known = authorization == Some("Session s");
    if !known && path != "/nope" {
        return error(StatusCode::UNAUTHORIZED, "`Authorization`: the secrets are not known");
    }
    match (request.method().as_str(), path) {
        ("GET", "/instances") => match request.uri().query().unwrap_or_default() {
            query if query.contains("mailbox=nobody") => axum::Json(json!([])).into_response(),
            query if query.contains("mailbox=%40") => error(StatusCode::BAD_REQUEST, "no address"),
            query if query.contains("searchText=none") => error(StatusCode::NOT_FOUND, "nothing matches"),
            _ => ([("elements-next-page-token", "next-token")], axum::Json(json!([instance()])))
                .into_response(),
        },
        ("GET", "/instances/counts") if request.uri().query().is_some_and(|query| query.contains("connector=kept")) => {
            axum::Json(json!({
                "total": 2, "byStatus": { "healthy": 2 }, "countedAt": "2026-11-21T00:00:00Z",
                "queued": { "count": 0, "atLeast": false }, "onTheWay": { "count": 0, "atLeast": false },
            }))
            .into_response()
        }
        ("GET", "/instances/counts") => ([("elements-unreadable-count", "1")], axum::Json(json!({
            "total": 1, "needSomebody": 1, "suspendedCallbacks": 1, "byStatus": { "suspended": 1 },
            "byConnector": { "gmail": 1 }, "queued": { "count": 1, "atLeast": false },
            "onTheWay": { "count": 0, "atLeast": false },
        })))
            .into_response(),
        ("GET", "/instances/events/analytics/accounts") => axum::Json(
            json!([{ "timestamp": "2026-11-22T00:00:00Z", "records": [{ "accountId": 1, "count": 41, "success": 40, "failed": 1 }] }]),
        )
        .into_response(),
        ("GET", "/instances/7") => {
            let mut one = instance();
            one["resources"] = json!([resource()]);
            one["configuration"]["event.notification.signature.key"] = "****".into();
            one["subscription"] = json!({ "status": "suspended", "reason": HOSTILE });
            axum::Json(one).into_response()
        }
        ("POST", "/instances/7/poll") => axum::Json(
            json!({ "resources": { "messages": { "changes": 2, "events": 2, "notifications": 1 } } }),
        )
        .into_response(),
        ("POST", "/instances/7/sign-in-link") => axum::Json(
            json!({ "url": "https://console.example/link?key=7.RANDOM", "expiresAt": "2026-11-25T12:00:00Z" }),
        )
        .into_response(),
        ("GET", "/instances/bulk" | "/applications" | "/elements") => axum::Json(json!([])).into_response(),
        ("DELETE", "/sessions") => StatusCode::OK.into_response(),
        ("DELETE", "/instances/7") => StatusCode::OK.into_response(),
        _ => log::answer(request, path).unwrap_or_else(|| error(StatusCode::NOT_FOUND, HOSTILE)),
    }
}

/// A link signs in once.
async fn follow(request: Request, link: &Mutex<Option<&str>>) -> Response {
    assert!(!request.headers().contains_key(header::AUTHORIZATION));
    let body = axum::body::to_bytes(request.into_body(), 1024).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    match link.lock().unwrap().take_if(|link| body["link"] == *link) {
        Some(_) => axum::Json(session()).into_response(),
        None => error(StatusCode::UNAUTHORIZED, "`link`: is not known"),
    }
}

fn session() -> Value {
    json!({ "sessionToken": "s", "expiresDate": "2026-11-23T00:00:00Z" })
}

fn error(status: StatusCode, message: &str) -> Response {
    (status, axum::Json(json!({ "requestId": "r-1", "message": message }))).into_response()
}

fn instance() -> Value {
    json!({
        "id": 7, "name": HOSTILE, "createdDate": "2026-11-22T11:00:00Z", "token": "the-token",
        "element": { "name": HOSTILE }, "tags": [HOSTILE], "valid": true, "disabled": false,
        "eventsEnabled": true, "eventsNotificationCallbackUrl": HOSTILE,
        "notices": [{ "date": "2026-11-22T11:00:00Z", "message": HOSTILE }],
        "configuration": { "event.poller.refresh_interval": "15" },
        "health": {
            "status": "backingOff", "reason": HOSTILE, "lastPoll": "2026-11-22T11:59:00Z",
            "lastPollWithinSeconds": 0, "nextPoll": "2026-11-22T12:00:30Z",
        },
        "waiting": { "count": 1, "atLeast": false }, "subscription": { "status": "suspended", "reason": HOSTILE },
        "push": { "active": false, "reason": HOSTILE, "lastHintAt": "2026-11-22T11:58:00Z" },
    })
}

fn resource() -> Value {
    json!({
        "name": HOSTILE, "instanceId": 7, "failures": 3, "error": HOSTILE, "frozen": false,
        "lastPoll": "2026-11-22T11:59:00Z", "nextPoll": "2026-11-22T12:05:00Z",
        "retryAt": "2026-11-22T12:00:30Z", "recordsToRetry": 1,
        "lastPush": { "hintAt": "2026-11-22T11:58:00Z", "latencyMilliseconds": 800 },
        "gaps": [{ "from": "2026-11-22T10:00:00Z", "to": "2026-11-22T10:30:00Z", "reason": HOSTILE }],
    })
}
