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
