//! Requests to Google's APIs, which all connectors of Google make alike, and its ways of push.

pub(crate) mod id_token;
pub(crate) mod pubsub;
pub(crate) mod registration;
pub(crate) mod service_account;

use crate::Call;
use crate::error::{Error, ErrorKind};
use crate::http::{BodyStream, HttpRequest, HttpResponse, HttpStream, Method, Route};
use crate::hub::CONTENT_BYTES_MAX;
use crate::lenient;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The longest answer read: a full message has its text, not its attachments, and a page of events is a few megabytes.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The longest answer that is read as it comes: the longest content, in base64, and what stands around it.
const STREAM_BYTES_MAX: usize = CONTENT_BYTES_MAX / 3 * 4 + 64 * 1024;
/// The longest answer of a refusal.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;

/// What an answer that is not 200 means.
pub(crate) type Classify = fn(&HttpResponse, DateTime<Utc>) -> Error;

/// Reads what stands below the API's address.
pub(crate) async fn get<T: DeserializeOwned>(
    call: &Call<'_>,
    path: &str,
    query: &[(&str, &str)],
    classify: Classify,
) -> Result<T, Error> {
    get_within(call, path, query, ANSWER_BYTES_MAX, classify).await
}

/// The same of an answer that may have so many bytes.
pub(crate) async fn get_within<T: DeserializeOwned>(
    call: &Call<'_>,
    path: &str,
    query: &[(&str, &str)],
    answer_bytes_max: usize,
    classify: Classify,
) -> Result<T, Error> {
    let request = request(call, Method::Get, url(call, path, query), None);
    let response = call.http.send(HttpRequest { answer_bytes_max, ..request }).await?;
    if response.status != 200 {
        return Err(explained(classify(&response, call.now).of_read(path), &response));
    }
    lenient::from_slice(&response.body).map_err(|error| Error::malformed("reply", error))
}

/// Opens what stands below the API's address; the body comes as it is read.
pub(crate) async fn open(
    call: &Call<'_>,
    path: &str,
    query: &[(&str, &str)],
    classify: Classify,
) -> Result<BodyStream, Error> {
    let request = request(call, Method::Get, url(call, path, query), None);
    let answer: HttpStream =
        call.http.open(HttpRequest { answer_bytes_max: STREAM_BYTES_MAX, ..request }).await?;
    if answer.status == 200 {
        return Ok(answer.body);
    }
    let response = answer.gathered(REFUSAL_BYTES_MAX).await?;
    Err(explained(classify(&response, call.now).of_read(path), &response))
}

fn url(call: &Call<'_>, path: &str, query: &[(&str, &str)]) -> String {
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(query)
        .append_pair("prettyPrint", "false")
        .finish();
    format!("{}/{path}?{query}", call.api_url)
}

/// With Google's own sentence behind a 403 that no retry mends: it names the API that is not enabled, and where.
fn explained(mut error: Error, response: &HttpResponse) -> Error {
    if response.status == 403 && error.kind == ErrorKind::Rejected {
        let body = lenient::from_slice::<Value>(&response.body).unwrap_or_default();
        if let Some(said) = body["error"]["message"].as_str().map(presentable).filter(|said| !said.is_empty())
        {
            error.message.push_str(": ");
            error.message.push_str(&said);
        }
    }
    error
}

/// A sentence of Google's at the most, characters: the longest of its 403 have about 300.
const SENTENCE_CHARS_MAX: usize = 400;
/// A word of so many letters and digits, without a full stop or a slash, is no word but a token or an id.
const WORD_CHARS_MAX: usize = 32;

/// A sentence without addresses and without what could be a secret.
fn presentable(sentence: &str) -> String {
    let is_plain = |word: &&str| {
        !word.contains('@')
            && !word.split(|c: char| !c.is_alphanumeric()).any(|part| part.chars().count() > WORD_CHARS_MAX)
    };
    let words = sentence.split_whitespace().map(|word| if is_plain(&word) { word } else { "…" });
    let text = words.collect::<Vec<_>>().join(" ");
    text.chars().filter(|c| !c.is_control()).take(SENTENCE_CHARS_MAX).collect()
}

/// Posts a document below the API's address, and reads one.
pub(crate) async fn post(
    call: &Call<'_>,
    path: &str,
    body: &Value,
    classify: Classify,
) -> Result<Value, Error> {
    let url = format!("{}/{path}", call.api_url);
    let response = call.http.send(request(call, Method::Post, url, Some(body))).await?;
    match response.status {
        204 => Ok(Value::Null),
        200 if response.body.is_empty() => Ok(Value::Null),
        200 => lenient::from_slice(&response.body).map_err(|error| Error::malformed("reply", error)),
        _ => Err(classify(&response, call.now)),
    }
}

fn request<'a>(call: &Call<'_>, method: Method, url: String, body: Option<&Value>) -> HttpRequest<'a> {
    let content_type = body.map(|_| ("content-type", "application/json".to_owned()));
    let headers = [
        ("authorization", format!("Bearer {}", call.credential)),
        ("accept", "application/json".to_owned()),
        // Google compresses only for agents that say so twice.
        ("user-agent", "carillon (gzip)".to_owned()),
    ];
    HttpRequest {
        method,
        url,
        headers: headers.into_iter().chain(content_type).collect(),
        body: body.map(Value::to_string).unwrap_or_default().into(),
        timeout_ms: call.timeout_ms,
        answer_bytes_max: ANSWER_BYTES_MAX,
        route: Route::Provider,
    }
}

/// An id as a part of a path. It may be one that a client made up.
pub(crate) fn path_of(id: &str) -> Result<String, Error> {
    // Dots alone would lead to another path, and Google's ids contain no slash.
    if id.bytes().all(|byte| byte == b'.') || id.contains('/') {
        return Err(Error::new(ErrorKind::NotFound, "there is no object with this id"));
    }
    Ok(url::form_urlencoded::byte_serialize(id.as_bytes()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, kind: ErrorKind, message: &str) -> String {
        let body = serde_json::json!({ "error": { "code": status, "message": message } });
        let response =
            HttpResponse { status, headers: http::HeaderMap::new(), body: body.to_string().into() };
        explained(Error::new(kind, "the provider answered"), &response).message
    }

    #[test]
    fn the_sentence_behind_a_403_says_what_is_not_enabled_and_where() {
        let said = "Gmail API has not been used in project 123456 before or it is disabled. Enable it by visiting \
                    https://console.developers.google.com/apis/api/gmail.googleapis.com/overview?project=123456 then retry.";
        assert_eq!(refused(403, ErrorKind::Rejected, said), format!("the provider answered: {said}"));
        assert_eq!(
            refused(403, ErrorKind::RateLimited, said),
            "the provider answered",
            "a limit needs nobody"
        );
        assert_eq!(refused(404, ErrorKind::NotFound, said), "the provider answered");
    }

    #[test]
    fn the_sentence_is_bounded_and_names_nobody() {
        let secret = "x".repeat(33);
        let said = format!("Delegation denied for ada@example.com\nby {secret}: ya29.{secret}");
        assert_eq!(presentable(&said), "Delegation denied for … by … …");
        assert_eq!(presentable(&"word ".repeat(1_000)).chars().count(), SENTENCE_CHARS_MAX);
    }
}
