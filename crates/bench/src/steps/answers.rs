//! What a provider answered once, as often as it is asked for.

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use connectors::{Http, HttpError, HttpRequest, HttpResponse, Method};
use http_body_util::BodyExt as _;
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use tower::ServiceExt as _;

/// Turns of what never waits for long.
const TURNS_MAX: usize = 100_000;

struct Answer {
    status: u16,
    headers: http::HeaderMap,
    body: Bytes,
}

/// Answers in order; then no request goes out any more.
pub(super) struct Answers {
    all: Vec<Answer>,
    next: AtomicUsize,
    /// The last one goes on for ever.
    is_endless: bool,
}

impl Answers {
    /// The same to everything.
    pub(super) fn always(status: u16, body: &str) -> Self {
        let answer = Answer { status, headers: http::HeaderMap::new(), body: body.to_owned().into() };
        Answers { all: vec![answer], next: AtomicUsize::new(0), is_endless: true }
    }

    /// From the first one again.
    pub(super) fn rewind(&self) {
        self.next.store(0, Ordering::Relaxed);
    }

    /// Only so many.
    pub(super) fn first(mut self, count: usize) -> Self {
        self.all.truncate(count);
        self
    }

    pub(super) fn bytes(&self) -> usize {
        self.all.iter().map(|answer| answer.body.len()).sum()
    }
}

#[async_trait]
impl Http for Answers {
    async fn send(&self, _: HttpRequest<'_>) -> Result<HttpResponse, HttpError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let number = if self.is_endless { number.min(self.all.len() - 1) } else { number };
        let Answer { status, headers, body } = self.all.get(number).ok_or(HttpError::NotSent)?;
        Ok(HttpResponse { status: *status, headers: headers.clone(), body: body.clone() })
    }
}

/// A double behind a router, whose answers are kept.
pub(super) struct Recorder {
    router: Router,
    kept: Mutex<Vec<Answer>>,
}

impl Recorder {
    pub(super) fn new(router: Router) -> Self {
        Recorder { router, kept: Mutex::default() }
    }

    /// What was answered since the last time.
    pub(super) fn take(&self) -> Answers {
        let all = std::mem::take(&mut *self.kept.lock().unwrap());
        Answers { all, next: AtomicUsize::new(0), is_endless: false }
    }
}

#[async_trait]
impl Http for Recorder {
    async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, HttpError> {
        let method = match request.method {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        };
        let mut builder = http::Request::builder().method(method).uri(&request.url);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        let request = builder.body(Body::from(request.body)).unwrap();
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let answer =
            Answer { status: parts.status.as_u16(), headers: parts.headers.clone(), body: body.clone() };
        self.kept.lock().unwrap().push(answer);
        Ok(HttpResponse { status: parts.status.as_u16(), headers: parts.headers, body })
    }
}

/// Runs what never really waits.
pub(super) fn finished<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..TURNS_MAX {
        if let Poll::Ready(done) = work.as_mut().poll(&mut context) {
            return done;
        }
    }
    panic!("it waits for something");
}
