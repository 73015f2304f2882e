//! Signing in and out.

use crate::api::{Answer, Api};
use crate::cookie::with_cookie;
use crate::failure::Failure;
use crate::flash::Flash;
use crate::form::{Fields, Posted};
use crate::frame::own_path;
use crate::origin::is_https;
use crate::page::Page;
use crate::session::{self, Session};
use crate::shared::Shared;
use crate::signed::see_other;
use crate::ui::{self, Field, field};
use crate::{cookie, flash};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, RawQuery, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde_json::json;

/// A form at the most, bytes: it is read before anybody knows who sends it, and holds two secrets and a path.
const FORM_BYTES_MAX: usize = 16 * 1024;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/sign-in", get(ask).post(sign_in).layer(DefaultBodyLimit::max(FORM_BYTES_MAX)))
        .route("/sign-in/once", get(sign_in_once))
        .route("/sign-out", post(sign_out))
}

async fn ask(State(shared): State<Shared>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let query = Fields::parse(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let next = own_path(query.text("next"));
    if Session::of(&shared, &headers).is_some() {
        return see_other(onward(&next));
    }
    let flash = Flash::of(&shared, &headers);
    let back =
        (!next.is_empty()).then_some("Sign in to go on to where you were. A session ends after 12 hours.");
    let note = flash.as_ref().map(|flash| flash.text.as_str()).or(back);
    let clear = flash.is_some().then(|| cookie::clear(flash::COOKIE, is_https(&shared, &headers)));
    with_cookie(page(StatusCode::OK, &next, note, None), clear.flatten())
}

async fn sign_in(State(shared): State<Shared>, head: Parts, bytes: Bytes) -> Result<Response, Failure> {
    let fields = Fields::parse(&bytes).ok_or(Failure::Unreadable)?;
    let next = own_path(fields.text("next"));
    let typed = (fields.text("user_secret"), fields.text("organization_secret"));
    let (user, organization) = of_line(typed.0).or_else(|| of_line(typed.1)).unwrap_or(typed);
    let known = match Api::with_secrets(shared.0.api.clone(), &head, user, organization) {
        Some(api) => begun(api.call(Method::POST, "/sessions", None).await)?,
        None => None,
    };
    match known {
        Some(answer) => entered(&shared, &head.headers, &answer, &next),
        None => {
            let error =
                "These secrets are not known. Both come from the same line of whoever runs this service.";
            Ok(page(StatusCode::UNAUTHORIZED, &next, None, Some(error)))
        }
    }
}

/// Both secrets of an `Authorization` line, which programs print and people paste, into whichever field.
fn of_line(text: &str) -> Option<(&str, &str)> {
    let line = text.trim();
    let line = line.strip_prefix("Authorization:").unwrap_or(line);
    let of = |kind: &str| line.split(',').find_map(|part| part.trim().strip_prefix(kind)).map(str::trim);
    Some((of("User ")?, of("Organization ")?))
}

/// A session that the interface began; nothing where it knows neither secrets nor link.
fn begun(answer: Answer) -> Result<Option<Answer>, Failure> {
    match answer.status {
        StatusCode::UNAUTHORIZED => Ok(None),
        _ => Ok(Some(answer.ok()?)),
    }
}

fn entered(shared: &Shared, headers: &HeaderMap, answer: &Answer, next: &str) -> Result<Response, Failure> {
    let is_https = is_https(shared, headers);
    let session = Session::of_answer(answer);
    let cookie = session.and_then(|session| session.cookie(shared, is_https)).ok_or(Failure::Unreadable)?;
    Ok(with_cookie(see_other(onward(next)), Some(cookie)))
}

/// Signs in by a link that whoever runs the service made, and never again. What browsers fetch ahead uses nothing up,
/// and neither does HEAD, by which programs look whether a link is alive.
async fn sign_in_once(
    State(shared): State<Shared>,
    method: Method,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let query = Fields::parse(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    if method != Method::GET || headers.contains_key("sec-purpose") || headers.contains_key("purpose") {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let api = Api::of_nobody(shared.0.api.clone());
    let link = json!({ "link": query.text("key") });
    match begun(api.call(Method::POST, "/sessions/link", Some(&link)).await)? {
        Some(answer) => entered(&shared, &headers, &answer, ""),
        None => {
            let error =
                "This link was used already, has expired, or is not known. Sign in with the secrets instead.";
            Ok(page(StatusCode::GONE, "", None, Some(error)))
        }
    }
}

/// The interface ends the session, so that a copy of the cookie is worth nothing.
async fn sign_out(posted: Posted) -> Result<Response, Failure> {
    let signed = &posted.signed;
    match signed.api.delete("/sessions").await.map_err(Failure::from) {
        Ok(_) | Err(Failure::SignIn) => {}
        Err(failure) => return Err(failure),
    }
    let response = signed.go("/sign-in", Flash::good("You are signed out."));
    let response = signed.kept.forget_all(signed.is_https, response);
    Ok(with_cookie(response, cookie::clear(session::COOKIE, signed.is_https)))
}

fn onward(next: &str) -> &str {
    if next.is_empty() { "/" } else { next }
}

fn page(status: StatusCode, next: &str, note: Option<&str>, error: Option<&str>) -> Response {
    Page::new("Sign in").status(status).body(form(next, note, error)).alone()
}

/// There is no session yet, so it has no token: whoever makes somebody sign in elsewhere has to know secrets.
fn form(next: &str, note: Option<&str>, error: Option<&str>) -> Markup {
    let secret = |name, label, hint| Field {
        kind: "password",
        required: name == "user_secret",
        hint: Some(hint),
        autocomplete: "current-password",
        ..Field::new(name, label)
    };
    html! {
        div.narrow {
            @if let Some(note) = note { p { (note) } }
            @if let Some(error) = error {
                div role="alert" { (ui::notice(crate::flash::Tone::Bad, html! { p { (error) } })) }
            }
            form.card method="post" action="/sign-in" {
                input type="hidden" name="next" value=(next);
                (field(&secret("user_secret", "User secret", "Yours alone: what follows “User” in the line that was given to you; or the whole line.")))
                (field(&secret("organization_secret", "Organization secret", "The same for everybody of your organization: what follows “Organization”.")))
                button.primary type="submit" { "Sign in" }
            }
            p.muted { "No secrets? Whoever runs this service makes them with " code { "carillon admin users add" } "." }
        }
    }
}
