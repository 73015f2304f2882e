use base64::Engine as _;
use http::Method;

use super::*;
use crate::probe::{Caller, START_US, Time};

fn receiver() -> (Receiver, Caller) {
    let receiver = Receiver::new(Time::new().clock());
    let caller = Caller::new(receiver.router());
    (receiver, caller)
}

async fn post(caller: &Caller, path: &str, body: &str) -> u16 {
    caller.send(Method::POST, path, body.as_bytes().to_vec()).await.status
}

#[tokio::test]
async fn records_what_is_posted_on_any_path() {
    let (receiver, caller) = receiver();
    let caller = caller.with("elements-webhook-id", "7");
    assert_eq!(post(&caller, "/a/b?c=d", "{}").await, 200);
    assert_eq!(caller.get("/a").await.status, 405);
    let received = receiver.take();
    assert_eq!(received.len(), 1);
    let received = &received[0];
    assert_eq!(
        (received.path.as_str(), &received.body[..], received.answered),
        ("/a/b?c=d", &b"{}"[..], 200)
    );
    assert_eq!((received.at_us, &received.headers["elements-webhook-id"]), (START_US, &"7".parse().unwrap()));
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn answers_as_scripted() {
    let (receiver, caller) = receiver();
    receiver.set_default(202);
    receiver.answer_next(500);
    receiver.answer_with(Answer::redirect(307, "http://elsewhere.example/"));
    receiver.answer_with(Answer {
        status: 429,
        headers: vec![("retry-after".to_owned(), "9".to_owned()), ("bad name".to_owned(), String::new())],
        body: b"slow down".to_vec(),
        delay_ms: 0,
    });
    receiver.fail_path("/gone", 410);
    assert_eq!(post(&caller, "/gone?x=1", "").await, 410);
    assert_eq!(post(&caller, "/", "").await, 500);
    let redirect = caller.send(Method::POST, "/", Vec::new()).await;
    assert_eq!((redirect.status, redirect.header("location")), (307, "http://elsewhere.example/"));
    let limited = caller.send(Method::POST, "/", Vec::new()).await;
    assert_eq!(
        (limited.status, limited.header("retry-after"), limited.text().as_str()),
        (429, "9", "slow down")
    );
    receiver.heal_path("/gone");
    receiver.answer_path("/teapot", Answer { body: b"short".to_vec(), ..Answer::status(418) });
    for _ in 0..2 {
        let refused = caller.send(Method::POST, "/teapot", Vec::new()).await;
        assert_eq!((refused.status, refused.text().as_str()), (418, "short"));
    }
    assert_eq!(post(&caller, "/gone", "").await, 202);
    let answered: Vec<_> = receiver.received().iter().map(|received| received.answered).collect();
    assert_eq!(answered, [410, 500, 307, 429, 418, 418, 202]);
}

#[tokio::test]
async fn fails_at_a_rate_that_repeats_with_the_seed() {
    let run = async |seed| {
        let (receiver, caller) = receiver();
        receiver.set_failure_rate(0.5, seed);
        let mut statuses = Vec::new();
        for _ in 0..40 {
            statuses.push(post(&caller, "/", "").await);
        }
        statuses
    };
    let statuses = run(3).await;
    assert_eq!(statuses, run(3).await);
    assert_ne!(statuses, run(4).await);
    assert!(statuses.contains(&200) && statuses.contains(&500) && statuses.contains(&503));
}

#[tokio::test]
async fn waits_for_what_is_yet_to_come() {
    let (receiver, caller) = receiver();
    let waiting = tokio::spawn(receiver.wait_for(2));
    tokio::task::yield_now().await;
    post(&caller, "/1", "").await;
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    post(&caller, "/2", "").await;
    assert_eq!(waiting.await.unwrap().len(), 2);
    assert_eq!(receiver.wait_for(1).await.len(), 2, "at once when enough is there");
}

#[tokio::test]
async fn verifies_signatures() {
    let (receiver, caller) = receiver();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"key");
    let signature = STANDARD.encode(ring::hmac::sign(&key, b"{\"a\":1}"));
    let signed = caller.with("Elements-Webhook-Signature", &format!("sha256={signature}"));
    post(&signed, "/", "{\"a\":1}").await;
    post(&signed, "/", "{\"a\":2}").await;
    post(&caller, "/", "{\"a\":1}").await;
    let received = receiver.take();
    assert!(receiver.verify(b"key", &received[0]));
    assert!(!receiver.verify(b"other", &received[0]));
    assert!(!receiver.verify(b"key", &received[1]), "another body");
    assert!(!receiver.verify(b"key", &received[2]), "no signature");
}
