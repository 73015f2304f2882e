//! Request bodies, read by hand: every error names the field and the rule.

use super::arriving::whole;
use super::error::ApiError;
use crate::context::Context;
use crate::instances::SignInCode;
use axum::body::{Bytes, HttpBody as _};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_ENCODING;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::instance::without_markup;
use domain::json_text;
use domain::pasted::trimmed;
use domain::settings::{self, Items};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Tags of one instance, and the length of a name or tag.
const TAGS_COUNT_MAX: usize = 50;
const NAME_BYTES_MAX: usize = 256;
/// Addresses and scopes in bodies.
const ADDRESS_BYTES_MAX: usize = 8 * 1024;

/// Refuses bodies that are compressed: they are small, and how large one is shows only once it is unpacked.
pub(super) async fn uncompressed(request: Request, next: Next) -> Response {
    let codings = request.headers().get_all(CONTENT_ENCODING).iter();
    let mut codings = codings.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let is_plain = |coding: &[u8]| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity");
    match request.body().is_end_stream() || codings.all(|coding| is_plain(coding.trim_ascii())) {
        true => next.run(request).await,
        false => ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "`Content-Encoding`: must be `identity`: bodies are taken uncompressed",
        )
        .into_response(),
    }
}

/// A body, read.
pub(super) struct Body<T>(pub(super) T);

impl<T: super::requests::Request> FromRequest<Arc<Context>> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<Context>) -> Result<Self, Response> {
        let bytes = whole(request, app).await.map_err(IntoResponse::into_response)?;
        let object = match bytes.is_empty() && T::IS_OPTIONAL {
            true => Ok(Map::new()),
            false => object(&bytes),
        };
        object.and_then(|object| T::read(&object)).map(Body).map_err(IntoResponse::into_response)
    }
}

/// A body that is a JSON object; the error has line and column.
fn object(body: &Bytes) -> Result<Map<String, Value>, ApiError> {
    if body.starts_with(&[0xff, 0xfe]) || body.starts_with(&[0xfe, 0xff]) {
        return Err(ApiError::bad("the body is UTF-16: send it as UTF-8"));
    }
    let text = std::str::from_utf8(body).map_err(|_| ApiError::bad("the body is not UTF-8"))?;
    match json_text::parse(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(ApiError::bad("the body must be a JSON object")),
        Err(error) => Err(ApiError::bad(format!("the body is not JSON: {error}"))),
    }
}

/// `element.key` or `element.id`, where it is one that could be a connector's.
pub(super) fn element(object: &Map<String, Value>) -> Option<String> {
    let element = object.get("element")?;
    match element.get("key").or_else(|| element.get("id"))? {
        Value::String(key) => Some(key.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

/// `providerData.code`, with what goes with it.
pub(super) fn code(object: &Map<String, Value>) -> Result<Option<SignInCode>, ApiError> {
    let Some(code) = provider_data(object, "code")? else { return Ok(None) };
    let (verifier, once) = (provider_data(object, "codeVerifier")?, provider_data(object, "once")?);
    Ok(Some(SignInCode { code, verifier, once }))
}

/// A text of `providerData`.
pub(super) fn provider_data(object: &Map<String, Value>, name: &str) -> Result<Option<String>, ApiError> {
    match object.get("providerData").and_then(|data| data.get(name)) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(trimmed(text).to_owned()).filter(|text| !text.is_empty())),
        Some(_) => Err(ApiError::rule(&format!("providerData.{name}"), "must be a text")),
    }
}

/// `configuration`, every value as a text.
pub(super) fn items(object: &Map<String, Value>) -> Result<Option<Items>, ApiError> {
    match object.get("configuration") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(configuration)) => settings::items(configuration)
            .map(Some)
            .map_err(|errors| ApiError::bad(domain::invalid::in_words(&errors))),
        Some(_) => Err(ApiError::rule("configuration", "must be an object")),
    }
}

/// A text field that may hold an address.
pub(super) fn long_text(object: &Map<String, Value>, key: &str) -> Result<Option<String>, ApiError> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() <= ADDRESS_BYTES_MAX => Ok(Some(text.clone())),
        Some(_) => Err(ApiError::rule(key, &format!("must be a text of at most {ADDRESS_BYTES_MAX} bytes"))),
    }
}

/// `name`; one that is markup and nothing else is none.
pub(super) fn name(object: &Map<String, Value>) -> Result<Option<String>, ApiError> {
    let name = text(object, "name")?;
    match name.as_ref().is_some_and(|name| !name.trim().is_empty() && without_markup(name).is_empty()) {
        true => Err(ApiError::rule("name", "must contain more than markup")),
        false => Ok(name),
    }
}

/// A text field.
pub(super) fn text(object: &Map<String, Value>, key: &str) -> Result<Option<String>, ApiError> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() <= NAME_BYTES_MAX => Ok(Some(text.clone())),
        Some(_) => Err(ApiError::rule(key, &format!("must be a text of at most {NAME_BYTES_MAX} bytes"))),
    }
}

/// `tags`.
pub(super) fn tags(object: &Map<String, Value>) -> Result<Option<Vec<String>>, ApiError> {
    let rule = || ApiError::rule("tags", &format!("must be a list of at most {TAGS_COUNT_MAX} texts"));
    let tags = match object.get("tags") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(tags)) if tags.len() <= TAGS_COUNT_MAX => tags,
        Some(_) => return Err(rule()),
    };
    let text = |tag: &Value| tag.as_str().filter(|tag| tag.len() <= NAME_BYTES_MAX).map(str::to_owned);
    tags.iter().map(text).collect::<Option<Vec<_>>>().map(Some).ok_or_else(rule)
}
