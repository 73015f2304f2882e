//! What a message's parts say of its attachments.

use super::part;
use crate::Call;
use crate::hub::{Query, ReadError, Records};
use serde_json::{Map, Value};

/// Fields of an attachment.
const FIELDS: [&str; 5] = ["id", "partId", "filename", "mimeType", "size"];
/// Parts may hold parts: deeper than any mail that a program wrote.
const DEPTH_MAX: usize = 32;

/// Lists the attachments of a message; their content is not read.
pub(super) async fn list(call: &Call<'_>, id: &str, query: &Query) -> Result<Records, ReadError> {
    let parameters = [("format", "full"), ("fields", "id,payload")];
    let message = super::object(call, "messages", id, &parameters).await?;
    let mut attachments = Vec::new();
    if let Some(payload) = message.get("payload") {
        gather(payload, DEPTH_MAX, &mut attachments);
    }
    part::of_all(attachments, &FIELDS, query)
}

/// A part is an attachment if it has a file name, or its content lies elsewhere.
fn gather(part: &Value, depth_left: usize, attachments: &mut Vec<Value>) {
    let filename = part["filename"].as_str().filter(|name| !name.is_empty());
    if filename.is_some() || part["body"]["attachmentId"].is_string() {
        attachments.push(attachment(part));
    }
    let parts = part["parts"].as_array().filter(|_| depth_left > 0);
    for part in parts.into_iter().flatten() {
        gather(part, depth_left - 1, attachments);
    }
}

/// Google gives another `attachmentId` with each answer; the part's number stays.
fn attachment(part: &Value) -> Value {
    let values = [
        ("id", &part["body"]["attachmentId"]),
        ("partId", &part["partId"]),
        ("filename", &part["filename"]),
        ("mimeType", &part["mimeType"]),
        ("size", &part["body"]["size"]),
    ];
    let present = values.into_iter().filter(|(_, value)| !value.is_null());
    let record: Map<String, Value> = present.map(|(key, value)| (key.to_owned(), value.clone())).collect();
    Value::Object(record)
}
