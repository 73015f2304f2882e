//! Reading through the hub: which resource a path names, and one object of it.

mod attachments;
mod base64_member;
pub(super) mod content;
mod list;
mod part;
mod search;
pub(super) mod sought;
#[cfg(test)]
mod tests;

use super::api;
use super::descriptor::DESCRIPTOR;
use super::poll::plan::Format;
use super::poll::snapshots;
use crate::Call;
use crate::error::{Error, ErrorKind};
use crate::hub::{Answer, Query, ReadError};
use list::Collection;
use part::Fields;
use serde_json::Value;

/// Answers one read.
pub(super) async fn read(call: &Call<'_>, query: &Query) -> Result<Answer, ReadError> {
    let path: Vec<&str> = query.path.iter().map(String::as_str).collect();
    let [name, below @ ..] = path.as_slice() else { return Err(ReadError::NoResource) };
    let name = DESCRIPTOR.resource(name).ok_or(ReadError::NoResource)?.name;
    match (Collection::of(name), below) {
        (Some(collection), []) => list::page(call, collection, query).await.map(Answer::Many),
        (Some(collection), [id]) => {
            let parameters = collection.parameters(format(query, Format::Full)?);
            one(call, collection.path(), id, &parameters, query).await
        }
        (Some(Collection::Messages), [id, "attachments"]) => {
            attachments::list(call, id, query).await.map(Answer::Many)
        }

        (Some(Collection::Messages), [id, "attachments", part]) => {
            attachments::one(call, id, part, query).await.map(Answer::One)
        }
        (None, []) if name == "labels" => labels(call, query).await,
        (None, [id]) if name == "labels" => one(call, "labels", id, &[], query).await,
        _ => Err(ReadError::NoResource),
    }
}

/// The whole list: Gmail gives it at once, without the counts that a single label has.
async fn labels(call: &Call<'_>, query: &Query) -> Result<Answer, ReadError> {
    let labels = api::labels(call).await?;
    part::of_all(labels, &snapshots::LABEL_FIELDS, query).map(Answer::Many)
}

async fn one(
    call: &Call<'_>,
    collection: &str,
    id: &str,
    parameters: &[(&str, &str)],
    query: &Query,
) -> Result<Answer, ReadError> {
    let fields = Fields::parse(&query.fields)?;
    let object = object(call, collection, id, parameters).await?;
    Ok(Answer::One(fields.of(object)))
}

/// Reads one object by an id that a client made up, perhaps: what cannot be an id is not there.
async fn object(
    call: &Call<'_>,
    collection: &str,
    id: &str,
    parameters: &[(&str, &str)],
) -> Result<Value, Error> {
    api::object(call, collection, id, parameters).await.map_err(without_bad_id)
}

fn without_bad_id(mut error: Error) -> Error {
    let bad_id = ["invalidArgument", "badRequest", "INVALID_ARGUMENT"];
    let reason = error.provider_message.as_deref();
    if error.kind == ErrorKind::ObjectRefused && reason.is_some_and(|reason| bad_id.contains(&reason)) {
        error.kind = ErrorKind::NotFound;
    }
    error
}

fn format(query: &Query, default: Format) -> Result<Format, ReadError> {
    match query.parameter("format") {
        None => Ok(default),
        Some(given) => Format::parse(given).map_err(|rule| ReadError::rule("format", rule)),
    }
}
