mod faults;
mod odd_answers;
mod packed;
mod streams;

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A server that gives one canned answer to each connection and counts them.
async fn server(answer: &'static [u8]) -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer).await;
            let _ = stream.write_all(answer).await;
        }
    });
    (url, count)
}

fn post(url: &str, answer_bytes_max: usize, route: Route) -> HttpRequest<'static> {
    HttpRequest {
        method: Method::Post,
        url: url.to_owned(),
        headers: vec![],
        body: Bytes::from_static(b"{}"),
        timeout_ms: 5_000,
        answer_bytes_max,
        route,
    }
}

#[tokio::test]
async fn a_loopback_callback_is_refused_as_a_literal_and_as_a_name() {
    let (url, count) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let egress = Egress::new(CallbackAddresses::Public);
    for url in [url.clone(), url.replace("127.0.0.1", "localhost"), url.replace("127.0.0.1", "0x7f.1")] {
        let sent = egress.send(post(&url, 100, Route::Callback)).await;
        assert!(matches!(sent, Err(HttpError::RefusedAddress)), "{url} was not refused");
    }
    assert_eq!(count.load(Ordering::SeqCst), 0, "a refused address was connected to");
    let egress = Egress::new(CallbackAddresses::All);
    assert_eq!(egress.send(post(&url, 100, Route::Callback)).await.unwrap().status, 200);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (target, visits) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let answer =
        format!("HTTP/1.1 308 Permanent Redirect\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n");
    let (url, _) = server(Box::leak(answer.into_boxed_str()).as_bytes()).await;
    let egress = Egress::new(CallbackAddresses::All);
    assert_eq!(egress.send(post(&url, 100, Route::Callback)).await.unwrap().status, 308);
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_callbacks_answer_is_cut_and_a_providers_is_an_error() {
    let (url, _) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789").await;
    let egress = Egress::new(CallbackAddresses::All);
    let cut = egress.send(post(&url, 5, Route::Callback)).await.unwrap();
    assert_eq!((cut.status, cut.body.as_ref()), (200, b"01234".as_ref()));
    assert!(matches!(egress.send(post(&url, 5, Route::Provider)).await, Err(HttpError::TooLong(5))));
}

/// A byte now and then, or as many as are taken: neither has an end.
#[tokio::test]
async fn an_answer_without_an_end_has_one_here() {
    for (piece, pause_ms) in [(1, 20), (65_536, 1)] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                let mut pace = tokio::time::interval(Duration::from_millis(pause_ms));
                while stream.write_all(&vec![b'x'; piece]).await.is_ok() {
                    pace.tick().await;
                }
            }
        });
        let egress = Egress::new(CallbackAddresses::All);
        let asked =
            async |route| egress.send(HttpRequest { timeout_ms: 300, ..post(&url, 100_000, route) }).await;
        let soon = Duration::from_secs(20);
        let of_callback = tokio::time::timeout(soon, asked(Route::Callback)).await.unwrap().unwrap();
        assert_eq!(of_callback.status, 200);
        assert!((1..=100_000).contains(&of_callback.body.len()), "{}", of_callback.body.len());
        let of_provider = tokio::time::timeout(soon, asked(Route::Provider)).await.unwrap();
        assert!(matches!(of_provider, Err(HttpError::Timeout | HttpError::TooLong(_))));
    }
}

#[tokio::test]
async fn errors_say_no_address() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/secret-path", listener.local_addr().unwrap());
    drop(listener);
    let egress = Egress::new(CallbackAddresses::All);
    let error = egress.send(post(&url, 5, Route::Callback)).await.err().unwrap();
    let mut chain = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(error) = source {
        chain.push_str(&error.to_string());
        source = error.source();
    }
    assert!(!chain.contains("secret-path"), "{chain}");
}
