//! Whatever a provider answers to polls and reads: each is read or refused, a step keeps its limits, and its cursor is read
//! again. The first byte says which connector and resource; then each line is an answer, with its status before it.

#![no_main]

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use connectors::hub::Query;
use connectors::{Call, Connector, Http, HttpError, HttpRequest, HttpResponse, Past, STEP_CHANGES_MAX, Step};
use domain::resource::ResourceConfig;
use libfuzzer_sys::fuzz_target;
use serde_json::json;
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Poll, Waker};

/// Steps of one run, each from the cursor of the one before.
const STEPS_COUNT: usize = 4;

type Polled = (Arc<dyn Connector>, ResourceConfig, &'static str);

static POLLED: LazyLock<Vec<Polled>> = LazyLock::new(|| {
    let resources = connectors::registry().into_iter().flat_map(|connector| {
        let names: Vec<&'static str> = connector.descriptor().resources.iter().map(|one| one.name).collect();
        names.into_iter().map(move |name| (connector.clone(), name))
    });
    let polled = resources.filter_map(|(connector, name)| {
        let entry = json!({ "url": format!("/hubs/general/{name}"), "idField": "id" });
        let resource = ResourceConfig::parse(name, &entry).ok()?;
        connector.check(&resource).is_ok().then_some((connector, resource, name))
    });
    polled.collect()
});

/// Answers in order, and then none.
struct Answers<'a>(Mutex<VecDeque<&'a str>>);

#[async_trait]
impl Http for Answers<'_> {
    async fn send(&self, _: HttpRequest<'_>) -> Result<HttpResponse, HttpError> {
        let line = self.0.lock().ok().and_then(|mut lines| lines.pop_front()).ok_or(HttpError::Timeout)?;
        let (status, body) = line.split_once(' ').unwrap_or(("200", line));
        let status = status.parse().ok().filter(|status| (100..600).contains(status)).unwrap_or(200);
        let mut headers = http::HeaderMap::new();
        headers.insert("date", http::HeaderValue::from_static("Sun, 22 Nov 2026 12:00:00 GMT"));
        Ok(HttpResponse { status, headers, body: Bytes::copy_from_slice(body.as_bytes()) })
    }
}

/// Nothing here ever waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return done;
        }
    }
}

fn check(step: &Step) {
    assert!(step.changes.len() <= STEP_CHANGES_MAX, "{} changes", step.changes.len());
    assert!(step.changes.iter().all(|change| !change.object_id.is_empty()));
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some((which, answers)) = text.split_at_checked(1) else { return };
    let number = usize::from(which.as_bytes()[0].wrapping_sub(b'A')) % POLLED.len();
    let (connector, resource, name) = &POLLED[number];
    let at = DateTime::<Utc>::from_timestamp(1_795_348_800, 0).unwrap_or_default();
    let past = Past { baseline_at: at, last_success_at: at, failures: 0, log_since: at, number: None };
    let http = Answers(Mutex::new(answers.lines().collect()));
    let call = Call { http: &http, api_url: "https://x.example", credential: "c", now: at, timeout_ms: 1, scratch: None, archive: None };
    if let Ok(baseline) = now(connector.baseline(&call, resource)) {
        let mut cursor = baseline.cursor;
        for _ in 0..STEPS_COUNT {
            match now(connector.poll(&call, resource, &cursor, &past)) {
                Ok(step) => {
                    check(&step);
                    cursor = step.cursor;
                }
                Err(_) => match now(connector.recover(&call, &cursor, &past)) {
                    Ok(step) => cursor = step.cursor,
                    Err(_) => break,
                },
            }
        }
    }
    let http = Answers(Mutex::new(answers.lines().collect()));
    let call = Call { http: &http, ..call };
    let _ = now(connector.read(&call, &Query::of(name)));
});
