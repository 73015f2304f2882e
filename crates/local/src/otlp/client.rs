//! How exports go out: by the client that asks providers, whatever thread the exporter runs on.

use app::ports::Http;
use async_trait::async_trait;
use connectors::{HttpRequest, HttpResponse, Method, Route};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::runtime::Handle;

/// A collector's answer has a message at most.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

#[derive(Clone)]
pub(super) struct Client {
    http: Arc<dyn Http>,
    runtime: Handle,
    timeout_ms: u64,
    /// The last export failed, which was told.
    is_down: Arc<AtomicBool>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    pub(super) fn new(http: Arc<dyn Http>, runtime: Handle, timeout_ms: u64) -> Self {
        Client { http, runtime, timeout_ms, is_down: Arc::default() }
    }

    async fn post(self, request: Request<Bytes>) -> Result<HttpResponse, connectors::HttpError> {
        let (parts, body) = request.into_parts();
        let header = |(name, value): (&'_ http::HeaderName, &http::HeaderValue)| {
            Some((name.clone(), value.to_str().ok()?.to_owned()))
        };
        let headers: Vec<(http::HeaderName, String)> = parts.headers.iter().filter_map(header).collect();
        let request = HttpRequest {
            method: Method::Post,
            url: parts.uri.to_string(),
            headers: headers.iter().map(|(name, value)| (name.as_str(), value.clone())).collect(),
            body,
            timeout_ms: self.timeout_ms,
            answer_bytes_max: ANSWER_BYTES_MAX,
            route: Route::Provider,
        };
        self.http.send(request).await
    }

    /// A collector that is away is told once, and that it is back.
    fn note(&self, answered: &Result<HttpResponse, connectors::HttpError>) {
        let is_taken = answered.as_ref().is_ok_and(|answer| answer.status < 400);
        let was_down = self.is_down.swap(!is_taken, Ordering::Relaxed);
        match answered {
            _ if is_taken && was_down => tracing::info!("otlp.taken_again"),
            _ if is_taken || was_down => {}
            Ok(answer) => tracing::warn!(status = answer.status, "otlp.refused"),
            Err(error) => tracing::warn!(error = %error, "otlp.refused"),
        }
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        // The exporter's threads are not the runtime's.
        let answered = self.runtime.spawn(self.clone().post(request)).await?;
        self.note(&answered);
        let answer = answered?;
        let mut response = Response::new(answer.body);
        *response.status_mut() = http::StatusCode::from_u16(answer.status)?;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}
