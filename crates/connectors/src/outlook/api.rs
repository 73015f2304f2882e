//! Requests to Microsoft Graph and their replies.

use super::cursor::clocks::Clocks;
use super::error::classify;
use super::normalise::entity::Entity;
use crate::Call;
use crate::error::{Error, ErrorKind};
use crate::http::{HttpRequest, HttpResponse, Method, Route};
use crate::lenient;
use chrono::{DateTime, SecondsFormat};
use serde_json::Value;

/// The longest answer read.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A page of a list, as the provider sent them.
pub(super) struct ListReply {
    pub(super) value: Vec<Value>,
    pub(super) next_link: Option<String>,
    /// Below zero where the provider does not know.
    pub(super) count: Option<i64>,
    /// What time it is.
    pub(super) clocks: Clocks,
}

impl ListReply {
    /// Only the rows matter: an answer without them is not a page, whatever else is odd about it.
    fn of(mut reply: Value, clocks: Clocks) -> Option<Self> {
        let Value::Array(value) = reply.get_mut("value")?.take() else { return None };
        let next_link = reply["@odata.nextLink"].as_str().map(str::to_owned);
        Some(ListReply { value, next_link, count: reply["@odata.count"].as_i64(), clocks })
    }
}

/// An address below the mailbox.
pub(super) fn url(call: &Call<'_>, path: &str, query: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    format!("{}/me/{path}?{}", call.api_url, pairs.join("&"))
}

/// A second as filters spell it.
pub(super) fn instant(second: i64) -> String {
    let at = DateTime::from_timestamp(second, 0).unwrap_or(DateTime::UNIX_EPOCH);
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// OData readers do not all take `+` for a space.
pub(super) fn encoded(value: &str) -> String {
    url::form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>().replace('+', "%20")
}

/// Reads a page, by its first address or a next link. A link that leads elsewhere is not followed: it would
/// carry the token with it.
pub(super) async fn page(call: &Call<'_>, entity: &Entity, url: &str) -> Result<ListReply, Error> {
    if !url.strip_prefix(call.api_url).is_some_and(|path| path.starts_with('/')) {
        return Err(Error::new(ErrorKind::Malformed, "the provider's next page is on another host"));
    }
    let response = get(call, entity, url).await?;
    ListReply::of(read(&response)?, Clocks::at(&response, call.now))
        .ok_or_else(|| Error::malformed("reply", "it is no list"))
}

/// The inbox's id, constant for a mailbox, to distinguish mailboxes. `None` if the provider does not give it.
pub(super) async fn inbox_id(call: &Call<'_>) -> Result<Option<String>, Error> {
    let url = format!("{}/me/mailFolders/inbox?$select=id", call.api_url);
    let response = send(call, &url).await?;
    match response.status {
        200 => {
            let folder = read(&response)?;
            Ok(folder.get("id").and_then(Value::as_str).map(str::to_owned))
        }
        400..=428 => Ok(None),
        _ => Err(refusal(call, &url, &response)),
    }
}

/// Reads one object.
pub(super) async fn object(call: &Call<'_>, entity: &Entity, url: &str) -> Result<Value, Error> {
    read(&get(call, entity, url).await?)
}

pub(super) fn read(response: &HttpResponse) -> Result<Value, Error> {
    lenient::from_slice(&response.body).map_err(|error| Error::malformed("reply", error))
}

async fn get(call: &Call<'_>, entity: &Entity, url: &str) -> Result<HttpResponse, Error> {
    let response = send(call, url).await?;
    if response.status == 200 {
        return Ok(response);
    }
    let mut error = refusal(call, url, &response);
    if response.status == 403 && error.kind == ErrorKind::Rejected {
        error
            .message
            .push_str(&format!("; to read {} needs the permission {}", entity.noun, entity.permission));
    }
    Err(error)
}

/// What an answer that is not 200 means.
fn refusal(call: &Call<'_>, url: &str, response: &HttpResponse) -> Error {
    classify(response, call.now).of_read(url.strip_prefix(call.api_url).unwrap_or_default())
}

async fn send(call: &Call<'_>, url: &str) -> Result<HttpResponse, Error> {
    request(call, Method::Get, url, None).await
}

/// Sends a request as the mailbox's owner, with a body where there is one.
pub(super) async fn request(
    call: &Call<'_>,
    method: Method,
    url: &str,
    body: Option<&Value>,
) -> Result<HttpResponse, Error> {
    let content_type = body.map(|_| ("content-type", "application/json".to_owned()));
    let headers = [
        ("authorization", format!("Bearer {}", call.credential)),
        ("accept", "application/json;odata.metadata=minimal".to_owned()),
        // Without it a message has another id in each folder.
        ("prefer", "IdType=\"ImmutableId\"".to_owned()),
    ];
    let response = call
        .http
        .send(HttpRequest {
            method,
            url: url.to_owned(),
            headers: headers.into_iter().chain(content_type).collect(),
            body: body.map(Value::to_string).unwrap_or_default().into(),
            timeout_ms: call.timeout_ms,
            answer_bytes_max: ANSWER_BYTES_MAX,
            route: Route::Provider,
        })
        .await?;
    Ok(response)
}
