//! Contents, as they come from a provider that does not always answer well.

use super::{Hubs, encoded};
use crate::world::{GMAIL_USER, OUTLOOK_USER};
use doubles::{Fault, FaultKind, Mail, Route};
use http_body_util::BodyExt as _;

/// Requests of reads that one mailbox may have in flight while it is not polled.
const READS_COUNT: usize = 3;
/// Enough for whatever does not wait.
const TURNS_COUNT: usize = 1_000;

/// Where a whole message of each mailbox is.
fn messages(hubs: &Hubs) -> [(&'static str, String); 2] {
    let gmail = hubs.world.google.deliver(GMAIL_USER, Mail::default());
    let outlook = hubs.world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    let path = |id: &str| format!("/hubs/general/messages/{}/raw", encoded(id));
    [("gmail", path(&gmail)), ("outlookemail", path(&outlook))]
}

/// A download counts for the mailbox's share until its last byte, or until its client is gone.
#[tokio::test]
async fn a_content_is_in_flight_until_it_was_taken() {
    let hubs = Hubs::new(591).await;
    for (connector, path) in messages(&hubs) {
        let mut held = Vec::new();
        for _ in 0..READS_COUNT {
            held.push(hubs.open(connector, &path).await);
        }
        let mut next = std::pin::pin!(hubs.open(connector, &path));
        for _ in 0..TURNS_COUNT {
            assert!(futures_util::poll!(&mut next).is_pending(), "{connector}: there is no place");
            tokio::task::yield_now().await;
        }
        held.pop();
        assert_eq!(next.await.status(), 200);
    }
}

#[tokio::test]
async fn a_content_is_read_with_a_token_that_has_not_ended() {
    let hubs = Hubs::new(592).await;
    for (connector, path) in messages(&hubs) {
        hubs.world.google.expire_access_tokens(GMAIL_USER);
        hubs.world.microsoft.expire_access_tokens(OUTLOOK_USER);
        assert_eq!(hubs.open(connector, &path).await.status(), 200, "{connector}");
    }
}

#[tokio::test]
async fn a_limit_that_a_content_meets_holds_for_other_reads() {
    let hubs = Hubs::new(593).await;
    for (connector, path) in messages(&hubs) {
        let kind = FaultKind::RateLimited { retry_after_s: Some(70) };
        let fault = Fault { on: Route::Any, kind, times: 1 };
        hubs.world.google.push_fault(fault);
        hubs.world.microsoft.push_fault(fault);
        let limited = hubs.call(connector, &path).await;
        limited.assert_refused(429);
        assert_eq!(limited.headers["retry-after"], "70", "{connector}");
        hubs.world.google.clear_faults();
        hubs.world.microsoft.clear_faults();
        hubs.call(connector, "/hubs/general/messages").await.assert_refused(429);
    }
}

/// The client learns from the connection that half a file is not the file.
#[tokio::test]
async fn what_breaks_off_is_not_taken_for_the_whole() {
    let hubs = Hubs::new(594).await;
    let [(connector, path), _] = messages(&hubs);
    let whole = hubs.open(connector, &path).await.into_body().collect().await.unwrap().to_bytes();
    assert!(whole.windows(4).any(|bytes| bytes == b"\r\n\r\n"), "{} bytes", whole.len());
    hubs.world.google.push_fault(Fault { on: Route::Get, kind: FaultKind::Truncated, times: 1 });
    let broken = hubs.open(connector, &path).await;
    assert_eq!(broken.status(), 200, "it had begun");
    assert!(broken.into_body().collect().await.is_err());
}
