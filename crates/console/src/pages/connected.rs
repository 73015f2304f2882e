//! Back from the provider's login, and its outcome.

use super::connect::again;
use super::instance::{name, read};
use super::ring::Ring;
use super::sign_in_again;
use crate::api::address;
use crate::connecting::{Pending, Problems, SCOPE, trial_in_words};
use crate::failure::Failure;
use crate::flash::Flash;
use crate::form::Fields;
use crate::link;
use crate::names::told_otherwise;
use crate::page::{Page, Section};
use crate::shared::Shared;
use crate::signed::Signed;
use crate::ui;
use axum::Router;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use maud::html;
use serde_json::{Value, json};

/// Without the script the page comes again so often while it waits, seconds.
const WITHOUT_SCRIPT_S: u64 = 5;
/// What a provider says of itself, characters; it comes in an address, so anybody could have written it.
const SAID_CHARS_MAX: usize = 300;

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/oauth/callback", get(back)).route("/instances/{id}/connected", get(connected))
}

/// Where providers send users back, those who followed a link as well. It changes something by GET, which its state makes safe: nobody else knows it.
/// HEAD only looks.
async fn back(
    State(shared): State<Shared>,
    signed: Result<Signed, Failure>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, Failure> {
    let query = Fields::parse(query.unwrap_or_default().as_bytes()).ok_or(Failure::Unreadable)?;
    let (head, _) = request.into_parts();
    if let Some(response) = link::back(&shared, &head, &query).await {
        return Ok(response);
    }
    let signed = signed?;
    if head.method != Method::GET {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let Some(pending) = Pending::of_state(&signed, query.text("state")) else { return Ok(unknown(&signed)) };
    let code = query.text("code");
    if code.is_empty() {
        return again(&signed, pending, Problems::general(denied(&query)));
    }
    let provider_data = json!({ "code": code, "codeVerifier": pending.verifier, "once": pending.state() });
    match pending.instance.clone() {
        Some(id) => sign_in_again::back(signed, &id, pending, provider_data).await,
        None => created(signed, pending, provider_data).await,
    }
}

async fn created(signed: Signed, mut pending: Pending, provider_data: Value) -> Result<Response, Failure> {
    let given = pending.filled.clone();
    let is_stored = match &pending.keep {
        Some(keep) => keep.store(&signed, &pending.element, &mut pending.filled).await,
        None => false,
    };
    let mut body = pending.filled.creation(&pending.element, &pending.callback);
    body["providerData"] = provider_data;
    if !pending.scope.is_empty() {
        // Refreshed tokens are asked for with the same.
        body["configuration"][SCOPE] = pending.scope.as_str().into();
    }
    let answer = signed.api.call(Method::POST, "/instances", Some(&body)).await;
    if answer.status.is_success() {
        let tried = trial_in_words(&answer.body["trial"]);
        let to = address(&["instances", &answer.body["id"].to_string(), "connected"], &[]);
        let named = told_otherwise(&pending.filled.name, &answer.body);
        let response = signed.go(&to, Flash::good(format!("Signed in, and stored.{tried}{named}")));
        return Ok(pending.forget(&signed, response));
    }
    if let (Some(keep), true) = (&pending.keep, is_stored) {
        // An application that nobody could sign in with is not kept: its id or secret may be mistyped.
        keep.remove(&signed).await;
    }
    pending.filled = given;
    match answer.status {
        StatusCode::UNAUTHORIZED => Err(Failure::SignIn),
        _ => again(&signed, pending, Problems::of(&answer)),
    }
}

fn denied(query: &Fields) -> String {
    let said = |name: &str| query.text(name).chars().take(SAID_CHARS_MAX).collect::<String>();
    match (said("error").as_str(), said("error_description").as_str()) {
        ("", _) => "The provider sent you back without a code.".to_owned(),
        ("access_denied", "") => "The sign-in was denied at the provider (access_denied).".to_owned(),
        // The code, so that it can be looked up, and so that the page knows what to advise.
        ("access_denied", why) => format!("The sign-in was denied at the provider: {why} (access_denied)"),
        (error, "") => format!("The sign-in failed at the provider: {error}"),
        (error, why) => format!("The sign-in failed at the provider: {error}: {why}"),
    }
}

fn unknown(signed: &Signed) -> Response {
    let body = html! {
        p { "It was not begun in this session, or took too long, or was finished already. Nothing was done with it." }
        div.actions { a.button.primary href="/connect" { "Connect a mailbox" } a.button href="/instances" { "Go to the instances" } }
    };
    Page::new("This sign-in is not known here")
        .section(Section::Connect)
        .status(StatusCode::FORBIDDEN)
        .body(body)
        .show(signed)
        .into_response()
}

async fn connected(signed: Signed, Path(id): Path<String>) -> Result<Response, Failure> {
    let events = address(&["instances", &id, "events"], &[("pageSize", "1")]);
    let (instance, events) = tokio::join!(read(&signed, &id), signed.api.get(&events));
    let (instance, events) = (instance?, events?);
    let token = instance["token"].as_str().unwrap_or_default();
    let path = address(&["instances", &id], &[]);
    let ring = Ring::of(&instance, events.rows().first());
    let body = html! {
        (ui::live("ring", ring.shown(&signed, &instance, &path)))
        (ui::card("What you need now", html! {
            dl.facts {
                div { dt { "Id" } dd.id { (instance["id"]) } }
                div { dt { "Connector" } dd { (instance["element"]["name"].as_str().unwrap_or_default()) } }
                @if let Some(mailbox) = instance["mailbox"].as_str() {
                    div.address { dt { "Mailbox" } dd { (ui::name(mailbox)) } }
                }
            }
            details.reveal {
                summary { "Show the Element token" }
                div.inner {
                    p.hint { "Whoever has it and a user secret reads the mailbox through the interface. Keep it as you keep a password." }
                    pre.select tabindex="0" { code { (token) } }
                }
            }
            div.actions {
                a.button.primary href=(path) { "See the instance" }
                a.button href=(address(&["instances", &id, "activity"], &[])) { "See its events" }
            }
        }))
        (ui::card("The same with curl", html! {
            p.hint { "Each <…> stands for a secret of yours; the code is what the provider sent you back with." }
            pre tabindex="0" { code { (curl(&signed, &instance)) } }
        }))
    };
    let title = format!("{} is connected", name(&instance));
    let page = Page::new(title).section(Section::Connect).part_of("/instances", "Instances");
    let page = if ring.waits() { page.refreshed_every(WITHOUT_SCRIPT_S) } else { page };
    Ok(page.part_of(path, name(&instance)).body(body).show(&signed))
}

/// What creates such an instance; secrets are masked, as the interface has them.
fn curl(signed: &Signed, instance: &Value) -> String {
    let mut configuration = instance["configuration"].clone();
    if let Some(items) = configuration.as_object_mut() {
        for (key, value) in items.iter_mut().filter(|(_, value)| value.as_str() == Some("********")) {
            *value = format!("<{key}>").into();
        }
        // The poller configuration reads better as the object it is.
        for value in items.values_mut() {
            let object = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
            if let Some(object) = object.filter(Value::is_object) {
                *value = object;
            }
        }
    }
    let body = json!({
        "element": { "key": instance["element"]["key"] },
        "providerData": { "code": "<code>" },
        "configuration": configuration,
        "tags": instance["tags"],
        "name": instance["name"],
    });
    let body = serde_json::to_string_pretty(&body).unwrap_or_default();
    format!(
        "curl -X POST '{}/elements/api-v2/instances' \\\n  -H 'Authorization: User <user secret>, Organization <organization secret>' \\\n  -H 'Content-Type: application/json' \\\n  -d '{}'",
        signed.public_url,
        // As shells take it.
        body.replace('\'', "'\\''")
    )
}
