//! The page of an owner's link: who follows it has no account, and signs in at the provider.
//!
//! Opening it spends nothing, because mail scanners open links. The button binds the browser: state, verifier and the
//! form's own number are kept there, sealed, and what the provider sends back counts in that browser alone.

mod outcome;
mod page;
mod passage;
mod view;

use crate::api::{Answer, Api, address};
use crate::cookie;
use crate::cookie::with_cookie;
use crate::failure::Failure;
use crate::form::Fields;
use crate::kept::Kept;
use crate::origin::{is_https, public_url};
use crate::session::{is_same, random};
use crate::shared::Shared;
use crate::signed::see_other;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, RawQuery, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use passage::Passage;
use serde_json::json;
use url::Url;

/// Where the page is.
pub(crate) const PATH: &str = "/link";
/// Number of the form, in the browser and in the form itself: another site's form has neither.
const FORM_COOKIE: &str = "carillon_link";
const FORM_FIELD: &str = "form_number";
/// As long as somebody may look at the page before they press the button, seconds.
const FORM_S: i64 = 60 * 60;
/// A form at the most, bytes: it is read before anybody knows who sends it, and holds a token and a number.
const FORM_BYTES_MAX: usize = 4 * 1024;
/// A token at the most, bytes.
const TOKEN_BYTES_MAX: usize = 200;
/// What a provider says of itself, characters; it comes in an address.
const SAID_CHARS_MAX: usize = 300;
/// The first return of a sign-in may still be exchanging its code.
const CAME_TWICE: &str = "You came back from the provider twice with this sign-in, as by loading the page anew. The first time \
    may have ended well, or may be about to. Please wait a moment before you try again.";

pub(crate) fn routes() -> Router<Shared> {
    Router::new().route(PATH, get(show).post(begin).layer(DefaultBodyLimit::max(FORM_BYTES_MAX)))
}

/// Who follows a link, and in which browser.
struct Visit {
    shared: Shared,
    api: Api,
    kept: Kept,
    headers: HeaderMap,
}

impl Visit {
    fn of(shared: Shared, head: &Parts) -> Self {
        let api = Api::of_visitor(shared.0.api.clone(), head);
        let kept = Kept::of(&head.headers, is_https(&shared, &head.headers));
        Visit { api, kept, headers: head.headers.clone(), shared }
    }

    fn is_https(&self) -> bool {
        is_https(&self.shared, &self.headers)
    }

    async fn ask(&self, what: &str, body: &serde_json::Value) -> Answer {
        self.api.call(Method::POST, &format!("/sign-in-links/{what}"), Some(body)).await
    }
}

/// The page of a link. A token that can't be one is not asked for.
async fn show(State(shared): State<Shared>, RawQuery(query): RawQuery, request: Request) -> Response {
    let query = Fields::parse(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let (head, _) = request.into_parts();
    let visit = Visit::of(shared, &head);
    shown(&visit, query.text("key"), None).await
}

async fn shown(visit: &Visit, token: &str, note: Option<&str>) -> Response {
    if token.len() > TOKEN_BYTES_MAX {
        return view::unknown();
    }
    let passage = Passage::of_token(&visit.shared, &visit.kept, token);
    if let Some(outcome) = passage.as_ref().and_then(|passage| passage.outcome.as_ref()) {
        return outcome::page_of(outcome, visit.shared.now());
    }
    let answer = visit.ask("look", &json!({ "link": token })).await;
    if !answer.status.is_success() {
        return view::refused(&answer);
    }
    if answer.body["status"] != "open" {
        return view::over(&answer.body);
    }
    let Some(number) = random() else { return view::failed() };
    let said = passage.as_ref().and_then(|passage| passage.problem.as_deref()).or(note);
    let form = view::Form { token, number: &number, said };
    let response = view::ask(&answer.body, &form);
    with_cookie(response, cookie::set(FORM_COOKIE, &number, FORM_S, visit.is_https()))
}

/// The button: on to the provider.
async fn begin(State(shared): State<Shared>, request: Request) -> Result<Response, Failure> {
    let (head, body) = request.into_parts();
    let bytes =
        <Bytes as axum::extract::FromRequest<()>>::from_request(Request::from_parts(head.clone(), body), &());
    let bytes = bytes.await.map_err(|_| Failure::Unreadable)?;
    let fields = Fields::parse(&bytes).ok_or(Failure::Unreadable)?;
    let visit = Visit::of(shared, &head);
    let token = fields.text("key");
    let number = cookie::read(&visit.headers, FORM_COOKIE, visit.is_https()).unwrap_or_default();
    if number.is_empty() || !is_same(number, fields.text(FORM_FIELD)) {
        let note = "Please press the button once more. If this comes again, your browser keeps no cookies.";
        return Ok(shown(&visit, token, Some(note)).await);
    }
    let passage = Passage::begin(visit.shared.now(), token).ok_or(Failure::Unreadable)?;
    let asked = json!({ "link": token, "state": passage.state(), "codeChallenge": passage.challenge() });
    let answer = visit.ask("login", &asked).await;
    if !answer.status.is_success() {
        return Ok(view::refused(&answer));
    }
    let login = Url::parse(answer.body["oauthUrl"].as_str().unwrap_or_default()).ok();
    let login = login.filter(|url| matches!(url.scheme(), "https" | "http")).ok_or(Failure::Unreadable)?;
    passage.keep(&visit, view::onward(&login)).ok_or(Failure::Unreadable)
}

/// Back from the provider, where this browser began at a link; nothing where it did not.
pub(crate) async fn back(shared: &Shared, head: &Parts, query: &Fields) -> Option<Response> {
    let visit = Visit::of(shared.clone(), head);
    let passage = Passage::of_state(&visit.shared, &visit.kept, query.text("state"))?;
    if head.method != Method::GET {
        return Some(StatusCode::NO_CONTENT.into_response());
    }
    let ended = match query.text("code") {
        "" => passage.failed(denied(query)),
        code => returned(&visit, passage, code).await,
    };
    let to = page_of(&visit, &ended.token);
    // What does not fit is only not said.
    Some(ended.keep(&visit, see_other(&to)).unwrap_or_else(|| see_other(&to)))
}

async fn returned(visit: &Visit, passage: Passage, code: &str) -> Passage {
    let provider_data = json!({ "code": code, "codeVerifier": passage.verifier, "once": passage.state() });
    let answer = visit.ask("return", &json!({ "link": passage.token, "providerData": provider_data })).await;
    match answer.status {
        status if status.is_success() => passage.ended(answer.body),
        // Its page says why.
        StatusCode::GONE | StatusCode::NOT_FOUND => passage.over(),
        StatusCode::CONFLICT => passage.failed(format!("Nothing was changed: {}.", answer.message())),
        StatusCode::BAD_REQUEST if answer.came_twice() => passage.failed(CAME_TWICE.to_owned()),
        StatusCode::BAD_REQUEST => {
            passage.failed("The provider did not accept this sign-in. Please try again.".to_owned())
        }
        _ => passage.failed("This did not work just now. Please try again in some minutes.".to_owned()),
    }
}

/// The link's own page: an address of ours, whatever host was asked.
fn page_of(visit: &Visit, token: &str) -> String {
    let path = address(&["link"], &[("key", token)]);
    match &visit.shared.0.public_url {
        Some(_) => format!("{}{path}", public_url(&visit.shared, &visit.headers)),
        None => path,
    }
}

fn denied(query: &Fields) -> String {
    let said = |name: &str| query.text(name).chars().take(SAID_CHARS_MAX).collect::<String>();
    match said("error").as_str() {
        "access_denied" => {
            "You did not agree at the provider, so nothing was changed. You can try again.".to_owned()
        }
        "" => "The provider sent you back without an answer. Please try again.".to_owned(),
        error => format!("The sign-in failed at the provider ({error}). Please try again."),
    }
}
