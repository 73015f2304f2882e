//! Why was nothing sent? Asks the interface about a subject, an id or a time, and says its decision in words.

use super::contents;
use super::instance::{name, read};
use crate::api::address;
use crate::failure::Failure;
use crate::flash::Tone;
use crate::form::{Fields, Posted};
use crate::page::{Page, Section};
use crate::shared::Shared;
use crate::signed::Signed;
use crate::time::{self, relative_or};
use crate::ui::{self, Column, Field, field, table};
use axum::Router;
use axum::extract::{Path, RawQuery};
use axum::response::Response;
use axum::routing::get;
use http::{Method, StatusCode};
use maud::{Markup, html};
use serde_json::{Value, json};

/// What can be asked about: the interface's name, and ours.
const BY: [(&str, &str); 3] = [
    ("subject", "A subject"),
    ("objectId", "The provider's id of it"),
    ("at", "A time, as 2026-11-22T11:40:00Z"),
];
const OBJECTS: [Column; 4] = [
    Column::Text("Object"),
    Column::Text("Decision"),
    Column::Text("Arrived"),
    Column::Text("Last complete poll"),
];

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/instances/{id}/why", get(ask).post(explain))
}

/// Links name what they are about.
async fn ask(signed: Signed, Path(id): Path<String>, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes()).ok_or(Failure::Unreadable)?;
    let instance = read(&signed, &id).await?;
    let (by, text) = asked(&fields);
    Ok(page(&id, &instance).body(form(&signed, &id, by, text)).show(&signed))
}

/// By what somebody asks, and for what.
fn asked(fields: &Fields) -> (&'static str, &str) {
    let by = BY.iter().find(|(key, _)| *key == fields.text("by")).map_or("subject", |(key, _)| *key);
    (by, fields.text("text").trim())
}

async fn explain(Path(id): Path<String>, posted: Posted) -> Result<Response, Failure> {
    let (signed, fields) = (&posted.signed, &posted.fields);
    let instance = read(signed, &id).await?;
    let (by, text) = asked(fields);
    let answer = signed
        .api
        .call(Method::POST, &address(&["instances", &id, "explain"], &[]), Some(&json!({ by: text })))
        .await;
    let result = match answer.status {
        status if status.is_success() => explanation(signed, &instance, &answer.body),
        StatusCode::UNAUTHORIZED => return Err(Failure::SignIn),
        _ => ui::notice(Tone::Bad, html! { p { (ui::sentence(&answer.message())) } }),
    };
    let body = html! { (result) (form(signed, &id, by, text)) };
    Ok(page(&id, &instance).body(body).show(signed))
}

fn page(id: &str, instance: &Value) -> Page {
    Page::new("Why was nothing sent?")
        .section(Section::Instances)
        .part_of("/instances", "Instances")
        .part_of(address(&["instances", id], &[]), name(instance))
}

fn form(signed: &Signed, id: &str, by: &str, text: &str) -> Markup {
    let fields = html! { div.asks {
        div.field {
            label for="by" { "What you know of it" }
            select id="by" name="by" {
                @for (key, label) in BY { option value=(key) selected[key == by] { (label) } }
            }
        }
        (field(&Field { value: text, required: true, ..Field::new("text", "Subject, id or time") }))
        div.actions { button.primary type="submit" { "Explain" } }
    } };
    html! {
        section.card {
            p { "The decision is made once more, under today's configuration, over what is stored and what the provider shows now. Nothing is kept of it but that you asked." }
            (ui::form(signed, &address(&["instances", id, "why"], &[]), fields))
        }
    }
}

fn explanation(signed: &Signed, instance: &Value, answer: &Value) -> Markup {
    let objects = answer["objects"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rows: Vec<Vec<Markup>> = objects.iter().map(|one| row(signed, instance, one)).collect();
    html! {
        @if let Some(why) = answer["notRead"].as_str() {
            (ui::notice(Tone::Bad, html! { p { "The provider was not read: " (why) "." } }))
        }
        @if rows.is_empty() {
            (ui::notice(Tone::Bad, html! { p { "Nothing that is polled of this mailbox can be looked for in this way: try the id." } }))
        } @else {
            (ui::card("Under today's configuration", table("What was found, and what was decided", &OBJECTS, &rows)))
        }
    }
}

fn row(signed: &Signed, instance: &Value, one: &Value) -> Vec<Markup> {
    let at = |field: &str| time::read(one[field].as_str());
    let resource = one["objectType"].as_str().unwrap_or_default();
    vec![
        html! {
            @match one["objectId"].as_str() { Some(id) => code { (id) }, None => span.muted { "none" } }
            " " span.reason { (resource) }
            @if let Some(object) = one["objectId"].as_str() { (contents::links(instance, resource, object)) }
        },
        html! {
            (words(one["decision"].as_str().unwrap_or_default()))
            @if let Some(at) = at("at") { " " (time::relative(at, signed.now)) }
            @if let Some(event) = one["eventId"].as_str() { " " a href=(address(&["activity", event], &[])) { "See the event" } }
        },
        relative_or(at("arrivedAt"), signed.now, "not said"),
        relative_or(at("lastCompletePoll"), signed.now, "none yet"),
    ]
}

/// In words; a decision that this page does not know shows as the interface names it.
fn words(decision: &str) -> &str {
    match decision {
        "delivered" => "It was sent, and the callback took it:",
        "retrying" => "The callback did not take it. It is tried again:",
        "sending" => "It is on its way.",
        "queued" => "It waits in the queue for a release.",
        "dropped" => "The instance was deleted before it went out.",
        "reportedEarlier" => "It was reported, further back in the log.",
        "disabled" => "The instance is disabled.",
        "eventsOff" => "Events are switched off.",
        "needsSignIn" => "The provider wants somebody to sign in again.",
        "backingOff" => "The provider is left alone until then:",
        "noBaseline" => "No poll has begun yet: the first position could not be taken.",
        "beforeBaseline" => "It was there before polls began:",
        "draft" => "It is a draft. Drafts are reported when they are sent.",
        "outsideConditions" => "The configured conditions leave it out.",
        "waitingForContent" => "It was seen and could not be read. It is tried again:",
        "cameAndWent" => "It came and went before it could be read.",
        "notShown" => {
            "The provider does not show it: it is not visible yet, or it came and went between two polls."
        }
        "notPolledYet" => "No poll has read since. The next one will report it.",
        "shownLate" => {
            "The provider shows it now and did not show it to the last poll. The next one will report it."
        }
        "forgotten" => "It is older than what the log still holds.",
        other => other,
    }
}
