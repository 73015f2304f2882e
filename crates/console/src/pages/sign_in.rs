//! Signing in and out.

use crate::api::Api;
use crate::failure::Failure;
use crate::flash::Flash;
use crate::form::{Fields, Posted};
use crate::frame::{is_https, own_path};
use crate::page::Page;
use crate::session::{self, Session, is_same};
use crate::signed::{see_other, with_cookie};
use crate::ui::{self, Field, field};
use crate::{FirstLink, Shared, cookie, flash};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use maud::{Markup, html};

/// A form at the most, bytes: it is read before anybody knows who sends it, and holds two secrets and a path.
const FORM_BYTES_MAX: usize = 16 * 1024;
/// The cheapest page that only somebody known gets.
const KNOWN: &str = "/instances?pageSize=1&hydrate=false";

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/sign-in", get(ask).post(sign_in).layer(DefaultBodyLimit::max(FORM_BYTES_MAX)))
        .route("/sign-in/{token}", get(sign_in_once))
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

async fn sign_in(
    State(shared): State<Shared>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Failure> {
    let fields = Fields::parse(&bytes).ok_or(Failure::Unreadable)?;
    let next = own_path(fields.text("next"));
    let (user, organization) = (fields.text("user_secret"), fields.text("organization_secret"));
    match checked(&shared, user, organization).await {
        Checked::Known => entered(&shared, &headers, (user, organization), &next),
        Checked::Unknown => {
            let error =
                "These secrets are not known. Both come from the same line of whoever runs this service.";
            Ok(page(StatusCode::UNAUTHORIZED, &next, None, Some(error)))
        }
        Checked::Failed(failure) => Err(failure),
    }
}

enum Checked {
    Known,
    Unknown,
    Failed(Failure),
}

/// Asks the interface.
async fn checked(shared: &Shared, user: &str, organization: &str) -> Checked {
    let Some(api) = Api::new(shared.0.api.clone(), user, organization) else { return Checked::Unknown };
    match api.get(KNOWN).await {
        Ok(_) => Checked::Known,
        Err(Failure::SignIn) => Checked::Unknown,
        Err(failure) => Checked::Failed(failure),
    }
}

fn entered(
    shared: &Shared,
    headers: &HeaderMap,
    (user, organization): (&str, &str),
    next: &str,
) -> Result<Response, Failure> {
    let is_https = is_https(shared, headers);
    let session = Session::begin(shared, user, organization);
    let cookie = session.and_then(|session| session.cookie(shared, is_https)).ok_or(Failure::Unreadable)?;
    Ok(with_cookie(see_other(onward(next)), Some(cookie)))
}

/// Signs in with the secrets that the host made, and never again. What browsers fetch ahead uses nothing up, and
/// neither does HEAD, by which programs look whether a link is alive.
async fn sign_in_once(
    State(shared): State<Shared>,
    method: Method,
    headers: HeaderMap,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    if method != Method::GET || headers.contains_key("sec-purpose") || headers.contains_key("purpose") {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    match taken(&shared, &token) {
        Some(link) => entered(&shared, &headers, (&link.user_secret, &link.organization_secret), ""),
        None => {
            let error = "This link was used already, or is not known. Sign in with the secrets instead.";
            Ok(page(StatusCode::GONE, "", None, Some(error)))
        }
    }
}

fn taken(shared: &Shared, token: &str) -> Option<FirstLink> {
    let mut link = shared.0.first_link.lock().ok()?;
    link.take_if(|link| is_same(&link.token, token))
}

async fn sign_out(posted: Posted) -> Response {
    let response = posted.signed.go("/sign-in", Flash::good("You are signed out."));
    with_cookie(response, cookie::clear(session::COOKIE, posted.signed.is_https))
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
        required: true,
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
                (field(&secret("user_secret", "User secret", "Yours alone: what follows “User” in the line that was given to you.")))
                (field(&secret("organization_secret", "Organization secret", "The same for everybody of your organization: what follows “Organization”.")))
                button.primary type="submit" { "Sign in" }
            }
            p.muted { "No secrets? Whoever runs this service makes them with " code { "carillon admin users add" } "." }
        }
    }
}
