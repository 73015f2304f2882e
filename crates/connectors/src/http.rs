//! The way out, as a port.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream, StreamExt as _};

/// Sends requests. Adapters keep connections, check addresses, and never repeat a request.
///
/// # Errors
/// [`HttpError`]: there is no answer. An answer of any status is none.
#[async_trait]
pub trait Http: Send + Sync {
    /// Sends one request and reads the answer, at most `answer_bytes_max` of it.
    async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, HttpError>;

    /// Sends one request and gives the answer's body as it comes. `timeout_ms` is for the head, and again for each piece;
    /// a body of more than `answer_bytes_max` ends in an error. An adapter that holds whole answers gives one piece.
    async fn open(&self, request: HttpRequest<'_>) -> Result<HttpStream, HttpError> {
        let HttpResponse { status, headers, body } = self.send(request).await?;
        Ok(HttpStream { status, headers, body: stream::iter([Ok(body)]).boxed() })
    }
}

/// A body as it comes. It ends with the first error.
pub type BodyStream = BoxStream<'static, Result<Bytes, HttpError>>;

/// One answer whose body is still to come.
pub struct HttpStream {
    /// HTTP status.
    pub status: u16,
    /// Response headers.
    pub headers: http::HeaderMap,
    /// Response body.
    pub body: BodyStream,
}

impl HttpStream {
    /// Waits for the whole body, at most so many bytes of it.
    ///
    /// # Errors
    /// [`HttpError::TooLong`], or what the body ended in.
    pub async fn gathered(mut self, bytes_max: usize) -> Result<HttpResponse, HttpError> {
        let mut body = BytesMut::new();
        while let Some(piece) = self.body.next().await {
            let piece = piece?;
            if body.len() + piece.len() > bytes_max {
                return Err(HttpError::TooLong(bytes_max));
            }
            body.extend_from_slice(&piece);
        }
        Ok(HttpResponse { status: self.status, headers: self.headers, body: body.freeze() })
    }
}

/// Request methods in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Patch,
    Delete,
}

/// Where a request goes, which decides how far it is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// A provider's address, from our own configuration. An answer over the limit is an error.
    Provider,
    /// An address that a user gave: no redirects, refused addresses, an answer cut at the limit.
    Callback,
}

/// One request. It has no `Debug`: headers and body hold secrets.
///
/// The names of headers are borrowed: constants as a rule, and a callback's own ones from its configuration.
pub struct HttpRequest<'a> {
    /// HTTP method.
    pub method: Method,
    /// Absolute URL, encoded.
    pub url: String,
    /// Request headers.
    pub headers: Vec<(&'a str, String)>,
    /// Request body, maybe empty.
    pub body: Bytes,
    /// From the first byte out to the last byte in, ms.
    pub timeout_ms: u64,
    /// Maximum bytes of the answer's body, after decompression.
    pub answer_bytes_max: usize,
    /// Whose address it is.
    pub route: Route,
}

/// One answer.
pub struct HttpResponse {
    /// HTTP status.
    pub status: u16,
    /// Response headers.
    pub headers: http::HeaderMap,
    /// Response body.
    pub body: Bytes,
}

impl HttpResponse {
    /// A header's value as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `Retry-After` in seconds from now, whether it is given as seconds or as a date.
    pub fn retry_after_s(&self, now: chrono::DateTime<chrono::Utc>) -> Option<u64> {
        retry_after_s(&self.headers, now)
    }
}

/// `Retry-After` among an answer's headers, in seconds from now, whether it is given as seconds or as a date.
pub fn retry_after_s(headers: &http::HeaderMap, now: chrono::DateTime<chrono::Utc>) -> Option<u64> {
    let value = headers.get("retry-after")?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(seconds);
    }
    let at: chrono::DateTime<chrono::Utc> = httpdate::parse_http_date(value).ok()?.into();
    u64::try_from(((at - now).num_milliseconds() + 999).max(0) / 1000).ok() // rounded up: not a moment too early
}

/// What an answer that did not come broke off with.
type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why there is no answer. The texts begin with a class, and neither they nor the sources name an address.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address is one that callbacks may not go to.
    #[error("the address is private, loopback or link-local")]
    RefusedAddress,
    /// Not a usable address.
    #[error("the address is not a valid http or https URL")]
    BadUrl,
    /// The caller lets nothing out any more, for a reason that it knows itself.
    #[error("the request was not sent")]
    NotSent,
    /// No answer in time.
    #[error("timeout: no answer within the time limit")]
    Timeout,
    /// No connection in time.
    #[error("timeout: no connection within the time limit")]
    ConnectTimeout,
    /// The address's name was not found.
    #[error("dns: the name of the address does not resolve")]
    Dns(#[source] Source),
    /// Nothing listens there.
    #[error("refused: nothing listens at the address")]
    Refused(#[source] Source),
    /// No way leads there.
    #[error("unreachable: there is no route to the address")]
    Unreachable(#[source] Source),
    /// No secure connection.
    #[error("tls: {0}")]
    Tls(TlsFault, #[source] Source),
    /// The connection failed in another way.
    #[error("could not connect")]
    Connect(#[source] Source),
    /// The answer is not HTTP.
    #[error("bad header: the answer does not begin with an HTTP status line")]
    NotHttp,
    /// The connection ended before the answer did.
    #[error("broke off: the answer ended early")]
    Broken(#[source] Source),
    /// A provider's answer is longer than allowed.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

/// What is wrong with a secure connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TlsFault {
    #[error("expired: the certificate is no longer valid")]
    Expired,
    #[error("not yet valid: the certificate's period has not begun")]
    NotYetValid,
    #[error("name: the certificate is for other names")]
    Name,
    /// Also a chain that lacks an intermediate certificate.
    #[error(
        "unknown issuer: the certificate does not lead to a known authority; is an intermediate one missing?"
    )]
    UnknownIssuer,
    /// The certificate in another way.
    #[error("certificate: it was refused")]
    Certificate,
    #[error("no common cipher suite or protocol version")]
    NothingInCommon,
    /// The negotiation failed in another way.
    #[error("handshake: it failed")]
    Handshake,
}
