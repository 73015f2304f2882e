//! A message itself and its files, saved through the instance as an application saves them. They are a stranger's: whatever
//! the interface says of how a browser may treat them goes on to it, and nothing of them is shown.

use super::instance::{name, read};
use crate::api::{Answer, Api, address};
use crate::failure::Failure;
use crate::flash::Tone;
use crate::page::{Page, Section};
use crate::shared::Shared;
use crate::signed::Signed;
use crate::time;
use crate::ui::{self, Column, table};
use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use serde_json::Value;

/// What has contents, by the name of its resource.
const MESSAGES: &str = "messages";
/// Files of one message that are listed.
const FILES: (&str, &str) = ("pageSize", "200");
const COLUMNS: [Column; 3] = [Column::Text("Attachment"), Column::Text("Type"), Column::Number("Bytes")];

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/instances/{id}/messages/{object}/raw", get(raw))
        .route("/instances/{id}/messages/{object}/attachments", get(files))
        .route("/instances/{id}/messages/{object}/attachments/{part}/content", get(file))
}

/// The ways to what an object holds, where it is a message of an instance that is still there.
pub(super) fn links(instance: &Value, resource: &str, object: &str) -> Markup {
    let id = instance["id"].to_string();
    let to = |what: &str| address(&["instances", &id, MESSAGES, object, what], &[]);
    html! {
        @if instance["id"].is_u64() && are_messages(instance, resource) {
            " " a.reason href=(to("raw")) { "Save the message" }
            " " a.reason href=(to("attachments")) { "Attachments" }
        }
    }
}

/// By the address that is polled: what a resource is called is its owner's choice.
fn are_messages(instance: &Value, resource: &str) -> bool {
    let polled = match &instance["configuration"]["event.poller.configuration"] {
        Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
        given => given.clone(),
    };
    let path = polled[resource]["url"].as_str().unwrap_or(resource);
    let path = path.split('?').next().unwrap_or_default();
    path.rsplit('/').next().is_some_and(|name| name.ends_with(MESSAGES))
}

async fn raw(signed: Signed, Path((id, object)): Path<(String, String)>) -> Result<Response, Failure> {
    saved(&signed, &id, &[&object, "raw"]).await
}

async fn file(
    signed: Signed,
    Path((id, object, part)): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    saved(&signed, &id, &[&object, "attachments", &part, "content"]).await
}

async fn saved(signed: &Signed, id: &str, below: &[&str]) -> Result<Response, Failure> {
    let instance = read(signed, id).await?;
    let path = [&["hubs", "general", MESSAGES], below].concat();
    match through(signed, &instance)?.open(&address(&path, &[])).await {
        Ok(response) => Ok(response),
        Err(refused) if refused.0.status == StatusCode::UNAUTHORIZED => Err(Failure::SignIn),
        Err(refused) => Ok(not_saved(signed, id, &instance, &refused.0)),
    }
}

/// The interface as it is called through the instance.
fn through(signed: &Signed, instance: &Value) -> Result<Api, Failure> {
    instance["token"].as_str().and_then(|token| signed.api.through(token)).ok_or(Failure::NotFound)
}

async fn files(signed: Signed, Path((id, object)): Path<(String, String)>) -> Result<Response, Failure> {
    let instance = read(&signed, &id).await?;
    let path = address(&["hubs", "general", MESSAGES, &object, "attachments"], &[FILES]);
    let answer = match through(&signed, &instance)?.get(&path).await {
        Ok(answer) => answer,
        Err(refused) if refused.0.status == StatusCode::UNAUTHORIZED => return Err(Failure::SignIn),
        Err(refused) => return Ok(not_saved(&signed, &id, &instance, &refused.0)),
    };
    let rows: Vec<Vec<Markup>> = answer.rows().iter().map(|one| row(&id, &object, one)).collect();
    let body = html! {
        p { "They are as the sender made them, and are saved without being opened here. Whose type is a page or a program is that wherever you open it." }
        section.card {
            @if rows.is_empty() { p.muted { "The provider shows none of this message." } }
            @else { (table("Attachments of the message", &COLUMNS, &rows)) }
            @if answer.next_page().is_some() { p.muted { "Only the first " (rows.len()) " are shown." } }
            p { a href=(address(&["instances", &id, MESSAGES, &object, "raw"], &[])) { "Save the whole message" } ", attachments included" }
        }
    };
    Ok(page("Attachments", &id, &instance).body(body).show(&signed))
}

fn page(title: &str, id: &str, instance: &Value) -> Page {
    Page::new(title)
        .section(Section::Instances)
        .part_of("/instances", "Instances")
        .part_of(address(&["instances", id], &[]), name(instance))
}

fn row(id: &str, object: &str, one: &Value) -> Vec<Markup> {
    let part = text(one, &["id"]);
    let named = match text(one, &["filename", "name"]) {
        "" => "without a name",
        given => given,
    };
    let to = address(&["instances", id, MESSAGES, object, "attachments", part, "content"], &[]);
    vec![
        html! { a href=(to) { (ui::name(named)) } },
        html! { code { (text(one, &["mimetype", "contenttype"])) } },
        html! { @match field(one, &["size"]).and_then(Value::as_u64) { Some(bytes) => (bytes), None => "not said" } },
    ]
}

/// A field by its names in small letters: providers spell them in their own way.
fn field<'a>(record: &'a Value, names: &[&str]) -> Option<&'a Value> {
    let fields = record.as_object()?;
    fields
        .iter()
        .find(|(name, _)| names.contains(&name.to_ascii_lowercase().as_str()))
        .map(|(_, value)| value)
}

fn text<'a>(record: &'a Value, names: &[&str]) -> &'a str {
    field(record, names).and_then(Value::as_str).unwrap_or_default()
}

/// Why there is nothing to save, and what to do about it.
fn not_saved(signed: &Signed, id: &str, instance: &Value, answer: &Answer) -> Response {
    let wait_s = answer.header("retry-after").and_then(|text| text.parse().ok());
    let body = html! {
        (ui::notice(Tone::Bad, html! { p { (ui::sentence(&answer.message())) "." } }))
        section.card {
            p { (meaning(answer.status)) }
            @if let Some(wait_s) = wait_s { p { "Try again in " (time::span(wait_s)) "." } }
            dl.facts {
                div { dt { "Status" } dd { (answer.status.as_u16()) } }
                @if let Some(id) = answer.request_id() { div { dt { "Request" } dd { code { (id) } } } }
            }
        }
    };
    page("This was not saved", id, instance).status(answer.status).body(body).show(signed)
}

fn meaning(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => {
            "The provider shows nothing under this id now: the message was deleted, or was moved and has another id since. What was reported of it stays in the event log."
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            "It is more than this host can answer with. Whoever owns the mailbox has it in their mail program."
        }
        StatusCode::TOO_MANY_REQUESTS => {
            "The mailbox is left alone for a while, so that polls go on. Nothing is wrong with the message."
        }
        StatusCode::FORBIDDEN => "While that is so, nothing of the mailbox is read.",
        status if status.is_server_error() => {
            "The provider did not give it. That may pass: try again in a minute."
        }
        _ => "What it holds can't be saved from here.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_polled_says_what_a_resource_is() {
        let instance = json!({ "configuration": { "event.poller.configuration": {
            "mail": { "url": "/hubs/general/folders/a/messages?where=q='/x'" },
            "messages": { "url": "/hubs/general/contacts" },
        } } });
        let text = instance["configuration"]["event.poller.configuration"].to_string();
        let as_text = json!({ "configuration": { "event.poller.configuration": text } });
        for instance in [instance, as_text] {
            let are =
                ["mail", "messages", "changed-messages", "contacts"].map(|one| are_messages(&instance, one));
            assert_eq!(are, [true, false, true, false]);
        }
    }
}
