//! Outgoing HTTP: one client for providers, one for callbacks that connects only to addresses it checked.

mod addresses;
mod callbacks;
mod fault;
mod forgiving;
mod gunzip;
mod head;
mod resolver;

use crate::direct::{self, NoRootCertificates};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use callbacks::Callbacks;
use connectors::{BodyStream, Http, HttpError, HttpRequest, HttpResponse, HttpStream, Method, Route};
use fault::{CONNECT_S, cause, classify};
use futures_util::stream::{self, StreamExt as _};
use http::header::ACCEPT_ENCODING;
use resolver::Resolver;
use rustls::ClientConfig;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

pub use addresses::CallbackAddresses;

/// Idle connections to providers are closed after this; an instance polls again minutes later, another one
/// of the same provider at once.
const IDLE_S: u64 = 60;
/// A body that is read as it comes takes no longer than this, seconds: 200 MB at 3 Mbit/s.
const STREAM_S_MAX: u64 = 600;

/// Why the clients can't be made.
#[derive(Debug, thiserror::Error)]
enum SetUpError {
    #[error("the HTTP client can't be made")]
    Client(#[from] reqwest::Error),
    #[error(transparent)]
    Tls(#[from] NoRootCertificates),
}

/// The way out.
pub struct Egress {
    callback_addresses: CallbackAddresses,
    clients: OnceCell<Clients>,
}

struct Clients {
    providers: reqwest::Client,
    callbacks: Callbacks,
}

impl Egress {
    /// Reads nothing: the first request makes the clients, since the system's root certificates are most of the time
    /// that a start would take.
    pub fn new(callback_addresses: CallbackAddresses) -> Self {
        Egress { callback_addresses, clients: OnceCell::new() }
    }

    /// With a TLS that is not the system's.
    #[cfg(test)]
    fn with(callback_addresses: CallbackAddresses, tls: ClientConfig) -> Self {
        let clients = Clients::new(callback_addresses, tls).unwrap();
        Egress { callback_addresses, clients: OnceCell::new_with(Some(clients)) }
    }

    async fn clients(&self) -> Result<&Clients, HttpError> {
        let made = self.clients.get_or_try_init(async || Clients::of_the_system(self.callback_addresses));
        made.await.map_err(|error| classify(&error, true))
    }

    /// A literal address is not resolved, so the resolver does not see it.
    fn is_refused(&self, url: &url::Url) -> bool {
        let literal = match url.host() {
            Some(url::Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(url::Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            _ => None,
        };
        self.callback_addresses == CallbackAddresses::Public
            && literal.is_some_and(|address| !addresses::is_public(address))
    }
}

impl Clients {
    /// They speak directly, whatever proxy the environment names: callbacks must reach the address that was checked.
    fn of_the_system(callback_addresses: CallbackAddresses) -> Result<Self, SetUpError> {
        Self::new(callback_addresses, direct::tls()?)
    }

    /// With one TLS for both.
    fn new(callback_addresses: CallbackAddresses, tls: ClientConfig) -> Result<Self, SetUpError> {
        let callbacks = Callbacks::new(callback_addresses, tls.clone());
        let providers = direct::client_with(tls)
            .dns_resolver(Arc::new(Resolver(CallbackAddresses::All)))
            .connect_timeout(Duration::from_secs(CONNECT_S))
            .pool_idle_timeout(Duration::from_secs(IDLE_S))
            .build()?;
        Ok(Clients { providers, callbacks })
    }

    fn to_provider(&self, request: HttpRequest<'_>, url: url::Url) -> reqwest::RequestBuilder {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut builder = self.providers.request(method, url);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        builder.body(request.body)
    }

    async fn ask_provider(&self, request: HttpRequest<'_>, url: url::Url) -> Result<HttpResponse, HttpError> {
        let (timeout, bytes_max) = (Duration::from_millis(request.timeout_ms), request.answer_bytes_max);
        let request = self.to_provider(request, url).header(ACCEPT_ENCODING, gunzip::TAKEN);
        let response = request.timeout(timeout).send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = gunzip::plain(&headers, read(response, bytes_max).await?, bytes_max)?;
        Ok(HttpResponse { status, headers, body })
    }

    async fn open_provider(&self, request: HttpRequest<'_>, url: url::Url) -> Result<HttpStream, HttpError> {
        let (timeout, bytes_max) = (Duration::from_millis(request.timeout_ms), request.answer_bytes_max);
        let sent = self.to_provider(request, url).timeout(Duration::from_secs(STREAM_S_MAX)).send();
        let response =
            tokio::time::timeout(timeout, sent).await.map_err(|_| HttpError::Timeout)?.map_err(failed)?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        if gunzip::is_packed(&headers) {
            return Err(HttpError::Broken("it is compressed, which was not asked for".into()));
        }
        Ok(HttpStream { status, headers, body: pieces(response, timeout, bytes_max) })
    }
}

/// A provider's body as it comes. Nothing is read ahead of whoever takes it, beyond what the connection holds.
fn pieces(response: reqwest::Response, timeout: Duration, bytes_max: usize) -> BodyStream {
    stream::try_unfold((response, 0), move |(mut response, taken)| async move {
        let piece = tokio::time::timeout(timeout, response.chunk()).await.map_err(|_| HttpError::Timeout)?;
        match piece.map_err(failed)? {
            None => Ok(None),
            Some(piece) if taken + piece.len() > bytes_max => Err(HttpError::TooLong(bytes_max)),
            Some(piece) => {
                let taken = taken + piece.len();
                Ok(Some((piece, (response, taken))))
            }
        }
    })
    .boxed()
}

#[async_trait]
impl Http for Egress {
    async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, HttpError> {
        let url = address(&request)?;
        match request.route {
            Route::Provider => self.clients().await?.ask_provider(request, url).await,
            Route::Callback if self.is_refused(&url) => Err(HttpError::RefusedAddress),
            Route::Callback => self.clients().await?.callbacks.send(request, url).await,
        }
    }

    /// Only providers' answers are read as they come.
    async fn open(&self, request: HttpRequest<'_>) -> Result<HttpStream, HttpError> {
        let url = address(&request)?;
        match request.route {
            Route::Provider => self.clients().await?.open_provider(request, url).await,
            Route::Callback => Err(HttpError::RefusedAddress),
        }
    }
}

fn address(request: &HttpRequest<'_>) -> Result<url::Url, HttpError> {
    let url = url::Url::parse(&request.url).map_err(|_| HttpError::BadUrl)?;
    if matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(HttpError::BadUrl) }
}

/// Reads a provider's body up to its limit; one beyond it is an error.
async fn read(mut response: reqwest::Response, bytes_max: usize) -> Result<Bytes, HttpError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > bytes_max {
            return Err(HttpError::TooLong(bytes_max));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn failed(error: reqwest::Error) -> HttpError {
    match classify(&error, error.is_connect()) {
        HttpError::Connect(_) | HttpError::Broken(_) if error.is_timeout() => HttpError::Timeout,
        failure => failure,
    }
}

#[cfg(test)]
mod tests;
