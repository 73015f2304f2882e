//! The content of a message, or of an attachment.

use super::place::segment;
use crate::Call;
use crate::hub::{Content, ReadError};
use crate::outlook::normalise::entity::ATTACHMENT;
use crate::outlook::{DESCRIPTOR, api};

/// A message, an event or a contact that is attached to a message.
const ITEM: &str = "#microsoft.graph.itemAttachment";
/// A link to a file elsewhere.
const REFERENCE: &str = "#microsoft.graph.referenceAttachment";

/// Opens what a path names.
pub(in crate::outlook) async fn open(call: &Call<'_>, path: &[String]) -> Result<Content, ReadError> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let [name, id, below @ ..] = path.as_slice() else { return Err(ReadError::NoResource) };
    let name = DESCRIPTOR.resource(name).map_or(*name, |resource| resource.name);
    match (name, below) {
        ("messages", ["raw"]) => raw(call, id).await,
        ("messages" | "events", ["attachments", part, "content"]) => {
            attachment(call, &format!("{name}/{}/attachments/{}", segment(id)?, segment(part)?)).await
        }
        _ => Err(ReadError::NoResource),
    }
}

async fn raw(call: &Call<'_>, id: &str) -> Result<Content, ReadError> {
    let path = format!("messages/{}", segment(id)?);
    opened(call, &path, Some(format!("{id}.eml"))).await
}

async fn attachment(call: &Call<'_>, path: &str) -> Result<Content, ReadError> {
    let about = api::object(call, &ATTACHMENT, &api::url(call, path, &[("$select", "name")])).await?;
    let name = about["name"].as_str().map(str::to_owned);
    match about["@odata.type"].as_str() {
        Some(REFERENCE) => Err(ReadError::rule(
            "attachments",
            "is a link to a file that lies elsewhere: it has no content here",
        )),
        Some(ITEM) => opened(call, path, name.map(|name| format!("{name}.eml"))).await,
        _ => opened(call, path, name).await,
    }
}

async fn opened(call: &Call<'_>, path: &str, file_name: Option<String>) -> Result<Content, ReadError> {
    let answer = api::open(call, &format!("{}/me/{path}/$value", call.api_url)).await?;
    let length = answer.headers.get("content-length").and_then(|value| value.to_str().ok());
    let bytes_about = length.and_then(|length| length.parse().ok());
    Ok(Content { file_name, bytes_about, body: answer.body })
}
