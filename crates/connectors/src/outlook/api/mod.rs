//! Requests to Microsoft Graph and their replies.

pub(super) mod batch;

use super::cursor::clocks::Clocks;
use super::error::classify;
use super::normalise::entity::Entity;
use crate::Call;
use crate::error::{Error, ErrorKind};
use crate::http::{HttpRequest, HttpResponse, HttpStream, Method, Route};
use crate::hub::CONTENT_BYTES_MAX;
use crate::lenient;
use chrono::{DateTime, SecondsFormat};
use serde_json::Value;

/// The longest answer read.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The longest answer of a refusal.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;

/// Without it a message has another id in each folder.
const IMMUTABLE_IDS: &str = "IdType=\"ImmutableId\"";

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

/// What the inbox tells of its mailbox.
#[derive(Default)]
pub(super) struct Inbox {
    /// Constant for a mailbox, to distinguish mailboxes. `None` if the provider does not give it.
    pub(super) id: Option<String>,
    /// The mailbox's address, where the provider names its user so.
    pub(super) owner: Option<String>,
}

/// Asks for the inbox.
pub(super) async fn inbox(call: &Call<'_>) -> Result<Inbox, Error> {
    let url = format!("{}/me/mailFolders/inbox?$select=id", call.api_url);
    let response = send(call, &url).await?;
    match response.status {
        200 => {
            let folder = read(&response)?;
            let text = |name: &str| folder.get(name).and_then(Value::as_str);
            Ok(Inbox { id: text("id").map(str::to_owned), owner: text("@odata.context").and_then(owner) })
        }
        400..=428 => Ok(Inbox::default()),
        _ => Err(refusal(call, &url, &response)),
    }
}

/// The address in `…/$metadata#users('ada%40example.com')/…`. Some mailboxes are named by a number there, and personal
/// accounts with a foreign address by one that takes no mail.
fn owner(context: &str) -> Option<String> {
    let (_, behind) = context.split_once("#users('")?;
    let (name, _) = behind.split_once("')")?;
    // A quote is doubled in it; a `+` is itself in an address, and a space in a form.
    let escaped = name.replace("''", "'").replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    let (name, _) = url::form_urlencoded::parse(escaped.as_bytes()).next()?;
    let is_stand_in = name.starts_with("outlook_") && name.ends_with("@outlook.com");
    (name.contains('@') && !is_stand_in).then(|| name.into_owned())
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
    Ok(call.http.send(asking(call, method, url, body)).await?)
}

/// Opens a content: the body comes as it is read.
pub(super) async fn open(call: &Call<'_>, url: &str) -> Result<HttpStream, Error> {
    let request = asking(call, Method::Get, url, None);
    let answer = call.http.open(HttpRequest { answer_bytes_max: CONTENT_BYTES_MAX, ..request }).await?;
    match answer.status {
        200 => Ok(answer),
        _ => Err(refusal(call, url, &answer.gathered(REFUSAL_BYTES_MAX).await?)),
    }
}

fn asking<'a>(call: &Call<'_>, method: Method, url: &str, body: Option<&Value>) -> HttpRequest<'a> {
    let content_type = body.map(|_| ("content-type", "application/json".to_owned()));
    let headers = [
        ("authorization", format!("Bearer {}", call.credential)),
        ("accept", "application/json;odata.metadata=minimal".to_owned()),
        ("prefer", IMMUTABLE_IDS.to_owned()),
    ];
    HttpRequest {
        method,
        url: url.to_owned(),
        headers: headers.into_iter().chain(content_type).collect(),
        body: body.map(Value::to_string).unwrap_or_default().into(),
        timeout_ms: call.timeout_ms,
        answer_bytes_max: ANSWER_BYTES_MAX,
        route: Route::Provider,
    }
}

#[cfg(test)]
mod tests {
    use super::owner;

    #[test]
    fn the_owner_is_known_where_the_context_has_an_address() {
        let of = |user: &str| {
            owner(&format!("https://graph.test/v1.0/$metadata#users('{user}')/mailFolders/$entity"))
        };
        assert_eq!(of("ada%40example.com").as_deref(), Some("ada@example.com"));
        assert_eq!(of("ada+mail%40example.com").as_deref(), Some("ada+mail@example.com"));
        assert_eq!(of("o''neill%40example.com").as_deref(), Some("o'neill@example.com"));
        assert_eq!(of("48d31887-5fad-4d73-a9f5-3c356e68a038"), None);
        assert_eq!(of("outlook_0123456789ABCDEF%40outlook.com"), None, "it takes no mail");
        assert_eq!(owner("https://graph.test/v1.0/$metadata#me/mailFolders/$entity"), None);
    }
}
