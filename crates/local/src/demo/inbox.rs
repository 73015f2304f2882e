//! The demo's receiver: plays the application that events go to, and refuses some of them on purpose, so that there is
//! a retry to see.

use super::client::SIGNATURE_KEY;
use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use console::{Arrived, Inspector};
use domain::signature::{WEBHOOK_ID_HEADER, WEBHOOK_SIGNATURE_HEADER, WEBHOOK_TEST_HEADER, sign};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Callbacks kept; older ones are in the event log.
const KEPT_COUNT_MAX: usize = 200;
/// Above any callback of the demo, bytes.
const BODY_BYTES_MAX: usize = 16 << 20;
/// Of so many notifications one is refused the first time it comes: the second, the seventh, and so on.
const REFUSED_OF: u64 = 5;
const REFUSED_AT: u64 = 1;
const REFUSAL: &str =
    "The demo refuses every fifth notification once, on purpose. The next attempt is taken.";

/// Cloning gives another handle on the same.
#[derive(Clone)]
pub(super) struct Inbox(Arc<Inner>);

struct Inner {
    now_us: fn() -> i64,
    kept: Mutex<InboxContents>,
    came: Notify,
}

#[derive(Default)]
struct InboxContents {
    /// Newest last.
    arrived: VecDeque<Arrived>,
    /// All that came.
    count: u64,
    /// Those that came for the first time.
    first_count: u64,
}

impl Inbox {
    pub(super) fn new(now_us: fn() -> i64) -> Self {
        Inbox(Arc::new(Inner { now_us, kept: Mutex::default(), came: Notify::new() }))
    }

    pub(super) fn router(&self) -> Router {
        Router::new().fallback(receive).with_state(self.clone())
    }

    /// How many came.
    pub(super) fn count(&self) -> u64 {
        self.kept().count
    }

    /// What came after the first `count`, oldest first, and how many there are now.
    pub(super) fn after(&self, count: u64) -> (Vec<Arrived>, u64) {
        let kept = self.kept();
        let new = usize::try_from(kept.count.saturating_sub(count)).unwrap_or(usize::MAX);
        let skipped = kept.arrived.len().saturating_sub(new);
        (kept.arrived.iter().skip(skipped).cloned().collect(), kept.count)
    }

    /// Waits for the next callback.
    pub(super) async fn next(&self) {
        self.0.came.notified().await;
    }

    fn take(&self, event_id: String, is_signed: bool, is_test: bool, body: String) -> StatusCode {
        let mut kept = self.kept();
        kept.count += 1;
        // Whoever tests sees that it works.
        let is_first = !is_test && kept.arrived.iter().all(|one| one.event_id != event_id);
        let is_refused = is_first && kept.first_count % REFUSED_OF == REFUSED_AT;
        kept.first_count += u64::from(is_first);
        let status = if is_refused { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
        if kept.arrived.len() == KEPT_COUNT_MAX {
            kept.arrived.pop_front();
        }
        kept.arrived.push_back(Arrived {
            at_us: (self.0.now_us)(),
            event_id,
            answered: status.as_u16(),
            said: said(status).to_owned(),
            is_signed,
            body,
        });
        drop(kept);
        self.0.came.notify_one();
        status
    }

    fn kept(&self) -> MutexGuard<'_, InboxContents> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inspector for Inbox {
    fn arrived(&self, count_max: usize) -> Vec<Arrived> {
        self.kept().arrived.iter().rev().take(count_max).cloned().collect()
    }
}

fn said(status: StatusCode) -> &'static str {
    if status.is_success() { "" } else { REFUSAL }
}

async fn receive(State(inbox): State<Inbox>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let is_signed = header(WEBHOOK_SIGNATURE_HEADER) == Some(sign(SIGNATURE_KEY, &body).as_str());
    let is_test = header(WEBHOOK_TEST_HEADER).is_some();
    let event_id = header(WEBHOOK_ID_HEADER).unwrap_or_default().to_owned();
    let status = inbox.take(event_id, is_signed, is_test, String::from_utf8_lossy(&body).into_owned());
    (status, said(status)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fifth_notification_is_refused_once() {
        let inbox = Inbox::new(|| 0);
        let mut take = |id: &str| inbox.take(id.to_owned(), true, id == "test", "{}".to_owned()).as_u16();
        let first: Vec<u16> = ["a", "b", "c", "d", "e", "f", "g"].map(&mut take).to_vec();
        assert_eq!(first, [200, 503, 200, 200, 200, 200, 503]);
        assert_eq!([take("b"), take("g")], [200, 200]);
        let tests: Vec<u16> = (0..5).map(|_| take("test")).collect();
        assert_eq!(tests, [200; 5]);
        assert_eq!(inbox.after(13).0.len(), 1);
        assert_eq!(inbox.arrived(1)[0].event_id, "test");
    }
}
