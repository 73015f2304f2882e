//! Against sockets of this machine, whose other end a thread serves.

use super::*;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_dynamodb::error::SdkError;
use aws_smithy_async::rt::sleep::TokioSleep;
use http_body_util::BodyExt;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;

const EMPTY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
const TRIES_AGAIN: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_millis(100);
const END: Duration = Duration::from_secs(10);
/// Of the runtime, at the most until a connection is put aside.
const TURNS_COUNT: usize = 100;
/// What a client of HTTP/2 begins with, bytes.
const PREFACE_BYTES: usize = 24;
/// Before each frame: its length in three bytes, its kind, flags and stream.
const FRAME_HEAD_BYTES: usize = 9;
/// Kinds of frames.
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const GO_AWAY: u8 = 7;

/// The address of what a thread serves.
fn server(serve: impl FnOnce(TcpListener) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || serve(listener));
    url
}

fn accept(listener: &TcpListener) -> TcpStream {
    listener.accept().unwrap().0
}

/// A request, read whole.
fn request(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut piece = [0; 4096];
    loop {
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            body.len() == length.map_or(0, |length| length.parse().unwrap())
        });
        if whole {
            return text;
        }
        let count = stream.read(&mut piece).unwrap();
        assert!(count > 0, "{text}");
        text.push_str(std::str::from_utf8(&piece[..count]).unwrap());
    }
}

/// Answers one request.
fn answer_with(stream: &mut TcpStream, answer: &str) -> String {
    let asked = request(stream);
    stream.write_all(answer.as_bytes()).unwrap();
    asked
}

/// Serves one request, and holds the connection until its other end is closed.
fn holding(answer: &'static str) -> String {
    server(move |listener| {
        let mut stream = accept(&listener);
        answer_with(&mut stream, answer);
        let _ = stream.read(&mut [0]);
    })
}

fn frame(kind: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    [&[0, 0, length, kind, 0, 0, 0, 0, stream][..], payload].concat()
}

/// Takes one request of HTTP/2 and answers with a frame, which has an error's number. Holds the connection like the above.
fn refusing(kind: u8, error: u8) -> String {
    let answer = match kind {
        RESET => frame(RESET, 1, &[0, 0, 0, error]),
        // It did not look at the first stream.
        _ => frame(GO_AWAY, 0, &[0, 0, 0, 0, 0, 0, 0, error]),
    };
    server(move |listener| {
        let mut stream = accept(&listener);
        stream.write_all(&frame(SETTINGS, 0, &[])).unwrap();
        stream.read_exact(&mut [0; PREFACE_BYTES]).unwrap();
        let mut head = [0; FRAME_HEAD_BYTES];
        while head[3] != HEADERS {
            stream.read_exact(&mut head).unwrap();
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            io::copy(&mut (&stream).take(length.into()), &mut io::sink()).unwrap();
        }
        stream.write_all(&answer).unwrap();
        let _ = io::copy(&mut stream, &mut io::sink());
    })
}

/// How a request by HTTP/2 fails.
async fn fault_of_http2(url: &str) -> ConnectorError {
    let client = system::direct_client().unwrap().http2_prior_knowledge().build().unwrap();
    let answer = answer(client, HttpRequest::get(url).unwrap());
    tokio::time::timeout(END, answer).await.unwrap().unwrap_err()
}

async fn called_by(http: &SdkHttp, url: &str) -> Result<HttpResponse, ConnectorError> {
    called_with(http, url, HttpConnectorSettings::builder().build()).await
}

async fn called_with(
    http: &SdkHttp,
    url: &str,
    settings: HttpConnectorSettings,
) -> Result<HttpResponse, ConnectorError> {
    let connector = Connector { http: http.clone(), settings };
    tokio::time::timeout(END, connector.call(HttpRequest::get(url).unwrap())).await.unwrap()
}

/// Reads an answer to its end.
async fn read(answer: HttpResponse) -> Vec<u8> {
    let body = BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
    turn().await;
    body.into()
}

/// Lets others run, so that a connection is put aside.
async fn turn() {
    for _ in 0..TURNS_COUNT {
        tokio::task::yield_now().await;
    }
}

async fn fault(url: &str) -> ConnectorError {
    called_by(&SdkHttp::default(), url).await.unwrap_err()
}

/// A client with so many tries.
fn sdk(url: &str, tries_count: u32) -> aws_sdk_dynamodb::Client {
    let retries = RetryConfig::standard().with_max_attempts(tries_count).with_initial_backoff(TRIES_AGAIN);
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(match tries_count {
        1 => PATIENCE,
        _ => END,
    });
    let credentials = Credentials::new("test", "test", None, None, "test");
    aws_sdk_dynamodb::Client::new(
        &SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(url)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(retries)
            .timeout_config(timeouts.build())
            .sleep_impl(TokioSleep::new())
            .http_client(SdkHttp::default())
            .build(),
    )
}

#[tokio::test]
async fn requests_and_answers_pass_as_they_are() {
    let (told, asked) = mpsc::channel();
    let url = server(move |listener| {
        let answer = "HTTP/1.1 307 Elsewhere\r\nlocation: /else\r\ncontent-encoding: gzip\r\na: 1\r\na: 2\r\n\
            set-cookie: a=b\r\ncontent-length: 4\r\n\r\nnone";
        let mut stream = accept(&listener);
        told.send(answer_with(&mut stream, answer)).unwrap();
        told.send(answer_with(&mut stream, EMPTY)).unwrap();
    });
    let http = SdkHttp::default();
    let connector = Connector { http: http.clone(), settings: HttpConnectorSettings::builder().build() };
    let sent = http::Request::put(format!("{url}/a%2Fb/c.d?e=%20f%27")).header("x-amz-date", "today");
    let sent = sent.body(SdkBody::from("a body")).unwrap();
    let answer = connector.call(sent.try_into().unwrap()).await.unwrap();
    assert_eq!(answer.status().as_u16(), 307);
    assert_eq!(answer.headers().get_all("a").collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(answer.headers().get("content-encoding"), Some("gzip"));
    assert_eq!(read(answer).await, b"none");
    let text = asked.recv().unwrap();
    let (line, _) = text.split_once("\r\n").unwrap();
    assert_eq!(line, "PUT /a%2Fb/c.d?e=%20f%27 HTTP/1.1");
    assert!(text.contains("\r\nx-amz-date: today\r\n") && text.ends_with("\r\n\r\na body"), "{text}");
    for added in ["accept-encoding", "transfer-encoding", "cookie"] {
        assert!(!text.contains(added), "{text}");
    }
    called_by(&http, &url).await.unwrap();
    let text = asked.recv().unwrap();
    assert!(text.starts_with("GET / HTTP/1.1\r\n") && !text.contains("cookie"), "{text}");
}

#[tokio::test]
async fn a_fault_of_a_connection_is_told_as_one() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert!(fault(&refused).await.is_io());
    // What was not read makes a reset of the end.
    let reset = server(|listener| drop(accept(&listener).peek(&mut [0])));
    assert!(fault(&reset).await.is_io());
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_asked_for_again() {
    let closed = server(|listener| drop(request(&mut accept(&listener))));
    assert_eq!(fault(&closed).await.as_other(), Some(ErrorKind::TransientError));
    let again = server(|listener| {
        request(&mut accept(&listener));
        let mut cut = accept(&listener);
        answer_with(&mut cut, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{");
        drop(cut);
        answer_with(&mut accept(&listener), EMPTY);
    });
    sdk(&again, 3).list_tables().send().await.unwrap();
}

/// The errors are none, "refused" and "calm down"; of "internal error" it is not known what was done.
#[tokio::test]
async fn a_request_of_http2_that_was_not_looked_at_is_asked_again() {
    for (kind, error) in [(RESET, 7), (GO_AWAY, 0), (GO_AWAY, 11)] {
        let fault = fault_of_http2(&refusing(kind, error)).await;
        assert!(fault.is_io(), "{kind} {error}: {fault:?}");
    }
    let other = fault_of_http2(&refusing(RESET, 2)).await;
    assert!(other.is_other() && other.as_other().is_none(), "{other:?}");
}

#[tokio::test]
async fn what_trying_again_does_not_mend_is_told_so() {
    let other = fault(&holding("220 mail.example ESMTP\r\n\r\n")).await;
    assert!(other.is_other() && other.as_other().is_none(), "{other:?}");
    assert!(fault("ftp://127.0.0.1").await.is_user());
}

/// No address is in what is told.
#[tokio::test]
async fn a_fault_names_no_address() {
    let fault = fault(&(holding("220\r\n\r\n") + "/secret-path")).await;
    assert!(!crate::fault::chain(&fault).contains("secret-path"));
}

#[tokio::test]
async fn a_connection_that_is_not_made_ends_in_time() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    // There is room for one that nobody takes.
    let _first = TcpStream::connect(address).unwrap();
    let settings = HttpConnectorSettings::builder().connect_timeout(PATIENCE).build();
    let called = called_with(&SdkHttp::default(), &format!("http://{address}"), settings).await;
    assert!(called.unwrap_err().is_timeout());
}

#[tokio::test]
async fn a_head_that_comes_too_late_ends_in_time() {
    let settings = HttpConnectorSettings::builder().read_timeout(PATIENCE).build();
    let called = called_with(&SdkHttp::default(), &holding("HTTP/1.1 200 OK\r\n"), settings).await;
    assert!(called.unwrap_err().is_timeout());
}

#[tokio::test]
async fn a_body_that_does_not_end_ends_in_time() {
    let slow = holding("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{");
    let endless = server(|listener| {
        let mut stream = accept(&listener);
        answer_with(&mut stream, "HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b' '; 64]).is_ok() {}
    });
    for url in [slow, endless] {
        let asked = sdk(&url, 1).list_tables().send();
        let error = tokio::time::timeout(END, asked).await.unwrap().unwrap_err();
        assert!(matches!(error, SdkError::TimeoutError(_)), "{error:?}");
    }
}

/// The other end closes an idle connection while nobody here runs, as in a function between two events.
#[tokio::test]
async fn what_was_closed_meanwhile_fails_no_request() {
    let (close, closes) = mpsc::channel();
    let (told, closed) = mpsc::channel();
    let url = server(move |listener| {
        let mut stream = accept(&listener);
        answer_with(&mut stream, EMPTY);
        answer_with(&mut stream, EMPTY);
        closes.recv().unwrap();
        drop(stream);
        told.send(()).unwrap();
        answer_with(&mut accept(&listener), EMPTY);
    });
    let sdk = sdk(&url, 2);
    for _ in 0..2 {
        sdk.list_tables().send().await.unwrap();
        turn().await;
    }
    close.send(()).unwrap();
    closed.recv().unwrap();
    sdk.list_tables().send().await.unwrap();
}

#[tokio::test]
async fn a_failed_request_is_tried_again_by_a_connection_of_its_own() {
    let (told, asked) = mpsc::channel();
    let url = server(move |listener| {
        let mut kept = accept(&listener);
        answer_with(&mut kept, "HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\n{}");
        let mut own = accept(&listener);
        told.send(answer_with(&mut own, EMPTY)).unwrap();
        assert_eq!(own.read(&mut [0]).unwrap(), 0, "it is not kept");
        told.send(answer_with(&mut kept, EMPTY)).unwrap();
    });
    let sdk = sdk(&url, 2);
    for attempt in ["attempt=2;", "attempt=1;"] {
        sdk.list_tables().send().await.unwrap();
        assert!(asked.recv().unwrap().contains(attempt));
    }
}
