//! The HTTP interface, in the Open Connectors dialect.

mod auth;
mod body;
mod deliveries;
mod elements;
mod error;
mod events;
mod instances;
mod paging;
mod poll;
mod wire;

use crate::app::App;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::{any, get, post, put};
use error::ApiError;

/// Requests are small; a pasted configuration with large urls is far below.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Callbacks that point at ourselves, as the samples have it.
const EVENT_BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Everything of the dialect is below this path.
pub const BASE_PATH: &str = "/elements/api-v2";

/// All routes.
pub(crate) fn router(app: App) -> Router {
    let dialect = Router::new()
        .route("/instances", post(instances::create).get(instances::list_or_own))
        .route("/elements/{element}/instances", post(instances::create_at).get(instances::list_of))
        .route("/elements/{element}/oauth/url", get(elements::oauth_url))
        .route("/instances/events", get(events::list_own))
        .route("/instances/events/{event}", get(events::one_own))
        .route("/instances/{id}", get(instances::read).patch(instances::patch).delete(instances::delete))
        .route("/instances/{id}/enabled", put(instances::enable).delete(instances::disable))
        .route("/instances/{id}/poll", post(poll::now))
        .route("/instances/{id}/events", get(events::list))
        .route("/instances/{id}/events/{event}", get(events::one))
        .route("/instances/{id}/events/{event}/retry", post(events::retry))
        .route("/notifications/subscriptions", get(deliveries::subscriptions))
        .route("/notifications/subscriptions/deliveries", get(deliveries::list).put(deliveries::release))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX));
    let sink = Router::new()
        .route("/events", any(events::sink))
        .route("/events/", any(events::sink))
        .route("/events/{*rest}", any(events::sink))
        .layer(DefaultBodyLimit::max(EVENT_BODY_BYTES_MAX));
    Router::new()
        .nest(BASE_PATH, dialect.merge(sink))
        .route("/health", get(elements::health))
        .fallback(async || ApiError::new(StatusCode::NOT_FOUND, "there is nothing at this address"))
        .method_not_allowed_fallback(async || {
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "this address does not take this method")
        })
        .layer(middleware::from_fn_with_state(app.clone(), error::with_request_id))
        .with_state(app)
}
