//! How a provider's own requests go out: over sockets, straight to a router, or however a test will have it.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::ServiceExt as _;

use super::sent::SentNotice;
use crate::clock::Clock;

/// Above any answer to a notice.
const ANSWER_BYTES_MAX: usize = 1 << 16;

/// How long a request waits for its answer, which goes with it.
#[derive(Clone, Copy)]
struct Patience(Duration);

type Answering = Pin<Box<dyn Future<Output = Option<Response<Bytes>>> + Send>>;

/// Where the requests of a provider lead. Cloning gives another handle on the same one.
#[derive(Clone)]
pub struct Way(Arc<dyn Fn(Request<Bytes>) -> Answering + Send + Sync>);

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Way")
    }
}

impl Way {
    /// Requests are answered by a function; `None`: no answer came.
    pub fn new<F>(answer: impl Fn(Request<Bytes>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Option<Response<Bytes>>> + Send + 'static,
    {
        Self(Arc::new(move |request| Box::pin(answer(request))))
    }

    /// Requests to whatever address go to a router, without sockets.
    pub fn router(router: Router) -> Self {
        Self::new(move |request| {
            let router = router.clone();
            async move {
                let answer = router.oneshot(request.map(Body::from)).await.ok()?;
                let (parts, body) = answer.into_parts();
                Some(Response::from_parts(parts, body.collect().await.ok()?.to_bytes()))
            }
        })
    }

    /// Requests go over sockets, without TLS: to `http` addresses only.
    pub fn sockets() -> Self {
        Self::through(BTreeMap::new())
    }

    /// The same, but what is for one of these hosts goes to its socket, whatever its scheme and port: as if a server that
    /// ends TLS stood there.
    pub fn through(hosts: BTreeMap<String, SocketAddr>) -> Self {
        let hosts = Arc::new(hosts);
        Self::new(move |request| {
            let hosts = Arc::clone(&hosts);
            let patience = request.extensions().get().map_or(Duration::ZERO, |Patience(patience)| *patience);
            async move { tokio::time::timeout(patience, over_socket(request, &hosts)).await.ok()? }
        })
    }

    /// Posts, and says how long it took by a clock; that is too long for an answer which took longer than it may.
    pub(crate) async fn post(&self, clock: &Clock, outgoing: Outgoing, timeout_us: i64) -> Outcome {
        let began_us = clock.now_us();
        let patience = Patience(Duration::from_micros(timeout_us.unsigned_abs()));
        let response = match outgoing.request() {
            Some(mut request) => {
                request.extensions_mut().insert(patience);
                (self.0)(request).await
            }
            None => None,
        };
        let took_us = clock.now_us() - began_us;
        Outcome { response: response.filter(|_| took_us <= timeout_us), took_us }
    }
}

/// A request to make.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Outgoing {
    /// One with a body of JSON.
    pub(crate) fn json(url: &str, body: &serde_json::Value) -> Self {
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        let headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, json)]);
        Self { url: url.to_owned(), headers, body: body.to_string().into() }
    }

    fn request(self) -> Option<Request<Bytes>> {
        let uri: Uri = self.url.parse().ok()?;
        let host = HeaderValue::from_str(uri.authority()?.as_str()).ok()?;
        let mut request = Request::builder().method(Method::POST).uri(uri).body(self.body).ok()?;
        *request.headers_mut() = self.headers;
        request.headers_mut().insert(HOST, host);
        Some(request)
    }
}

impl From<SentNotice> for Outgoing {
    /// The same once more.
    fn from(SentNotice { url, headers, body, .. }: SentNotice) -> Self {
        Self { url, headers, body }
    }
}

/// How a request went.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// `None`: none in time.
    pub(crate) response: Option<Response<Bytes>>,
    pub(crate) took_us: i64,
}

impl Outcome {
    pub(crate) fn status(&self) -> Option<u16> {
        self.response.as_ref().map(|response| response.status().as_u16())
    }
}

async fn over_socket(
    mut request: Request<Bytes>,
    hosts: &BTreeMap<String, SocketAddr>,
) -> Option<Response<Bytes>> {
    let host = request.uri().host()?;
    let stream = match (hosts.get(host), request.uri().scheme_str()) {
        (Some(address), _) => TcpStream::connect(address).await.ok()?,
        (None, Some("http")) => {
            let port = request.uri().port_u16().unwrap_or(80);
            TcpStream::connect((host.trim_matches(['[', ']']), port)).await.ok()?
        }
        _ => return None,
    };
    // A server is asked for a path.
    *request.uri_mut() = request.uri().path_and_query()?.as_str().parse().ok()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request.map(Full::new)).await.ok()?;
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.ok()?.to_bytes();
    connection.abort();
    Some(Response::from_parts(parts, body))
}
