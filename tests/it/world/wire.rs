//! The way out, without sockets: requests go straight to the doubles' routers. Each takes a millisecond, or as long
//! as it is told to and its sender waits.

use super::VirtualClock;
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use chrono::Duration;
use connectors::{Http, HttpError, HttpRequest, HttpResponse, Method, Route};
use doubles::{Providers, Receiver};
use http_body_util::BodyExt as _;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use tower::ServiceExt as _;

pub(crate) struct Wire {
    /// By the names of their hosts.
    servers: BTreeMap<String, Router>,
    clock: VirtualClock,
    pace_ms: AtomicI64,
    /// How often a request lets others run while it is on its way.
    turns: AtomicUsize,
    under_way: AtomicUsize,
    under_way_peak: AtomicUsize,
    /// What is answered in the place of a double, to targets that hold a text.
    canned: Mutex<Option<(&'static str, Bytes)>>,
    canned_count: AtomicUsize,
}

impl Wire {
    pub(crate) fn new(providers: &Providers, receiver: &Receiver, clock: VirtualClock) -> Self {
        let servers = providers.servers().into_iter().chain([("callback", receiver.router())]);
        Wire {
            servers: servers.map(|(name, router)| (host(name), router)).collect(),
            clock,
            pace_ms: AtomicI64::new(1),
            turns: AtomicUsize::new(0),
            under_way: AtomicUsize::new(0),
            under_way_peak: AtomicUsize::new(0),
            canned: Mutex::default(),
            canned_count: AtomicUsize::new(0),
        }
    }

    /// Each request takes so long from now on.
    pub(crate) fn set_pace_ms(&self, pace_ms: i64) {
        self.pace_ms.store(pace_ms, Ordering::SeqCst);
    }

    /// Requests overlap from now on.
    pub(crate) fn overlap(&self) {
        self.turns.store(8, Ordering::SeqCst);
    }

    /// The most requests that were ever under way at once, to whomever.
    pub(crate) fn under_way_peak(&self) -> usize {
        self.under_way_peak.load(Ordering::SeqCst)
    }

    /// A request is on its way.
    async fn travel(&self) {
        let count = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.under_way_peak.fetch_max(count, Ordering::SeqCst);
        for _ in 0..self.turns.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        self.under_way.fetch_sub(1, Ordering::SeqCst);
    }

    /// Answers requests whose target holds a text with this, as what no double could hold.
    pub(crate) fn answer_with(&self, within: &'static str, body: String) {
        *self.canned.lock().unwrap() = Some((within, body.into()));
    }

    /// How often that was answered.
    pub(crate) fn canned_count(&self) -> usize {
        self.canned_count.load(Ordering::SeqCst)
    }

    fn canned(&self, url: &str) -> Option<HttpResponse> {
        let canned = self.canned.lock().unwrap();
        let (_, body) = canned.as_ref().filter(|(within, _)| url.contains(within))?;
        self.canned_count.fetch_add(1, Ordering::SeqCst);
        let headers = http::HeaderMap::from_iter([(
            http::header::CONTENT_TYPE,
            http::HeaderValue::from_static("application/json"),
        )]);
        Some(HttpResponse { status: 200, headers, body: body.clone() })
    }
}

/// Where a server of that name is.
pub(crate) fn host(server: &str) -> String {
    format!("{server}.test")
}

#[async_trait]
impl Http for Wire {
    async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, HttpError> {
        self.travel().await;
        let pace_ms = self.pace_ms.load(Ordering::SeqCst);
        let timeout_ms = i64::try_from(request.timeout_ms).unwrap_or(i64::MAX);
        self.clock.advance(Duration::milliseconds(pace_ms.min(timeout_ms)));
        if pace_ms > timeout_ms {
            return Err(HttpError::Timeout);
        }
        if let Some(canned) = self.canned(&request.url) {
            return Ok(canned);
        }
        // Names are the same in any case, and every port leads to the same double.
        let host = request.url.split('/').nth(2).map(str::to_ascii_lowercase);
        let router = match host.as_deref().and_then(|host| host.split(':').next()) {
            Some("private.test") => return Err(HttpError::RefusedAddress),
            host => host.and_then(|host| self.servers.get(host)).ok_or(HttpError::Timeout)?.clone(),
        };
        let method = match request.method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
            Method::Patch => http::Method::PATCH,
            Method::Delete => http::Method::DELETE,
        };
        let mut builder = http::Request::builder().method(method).uri(&request.url);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        let (route, bytes_max) = (request.route, request.answer_bytes_max);
        let request = builder.body(Body::from(request.body)).map_err(|_| HttpError::BadUrl)?;
        let response = router.oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| HttpError::Broken(error.into()))?.to_bytes();
        if route == Route::Provider && body.len() > bytes_max {
            return Err(HttpError::TooLong(bytes_max));
        }
        Ok(HttpResponse { status: parts.status.as_u16(), headers: parts.headers, body })
    }
}
