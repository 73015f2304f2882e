//! The HTTP interface, in the Open Connectors dialect.

mod account;
mod accounts;
mod analytics;
mod answer;
mod answers;
mod applications;
mod arriving;
mod auth;
mod backfill;
mod body;
mod bulk;
mod configuration;
mod cors;
mod deliveries;
mod docs;
mod download;
mod download_link;
mod elements;
mod error;
mod events;
mod explain;
mod fleet;
#[cfg(fuzzing)]
pub mod fuzzing;
mod handled;
mod health;
mod hubs;
mod instances;
mod life;
mod lists;
mod log;
mod notifications;
mod openapi;
mod paging;
mod poll;
mod push;
mod query;
mod requests;
mod route;
mod routes;
mod schemas;
mod sessions;
mod sign_in_links;
mod sink;
mod subscriptions;
mod test_event;
mod visitor;
mod webhook;
mod wire;

use crate::context::Context;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing;
use axum::{Extension, Router};
use error::ApiError;
use route::Served;
use sink::Sink;
use std::sync::Arc;

pub use error::EndedByHost;
pub use openapi::Description;
pub use route::BASE_PATH;

/// Requests are small; a pasted configuration with large urls is far below.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The description of the interface, made of the table of routes and the types that they take and give.
pub fn description() -> Description {
    Description::of(&routes::DESCRIPTION)
}

/// All routes.
pub(crate) fn router(app: Arc<Context>, description: Description) -> Router {
    let dialect = of(routes::dialect())
        .layer(Extension(description))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(body::uncompressed));
    of(routes::outside())
        .merge(push::routes(&app))
        .layer(Extension(description))
        .nest(BASE_PATH, dialect.merge(of(routes::sink()).layer(Extension(Sink::default()))))
        .fallback(async || ApiError::nothing_here())
        .method_not_allowed_fallback(async || {
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "this address does not allow this method")
        })
        .layer(middleware::from_fn(error::with_request_id))
        .layer(middleware::from_fn_with_state(app.clone(), cors::allow_named_origins))
        .layer(middleware::from_fn_with_state(app.clone(), error::with_line))
        .with_state(app)
}

/// Contents by their links alone, for a host that answers as they come.
pub(crate) fn downloads(app: Arc<Context>) -> Router {
    Router::new()
        .route(&format!("{}/{{link}}", download_link::PATH), routing::get(hubs::linked))
        .fallback(async || ApiError::nothing_here())
        .layer(middleware::from_fn(error::with_request_id))
        .layer(middleware::from_fn_with_state(app.clone(), error::with_line))
        .with_state(app)
}

fn of(routes: Vec<Served>) -> Router<Arc<Context>> {
    routes.into_iter().fold(Router::new(), |router, route| router.route(route.path, route.handler))
}
