//! The pages, a file for each place.

mod activity;
mod connect;
mod connected;
mod deliveries;
mod edit;
mod instance;
mod instance_actions;
mod instances;
mod sign_in;
mod sign_in_again;

use crate::{Shared, assets};
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/", get(home))
        .merge(assets::routes())
        .merge(sign_in::routes())
        .merge(instances::routes())
        .merge(instance::routes())
        .merge(instance_actions::routes())
        .merge(connect::routes())
        .merge(connected::routes())
        .merge(edit::routes())
        .merge(sign_in_again::routes())
        .merge(activity::routes())
        .merge(deliveries::routes())
}

/// The instances; who is not signed in goes on to the sign-in from there.
async fn home() -> Response {
    crate::signed::see_other("/instances").into_response()
}
