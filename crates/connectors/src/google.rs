//! Requests to Google's APIs, which all connectors of Google make alike, and its ways of push.

pub(crate) mod id_token;
pub(crate) mod pubsub;
pub(crate) mod registration;
pub(crate) mod service_account;

use crate::Call;
use crate::error::{Error, ErrorKind};
use crate::http::{HttpRequest, HttpResponse, Method, Route};
use crate::lenient;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The longest answer read: a full message has its text, not its attachments, and a page of events is a few megabytes.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What an answer that is not 200 means.
pub(crate) type Classify = fn(&HttpResponse, DateTime<Utc>) -> Error;

/// Reads what stands below the API's address.
pub(crate) async fn get<T: DeserializeOwned>(
    call: &Call<'_>,
    path: &str,
    query: &[(&str, &str)],
    classify: Classify,
) -> Result<T, Error> {
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(query)
        .append_pair("prettyPrint", "false")
        .finish();
    let response = send(call, Method::Get, format!("{}/{path}?{query}", call.api_url), None).await?;
    if response.status != 200 {
        return Err(classify(&response, call.now).of_read(path));
    }
    lenient::from_slice(&response.body).map_err(|error| Error::malformed("reply", error))
}

/// Posts a document below the API's address, and reads one.
pub(crate) async fn post(
    call: &Call<'_>,
    path: &str,
    body: &Value,
    classify: Classify,
) -> Result<Value, Error> {
    let response = send(call, Method::Post, format!("{}/{path}", call.api_url), Some(body)).await?;
    match response.status {
        204 => Ok(Value::Null),
        200 if response.body.is_empty() => Ok(Value::Null),
        200 => lenient::from_slice(&response.body).map_err(|error| Error::malformed("reply", error)),
        _ => Err(classify(&response, call.now)),
    }
}

async fn send(
    call: &Call<'_>,
    method: Method,
    url: String,
    body: Option<&Value>,
) -> Result<HttpResponse, Error> {
    let content_type = body.map(|_| ("content-type", "application/json".to_owned()));
    let response = call
        .http
        .send(HttpRequest {
            method,
            url,
            headers: [
                ("authorization", format!("Bearer {}", call.credential)),
                ("accept", "application/json".to_owned()),
                // Google compresses only for agents that say so twice.
                ("user-agent", "carillon (gzip)".to_owned()),
            ]
            .into_iter()
            .chain(content_type)
            .collect(),
            body: body.map(Value::to_string).unwrap_or_default().into(),
            timeout_ms: call.timeout_ms,
            answer_bytes_max: ANSWER_BYTES_MAX,
            route: Route::Provider,
        })
        .await?;
    Ok(response)
}

/// An id as a part of a path. It may be one that a client made up.
pub(crate) fn path_of(id: &str) -> Result<String, Error> {
    // Dots alone would lead to another path, and Google's ids contain no slash.
    if id.bytes().all(|byte| byte == b'.') || id.contains('/') {
        return Err(Error::new(ErrorKind::NotFound, "there is no object with this id"));
    }
    Ok(url::form_urlencoded::byte_serialize(id.as_bytes()).collect())
}
