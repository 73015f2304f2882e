//! Cookies: read from requests, and set with the flags that every one of ours has.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;

/// What a name begins with where the browser asked by https: it keeps such a cookie for this very host alone, and takes
/// none that another host of the same domain, or somebody on the way, made up.
/// <https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis-20#section-4.1.3.2>
pub(crate) fn prefix(is_https: bool) -> &'static str {
    if is_https { "__Host-" } else { "" }
}

/// The value of a cookie.
pub(crate) fn read<'a>(headers: &'a HeaderMap, name: &str, is_https: bool) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key.strip_prefix(prefix(is_https))? == name).then_some(value))
}

/// For as many seconds. `Lax`, because providers send the user back with a link, which `Strict` would have come
/// without the session.
pub(crate) fn set(name: &str, value: &str, seconds: i64, is_https: bool) -> Option<HeaderValue> {
    let secure = if is_https { "; Secure" } else { "" };
    let prefix = prefix(is_https);
    let text = format!("{prefix}{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).ok()
}

/// Takes it away.
pub(crate) fn clear(name: &str, is_https: bool) -> Option<HeaderValue> {
    set(name, "", 0, is_https)
}

/// With a cookie, where there is one.
pub(crate) fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
