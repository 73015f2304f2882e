//! The function `api`: requests of API Gateway, answered by the router that every host has.

use super::host::Host;
use crate::fault::chain;
use axum::body::Body;
use axum::response::Response;
use lambda_http::{Request, RequestExt as _, service_fn};
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use tower::ServiceExt as _;

pub(super) async fn serve(host: Arc<Host>) -> anyhow::Result<()> {
    let handler = service_fn(move |request| {
        let host = host.clone();
        async move { Ok::<_, Infallible>(answer(&host, request).await) }
    });
    lambda_http::run(handler).await.map_err(anyhow::Error::from_boxed)
}

async fn answer(host: &Host, request: Request) -> Response {
    let request_id = request.lambda_context().request_id;
    match host.entry().await {
        Ok(entry) => match entry.router().oneshot(request.map(Body::new)).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
        Err(error) => {
            tracing::error!(error = chain(&error), "host.failed");
            not_ready(&request_id)
        }
    }
}

/// In the dialect, although nothing that speaks it is there yet.
fn not_ready(request_id: &str) -> Response {
    let body = json!({ "requestId": request_id, "message": "the service can't start: try again" });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = axum::http::StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert("content-type", axum::http::HeaderValue::from_static("application/json"));
    if let Ok(id) = axum::http::HeaderValue::from_str(request_id) {
        headers.insert("elements-request-id", id);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_start_is_said_in_the_dialect() {
        let response = not_ready("r-1");
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["elements-request-id"], "r-1");
    }
}
