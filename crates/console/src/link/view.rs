//! What the page of a link says before somebody signed in.

use super::page::page;
use super::{FORM_FIELD, PATH};
use crate::api::Answer;
use crate::flash::Tone;
use crate::time;
use crate::ui;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;
use url::Url;

/// What the button posts, and what is said beside it.
pub(super) struct Form<'a> {
    pub(super) token: &'a str,
    pub(super) number: &'a str,
    pub(super) said: Option<&'a str>,
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_default()
}

/// Who asks, and for what.
pub(super) fn ask(link: &Value, form: &Form<'_>) -> Response {
    let (asked_by, provider) = (text(link, "askedBy"), text(link, "elementName"));
    let is_again = link["again"] == true;
    let body = html! {
        @if let Some(said) = form.said {
            div role="alert" { (ui::notice(Tone::Bad, html! { p { (ui::sentence(said)) } })) }
        }
        section.card {
            p.lead {
                strong { (ui::name(asked_by)) } " asks you to "
                @if is_again { "sign in to your " (provider) " mailbox again, so that it can be read on." }
                @else { "connect your " (provider) " mailbox, so that it can be read." }
            }
            (facts(link))
            p { "You sign in at " (provider) " itself: your password stays there. The mailbox is read, and nothing in it is changed or sent." }
            @if is_again { p { "Sign in to the mailbox that was connected before: another one is refused." } }
            form method="post" action=(PATH) {
                input type="hidden" name="key" value=(form.token);
                input type="hidden" name=(FORM_FIELD) value=(form.number);
                button.primary type="submit" { "Sign in at " (provider) }
            }
            p.hint { "You did not expect this, or do not know who asks? Then do nothing and close the page: opening it has changed nothing." }
        }
    };
    let title = if is_again { "Sign in to your mailbox again" } else { "Connect your mailbox" };
    page(StatusCode::OK, title, None, &body)
}

fn facts(link: &Value) -> Markup {
    let ends = time::read(link["expiresAt"].as_str()).map(time::exact).unwrap_or_default();
    let all = |name: &str| link[name].as_array().into_iter().flatten().filter_map(Value::as_str);
    // Names of resources, as people say them.
    let reads: Vec<String> = all("reads").map(|name| name.replace(['-', '_', '/'], " ")).collect();
    html! {
        dl.facts {
            div { dt { "Who asks" } dd { (ui::name(text(link, "askedBy"))) } }
            div { dt { "What is read" } dd { (reads.join(", ")) } }
            div { dt { "The link ends" } dd { (ends) } }
        }
        details {
            summary { "What the provider will ask you to allow" }
            ul { @for scope in all("scopes") { li { code { (scope) } } } }
        }
    }
}

/// The page that leads to the login.
pub(super) fn onward(login: &Url) -> Response {
    let host = login.host_str().unwrap_or("the provider");
    let body = html! {
        section.card {
            p { "You sign in at " strong { (host) } " and come back here." }
            div.actions { a.button.primary href=(login) rel="noreferrer" { "Continue" } }
        }
    };
    page(StatusCode::OK, "On to the sign-in", Some(login), &body)
}

/// A link that was used, or whose time or tries are over.
pub(super) fn over(link: &Value) -> Response {
    let (title, told) = match text(link, "status") {
        "used" => ("This link was used", "Somebody signed in with it: the mailbox is connected."),
        "expired" => ("This link has expired", "Nothing was changed with it."),
        _ => ("This link was tried too often", "Nothing was changed with it."),
    };
    let body = html! {
        section.card {
            p { (told) }
            p { "If you still need to sign in, ask " strong { (ui::name(text(link, "askedBy"))) } " for a new link." }
        }
    };
    page(StatusCode::GONE, title, None, &body)
}

pub(super) fn unknown() -> Response {
    let body = html! {
        section.card { p { "It may be cut off: open it from the message that it came with, or ask whoever sent it for a new one. Nothing was changed." } }
    };
    page(StatusCode::NOT_FOUND, "This link is not known here", None, &body)
}

/// What the interface refused.
pub(super) fn refused(answer: &Answer) -> Response {
    let told =
        |status, title, text: &str| page(status, title, None, &html! { section.card { p { (text) } } });
    match answer.status {
        StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST => unknown(),
        StatusCode::GONE | StatusCode::CONFLICT => told(
            StatusCode::GONE,
            "This link can't be used any more",
            "What it was for was changed or removed since. Ask whoever sent it for a new one; nothing was changed.",
        ),
        StatusCode::TOO_MANY_REQUESTS => told(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many requests",
            "Wait a minute and open the link again; nothing was changed.",
        ),
        _ => failed(),
    }
}

pub(super) fn failed() -> Response {
    let text = "Open the link again in some minutes; nothing was changed.";
    let body = html! { section.card { p { (text) } } };
    page(StatusCode::BAD_GATEWAY, "This did not work just now", None, &body)
}
