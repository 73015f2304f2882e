//! What answers weigh: text is compressed, and a page that is the same as before is not sent again.
//!
//! Who can make a browser ask for a page, and sees how long the answer is, could guess a secret in it from how well what
//! the address reflects is compressed with it. So a page is compressed only if its address has no query, or if our own
//! script asks: no other site can send its header. Answers of the interface come with credentials that no other site can
//! send either.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;

/// What our script sends with each refresh.
const LIVE: &str = "x-carillon-live";
/// Shorter answers fit in a few packets as they are, which come at once; to compress one takes longer than to make it.
const BYTES_MIN: usize = 4_000;
/// An answer at the most, bytes: far above any page.
const BYTES_MAX: usize = 32 * 1024 * 1024;
/// Bytes of a page's digest in its tag: enough to differ.
const TAG_BYTES: usize = 16;

pub(crate) async fn thrift(request: Request, next: Next) -> Response {
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let reflects = request.uri().query().is_some() && !headers.contains_key(LIVE);
    let response = next.run(request).await;
    let is_page = is_kind(&response, "text/html");
    let is_text = is_page || is_kind(&response, "application/json");
    if method == Method::HEAD || !is_text || response.headers().contains_key(header::CONTENT_ENCODING) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(mut bytes) = to_bytes(body, BYTES_MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    if is_page && method == Method::GET && parts.status == StatusCode::OK {
        let tag = tag(&bytes);
        let is_same = headers.get(header::IF_NONE_MATCH) == tag.as_ref();
        parts.headers.extend(tag.map(|tag| (header::ETAG, tag)));
        if is_same && !parts.headers.contains_key(header::SET_COOKIE) {
            parts.status = StatusCode::NOT_MODIFIED;
            parts.headers.remove(header::CONTENT_LENGTH);
            return Response::from_parts(parts, Body::empty());
        }
    }
    let may_pack = bytes.len() >= BYTES_MIN && takes_gzip(&headers) && !(is_page && reflects);
    if let Some(packed) = may_pack.then(|| gzip(&bytes)).flatten() {
        bytes = packed.into();
        parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        parts.headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    Response::from_parts(parts, Body::from(bytes))
}

fn is_kind(response: &Response, kind: &str) -> bool {
    let given = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    given.is_some_and(|given| given.starts_with(kind))
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let given =
        headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(',').any(|coding| {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim().eq_ignore_ascii_case("gzip")
            && !matches!(quality.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// Of a page without what its times are called: "3 s ago" becomes "7 s ago" by itself, in the browser too.
fn tag(page: &[u8]) -> Option<HeaderValue> {
    let page = std::str::from_utf8(page).ok()?;
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    let mut rest = page;
    while let Some(begin) = rest.find("<time ") {
        let shown = begin + rest[begin..].find('>')?;
        digest.update(&rest.as_bytes()[..shown]);
        rest = &rest[shown..];
        rest = &rest[rest.find("</time>")?..];
    }
    digest.update(rest.as_bytes());
    let text = URL_SAFE_NO_PAD.encode(&digest.finish().as_ref()[..TAG_BYTES]);
    HeaderValue::from_str(&format!("W/\"{text}\"")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::response::Html;
    use axum::routing::get;
    use tower::ServiceExt as _;

    fn page(ago: &str, row: &str) -> String {
        format!("<p><time datetime=\"x\">{ago}</time> {row}</p>{}", "<i>text</i>".repeat(400))
    }

    async fn ask(content: String, path: &str, headers: &[(&str, &str)]) -> Response {
        let router = Router::new()
            .route("/", get(async move || Html(content)))
            .layer(axum::middleware::from_fn(thrift));
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn a_page_that_only_grew_older_is_not_sent_again() {
        let first = ask(page("3 s ago", "a"), "/", &[]).await;
        let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        let older = ask(page("7 s ago", "a"), "/", &[("if-none-match", &tag)]).await;
        assert_eq!(older.status(), StatusCode::NOT_MODIFIED);
        assert!(to_bytes(older.into_body(), 1).await.unwrap().is_empty());
        let other = ask(page("3 s ago", "b"), "/", &[("if-none-match", &tag)]).await;
        assert_eq!(other.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn what_reflects_an_address_is_not_compressed_with_secrets() {
        let gzip = ("accept-encoding", "br, gzip");
        let coding = async |path: &str, headers: &[(&str, &str)]| {
            let response = ask(page("now", "a"), path, headers).await;
            response.headers().get(header::CONTENT_ENCODING).cloned()
        };
        assert_eq!(coding("/", &[gzip]).await, Some(HeaderValue::from_static("gzip")));
        assert_eq!(coding("/?search=x", &[gzip]).await, None);
        let live = [gzip, (LIVE, "1")];
        assert_eq!(coding("/?search=x", &live).await, Some(HeaderValue::from_static("gzip")));
        assert_eq!(coding("/", &[]).await, None);
        assert_eq!(coding("/", &[("accept-encoding", "gzip;q=0")]).await, None);
    }
}
