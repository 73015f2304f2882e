//! Pub/Sub: what it delivers, and pulling it.
//!
//! <https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions>

use super::post;
use crate::error::{Error, ErrorKind, short};
use crate::http::{HttpError, HttpResponse};
use crate::{Call, lenient};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

/// What a token for pulling has to allow.
pub(crate) const SCOPE: &str = "https://www.googleapis.com/auth/pubsub";
/// Messages of one pull. They are acknowledged together, within the shortest deadline that a subscription can have.
const MESSAGES_COUNT_MAX: usize = 100;

/// A message of a topic.
#[derive(Deserialize)]
pub(crate) struct Message {
    #[serde(default)]
    data: String,
}

impl Message {
    /// Its data, which is a JSON text; `None` if it is not.
    pub(crate) fn document(&self) -> Option<Value> {
        // Google's is the standard alphabet; some of its tools print the other.
        let bytes = STANDARD.decode(&self.data).or_else(|_| URL_SAFE.decode(&self.data)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }
}

/// What is posted to a push address.
#[derive(Deserialize)]
pub(crate) struct Delivery {
    pub(crate) message: Message,
}

/// A message that was pulled.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PulledMessage {
    pub(crate) ack_id: String,
    pub(crate) message: Message,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    #[serde(default)]
    received_messages: Vec<PulledMessage>,
}

/// Pulls; Pub/Sub holds the request open until there is something, or for a while.
pub(crate) async fn pull(call: &Call<'_>, subscription: &str) -> Result<Vec<PulledMessage>, Error> {
    let body = json!({ "maxMessages": MESSAGES_COUNT_MAX });
    let reply = post(call, &format!("v1/{subscription}:pull"), &body, classify).await;
    let reply = match reply {
        Err(error) if is_empty_wait(&error) => return Ok(Vec::new()),
        reply => reply?,
    };
    if reply.is_null() {
        return Ok(Vec::new());
    }
    Reply::deserialize(reply)
        .map(|reply| reply.received_messages)
        .map_err(|error| Error::malformed("pulled messages", error))
}

/// The time was over before there was anything: that is no failure.
fn is_empty_wait(error: &Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<HttpError>());
    matches!(source, Some(HttpError::Timeout))
}

pub(crate) async fn acknowledge(
    call: &Call<'_>,
    subscription: &str,
    receipts: &[String],
) -> Result<(), Error> {
    let body = json!({ "ackIds": receipts });
    post(call, &format!("v1/{subscription}:acknowledge"), &body, classify).await.map(drop)
}

#[derive(Deserialize)]
struct Failure {
    error: Status,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    status: String,
}

fn classify(response: &HttpResponse, now: DateTime<Utc>) -> Error {
    let status = lenient::from_slice::<Failure>(&response.body).ok().map(|failure| failure.error.status);
    let kind = match response.status {
        401 => ErrorKind::Unauthorized,
        429 => ErrorKind::RateLimited,
        404 => ErrorKind::NotFound,
        400..=499 => ErrorKind::Rejected,
        // Also 504, which ends a wait.
        _ => ErrorKind::Unavailable,
    };
    Error::answered(kind, response, status.filter(|status| !status.is_empty()).as_deref().map(short), now)
}
