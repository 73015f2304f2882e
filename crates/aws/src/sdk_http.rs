//! The SDK's requests, by the client that asks providers: a function links one client. See decision 0108.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Where the SDK says how often it has tried: `attempt=1; max=4`.
const TRIES_HEADER: &str = "amz-sdk-request";

/// The SDK's HTTP client. The first request makes what it goes by: that reads the system's root certificates, which is
/// most of the time that a start would take.
#[derive(Debug, Clone, Default)]
pub struct SdkHttp(Arc<Mutex<HashMap<Terms, reqwest::Client>>>);

/// What requests need the same of, to go by the same connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Terms {
    connect_timeout: Option<Duration>,
    connections: Connections,
}

/// By which connections a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Connections {
    /// Those that were kept.
    Kept,
    /// One of its own: what failed may be a server's process, or a connection that died while a function was frozen, of
    /// which there may be more.
    New,
}

impl Connections {
    fn of(request: &HttpRequest) -> Self {
        let tries = request.headers().get(TRIES_HEADER).unwrap_or_default();
        let attempt = tries.split("; ").find_map(|pair| pair.strip_prefix("attempt="));
        if attempt.is_none_or(|attempt| attempt == "1") { Connections::Kept } else { Connections::New }
    }
}

impl SdkHttp {
    fn client(&self, terms: Terms) -> Result<reqwest::Client, ConnectorError> {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&terms) {
            return Ok(client.clone());
        }
        let client = terms.client().map_err(|error| ConnectorError::other(error, None))?;
        clients.insert(terms, client.clone());
        Ok(client)
    }
}

impl Terms {
    fn client(self) -> Result<reqwest::Client, Box<dyn Error + Send + Sync>> {
        let mut client = system::direct_client()?;
        if let Some(connect_timeout) = self.connect_timeout {
            client = client.connect_timeout(connect_timeout);
        }
        if self.connections == Connections::New {
            client = client.pool_max_idle_per_host(0);
        }
        Ok(client.build()?)
    }
}

impl HttpClient for SdkHttp {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector { http: self.clone(), settings: settings.clone() })
    }
}

#[derive(Debug)]
struct Connector {
    http: SdkHttp,
    settings: HttpConnectorSettings,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connect_timeout = self.settings.connect_timeout();
        let client = self.http.client(Terms { connect_timeout, connections: Connections::of(&request) });
        let read_timeout = self.settings.read_timeout();
        HttpConnectorFuture::new(async move {
            let answer = answer(client?, request);
            match read_timeout {
                None => answer.await,
                Some(time) => tokio::time::timeout(time, answer)
                    .await
                    .map_err(|elapsed| ConnectorError::timeout(elapsed.into()))?,
            }
        })
    }
}

/// Both bodies pass as they are.
async fn answer(client: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let request = reqwest::Request::try_from(request.map(reqwest::Body::wrap)).map_err(failed)?;
    let answer = http::Response::<reqwest::Body>::from(client.execute(request).await.map_err(failed)?);
    HttpResponse::try_from(answer.map(SdkBody::from_body_1_x))
        .map_err(|error| ConnectorError::other(error.into(), None))
}

/// As the SDK's own client tells them, for the SDK decides by it what is tried again.
fn failed(error: reqwest::Error) -> ConnectorError {
    let class = class(&error);
    class(error.without_url().into())
}

fn class(error: &reqwest::Error) -> fn(Box<dyn Error + Send + Sync>) -> ConnectorError {
    let of_http = cause::<hyper::Error>(error);
    let is_cut = |error: &hyper::Error| error.is_closed() || error.is_canceled();
    if error.is_timeout() {
        ConnectorError::timeout
    } else if error.is_builder() || of_http.is_some_and(hyper::Error::is_user) {
        ConnectorError::user
    } else if error.is_connect()
        || cause::<io::Error>(error).is_some()
        || of_http.is_some_and(is_cut)
        || cause::<h2::Error>(error).is_some_and(is_unseen)
    {
        ConnectorError::io
    } else if of_http.is_some_and(hyper::Error::is_incomplete_message) {
        |error| ConnectorError::other(error, Some(ErrorKind::TransientError))
    } else {
        |error| ConnectorError::other(error, None)
    }
}

/// A server of HTTP/2 says that it did not look at the request, or takes no more.
fn is_unseen(error: &h2::Error) -> bool {
    error.is_go_away() || (error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM))
}

fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    std::iter::successors(Some(error), |error| (*error).source()).find_map(|error| error.downcast_ref())
}

#[cfg(test)]
mod tests;
