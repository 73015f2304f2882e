//! What is around every page: headers, where forms may come from, and the way to the sign-in.

use crate::api::{BASE_PATH, address};
use crate::cookie::with_cookie;
use crate::failure::Failure;
use crate::form::FORM_BYTES_MAX;
use crate::origin::{is_https, is_own};
use crate::session::{COOKIE, Session};
use crate::shared::Shared;
use crate::signed::{Signed, see_other};
use crate::{cookie, draft, failure_page, link};
use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tower::ServiceExt as _;
use url::Url;

/// Nothing from elsewhere, nothing inline.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";
/// A form that is kept as a draft, bytes: deflated it fits into cookies.
const DRAFT_BYTES_MAX: usize = 64 * 1024;
/// Addresses to come back to, bytes; a longer one is forgotten.
const NEXT_BYTES_MAX: usize = 2_000;

pub(crate) async fn frame(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    if method == Method::POST && !is_from_here(&shared, &headers, request.uri().path()) {
        return with_headers(failure_page::alone(&Failure::Forged));
    }
    let (parts, body) = request.into_parts();
    let head = parts.clone();
    let (body, typed) = match method == Method::POST && draft::is_for(parts.uri.path()) {
        true => typed(&shared, &headers, body).await,
        false => (body, None),
    };
    let response = next.run(Request::from_parts(parts, body)).await;
    let response = shown(&shared, head.clone(), response).await;
    if !matches!(response.extensions().get(), Some(Failure::SignIn)) {
        return with_headers(response);
    }
    let back = match (method == Method::GET, &typed) {
        (true, _) => Some(path),
        (false, Some(_)) => Some(head.uri.path().to_owned()),
        (false, None) => referer(&shared, &headers),
    };
    let to = address(&["sign-in"], &[("next", &own_path(back.as_deref().unwrap_or_default()))]);
    let is_https = is_https(&shared, &headers);
    let stale = cookie::read(&headers, COOKIE, is_https).and_then(|_| cookie::clear(COOKIE, is_https));
    let response = with_cookie(see_other(&to), stale);
    with_headers(match typed {
        Some(typed) => draft::keep(&shared, &head, &typed, response),
        None => response,
    })
}

/// The body of a form that becomes a draft if nobody is signed in any more, and the same for its handler. Of somebody
/// without a session no more is read than can be kept.
async fn typed(shared: &Shared, headers: &HeaderMap, body: Body) -> (Body, Option<Bytes>) {
    let limit = if Session::of(shared, headers).is_some() { FORM_BYTES_MAX } else { DRAFT_BYTES_MAX };
    match axum::body::to_bytes(body, limit).await {
        Ok(bytes) => (Body::from(bytes.clone()), Some(bytes)),
        Err(_) => (Body::empty(), None),
    }
}

/// A failure as a page, with the menu for whoever is signed in: errors too lead on to somewhere.
async fn shown(shared: &Shared, mut head: Parts, response: Response) -> Response {
    let Some(page) = response.extensions().get().and_then(failure_page::of) else { return response };
    match Signed::from_request_parts(&mut head, shared).await {
        Ok(signed) => page.show(&signed),
        Err(_) => page.alone(),
    }
}

/// Whatever is no page of ours is the interface's. A person who typed an address that nobody knows gets a page.
pub(crate) async fn elsewhere(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let head = parts.clone();
    let response = match shared.0.api.clone().oneshot(Request::from_parts(parts, body)).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    if response.status() != StatusCode::NOT_FOUND || !is_typed(&head) {
        return response;
    }
    with_headers(shown(&shared, head, Failure::NotFound.into_response()).await)
}

/// Whether a browser asks for a page, and not a client of the interface for an answer.
fn is_typed(head: &Parts) -> bool {
    let accept = head.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    head.method == Method::GET
        && !head.uri.path().starts_with(BASE_PATH)
        && accept.is_some_and(|accept| accept.contains("text/html"))
}

fn with_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        // Some pages have a stricter one.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    // Pages show mailboxes: no cache keeps them, also not for the way back after signing out.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Whether a form came from a page of ours, by what browsers say; one that says nothing shows its token. Of a page that
/// tells nobody where it is browsers do not say the origin either: its form has a number that the browser keeps.
fn is_from_here(shared: &Shared, headers: &HeaderMap, path: &str) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_own_site = text("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none");
    let is_untold = |origin: &str| origin == "null" && path == link::PATH;
    let is_own_origin =
        text("origin").is_none_or(|origin| is_own(shared, headers, origin) || is_untold(origin));
    is_own_site && is_own_origin
}

fn referer(shared: &Shared, headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::REFERER)?.to_str().ok().filter(|text| is_own(shared, headers, text))?;
    let url = Url::parse(text).ok()?;
    Some(url[url::Position::BeforePath..url::Position::AfterQuery].to_owned())
}

/// A path of ours to come back to, or nothing: never another host, and never the sign-in itself.
pub(crate) fn own_path(path: &str) -> String {
    let is_own = path.starts_with('/') && !path.starts_with("//") && !path.starts_with("/sign-");
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_own && is_plain && path.len() <= NEXT_BYTES_MAX && path != "/" {
        path.to_owned()
    } else {
        String::new()
    }
}
