//! One event opened: why it is where it is, its attempts, its body, and how to check its signature.

use super::instance;
use super::{contents, event_life};
use crate::api::address;
use crate::event::{Delivery, Event};
use crate::failure::Failure;
use crate::flash::Flash;
use crate::form::Posted;
use crate::masked;
use crate::page::{Page, Section};
use crate::shared::Shared;
use crate::signed::Signed;
use crate::time::{self, relative_or};
use crate::ui::{self, Column, Mark, badge, table};
use axum::Router;
use axum::extract::Path;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde_json::Value;

/// Characters of a body on the page; the whole of it can be saved.
const SHOWN_CHARS_MAX: usize = 100_000;
const ATTEMPTS: [Column; 4] = [
    Column::Text("Attempt"),
    Column::Text("Time"),
    Column::Text("Status"),
    Column::Text("First bytes of the answer"),
];
const CHANGES: [Column; 4] =
    [Column::Text("Object"), Column::Text("Event"), Column::Text("Resource"), Column::Text("Changed")];

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/activity/{event}", get(show))
        .route("/activity/{event}/body", get(save))
        .route("/activity/{event}/retry", post(retry))
}

async fn read(signed: &Signed, id: &str) -> Result<Value, Failure> {
    Ok(signed.api.get(&address(&["instances", "events", id], &[])).await?.body)
}

async fn show(signed: Signed, Path(id): Path<String>) -> Result<Response, Failure> {
    let record = read(&signed, &id).await?;
    let event = Event::of(&record);
    let instance_id = event.instance().to_string();
    // A dropped event's instance is gone.
    let instance = instance::read(&signed, &instance_id).await.unwrap_or_default();
    let body = html! {
        (ui::live("event", html! {
            (place(&signed, &event, &instance))
            (event_life::lives(event.lives()))
            (attempts(&signed, &event))
        }))
        (changes(&signed, &event, &instance))
        (signature(&event, &instance))
        (bodies(&event))
    };
    Ok(Page::new(format!("{} in {}", event.counts(), event.resource()))
        .section(Section::Activity)
        .part_of("/activity", "Activity")
        .part_of(address(&["instances", &instance_id, "activity"], &[]), title(&instance, &instance_id))
        .actions(ui::inspector_link(&signed))
        .body(body)
        .show(&signed))
}

fn title(instance: &Value, id: &str) -> String {
    match instance::name(instance) {
        "" => format!("Instance {id}"),
        name => name.to_owned(),
    }
}

/// Where it is and why, with what can be done about it.
fn place(signed: &Signed, event: &Event<'_>, instance: &Value) -> Markup {
    let delivery = event.delivery();
    let suspension = instance["subscription"]["reason"]
        .as_str()
        .filter(|_| instance["subscription"]["status"] == "suspended");
    let instance_id = event.instance().to_string();
    let label = if delivery == Delivery::Delivered { "Deliver again" } else { "Retry now" };
    html! {
        section.card aria-label="Where it is" {
            p.state { (badge(delivery.mark(), delivery.name())) span { (event.why(instance, suspension, signed.now)) } }
            dl.facts {
                div { dt { "Instance" } dd { a href=(address(&["instances", &instance_id], &[])) { (title(instance, &instance_id)) } } }
                div { dt { "Made" } dd { (relative_or(event.created_at(), signed.now, "")) } }
                @if let Some(took_ms) = event.latency_ms() { div { dt { "Delivered after" } dd { (time::length(took_ms)) } } }
                div { dt { "Notification" } dd.id { (event.number()) } }
                div.wide { dt { "Event id" } dd.id { (event.id()) } }
                @if let Some(url) = instance["eventsNotificationCallbackUrl"].as_str() {
                    div.wide { dt { "Callback" } dd { code { (masked::shown(url)) } } }
                }
            }
            div.actions {
                @if delivery.is_repeatable() {
                    (ui::button(signed, &address(&["activity", event.id(), "retry"], &[]), label))
                }
                @if delivery == Delivery::Queued && suspension.is_some() {
                    (ui::form(signed, "/deliveries/release", html! {
                        input type="hidden" name="instance" value=(instance_id);
                        button.primary type="submit" { "Release all of this instance" }
                    }))
                }
            }
        }
    }
}

fn attempts(signed: &Signed, event: &Event<'_>) -> Markup {
    let rows: Vec<Vec<Markup>> = event.attempts().iter().rev().map(|one| attempt(signed, one)).collect();
    ui::card(
        "Attempts",
        html! {
            @if rows.is_empty() { p.muted { "None was made yet." } }
            @else { (table("Attempts, newest first", &ATTEMPTS, &rows)) }
        },
    )
}

fn attempt(signed: &Signed, attempt: &Value) -> Vec<Markup> {
    let mark = match attempt["status"].as_u64() {
        Some(200..=299) => Mark::Good,
        None if attempt["error"].is_null() => Mark::Good,
        _ => Mark::Bad,
    };
    let at = time::read(attempt["date"].as_str());
    let answer = match attempt["status"].as_u64() {
        Some(status) => format!("{status} in {}", time::length(attempt["durationMs"].as_i64().unwrap_or(0))),
        None if mark == Mark::Good => "Taken".to_owned(),
        None => "No answer".to_owned(),
    };
    let excerpt = attempt["answer"].as_str().unwrap_or_default();
    vec![
        html! { span.when-stacked { "Attempt " } (attempt["number"].as_u64().unwrap_or_default()) },
        html! {
            (relative_or(at, signed.now, ""))
            @if let Some(at) = at { " " span.reason.whole { (at.format("%H:%M:%S%.3f UTC").to_string()) } }
        },
        html! {
            (badge(mark, &answer))
            @if let Some(error) = attempt["error"].as_str() { p.reason { (error) } }
        },
        html! { @if excerpt.is_empty() { span.muted { "empty" } } @else { code { (excerpt) } } },
    ]
}

fn changes(signed: &Signed, event: &Event<'_>, from: &Value) -> Markup {
    let instance = event.instance().to_string();
    let rows: Vec<Vec<Markup>> = event
        .changes()
        .into_iter()
        .map(|change| {
            vec![
                {
                    let why = [("by", "objectId"), ("text", &change.object)];
                    html! {
                        a href=(address(&["instances", &instance, "activity"], &[("object", &change.object)])) { code { (change.object) } }
                        " " a.reason href=(address(&["instances", &instance, "why"], &why)) { "Why?" }
                        @if change.kind != "DELETED" { (contents::links(from, &change.resource, event.provider_id(&change))) }
                    }
                },
                html! { (change.kind) },
                html! { code { (change.resource) } },
                relative_or(change.at, signed.now, ""),
            ]
        })
        .collect();
    html! { @if !rows.is_empty() { (ui::card("Events in it", table("Events and their objects", &CHANGES, &rows))) } }
}

fn signature(event: &Event<'_>, instance: &Value) -> Markup {
    let is_signed = instance["configuration"]["event.notification.signature.key"].is_string();
    let id = event.id();
    let last = event.attempts().last().and_then(|last| time::read(last["date"].as_str()));
    let timestamp = last.map_or("<webhook-timestamp>".to_owned(), |at| at.timestamp().to_string());
    let headers = format!(
        "elements-webhook-id: {id}\nelements-webhook-signature: sha256=<base64 of HMAC-SHA256 over the body>\n\
         webhook-id: {id}\nwebhook-timestamp: {timestamp}\n\
         webhook-signature: v1,<base64 of HMAC-SHA256 over id.timestamp.body>"
    );
    let file = format!("{id}.json");
    let plain = format!("openssl dgst -sha256 -hmac \"$KEY\" -binary '{file}' | base64");
    let standard = format!(
        "{{ printf '%s.%s.' '{id}' '{timestamp}'; cat '{file}'; }} | openssl dgst -sha256 -hmac \"$KEY\" -binary | base64"
    );
    let saved = address(&["activity", id, "body"], &[]);
    ui::card(
        "Check the signature",
        html! {
            @if is_signed {
                p { "Each attempt carries these headers. The key is not shown anywhere; put it into " code { "KEY" } ", save the body, and compare." }
                pre tabindex="0" { code { (headers) } }
                p { a.button href=(saved) { "Save the exact body" } }
                h3 { "elements-webhook-signature, after " code { "sha256=" } }
                pre.select tabindex="0" { code { (plain) } }
                details {
                    summary { "webhook-signature (Standard Webhooks), after " code { "v1," } }
                    p { "The timestamp is that of the attempt: take it from the header that came. A key that begins with " code { "whsec_" } " is base64, and its bytes are the key." }
                    pre.select tabindex="0" { code { (standard) } }
                }
            } @else {
                p { "This instance has no Callback Notification Signature Key, so its callbacks carry " code { "elements-webhook-id" } " and no signature." }
                p { a href={ "/instances/" (event.instance()) "/edit" } { "Set a key" } " for a receiver to know that a callback comes from here." }
            }
        },
    )
}

fn bodies(event: &Event<'_>) -> Markup {
    let pretty = serde_json::to_string_pretty(&event.body).unwrap_or_default();
    let records = &event.body["message"]["raw"];
    let bytes_count = event.raw().len();
    ui::card(
        "Body",
        html! {
            @if event.body.is_null() { pre tabindex="0" { code { (cut(event.raw())) } } }
            @else {
                details open { summary { "Readable" } pre tabindex="0" { code { (cut(&pretty)) } } }
                details { summary { "Exactly as it is sent, " (bytes_count) " bytes" } pre tabindex="0" { code { (cut(event.raw())) } } }
                @if !records.is_null() {
                    details {
                        summary { "The provider's record" }
                        pre tabindex="0" { code { (cut(&serde_json::to_string_pretty(records).unwrap_or_default())) } }
                    }
                }
            }
            @if pretty.chars().nth(SHOWN_CHARS_MAX).is_some() {
                p.muted { "Only the beginning is shown." }
            }
            p { a href=(address(&["activity", event.id(), "body"], &[])) { "Save the exact body" } }
        },
    )
}

fn cut(text: &str) -> &str {
    text.char_indices().nth(SHOWN_CHARS_MAX).map_or(text, |(end, _)| &text[..end])
}

/// The exact bytes, to check a signature over.
async fn save(signed: Signed, Path(id): Path<String>) -> Result<Response, Failure> {
    let record = read(&signed, &id).await?;
    let event = Event::of(&record);
    // Ours are of these characters; whatever else would begin another part of the header.
    let name: String =
        event.id().chars().filter(|one| one.is_ascii_alphanumeric() || "-_".contains(*one)).collect();
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.json\"")),
    ];
    Ok((headers, event.raw().to_owned()).into_response())
}

async fn retry(Path(id): Path<String>, posted: Posted) -> Result<Response, Failure> {
    let signed = &posted.signed;
    let record = read(signed, &id).await?;
    let instance = Event::of(&record).instance().to_string();
    let path = address(&["instances", &instance, "events", &id, "retry"], &[]);
    let answer = signed.api.call(Method::POST, &path, None).await;
    let flash = match answer.status {
        status if status.is_success() => {
            Flash::good("It is delivered again: the same id, the same body. The attempt appears below.")
        }
        StatusCode::UNAUTHORIZED => return Err(Failure::SignIn),
        _ => Flash::bad(answer.message()),
    };
    Ok(signed.go(&address(&["activity", &id], &[]), flash))
}
