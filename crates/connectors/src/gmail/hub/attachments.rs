//! What a message's parts say of its attachments.

use super::part::{self, Fields};
use crate::Call;
use crate::error::{Error, ErrorKind};
use crate::hub::{Query, ReadError, Records};
use serde_json::{Map, Value};

/// Fields of an attachment.
const FIELDS: [&str; 6] = ["id", "partId", "attachmentId", "filename", "mimeType", "size"];
/// Parts may hold parts: deeper than any mail that a program wrote.
const DEPTH_MAX: usize = 32;

/// Lists the attachments of a message; their content is not read.
pub(super) async fn list(call: &Call<'_>, id: &str, query: &Query) -> Result<Records, ReadError> {
    let message = parts_of(call, id).await?;
    part::of_all(attached(&message).into_iter().map(attachment).collect(), &FIELDS, query)
}

/// What is told of one of them.
pub(super) async fn one(call: &Call<'_>, id: &str, part: &str, query: &Query) -> Result<Value, ReadError> {
    let fields = Fields::parse(&query.fields)?;
    let message = parts_of(call, id).await?;
    let found = attached(&message).into_iter().find(|attached| attached["partId"] == part);
    let missing = || Error::new(ErrorKind::NotFound, "the message has no such attachment");
    Ok(fields.of(attachment(found.ok_or_else(missing)?)))
}

/// A message with its parts.
pub(super) async fn parts_of(call: &Call<'_>, id: &str) -> Result<Value, Error> {
    super::object(call, "messages", id, &[("format", "full"), ("fields", "id,payload")]).await
}

/// The parts of a message that are attachments.
pub(super) fn attached(message: &Value) -> Vec<&Value> {
    let mut attachments = Vec::new();
    if let Some(payload) = message.get("payload") {
        gather(payload, DEPTH_MAX, &mut attachments);
    }
    attachments
}

/// A part is an attachment if it has a file name, or its content lies elsewhere.
fn gather<'a>(part: &'a Value, depth_left: usize, attachments: &mut Vec<&'a Value>) {
    let filename = part["filename"].as_str().filter(|name| !name.is_empty());
    if filename.is_some() || part["body"]["attachmentId"].is_string() {
        attachments.push(part);
    }
    let parts = part["parts"].as_array().filter(|_| depth_left > 0);
    for part in parts.into_iter().flatten() {
        gather(part, depth_left - 1, attachments);
    }
}

/// Google gives another `attachmentId` with each answer; the part's number stays, so it is the id.
fn attachment(part: &Value) -> Value {
    let values = [
        ("id", &part["partId"]),
        ("partId", &part["partId"]),
        ("attachmentId", &part["body"]["attachmentId"]),
        ("filename", &part["filename"]),
        ("mimeType", &part["mimeType"]),
        ("size", &part["body"]["size"]),
    ];
    let present = values.into_iter().filter(|(_, value)| !value.is_null());
    let record: Map<String, Value> = present.map(|(key, value)| (key.to_owned(), value.clone())).collect();
    Value::Object(record)
}
