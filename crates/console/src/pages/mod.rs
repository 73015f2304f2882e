//! The pages, a file for each place.

mod activity;
mod activity_query;
mod activity_which;
mod applications;
mod bulk;
mod bulk_new;
mod connect;
mod connected;
mod contents;
mod deliveries;
mod edit;
mod event;
mod event_life;
mod inspector;
mod instance;
mod instance_actions;
mod instances;
mod overview;
mod owner_link;
mod pictures;
mod push;
mod ring;
mod sign_in;
mod sign_in_again;
mod why;

use crate::shared::Shared;
use crate::{assets, link};
use axum::Router;

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .merge(overview::routes())
        .merge(assets::routes())
        .merge(sign_in::routes())
        .merge(link::routes())
        .merge(instances::routes())
        .merge(instance::routes())
        .merge(instance_actions::routes())
        .merge(applications::routes())
        .merge(connect::routes())
        .merge(connected::routes())
        .merge(contents::routes())
        .merge(edit::routes())
        .merge(sign_in_again::routes())
        .merge(owner_link::routes())
        .merge(activity::routes())
        .merge(event::routes())
        .merge(deliveries::routes())
        .merge(inspector::routes())
        .merge(why::routes())
        .merge(bulk::routes())
        .merge(bulk_new::routes())
}
