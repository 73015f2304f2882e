//! What a browser sends to the console: a path, cookies, a form. Nothing is signed in that was not sealed, and no answer is a
//! failure of ours. The seal is none, so that what is inside of cookies is reached.

#![no_main]

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use chrono::DateTime;
use console::{Console, Defaults, Seal};
use libfuzzer_sys::fuzz_target;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};
use tower::ServiceExt as _;

/// Text as it is.
struct Open;

impl Seal for Open {
    fn seal(&self, _: &str, plain: &[u8]) -> Option<String> {
        String::from_utf8(plain.to_vec()).ok()
    }

    fn open(&self, _: &str, sealed: &str) -> Option<Vec<u8>> {
        Some(sealed.as_bytes().to_vec())
    }
}

static CONSOLE: LazyLock<Router> = LazyLock::new(|| {
    console::router(Console {
        api: Router::new(),
        seal: Arc::new(Open),
        clock: Arc::new(|| DateTime::from_timestamp(1_795_348_800, 0).unwrap_or_default()),
        public_url: None,
        inspector: None,
        defaults: Defaults::new(),
    })
});

/// Nothing here waits for long.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return done;
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(3, |byte| *byte == b'\n');
    let (path, cookies, form) =
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next());
    let method = if form.is_some() { "POST" } else { "GET" };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "localhost")
        .header(header::COOKIE, cookies)
        .body(Body::from(form.unwrap_or_default().to_vec()));
    let Ok(request) = request else { return };
    let Ok(answer) = now(CONSOLE.clone().oneshot(request));
    assert_ne!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    for cookie in answer.headers().get_all(header::SET_COOKIE) {
        assert!(cookie.to_str().is_ok_and(|cookie| cookie.contains("; HttpOnly; SameSite=Lax")));
    }
});
