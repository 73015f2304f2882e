//! The page that says why there is no other.

use crate::api::Answer;
use crate::failure::Failure;
use crate::page::Page;
use crate::ui;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use maud::html;

/// Nothing where a sign-in comes first.
pub(crate) fn of(failure: &Failure) -> Option<Page> {
    let (title, text) = match failure {
        Failure::SignIn => return None,
        Failure::Refused(answer) => return Some(refused(answer)),
        Failure::Forged => (
            "This form could not be checked",
            "It did not come from a page of your present session, so nothing was done. Go back, reload the page and try again.",
        ),
        Failure::NotFound => {
            ("There is nothing here", "What this address names does not exist, or no longer.")
        }
        Failure::Unreadable => {
            ("This could not be read", "Go back, reload the page and try again; nothing was done.")
        }
    };
    let body = html! { p { (text) } p { a href="/instances" { "Go to the instances" } } };
    Some(Page::new(title).status(failure.status()).body(body))
}

/// For whoever sent a form of another site's: nothing of the session is shown.
pub(crate) fn alone(failure: &Failure) -> Response {
    of(failure).map_or_else(|| failure.clone().into_response(), Page::alone)
}

fn refused(answer: &Answer) -> Page {
    let title = match answer.status {
        StatusCode::NOT_FOUND => "There is nothing here",
        StatusCode::TOO_MANY_REQUESTS => "Too many requests",
        status if status.is_client_error() => "This was refused",
        _ => "Something failed",
    };
    let body = html! {
        p.lead { (ui::sentence(&answer.message())) }
        @if let Some(text) = answer.body["providerMessage"].as_str() {
            p { "The provider says: " q { (text) } }
        }
        dl.facts {
            div { dt { "Status" } dd { (answer.status.as_u16()) } }
            @if let Some(id) = answer.request_id() { div { dt { "Request" } dd { code { (id) } } } }
        }
        p { a href="/instances" { "Go to the instances" } }
    };
    Page::new(title).status(answer.status).body(body)
}
