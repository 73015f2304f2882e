//! The content of a message, or of one of its attachments.

use super::list::Collection;
use super::{attachments, base64_member, without_bad_id};
use crate::Call;
use crate::error::{Error, ErrorKind};
use crate::gmail::api;
use crate::gmail::descriptor::DESCRIPTOR;
use crate::google::path_of;
use crate::http::BodyStream;
use crate::hub::{Content, ReadError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::stream::{self, StreamExt as _};
use serde_json::Value;

/// Opens what a path names.
pub(in crate::gmail) async fn open(call: &Call<'_>, path: &[String]) -> Result<Content, ReadError> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let [name, id, below @ ..] = path.as_slice() else { return Err(ReadError::NoResource) };
    let name = DESCRIPTOR.resource(name).ok_or(ReadError::NoResource)?.name;
    match (Collection::of(name), below) {
        (Some(Collection::Messages), ["raw"]) => raw(call, id).await,
        (Some(Collection::Messages), ["attachments", part, "content"]) => attachment(call, id, part).await,
        _ => Err(ReadError::NoResource),
    }
}

async fn raw(call: &Call<'_>, id: &str) -> Result<Content, ReadError> {
    let path = format!("messages/{}", path_of(id)?);
    let body = member(call, &path, &[("format", "raw"), ("fields", "raw")], "raw").await?;
    let file_name = Some(format!("{id}.eml"));
    Ok(Content { file_name, bytes_about: None, body })
}

/// Whoever has an `attachmentId` of an earlier answer gets what it names, without a name: it is in no later answer.
async fn attachment(call: &Call<'_>, id: &str, wanted: &str) -> Result<Content, ReadError> {
    let message = attachments::parts_of(call, id).await?;
    let part = attachments::attached(&message).into_iter().find(|part| part["partId"] == wanted);
    let part = part.unwrap_or(&Value::Null);
    let body = match (&part["body"], part["body"]["attachmentId"].as_str()) {
        (Value::Null, _) => elsewhere(call, id, wanted).await?,
        (_, Some(attachment)) => elsewhere(call, id, attachment).await?,
        (body, None) => here(body)?,
    };
    let file_name = part["filename"].as_str().map(str::to_owned);
    Ok(Content { file_name, bytes_about: part["body"]["size"].as_u64(), body })
}

async fn elsewhere(call: &Call<'_>, id: &str, attachment: &str) -> Result<BodyStream, Error> {
    let path = format!("messages/{}/attachments/{}", path_of(id)?, path_of(attachment)?);
    member(call, &path, &[("fields", "data")], "data").await
}

/// A small part's content stands in the message.
fn here(body: &Value) -> Result<BodyStream, Error> {
    let data = body["data"].as_str().unwrap_or_default().trim_end_matches('=');
    let bytes = URL_SAFE_NO_PAD.decode(data).map_err(|error| Error::malformed("attachment", error))?;
    Ok(stream::iter([Ok(bytes.into())]).boxed())
}

async fn member(
    call: &Call<'_>,
    path: &str,
    query: &[(&str, &str)],
    name: &'static str,
) -> Result<BodyStream, Error> {
    let answer = api::open(call, path, query).await.map_err(without_bad_id).map_err(|mut error| {
        // Whether the message or its attachment: there is nothing to read.
        if error.kind == ErrorKind::ObjectRefused {
            error.kind = ErrorKind::NotFound;
        }
        error
    })?;
    Ok(base64_member::decoded(answer, name))
}
