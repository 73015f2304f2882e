//! The function `api`: requests of API Gateway, answered by the router that every host has. And `download`: those of a
//! function's own address, answered as the answer comes.

use super::host::{Entry, Host};
use super::whole::Whole;
use crate::fault::chain;
use crate::store::OtherFormat;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http;
use axum::response::Response;
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt as _, service_fn};
use serde_json::json;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt as _;

/// A notice is answered within this time from when the function is called, its start included.
const NOTICE_TIME_MAX: Duration = Duration::from_millis(850);

pub(super) async fn serve(host: Arc<Host>) -> anyhow::Result<()> {
    let handler = service_fn(move |request| {
        let host = host.clone();
        async move { Whole::of(answer(&host, request).await).await }
    });
    lambda_http::run(handler).await.map_err(anyhow::Error::from_boxed)
}

/// Lambda takes an answer piece by piece only from a function that always gives it so.
pub(super) async fn stream(host: Arc<Host>) -> anyhow::Result<()> {
    let handler = service_fn(move |request| {
        let host = host.clone();
        // In a box: the streaming service around it nests deeper than the compiler looks.
        Box::pin(
            async move { Ok::<_, Infallible>(served(&host, request, |entry| entry.app.downloads()).await) },
        )
    });
    lambda_http::run_with_streaming_response(handler).await.map_err(anyhow::Error::from_boxed)
}

pub(super) async fn answer(host: &Host, request: Request) -> Response {
    if !is_notice(&request) {
        return served(host, request, Entry::router).await;
    }
    // A provider's notice is accepted in time, whatever of ours fails, and a start that fails as well.
    match tokio::time::timeout(NOTICE_TIME_MAX, noticed(host, request)).await {
        Ok(response) if !response.status().is_server_error() => response,
        _ => accepted(),
    }
}

async fn noticed(host: &Host, mut request: Request) -> Response {
    if let Some(ahead) = host.push_row_ahead(request.uri().path(), request.body()).await {
        request.extensions_mut().insert(ahead);
    }
    served(host, request, Entry::router).await
}

async fn served(host: &Host, mut request: Request, router: fn(&Entry) -> axum::Router) -> Response {
    let request_id = request.lambda_context().request_id;
    if let Some(peer) = peer(&request) {
        request.extensions_mut().insert(ConnectInfo(peer));
    }
    match host.entry().await {
        Ok(entry) => match router(&entry).oneshot(request.map(Body::new)).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
        Err(error) => {
            tracing::error!(error = chain(&error), "host.failed");
            not_ready(&request_id, OtherFormat::in_error(&error))
        }
    }
}

/// Who called the gateway; which of their ports it was is not told.
fn peer(request: &Request) -> Option<SocketAddr> {
    let RequestContext::ApiGatewayV2(context) = request.request_context_ref()? else { return None };
    let address: IpAddr = context.http.source_ip.as_ref()?.parse().ok()?;
    Some(SocketAddr::from((address, 0)))
}

/// Whether it came by a route of notices, which providers and strangers use.
fn is_notice<B>(request: &http::Request<B>) -> bool {
    request.method() == http::Method::POST && request.uri().path().starts_with("/push/")
}

fn accepted() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = http::StatusCode::ACCEPTED;
    response
}

/// In the dialect, although nothing that speaks it is there yet.
fn not_ready(request_id: &str, other: Option<&OtherFormat>) -> Response {
    let why = other.map_or_else(|| "try again".to_owned(), OtherFormat::to_string);
    let body = json!({ "requestId": request_id, "message": format!("the service can't start: {why}") });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert("content-type", http::HeaderValue::from_static("application/json"));
    if let Ok(id) = http::HeaderValue::from_str(request_id) {
        headers.insert("elements-request-id", id);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_posted_to_a_route_of_notices_is_one() {
        let is_notice = |method: &str, uri: &str| {
            super::is_notice(&http::Request::builder().method(method).uri(uri).body(()).unwrap())
        };
        assert!(is_notice("POST", "https://carillon.test/push/gmail?a=b"));
        assert!(!is_notice("GET", "/push/gmail"));
        assert!(!is_notice("POST", "/elements/api-v2/instances"));
    }

    #[test]
    fn a_failed_start_is_said_in_the_dialect() {
        let response = not_ready("r-1", None);
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["elements-request-id"], "r-1");
    }
}
