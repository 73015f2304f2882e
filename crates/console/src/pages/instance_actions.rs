//! What can be done with an instance: poll, resume, switch, show its token, delete.

use super::instance::{name, read};
use crate::api::{Answer, address};
use crate::connecting::test_event_flash;
use crate::failure::Failure;
use crate::flash::Flash;
use crate::form::Posted;
use crate::page::{Page, Section};
use crate::shared::Shared;
use crate::signed::Signed;
use crate::ui;
use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use http::Method;
use maud::html;
use serde_json::{Value, json};

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/instances/{id}/poll", post(poll))
        .route("/instances/{id}/test-event", post(test_event))
        .route("/instances/{id}/resume", post(resume))
        .route("/instances/{id}/enable", post(enable))
        .route("/instances/{id}/disable", post(disable))
        .route("/instances/{id}/token", get(token))
        .route("/instances/{id}/delete", get(ask_to_delete).post(delete))
}

async fn poll(Path(id): Path<String>, posted: Posted) -> Result<Response, Failure> {
    let response = act(&posted.signed, &id, (Method::POST, "poll"), polled).await?;
    // Whoever waits for the first event goes on waiting where they are.
    match posted.fields.flag("waits") {
        true => Ok(elsewhere(response, &address(&["instances", &id, "connected"], &[]))),
        false => Ok(response),
    }
}

/// The same with what it says, on another page of ours.
fn elsewhere(mut response: Response, to: &str) -> Response {
    if let Ok(to) = http::HeaderValue::from_str(to) {
        response.headers_mut().insert(http::header::LOCATION, to);
    }
    response
}

/// Sends a test to the callback that the instance has.
async fn test_event(Path(id): Path<String>, posted: Posted) -> Result<Response, Failure> {
    let signed = &posted.signed;
    let body = json!({ "instanceId": id.parse::<u64>().map_err(|_| Failure::NotFound)? });
    let answer = signed.api.call(Method::POST, "/instances/test-event", Some(&body)).await;
    let flash = match answer.status {
        status if status.is_success() => test_event_flash(&answer),
        http::StatusCode::UNAUTHORIZED => return Err(Failure::SignIn),
        http::StatusCode::NOT_FOUND => return Err(Failure::Refused(Box::new(answer))),
        _ => Flash::bad(answer.message()),
    };
    Ok(signed.go(&address(&["instances", &id], &[]), flash))
}

async fn resume(Path(id): Path<String>, posted: Posted) -> Result<Response, Failure> {
    let said = |_: &Answer| Flash::good("Failures and back-offs are forgotten; a poll is on its way.");
    act(&posted.signed, &id, (Method::POST, "resume"), said).await
}

async fn enable(Path(id): Path<String>, posted: Posted) -> Result<Response, Failure> {
    let said = |_: &Answer| Flash::good("Enabled: it is polled, and what waited is delivered.");
    act(&posted.signed, &id, (Method::PUT, "enabled"), said).await
}

async fn disable(Path(id): Path<String>, posted: Posted) -> Result<Response, Failure> {
    let said = |_: &Answer| Flash::good("Disabled: nothing is polled or delivered until it is enabled.");
    act(&posted.signed, &id, (Method::DELETE, "enabled"), said).await
}

/// Asks the interface and goes back to the instance, which says how it went.
async fn act(
    signed: &Signed,
    id: &str,
    (method, what): (Method, &str),
    said: impl Fn(&Answer) -> Flash,
) -> Result<Response, Failure> {
    let answer = signed.api.call(method, &address(&["instances", id, what], &[]), None).await;
    let flash = match answer.status {
        status if status.is_success() => said(&answer),
        http::StatusCode::UNAUTHORIZED => return Err(Failure::SignIn),
        http::StatusCode::NOT_FOUND => return Err(Failure::Refused(Box::new(answer))),
        // A poll that failed says how each resource went.
        _ if answer.body["resources"].is_object() => said(&answer),
        _ => Flash::bad(answer.message()),
    };
    Ok(signed.go(&address(&["instances", id], &[]), flash))
}

/// What a poll found, in one sentence.
fn polled(answer: &Answer) -> Flash {
    let resources = answer.body["resources"].as_object();
    let sum = |field: &str| -> u64 {
        resources.into_iter().flat_map(|all| all.values()).filter_map(|one| one[field].as_u64()).sum()
    };
    let errors: Vec<String> = resources
        .into_iter()
        .flatten()
        .filter_map(|(name, one)| one["error"].as_str().map(|error| format!("{name}: {error}")))
        .collect();
    if !errors.is_empty() {
        return Flash::bad(format!("Polled, but not all of it. {}", errors.join("; ")));
    }
    let more = if answer.body["more"] == true { " There is more; it is read in the background." } else { "" };
    match sum("events") {
        0 => Flash::good(format!("Polled: nothing new.{more}")),
        1 => Flash::good(format!("Polled: 1 event.{more}")),
        count => Flash::good(format!("Polled: {count} events.{more}")),
    }
}

async fn token(signed: Signed, Path(id): Path<String>) -> Result<Response, Failure> {
    let instance = read(&signed, &id).await?;
    let token = instance["token"].as_str().unwrap_or_default();
    let curl = format!(
        "curl '{}/elements/api-v2/ping' -H 'Authorization: User <user secret>, Organization <organization secret>, Element {token}'",
        signed.public_url
    );
    let body = html! {
        p { "Whoever has this token and a user secret reads the mailbox through the interface. Keep it as you keep a password." }
        (ui::card("Element token", html! { pre.select tabindex="0" { code { (token) } } }))
        (ui::card("How it is used", html! { pre tabindex="0" { code { (curl) } } }))
    };
    Ok(below(format!("Token of {}", name(&instance)), &id, &instance).body(body).show(&signed))
}

/// A page that belongs to an instance.
fn below(title: String, id: &str, instance: &Value) -> Page {
    Page::new(title)
        .section(Section::Instances)
        .part_of("/instances", "Instances")
        .part_of(address(&["instances", id], &[]), name(instance))
}

async fn ask_to_delete(signed: Signed, Path(id): Path<String>) -> Result<Response, Failure> {
    let instance = read(&signed, &id).await?;
    let path = format!("/instances/{id}");
    let events =
        if instance["eventsEnabled"] == Value::Bool(true) { "Polls end" } else { "Its sign-in ends" };
    let form = html! {
        div.actions {
            button.danger type="submit" { "Delete " (ui::name(name(&instance))) }
            a.button href=(path) { "Keep it" }
        }
    };
    let body = html! {
        section.card {
            p { (events) ", what waits to be delivered is dropped, and the provider's tokens are removed. This can't be undone; the mailbox itself is not touched." }
            (ui::form(&signed, &format!("{path}/delete"), form))
        }
    };
    let title = format!("Delete {}?", name(&instance));
    Ok(below(title, &id, &instance).body(body).show(&signed))
}

async fn delete(Path(id): Path<String>, posted: Posted) -> Result<Response, Failure> {
    posted.signed.api.delete(&address(&["instances", &id], &[])).await?;
    Ok(posted.signed.go("/instances", Flash::good(format!("Instance {id} is deleted."))))
}
