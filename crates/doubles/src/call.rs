//! One request, read completely and taken apart once.

use axum::body::to_bytes;
use axum::extract::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Uri, header};

use crate::reply::Reply;

/// Far above any token form or batch (100 parts of about 1 KiB).
pub(crate) const BODY_BYTES_MAX: usize = 1 << 20;

#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    path: Vec<String>,
    query: Vec<(String, String)>,
}

impl Call {
    pub(crate) async fn read(request: Request) -> Result<Self, Reply> {
        let (parts, body) = request.into_parts();
        let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
            return Err(Reply::text(413, "text/plain", "Payload Too Large"));
        };
        Ok(Self::new(parts.method, parts.uri, parts.headers, body))
    }

    pub(crate) fn new(method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Self {
        let path = uri.path().split('/').filter(|s| !s.is_empty()).map(percent_decode).collect();
        let query = pairs(uri.query().unwrap_or_default().as_bytes());
        Self { method, uri, headers, body, path, query }
    }

    /// The decoded segments of the path.
    pub(crate) fn segments(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    /// Path and query as they were sent.
    pub(crate) fn target(&self) -> String {
        self.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string)
    }

    /// Scheme and host the caller used, for links back to this server.
    pub(crate) fn origin(&self) -> String {
        let scheme = self.uri.scheme_str().unwrap_or("http");
        let host = self.uri.authority().map(|authority| authority.as_str());
        let host = host.or_else(|| self.header("host")).unwrap_or("localhost");
        format!("{scheme}://{host}")
    }

    pub(crate) fn query(&self) -> &[(String, String)] {
        &self.query
    }

    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    /// Every value of a repeatable parameter.
    pub(crate) fn params(&self, name: &str) -> Vec<&str> {
        self.query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The number in a parameter; `None` without one, `Err` with its text when it is not a number.
    pub(crate) fn number(&self, name: &str) -> Result<Option<usize>, String> {
        self.param(name).map(|text| text.parse().map_err(|_| text.to_owned())).transpose()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether a preference is among the (possibly several, comma-separated) `Prefer` headers.
    pub(crate) fn prefers(&self, name: &str, value: &str) -> bool {
        self.preference(name).is_some_and(|given| given.eq_ignore_ascii_case(value))
    }

    /// What is preferred of something.
    pub(crate) fn preference(&self, name: &str) -> Option<&str> {
        let headers = self.headers.get_all("prefer").iter().filter_map(|header| header.to_str().ok());
        headers.flat_map(|header| header.split(',')).find_map(|preference| {
            let (key, given) = preference.split_once('=')?;
            key.trim().eq_ignore_ascii_case(name).then(|| given.trim().trim_matches('"'))
        })
    }

    /// The fields of a form body.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        pairs(&self.body)
    }

    pub(crate) fn bearer(&self) -> Option<&str> {
        self.header(header::AUTHORIZATION.as_str())?.strip_prefix("Bearer ")
    }

    /// User and password of HTTP Basic, which token endpoints take instead of form fields.
    pub(crate) fn basic(&self) -> Option<(String, String)> {
        let encoded = self.header(header::AUTHORIZATION.as_str())?.strip_prefix("Basic ")?;
        let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        let (user, password) = decoded.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    }
}

/// The first value of a field.
pub(crate) fn find<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn pairs(encoded: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(encoded).into_owned().collect()
}

/// A path differs from a form: plus, equals and ampersand stand for themselves.
fn percent_decode(segment: &str) -> String {
    let escaped = segment.replace('+', "%2B").replace('=', "%3D").replace('&', "%26");
    let mut decoded = url::form_urlencoded::parse(escaped.as_bytes());
    decoded.next().map_or_else(String::new, |(key, _)| key.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(uri: &str) -> Call {
        Call::new(Method::GET, uri.parse().unwrap(), HeaderMap::new(), Bytes::new())
    }

    #[test]
    fn path_segments_are_decoded_without_form_rules() {
        let call = call("/me/messages/AAMk+x=%2F%3D?a=b+c&a=%26");
        assert_eq!(call.segments(), ["me", "messages", "AAMk+x=/="]);
        assert_eq!(call.params("a"), ["b c", "&"]);
    }

    #[test]
    fn preferences_may_share_one_header() {
        let mut call = call("/");
        let value = "outlook.body-content-type=\"text\", IdType=\"ImmutableId\"";
        call.headers.insert("prefer", value.parse().unwrap());
        assert!(call.prefers("idtype", "immutableid"));
        assert!(call.prefers("outlook.body-content-type", "text"));
        assert!(!call.prefers("outlook.body-content-type", "html"));
    }
}
