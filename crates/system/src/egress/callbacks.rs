//! The client of callbacks: it takes answers as receivers of the field give them. See decision 0028.

use super::IDLE_S;
use super::addresses::CallbackAddresses;
use super::fault::{CONNECT_S, NoConnection, classify};
use super::forgiving::Forgiving;
use super::resolver::Resolver;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use connectors::{HttpError, HttpRequest, HttpResponse, Method};
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderName, HeaderValue, Request, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use percent_encoding::percent_decode_str;
use rustls::ClientConfig;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tower::Service;

/// Idle connections kept to one receiver.
const IDLE_COUNT_MAX: usize = 64;
/// For the body of an answer whose status is known, s: it is only looked at.
const BODY_S: u64 = 5;

/// Sends to callbacks.
pub(super) struct Callbacks(Client<Connector, Full<Bytes>>);

impl Callbacks {
    pub(super) fn new(addresses: CallbackAddresses, tls: ClientConfig) -> Self {
        let mut http = HttpConnector::new_with_resolver(Resolver(addresses));
        http.enforce_http(false);
        http.set_nodelay(true);
        let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        let connector = Connector(https.enable_all_versions().wrap_connector(http));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(IDLE_S))
            .pool_max_idle_per_host(IDLE_COUNT_MAX)
            .build(connector);
        Callbacks(client)
    }

    pub(super) async fn send(
        &self,
        request: HttpRequest<'_>,
        url: url::Url,
    ) -> Result<HttpResponse, HttpError> {
        let (timeout, bytes_max) = (Duration::from_millis(request.timeout_ms), request.answer_bytes_max);
        let request = translated(request, url)?;
        let response = tokio::time::timeout(timeout, self.0.request(request))
            .await
            .map_err(|_| HttpError::Timeout)?
            .map_err(|error| classify(&error, error.is_connect()))?;
        let (head, body) = response.into_parts();
        let body = first_bytes(body, bytes_max, timeout.min(Duration::from_secs(BODY_S))).await;
        Ok(HttpResponse { status: head.status.as_u16(), headers: head.headers, body })
    }
}

/// As the client takes it. What an address has before its `@` goes into the header that it stands for.
fn translated(request: HttpRequest<'_>, mut url: url::Url) -> Result<Request<Full<Bytes>>, HttpError> {
    let basic = basic(&url);
    let is_bare = url.set_username("").is_ok() && url.set_password(None).is_ok();
    url.set_fragment(None);
    let uri: Uri = url.as_str().parse().map_err(|_| HttpError::BadUrl)?;
    let mut translated = Request::new(Full::new(request.body));
    *translated.method_mut() = match request.method {
        Method::Get => http::Method::GET,
        Method::Post => http::Method::POST,
        Method::Patch => http::Method::PATCH,
        Method::Delete => http::Method::DELETE,
    };
    *translated.uri_mut() = if is_bare { uri } else { return Err(HttpError::BadUrl) };
    let headers = translated.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    if let Some(value) = basic {
        headers.insert(AUTHORIZATION, value);
    }
    for (name, value) in &request.headers {
        let name =
            HeaderName::from_bytes(name.as_bytes()).map_err(|error| HttpError::Broken(error.into()))?;
        let value = HeaderValue::from_str(value).map_err(|error| HttpError::Broken(error.into()))?;
        headers.append(name, value);
    }
    Ok(translated)
}

fn basic(url: &url::Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let plain = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    let pair = format!("{}:{}", plain(url.username()), plain(url.password().unwrap_or_default()));
    let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The beginning of a body. The status has arrived, and it is what counts: a callback need not finish its answer.
async fn first_bytes(mut body: Incoming, bytes_max: usize, timeout: Duration) -> Bytes {
    let mut read = BytesMut::new();
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            let Ok(bytes) = frame.into_data() else { continue };
            let room = bytes_max - read.len();
            read.extend_from_slice(&bytes[..bytes.len().min(room)]);
            if bytes.len() >= room {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(timeout, reading).await;
    read.freeze()
}

/// Connects to checked addresses, and puts the heads of answers in order.
#[derive(Clone)]
struct Connector(HttpsConnector<HttpConnector<Resolver>>);

type Stream = Forgiving<MaybeHttpsStream<TokioIo<TcpStream>>>;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.0.call(uri);
        Box::pin(async move {
            let connected = tokio::time::timeout(Duration::from_secs(CONNECT_S), connecting).await;
            Ok(Forgiving::new(connected.map_err(|_| NoConnection)??))
        })
    }
}
