//! Receivers that took the notification and say so in odd ways.

use super::{post, server};
use crate::{CallbackAddresses, Egress};
use bytes::Bytes;
use connectors::{Http as _, HttpError, HttpRequest, Route};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

async fn answer(text: String) -> Result<(u16, Bytes), HttpError> {
    let (url, posts) = server(Box::leak(text.into_boxed_str()).as_bytes()).await;
    let egress = Egress::new(CallbackAddresses::All);
    let sent = egress.send(post(&url, 100, Route::Callback)).await;
    assert_eq!(posts.load(Ordering::SeqCst), 1, "one notification is one post");
    sent.map(|response| (response.status, response.body))
}

#[tokio::test]
async fn the_status_line_decides_whatever_the_headers_are() {
    let many: String = (0..120).map(|n| format!("X-H{n}: v\r\n")).collect();
    for head in [
        "Warning: something in /x on line 0\r\nContent-Length: 2".to_owned(),
        "no colon at all\r\nContent-Length: 2".to_owned(),
        "X-Long: a\r\n b\r\nContent-Length: 2".to_owned(),
        "Content-Type : text/plain\r\nContent-Length: 2".to_owned(),
        ": no name\r\nContent-Length: 2".to_owned(),
        "X-Control: a\u{1}b\r\nContent-Length: 2".to_owned(),
        "Content-Length: ".to_owned(),
        "Content-Length: 2\r\nContent-Length: 3".to_owned(),
        "Content-Length: 2\r\nTransfer-Encoding: gzip".to_owned(),
        format!("{many}Content-Length: 2"),
    ] {
        for status in ["HTTP/1.1 200 OK", "HTTP/1.2 200 OK", "http/1.1 200 ok", "HTTP/1.0 200"] {
            let (code, body) = answer(format!("{status}\r\n{head}\r\n\r\nok")).await.unwrap();
            assert_eq!((code, body.as_ref()), (200, b"ok".as_ref()), "{status} with {head:?}");
        }
    }
    let long = format!("HTTP/1.1 202 OK\r\nX-Long: {}\r\n\r\nok", "a".repeat(1_000_000));
    assert_eq!(answer(long).await.unwrap().0, 202);
    assert_eq!(answer("HTTP/1.1 204 No Content\r\nX-Unfinished".to_owned()).await.unwrap().0, 204);
    assert_eq!(
        answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 No\r\n\r\n".to_owned()).await.unwrap().0,
        500
    );
}

#[tokio::test]
async fn what_is_no_answer_is_told_apart() {
    let banner = answer("220 mail.example ESMTP\r\n".to_owned()).await.unwrap_err();
    assert!(matches!(banner, HttpError::NotHttp), "{banner}");
    let silence = answer(String::new()).await.unwrap_err();
    assert!(matches!(silence, HttpError::Broken(_)), "{silence}");
}

/// A server that answers each request on a connection with the next of its answers, and counts connections.
async fn keeps_open(answers: &'static [&'static str]) -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = connections.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut buffer = vec![0; 64 * 1024];
                for answer in answers {
                    let mut seen = Vec::new();
                    while !seen.ends_with(b"{}") {
                        match stream.read(&mut buffer).await {
                            Ok(count) if count > 0 => seen.extend_from_slice(&buffer[..count]),
                            _ => return,
                        }
                    }
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
            });
        }
    });
    (url, connections)
}

#[tokio::test]
async fn a_connection_is_used_again_until_an_answer_is_odd() {
    let plain = "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 2\r\n\r\nok";
    let chunked = "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    let odd = "HTTP/1.1 202 OK\r\nodd\r\nContent-Length: 2\r\n\r\nok";
    let (url, connections) = keeps_open(Box::leak(Box::new([plain, chunked, odd]))).await;
    let egress = Egress::new(CallbackAddresses::All);
    let mut codes = Vec::new();
    for _ in 0..6 {
        let response = egress.send(post(&url, 100, Route::Callback)).await.unwrap();
        assert_eq!(response.body.as_ref(), b"ok");
        codes.push(response.status);
    }
    assert_eq!(codes, [200, 201, 202, 200, 201, 202]);
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_answer_may_come_before_the_request_is_out() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = vec![0; 1024];
        let _ = stream.read(&mut buffer).await;
        let _ = stream.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 4\r\n\r\nlong").await;
        while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
    });
    let egress = Egress::new(CallbackAddresses::All);
    let large = HttpRequest { body: vec![b'x'; 8_000_000].into(), ..post(&url, 100, Route::Callback) };
    let response = egress.send(large).await.unwrap();
    assert_eq!((response.status, response.body.as_ref()), (413, b"long".as_ref()));
}

#[tokio::test]
async fn what_an_address_has_before_its_at_sign_goes_into_the_header() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://us%20er:p%40ss@{}/hook?a=1#b", listener.local_addr().unwrap());
    let seen = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = vec![0; 4096];
        let count = stream.read(&mut buffer).await.unwrap();
        let _ = stream.write_all(b"HTTP/1.1 204 x\r\n\r\n").await;
        String::from_utf8(buffer[..count].to_vec()).unwrap().to_lowercase()
    });
    let egress = Egress::new(CallbackAddresses::All);
    assert_eq!(egress.send(post(&url, 100, Route::Callback)).await.unwrap().status, 204);
    let seen = seen.await.unwrap();
    assert!(seen.starts_with("post /hook?a=1 http/1.1\r\n"), "{seen}");
    assert!(seen.contains("\r\nauthorization: basic dxmgzxi6cebzcw==\r\n"), "{seen}");
    assert!(!seen.contains("us%20er"), "{seen}");
}
