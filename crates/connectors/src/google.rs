//! Requests to Google's APIs, which all connectors of Google make alike.

use crate::Call;
use crate::error::{Error, ErrorKind};
use crate::http::{HttpRequest, HttpResponse, Method, Route};
use crate::lenient;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;

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
    let response = call
        .http
        .send(HttpRequest {
            method: Method::Get,
            url: format!("{}/{path}?{query}", call.api_url),
            headers: vec![
                ("authorization", format!("Bearer {}", call.credential)),
                ("accept", "application/json".to_owned()),
                // Google compresses only for agents that say so twice.
                ("user-agent", "carillon (gzip)".to_owned()),
            ],
            body: bytes::Bytes::new(),
            timeout_ms: call.timeout_ms,
            answer_bytes_max: ANSWER_BYTES_MAX,
            route: Route::Provider,
        })
        .await?;
    if response.status != 200 {
        return Err(classify(&response, call.now).of_read(path));
    }
    lenient::from_slice(&response.body).map_err(|error| Error::malformed("reply", error))
}

/// An id as a part of a path. It may be one that a client made up.
pub(crate) fn path_of(id: &str) -> Result<String, Error> {
    // Dots alone would lead to another path, and Google's ids contain no slash.
    if id.bytes().all(|byte| byte == b'.') || id.contains('/') {
        return Err(Error::new(ErrorKind::NotFound, "there is no object with this id"));
    }
    Ok(url::form_urlencoded::byte_serialize(id.as_bytes()).collect())
}
