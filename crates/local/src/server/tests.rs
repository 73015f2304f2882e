use super::*;
use axum::body::Bytes;
use axum::extract;
use axum::middleware::{self, Next};
use axum::routing::{get, post};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;

/// A server with a few routes, and what stops it.
struct Served {
    at: SocketAddr,
    stop: watch::Sender<bool>,
    ended: tokio::task::JoinHandle<()>,
    /// Whoever asked for `/work` has to be let go.
    release: Arc<Notify>,
}

async fn served() -> Served {
    serve(Times::USUAL).await
}

/// So long that nothing here comes by chance.
const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(100);
const SOON: Duration = Duration::from_secs(20);

async fn serve(times: Times) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let release = Arc::new(Notify::new());
    let held = release.clone();
    let router = Router::new()
        .route("/health", get(async || "well"))
        .route("/length", post(async |body: Bytes| body.len().to_string()))
        .route("/large", get(async || "x".repeat(40_000_000)))
        .route(
            "/work",
            get(async move || {
                held.notified().await;
                "done"
            }),
        )
        .layer(middleware::from_fn(with_line));
    let (stop, stopped) = watch::channel(false);
    let ended = tokio::spawn(run(listener, router, times, stopped));
    Served { at, stop, ended, release }
}

/// Says what the log would, in a header.
async fn with_line(request: extract::Request, next: Next) -> axum::response::Response {
    let ended = request.extensions().get::<EndedByHost>().cloned();
    let mut response = next.run(request).await;
    if let Some(status) = ended.and_then(|ended| ended.0()) {
        response.headers_mut().insert("x-line", status.into());
    }
    response
}

async fn opened(served: &Served, said: &str) -> TcpStream {
    let mut stream = TcpStream::connect(served.at).await.unwrap();
    stream.write_all(said.as_bytes()).await.unwrap();
    stream
}

/// All that comes until the connection ends, which is soon.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(SOON, stream.read_to_end(&mut bytes)).await;
    assert!(read.is_ok(), "the connection stays open");
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn ask(served: &Served, said: &str) -> String {
    rest(&mut opened(served, said).await).await
}

const HEALTH: &str = "GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn a_head_has_its_time_and_so_has_an_idle_connection() {
    let served = serve(Times { head: SHORT, body: LONG, stall: LONG }).await;
    for said in ["", "G", "GET /health HTTP/1.1\r\nhost: x\r\n"] {
        assert_eq!(ask(&served, said).await, "", "{said:?}");
    }
    assert!(ask(&served, "GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await.ends_with("well"));
}

#[tokio::test]
async fn a_body_has_its_time() {
    let served = serve(Times { head: LONG, body: SHORT, stall: LONG }).await;
    for (said, status) in [
        ("POST /length HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc", "HTTP/1.1 408 "),
        ("POST /length HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n", "HTTP/1.1 408 "),
    ] {
        let answered = ask(&served, said).await;
        assert!(answered.starts_with(status), "{said:?}: {answered}");
        assert!(answered.contains("\r\nx-line: 408\r\n"), "its line has the same: {answered}");
    }
}

/// Each body is within its limit, and all of them together are not within theirs.
#[tokio::test]
async fn bodies_that_arrive_have_no_more_than_their_room() {
    const BODY_BYTES: usize = 1_900_000;
    let served = serve(Times { head: LONG, body: LONG, stall: LONG }).await;
    let head = format!("POST /length HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", BODY_BYTES + 1);
    let half_sent = (0..64 * 1024 * 1024 / BODY_BYTES + 5).map(async |_| {
        let mut stream = opened(&served, &head).await;
        // Who is refused may be hung up on.
        let _ = stream.write_all(&vec![b' '; BODY_BYTES]).await;
        rest(&mut stream).await
    });
    let half_sent: Vec<_> = half_sent.map(Box::pin).collect();
    let (answer, ..) = futures_util::future::select_all(half_sent).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
}

#[tokio::test]
async fn bodies_are_read_and_only_http_1_is_spoken() {
    let served = served().await;
    let answered =
        ask(&served, "POST /length HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc")
            .await;
    assert!(answered.starts_with("HTTP/1.1 200 ") && answered.ends_with("\r\n\r\n3"), "{answered}");
    let preface = ask(&served, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    assert!(!preface.contains('\0'), "{preface:?}");
    let long = format!("GET /health HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "a".repeat(2 * HEAD_BYTES_MAX));
    assert!(ask(&served, &long).await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn who_waits_for_its_client_gives_way_and_who_works_does_not() {
    let served = served().await;
    let mut working = opened(&served, "GET /work HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    // A working connection is seen to be working before others come.
    assert!(ask(&served, HEALTH).await.ends_with("well"));
    let mut silent = Vec::new();
    for n in 0..descriptors::connections_count_max() + 50 {
        silent.push(opened(&served, if n % 2 == 0 { "G" } else { "POST /length HTTP/1.1\r\n" }).await);
    }
    assert!(ask(&served, HEALTH).await.ends_with("well"), "there is a place for one that says what it wants");
    assert_eq!(rest(&mut silent[0]).await, "", "the first had waited longest");
    served.release.notify_one();
    assert!(rest(&mut working).await.ends_with("done"));
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up() {
    let served = serve(Times { head: LONG, body: LONG, stall: SHORT }).await;
    let mut stream = opened(&served, "GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut some = [0; 1000];
    stream.read_exact(&mut some).await.unwrap();
    served.stop.send(true).unwrap();
    served.ended.await.unwrap();
}

#[tokio::test]
async fn told_to_stop_what_has_begun_comes_to_its_end() {
    let served = served().await;
    let mut working = opened(&served, "GET /work HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(ask(&served, HEALTH).await.ends_with("well"));
    let mut half = opened(&served, "GET /heal").await;
    let mut kept = opened(&served, "GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut seen = [0; 15];
    kept.read_exact(&mut seen).await.unwrap();
    served.stop.send(true).unwrap();
    assert_eq!(rest(&mut half).await, "");
    assert!(rest(&mut kept).await.ends_with("well"));
    served.release.notify_one();
    assert!(rest(&mut working).await.ends_with("done"));
    served.ended.await.unwrap();
    assert!(TcpStream::connect(served.at).await.is_err(), "nobody listens any more");
}
