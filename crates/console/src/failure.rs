//! What a page can't do: it shows why, or leads to the sign-in.

use crate::api::Answer;
use crate::page::Page;
use crate::ui;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::html;

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No user is signed in, or no longer; [`crate::frame`] leads to the sign-in and back.
    SignIn,
    /// The interface refused.
    Refused(Box<Answer>),
    /// The form did not come from one of our pages.
    Forged,
    /// There is nothing at this address.
    NotFound,
    /// The form or address can't be read.
    Unreadable,
}

/// The page that a response shows to anybody; [`crate::frame`] shows it with the menu to whoever is signed in.
#[derive(Clone)]
pub(crate) struct ErrorPage(pub(crate) Page);

/// Marks a response that stands for [`Failure::SignIn`].
#[derive(Clone)]
pub(crate) struct SignInNeeded;

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, title, text) = match self {
            Failure::SignIn => {
                let mut response = StatusCode::SEE_OTHER.into_response();
                response.extensions_mut().insert(SignInNeeded);
                return response;
            }
            Failure::Refused(answer) => return shown(refused(&answer)),
            Failure::Forged => (
                StatusCode::FORBIDDEN,
                "This form could not be checked",
                "It did not come from a page of your present session, so nothing was done. Go back, reload the page and try again.",
            ),
            Failure::NotFound => (
                StatusCode::NOT_FOUND,
                "There is nothing here",
                "What this address names does not exist, or no longer.",
            ),
            Failure::Unreadable => (
                StatusCode::BAD_REQUEST,
                "This could not be read",
                "Go back, reload the page and try again; nothing was done.",
            ),
        };
        let body = html! { p { (text) } p { a href="/instances" { "Go to the instances" } } };
        shown(Page::new(title).status(status).body(body))
    }
}

fn shown(page: Page) -> Response {
    let mut response = page.clone().alone();
    response.extensions_mut().insert(ErrorPage(page));
    response
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
