//! A callback receiver: takes what is posted, answers as told, and shows what came.

mod script;

pub use script::Answer;

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::DATE;
use http::{HeaderMap, Method};
use tokio::sync::Notify;

use crate::clock::{Clock, http_date};
use crate::reply::Reply;
use script::Script;

/// Above any callback; more than this is answered with 413 and not recorded.
const BODY_BYTES_MAX: usize = 16 << 20;
const RECEIVED_MAX: usize = 100_000;
const SIGNATURE_HEADER: &str = "elements-webhook-signature";

/// One callback as it came in.
#[derive(Clone, Debug)]
pub struct Received {
    /// When, microseconds since the Unix epoch.
    pub at_us: i64,
    /// The path, with its query if it had one.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The exact body.
    pub body: Bytes,
    /// The status it was answered with.
    pub answered: u16,
}

#[derive(Default)]
struct Inbox {
    received: Vec<Received>,
    dropped_count: u64,
    script: Script,
}

struct Inner {
    clock: Clock,
    inbox: Mutex<Inbox>,
    arrived: Notify,
}

/// Accepts POST on any path. Cloning gives another handle on the same receiver.
#[derive(Clone)]
pub struct Receiver(Arc<Inner>);

impl Receiver {
    /// A receiver that answers 200 to everything.
    pub fn new(clock: Clock) -> Self {
        Self(Arc::new(Inner { clock, inbox: Mutex::default(), arrived: Notify::new() }))
    }

    /// The routes to serve.
    pub fn router(&self) -> Router {
        Router::new().fallback(receive).with_state(self.clone())
    }

    /// Answers the next callback with a status; several calls queue up.
    pub fn answer_next(&self, status: u16) {
        self.answer_with(Answer::status(status));
    }

    /// Queues an answer for the next callback.
    pub fn answer_with(&self, answer: Answer) {
        self.inbox().script.push(answer);
    }

    /// The status for callbacks nothing else is set for; 200 at first.
    pub fn set_default(&self, status: u16) {
        self.inbox().script.set_default(status);
    }

    /// Answers every callback to a path (without query) with a status, before any queued answer.
    pub fn fail_path(&self, path: &str, status: u16) {
        self.answer_path(path, Answer::status(status));
    }

    /// Gives every callback to a path (without query) the same answer, before any queued one.
    pub fn answer_path(&self, path: &str, answer: Answer) {
        self.inbox().script.answer_path(path, answer);
    }

    /// Ends [`Receiver::fail_path`] and [`Receiver::answer_path`] for a path.
    pub fn heal_path(&self, path: &str) {
        self.inbox().script.heal_path(path);
    }

    /// Answers a share of the callbacks (0 to 1) with 500 or 503, drawn from the seed.
    pub fn set_failure_rate(&self, probability: f64, seed: u64) {
        self.inbox().script.set_failure_rate(probability, seed);
    }

    /// Everything received and not yet taken, oldest first.
    pub fn received(&self) -> Vec<Received> {
        self.inbox().received.clone()
    }

    /// Hands over everything received and starts again with an empty list.
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut self.inbox().received)
    }

    /// How many callbacks were answered but not recorded because the list (100,000) was full.
    pub fn dropped_count(&self) -> u64 {
        self.inbox().dropped_count
    }

    /// Waits until at least `count` callbacks are in the list, and gives them.
    pub fn wait_for(&self, count: usize) -> impl Future<Output = Vec<Received>> + Send + use<> {
        let receiver = self.clone();
        async move {
            loop {
                // Listening starts before the look at the list, so that nothing slips in between.
                let mut arrived = pin!(receiver.0.arrived.notified());
                arrived.as_mut().enable();
                if receiver.inbox().received.len() >= count {
                    return receiver.received();
                }
                arrived.await;
            }
        }
    }

    /// Whether a callback carries the right signature for the key.
    pub fn verify(&self, key: &[u8], received: &Received) -> bool {
        let header = received.headers.get(SIGNATURE_HEADER).and_then(|value| value.to_str().ok());
        let Some(encoded) = header.and_then(|value| value.strip_prefix("sha256=")) else { return false };
        let Ok(signature) = STANDARD.decode(encoded) else { return false };
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key);
        ring::hmac::verify(&key, &received.body, &signature).is_ok()
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.0.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Chooses the answer and records the callback with it, in one step.
    fn accept(&self, path: String, headers: HeaderMap, body: Bytes) -> Answer {
        let at_us = self.0.clock.now_us();
        let mut inbox = self.inbox();
        let answer = inbox.script.next(path.split('?').next().unwrap_or_default());
        if inbox.received.len() < RECEIVED_MAX {
            inbox.received.push(Received { at_us, path, headers, body, answered: answer.status });
        } else {
            inbox.dropped_count += 1;
        }
        drop(inbox);
        self.0.arrived.notify_waiters();
        answer
    }
}

async fn receive(State(receiver): State<Receiver>, request: Request) -> Response {
    let date = http_date(receiver.0.clock.now_us());
    if request.method() != Method::POST {
        return Reply::text(405, "text/plain", "only POST").with_header(DATE, date).into_response();
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return Reply::text(413, "text/plain", "too large").with_header(DATE, date).into_response();
    };
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let answer = receiver.accept(path, parts.headers, body);
    if answer.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(answer.delay_ms)).await;
    }
    answer.into_reply().with_header(DATE, date).into_response()
}

#[cfg(test)]
mod tests;
