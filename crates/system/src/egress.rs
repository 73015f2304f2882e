//! Outgoing HTTP: one client for providers, one for callbacks that connects only to addresses it checked.

mod addresses;
mod resolver;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use connectors::{Http, HttpError, HttpRequest, HttpResponse, Method, Route};
use resolver::{CheckedResolver, RefusedAddress};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Idle connections to providers are closed after this; an instance polls again minutes later, another one
/// of the same provider at once.
const IDLE_S: u64 = 60;
/// Time to connect.
const CONNECT_S: u64 = 10;

/// Which addresses callbacks may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallbackAddresses {
    /// Only public ones: not private, loopback, link-local or otherwise special.
    Public,
    /// All: for a laptop, and for tests.
    All,
}

/// Why the clients can't be made.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client can't be made")]
pub enum SetUpError {
    Client(#[from] reqwest::Error),
    /// No root certificates, as a rule.
    Tls(#[from] rustls::Error),
}

/// The way out.
pub struct Egress {
    providers: reqwest::Client,
    callbacks: reqwest::Client,
    callback_addresses: CallbackAddresses,
}

impl Egress {
    /// Makes both clients. They speak directly, whatever proxy the environment names: callbacks must reach the
    /// address that was checked.
    pub fn new(callback_addresses: CallbackAddresses) -> Result<Self, SetUpError> {
        // Already installed is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tls = tls()?;
        let base = || {
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(Duration::from_secs(CONNECT_S))
                .pool_idle_timeout(Duration::from_secs(IDLE_S))
                .tcp_nodelay(true)
        };
        let callbacks = match callback_addresses {
            CallbackAddresses::All => base(),
            CallbackAddresses::Public => base().dns_resolver(Arc::new(CheckedResolver)),
        };
        // A callback's answer is only looked at: what it is compressed with does not matter.
        Ok(Egress { providers: base().build()?, callbacks: callbacks.no_gzip().build()?, callback_addresses })
    }

    fn client(&self, request: &HttpRequest<'_>, url: &url::Url) -> Result<&reqwest::Client, HttpError> {
        if request.route == Route::Provider {
            return Ok(&self.providers);
        }
        // A literal address is not resolved, so the resolver does not see it.
        let literal = match url.host() {
            Some(url::Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(url::Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            _ => None,
        };
        let is_refused = literal.is_some_and(|address| !addresses::is_public(address));
        match self.callback_addresses {
            CallbackAddresses::Public if is_refused => Err(HttpError::RefusedAddress),
            _ => Ok(&self.callbacks),
        }
    }
}

/// One for both clients: the system's root certificates are read once, which is most of the time that they take.
fn tls() -> Result<ClientConfig, rustls::Error> {
    let mut tls = ClientConfig::builder().with_platform_verifier()?.with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(tls)
}

#[async_trait]
impl Http for Egress {
    async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, HttpError> {
        let url = url::Url::parse(&request.url).map_err(|_| HttpError::BadUrl)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(HttpError::BadUrl);
        }
        let client = self.client(&request, &url)?;
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
        };
        let mut builder = client.request(method, url).timeout(Duration::from_millis(request.timeout_ms));
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        let response = builder.body(request.body).send().await.map_err(classify)?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = read(response, request.answer_bytes_max, request.route).await?;
        Ok(HttpResponse { status, headers, body })
    }
}

/// Reads a body up to its limit; a callback's answer is cut there, a provider's is an error beyond it.
async fn read(mut response: reqwest::Response, bytes_max: usize, route: Route) -> Result<Bytes, HttpError> {
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(None) => return Ok(body.freeze()),
            Ok(Some(chunk)) if body.len() + chunk.len() <= bytes_max => body.extend_from_slice(&chunk),
            Ok(Some(chunk)) if route == Route::Callback => {
                body.extend_from_slice(&chunk[..bytes_max - body.len()]);
                return Ok(body.freeze());
            }
            Ok(Some(_)) => return Err(HttpError::TooLong(bytes_max)),
            // The status has arrived, and it is what counts: a callback need not finish its answer.
            Err(_) if route == Route::Callback => return Ok(body.freeze()),
            Err(error) => return Err(classify(error)),
        }
    }
}

fn classify(error: reqwest::Error) -> HttpError {
    if is_refused(&error) {
        return HttpError::RefusedAddress;
    }
    if error.is_timeout() {
        return HttpError::Timeout;
    }
    // The address may hold a secret of the receiver's.
    let error = error.without_url();
    match error.is_connect() {
        true => HttpError::Connect(error.into()),
        false => HttpError::Broken(error.into()),
    }
}

fn is_refused(error: &reqwest::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if error.is::<RefusedAddress>() {
            return true;
        }
        source = error.source();
    }
    false
}

#[cfg(test)]
mod tests;
