//! What the tests of this crate call the doubles with.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use http::{HeaderMap, Method};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::clock::Clock;

pub(crate) const START_US: i64 = 1_795_347_600_000_000; // 2026-11-22T11:40:00Z

/// Virtual time.
#[derive(Clone)]
pub(crate) struct Time(Arc<AtomicI64>);

impl Time {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(START_US)))
    }

    pub(crate) fn clock(&self) -> Clock {
        let now = Arc::clone(&self.0);
        Clock::new(move || now.load(Ordering::Relaxed))
    }

    pub(crate) fn advance_s(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }

    pub(crate) fn advance_us(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::Relaxed);
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Got {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Calls a router, with the same headers each time.
#[derive(Clone)]
pub(crate) struct Caller {
    router: Router,
    headers: Vec<(String, String)>,
}

impl Caller {
    pub(crate) fn new(router: Router) -> Self {
        Self { router, headers: Vec::new() }
    }

    /// The same caller with a header more.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut caller = self.clone();
        caller.headers.push((name.to_owned(), value.to_owned()));
        caller
    }

    pub(crate) fn with_token(&self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    /// Calls an address that may hold spaces, as a filter does.
    pub(crate) async fn get(&self, uri: &str) -> Got {
        self.send(Method::GET, &uri.replace(' ', "%20"), Vec::new()).await
    }

    pub(crate) async fn post_form(&self, uri: &str, fields: &[(&str, &str)]) -> Got {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(Method::POST, uri, form.into_bytes()).await
    }

    pub(crate) async fn send(&self, method: Method, uri: &str, body: Vec<u8>) -> Got {
        let mut request = Request::builder().method(method).uri(uri).header("host", "double.example");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        assert_eq!(parts.headers["content-length"], body.len().to_string());
        assert!(parts.headers.contains_key("date"));
        Got { status: parts.status.as_u16(), headers: parts.headers, body }
    }
}

/// Takes notices, and shakes hands.
#[derive(Clone)]
pub(crate) struct Hook(Arc<std::sync::Mutex<HookState>>, Arc<tokio::sync::Semaphore>);

struct HookState {
    time: Time,
    status: u16,
    /// Seconds until it answers.
    takes_s: i64,
    shakes_hands: bool,
    got: Vec<(String, HeaderMap, String)>,
}

impl Hook {
    pub(crate) fn new(time: &Time) -> Self {
        let state =
            HookState { time: time.clone(), status: 202, takes_s: 0, shakes_hands: true, got: Vec::new() };
        Self(Arc::new(std::sync::Mutex::new(state)), Arc::new(tokio::sync::Semaphore::new(0)))
    }

    pub(crate) fn router(&self) -> Router {
        let hook = self.clone();
        Router::new().fallback(move |request: Request| async move { hook.take(request).await })
    }

    pub(crate) fn answer(&self, status: u16, takes_s: i64) {
        let mut state = self.0.lock().unwrap();
        (state.status, state.takes_s) = (status, takes_s);
    }

    pub(crate) fn refuse_hands(&self) {
        self.0.lock().unwrap().shakes_hands = false;
    }

    /// What came since the last look: paths, headers and bodies. Handshakes are not among them.
    pub(crate) fn got(&self) -> Vec<(String, HeaderMap, String)> {
        std::mem::take(&mut self.0.lock().unwrap().got)
    }

    /// Waits until one more came.
    pub(crate) async fn arrived(&self) {
        self.1.acquire().await.unwrap().forget();
    }

    async fn take(&self, request: Request) -> axum::response::Response {
        let (parts, body) = request.into_parts();
        let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        let query = parts.uri.query().unwrap_or_default();
        let token = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "validationToken");
        let mut state = self.0.lock().unwrap();
        state.time.advance_s(state.takes_s);
        let answer = axum::response::Response::builder();
        match token {
            Some((_, token)) if state.shakes_hands => {
                answer.header("content-type", "text/plain").body(token.into_owned().into()).unwrap()
            }
            Some(_) => answer.status(404).body(Body::empty()).unwrap(),
            None => {
                state.got.push((parts.uri.path().to_owned(), parts.headers, body));
                self.1.add_permits(1);
                answer.status(state.status).body(Body::empty()).unwrap()
            }
        }
    }
}
