//! Activity.

use crate::Shared;
use crate::page::{Page, Section};
use crate::signed::Signed;
use crate::ui;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::html;

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/activity", get(show))
}

async fn show(signed: Signed) -> Response {
    let action = html! { a.button href="/openapi.json" { "Read the interface" } };
    let body = ui::empty("Not here yet", "Until this page is made, the HTTP interface does it.", action);
    Page::new("Activity").section(Section::Activity).body(body).show(&signed)
}
