//! One instance: how it is, where its resources stand, and what can be done.

use super::push;
use crate::api::address;
use crate::connecting::Definition;
use crate::failure::Failure;
use crate::flash::Tone;
use crate::masked;
use crate::page::{Page, Section};
use crate::shared::Shared;
use crate::signed::Signed;
use crate::status::{self, State, Status};
use crate::time::{self, relative, relative_or, within};
use crate::ui::{self, Column, Mark, badge, table};
use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use serde_json::Value;

const COLUMNS: [Column; 6] = [
    Column::Text("Resource"),
    Column::Text("State"),
    Column::Text("Last poll"),
    Column::Text("Last change"),
    Column::Number("Failures"),
    Column::Number("Records to retry"),
];

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/instances/{id}", get(show))
}

/// An instance as the interface shows it.
pub(super) async fn read(signed: &Signed, id: &str) -> Result<Value, Failure> {
    Ok(signed.api.get(&address(&["instances", id], &[])).await?.body)
}

pub(super) fn name(instance: &Value) -> &str {
    instance["name"].as_str().unwrap_or_default()
}

async fn show(signed: Signed, Path(id): Path<String>) -> Result<Response, Failure> {
    let instance = read(&signed, &id).await?;
    let resources: Vec<&Value> = instance["resources"].as_array().into_iter().flatten().collect();
    let state = State::of(&instance);
    let advice = advice(&signed, &instance, &state, &resources).await?;
    let body = html! {
        (ui::live("state", html! {
            (overview(&signed, &instance, &state))
            (open(&signed, &instance, state.status))
            (advice)
            @if state.status != Status::Disabled { (subscription(&signed, &instance)) }
            (push::card(&signed, &instance))
            (notices(&signed, &instance))
            (polled(&signed, &state, &resources))
        }))
        (what_to_do(&signed, &instance, &id))
    };
    let links = links(&id, &state);
    Ok(Page::new(name(&instance))
        .section(Section::Instances)
        .part_of("/instances", "Instances")
        .actions(links)
        .body(body)
        .show(&signed))
}

/// What to do about a provider's refusal, where it is known: only for what a person has to mend.
async fn advice(
    signed: &Signed,
    instance: &Value,
    state: &State,
    resources: &[&Value],
) -> Result<Markup, Failure> {
    let is_for_somebody = matches!(state.status, Status::NeedsSignIn | Status::Stopped | Status::Failing);
    let errors = resources.iter().filter_map(|one| one["error"].as_str());
    let said: Vec<&str> = state.reason.as_deref().into_iter().chain(errors).collect();
    if !is_for_somebody || said.is_empty() {
        return Ok(Markup::default());
    }
    let element = instance["element"]["key"].as_str().unwrap_or_default();
    let advice = Definition::read(signed, element).await?.advice(&said.join(" "));
    Ok(html! { @if !advice.0.is_empty() { (ui::notice(Tone::Bad, advice)) } })
}

fn links(id: &str, state: &State) -> Markup {
    let sign_in = format!("/instances/{id}/authenticate");
    html! {
        @if state.status == Status::NeedsSignIn { a.button.primary href=(sign_in) { "Re-authenticate" } }
        @else { a.button href=(sign_in) { "Re-authenticate" } }
        a.button href={ "/instances/" (id) "/sign-in-link" } { "Sign-in link" }
        a.button href={ "/instances/" (id) "/activity" } { "Activity" }
        a.button href={ "/instances/" (id) "/why" } { "Why was nothing sent?" }
        a.button href={ "/instances/" (id) "/edit" } { "Edit" }
        a.button href={ "/instances/" (id) "/token" } { "View token" }
        a.button.danger href={ "/instances/" (id) "/delete" } { "Delete" }
    }
}

fn overview(signed: &Signed, instance: &Value, state: &State) -> Markup {
    let tags = instance["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let made_at = time::read(instance["createdDate"].as_str());
    let setting = |key: &str| instance["configuration"][key].as_str().unwrap_or_default();
    html! {
        section.card aria-label="Overview" {
            p.state {
                (ui::status(state))
                @if let Some(since) = status::since(instance, state.status) { span.muted { (time::lasting(since, signed.now)) } }
                // That of a suspension stands where one releases.
                @if let Some(reason) = state.reason.as_deref().filter(|_| state.status != Status::Suspended) { span { (reason) } }
            }
            dl.facts {
                div { dt { "Connector" } dd { (instance["element"]["name"].as_str().unwrap_or_default()) } }
                @if let Some(mailbox) = instance["mailbox"].as_str() {
                    div.address { dt { "Mailbox" } dd { (ui::name(mailbox)) } }
                }
                div { dt { "Id" } dd.id { (instance["id"]) } }
                div { dt { "Last poll" } dd { (within(state.last_poll, state.within_s, signed.now)) } }
                div { dt { "Next poll" } dd { (relative_or(state.next_poll, signed.now, "not planned")) } }
                div { dt { "Interval" } dd { (setting("event.poller.refresh_interval")) " min" } }
                div { dt { "Connected" } dd { (relative_or(made_at, signed.now, "")) } }
                @if let Some(url) = instance["eventsNotificationCallbackUrl"].as_str() {
                    div.wide { dt { "Callback" } dd { code { (masked::shown(url)) } } }
                }
            }
            // Without tags the interface gives the name as one.
            (ui::tags(tags.filter(|tag| *tag != name(instance))))
        }
    }
}

/// What was told to be so and is not over, for how long; beside what the page says elsewhere.
fn open(signed: &Signed, instance: &Value, shown: Status) -> Markup {
    let all = status::open(instance);
    let is_suspended = shown != Status::Disabled && is_suspended(instance);
    let is_said =
        |one: &status::OpenState| one.is_of(shown) || (is_suspended && one.is_of(Status::Suspended));
    let others: Vec<_> = all.iter().filter(|one| !is_said(one)).collect();
    html! {
        @if !others.is_empty() {
            (ui::card("What is open", html! {
                ul.notices {
                    @for one in others {
                        li {
                            strong { (one.name()) }
                            @if let Some(since) = one.since { " " (time::lasting(since, signed.now)) }
                            ": " (one.reason)
                        }
                    }
                }
            }))
        }
    }
}

fn is_suspended(instance: &Value) -> bool {
    instance["subscription"]["status"] == "suspended"
}

/// Whether events leave, where they go somewhere.
fn subscription(signed: &Signed, instance: &Value) -> Markup {
    let reason = instance["subscription"]["reason"].as_str().unwrap_or("the callback did not take them");
    html! {
        @if is_suspended(instance) {
            (ui::notice(Tone::Bad, html! {
                p {
                    strong { "Deliveries wait" }
                    @if let Some(since) = status::since(instance, Status::Suspended) { " " (time::lasting(since, signed.now)) }
                    ". " (ui::sentence(reason)) "."
                }
                p { a href=(address(&["deliveries"], &[("instance", &instance["id"].to_string())])) { "See what is queued, and release it" } }
            }))
        } @else if instance["subscription"]["status"] == "releasing" {
            (ui::notice(Tone::Good, html! { p { "What was queued is being delivered, in order." } }))
        }
    }
}

fn notices(signed: &Signed, instance: &Value) -> Markup {
    let notices: Vec<&Value> = instance["notices"].as_array().into_iter().flatten().rev().collect();
    html! {
        @if !notices.is_empty() {
            (ui::card("Notices", html! {
                ul.notices {
                    @for notice in notices {
                        li {
                            span.muted { (relative_or(time::read(notice["date"].as_str()), signed.now, "")) }
                            " " (ui::sentence(notice["message"].as_str().unwrap_or_default()))
                        }
                    }
                }
            }))
        }
    }
}

fn polled(signed: &Signed, state: &State, resources: &[&Value]) -> Markup {
    let rows: Vec<Vec<Markup>> = resources.iter().map(|one| row(signed, state, one)).collect();
    ui::card(
        "Resources",
        html! {
            @if rows.is_empty() {
                p.muted { "Nothing is polled. Turn Events Enabled on and tick resources with " strong { "Edit" } "." }
            } @else {
                (table("Resources and where they stand", &COLUMNS, &rows))
                @for one in resources { (gaps(one)) }
            }
        },
    )
}

fn row(signed: &Signed, state: &State, resource: &Value) -> Vec<Markup> {
    let retry_at = time::read(resource["retryAt"].as_str()).filter(|at| *at > signed.now);
    let (mark, word) = match status::failures(resource) {
        _ if !state.is_polled() => (Mark::Off, "Not polled"),
        _ if status::is_stopped(resource) => (Mark::Bad, "Stopped"),
        _ if status::is_failing(resource) => (Mark::Bad, "Failing"),
        0 if resource["lastPoll"].is_null() => (Mark::Waiting, "Starting"),
        0 => (Mark::Good, "Healthy"),
        _ => (Mark::Warning, "Backing off"),
    };
    let error = resource["error"].as_str().filter(|_| mark != Mark::Good);
    let at = |field: &str| time::read(resource[field].as_str());
    vec![
        html! { code { (resource["name"].as_str().unwrap_or_default()) } },
        html! {
            (badge(mark, word))
            @if let Some(at) = retry_at { p.reason { "Tried again " (relative(at, signed.now)) } }
            @if let Some(error) = error { p.reason { (error) } }
        },
        relative_or(at("lastPoll"), signed.now, "never"),
        html! {
            (relative_or(at("lastChange"), signed.now, "none yet"))
            (push::of_change(resource))
        },
        html! { (resource["failures"].as_u64().unwrap_or(0)) },
        html! { (resource["recordsToRetry"].as_u64().unwrap_or(0)) },
    ]
}

fn gaps(resource: &Value) -> Markup {
    html! {
        @for gap in resource["gaps"].as_array().into_iter().flatten() {
            (ui::notice(Tone::Bad, html! {
                p {
                    strong { "Changes may have been missed" } " in "
                    code { (resource["name"].as_str().unwrap_or_default()) } " between "
                    (gap["from"].as_str().unwrap_or_default()) " and " (gap["to"].as_str().unwrap_or_default())
                    ": " (gap["reason"].as_str().unwrap_or_default())
                }
            }))
        }
    }
}

/// The actions, each with what it does.
fn what_to_do(signed: &Signed, instance: &Value, id: &str) -> Markup {
    let action = |name: &str| format!("/instances/{id}/{name}");
    let is_disabled = instance["disabled"] == true;
    ui::card(
        "Actions",
        html! {
            ul.choices {
                li {
                    (ui::button(signed, &action("poll"), "Poll now"))
                    p { "Reads the mailbox at once, for at most 20 seconds." }
                }
                @if instance["eventsNotificationCallbackUrl"].as_str().is_some() {
                    li {
                        (ui::button(signed, &action("test-event"), "Send a test event"))
                        p { "Posts a signed event that is marked as a test to the callback, once." }
                    }
                }
                li {
                    (ui::button(signed, &action("resume"), "Resume"))
                    p { "Forgets failures and back-offs, and polls." }
                }
                li {
                    a.button href=(address(&["bulk", "new"], &[("action", "backfill"), ("id", id)])) { "Read a time again" }
                    p { "Lists what came in then, counted first; what was reported is not reported twice." }
                }
                li {
                    @if is_disabled { (ui::button(signed, &action("enable"), "Enable")) p { "Polls again, and delivers what waits." } }
                    @else { (ui::button(signed, &action("disable"), "Disable")) p { "Stops polls and deliveries; nothing is lost." } }
                }
            }
        },
    )
}
