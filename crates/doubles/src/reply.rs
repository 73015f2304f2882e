//! One answer, before it becomes an HTTP response.

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(HeaderName, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn text(status: u16, content_type: &str, body: impl Into<String>) -> Self {
        let headers = vec![(CONTENT_TYPE, content_type.to_owned())];
        Self { status, headers, body: body.into().into_bytes() }
    }

    pub(crate) fn html(status: u16, body: impl Into<String>) -> Self {
        Self::text(status, "text/html; charset=UTF-8", body)
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/json; charset=UTF-8", body.to_string())
    }

    pub(crate) fn redirect(location: String) -> Self {
        Self { status: 302, headers: vec![(LOCATION, location)], body: Vec::new() }
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The JSON in the body; `None` when it is something else.
    pub(crate) fn value(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Cuts the body in the middle. The length header, set at the end, agrees with what is left.
    pub(crate) fn truncated(mut self) -> Self {
        self.body.truncate(self.body.len() / 2);
        self
    }

    /// Drops one key of a JSON object.
    pub(crate) fn without(mut self, key: &str) -> Self {
        if let Some(Value::Object(mut object)) = self.value() {
            object.shift_remove(key);
            self.body = Value::Object(object).to_string().into_bytes();
        }
        self
    }

    pub(crate) fn into_response(self) -> Response {
        let body = crate::odd::broken(self.body);
        let length = body.len();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}
