//! A page for somebody without an account: no menu, no script, nothing that tells others of its address.

use crate::assets;
use crate::ui;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use maud::{DOCTYPE, Markup, html};
use url::Url;

/// As other pages, without a script.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; \
                      frame-ancestors 'none'; form-action 'self'";

pub(super) fn page(status: StatusCode, title: &str, onward: Option<&Url>, body: &Markup) -> Response {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex, nofollow";
                @if let Some(to) = onward { meta http-equiv="refresh" content=(format!("0; url={to}")); }
                title { (title) " · Carillon" }
                link rel="icon" href=(assets::ICON.path()) type="image/svg+xml";
                link rel="stylesheet" href=(assets::STYLE.path());
            }
            body {
                header.top { span.brand { (ui::bell()) span { "Carillon" } } }
                main #main {
                    div.heading { h1 { (title) } }
                    div.narrow { (body) }
                }
            }
        }
    };
    let headers = [
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow")),
    ];
    (status, headers, Html(markup.into_string())).into_response()
}
