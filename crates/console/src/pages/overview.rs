//! The first page: how everything is in a sentence, what needs somebody, and a picture of the last day.

use super::{deliveries, pictures};
use crate::api::{Answer, address};
use crate::event::Delivery;
use crate::failure::Failure;
use crate::form::Fields;
use crate::page::{Page, Section};
use crate::shared::Shared;
use crate::signed::Signed;
use crate::status::{State, Status};
use crate::time;
use crate::ui;
use axum::Router;
use axum::extract::RawQuery;
use axum::response::Response;
use axum::routing::get;
use chrono::Duration;
use maud::{Markup, html};
use serde_json::Value;
use std::collections::HashMap;

/// Instances that the page is about.
const INSTANCES_COUNT_MAX: &str = "200";
/// What needs somebody, named one by one; the rest is a link away.
const NAMED_COUNT_MAX: usize = 8;
/// Everything younger than this is shown by minutes.
const YOUNG_H: i64 = 2;

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/", get(show))
}

/// What the page is made of.
struct OverviewData {
    instances: Answer,
    records: Vec<Value>,
    waiting: Vec<Value>,
    subscriptions: Vec<Value>,
}

impl OverviewData {
    async fn read(signed: &Signed) -> Result<Self, Failure> {
        let size = ("pageSize", INSTANCES_COUNT_MAX);
        let instances = address(&["instances"], &[size, ("hydrate", "false")]);
        let records = address(&["instances", "event-poller-records"], &[size]);
        let waiting = address(&["notifications", "subscriptions", "deliveries"], &[]);
        let suspended = address(&["notifications", "subscriptions"], &[("where", "active=false")]);
        let (instances, records, waiting, subscriptions) = tokio::join!(
            signed.api.get(&instances),
            signed.api.get(&records),
            signed.api.get(&waiting),
            signed.api.get(&suspended)
        );
        Ok(OverviewData {
            instances: instances?,
            records: records?.rows().to_vec(),
            waiting: waiting?.rows().to_vec(),
            subscriptions: subscriptions?.rows().to_vec(),
        })
    }

    fn states(&self) -> Vec<(&Value, State)> {
        let mut resources: HashMap<u64, Vec<&Value>> = HashMap::new();
        for record in &self.records {
            resources.entry(record["instanceId"].as_u64().unwrap_or_default()).or_default().push(record);
        }
        let of = |instance: &Value| {
            let id = instance["id"].as_u64().unwrap_or_default();
            State::of(instance, resources.get(&id).map(Vec::as_slice).unwrap_or_default())
        };
        self.instances.rows().iter().map(|instance| (instance, of(instance))).collect()
    }

    fn is_young(&self, signed: &Signed) -> bool {
        let made = |one: &Value| time::read(one["createdDate"].as_str());
        self.instances.rows().iter().filter_map(made).all(|at| signed.now - at < Duration::hours(YOUNG_H))
    }
}

async fn show(signed: Signed, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let query = Fields::parse(query.unwrap_or_default().as_bytes()).ok_or(Failure::Unreadable)?;
    let found = OverviewData::read(&signed).await?;
    let connect =
        html! { (ui::inspector_link(&signed)) a.button.primary href="/connect" { "Connect a mailbox" } };
    let page = Page::new("Overview").section(Section::Overview).actions(connect);
    if found.instances.rows().is_empty() {
        let start = ui::empty(
            "No mailbox is connected yet",
            "Choose a connector, say where its events go, and sign in at the provider. From then on this page says how it is.",
            html! { a.button.primary href="/connect" { "Connect a mailbox" } },
        );
        return Ok(page.body(start).show(&signed));
    }
    let span = pictures::Span::of(query.text("span"), found.is_young(&signed));
    let pictures = pictures::draw(&signed, span, &found.records).await;
    let states = found.states();
    let body = html! {
        (ui::live("health", html! {
            (health(&found, &states))
            (needs_somebody(&found, &states))
        }))
        (ui::live("pictures", pictures))
    };
    Ok(page.body(body).show(&signed))
}

/// How everything is, in a sentence or two.
fn health(found: &OverviewData, states: &[(&Value, State)]) -> Markup {
    let count = |wanted: &[Status]| states.iter().filter(|(_, state)| wanted.contains(&state.status)).count();
    let (healthy, starting) = (count(&[Status::Healthy]), count(&[Status::Starting]));
    let others = [
        (count(&[Status::BackingOff]), "backing off"),
        (count(&[Status::Failing]), "failing"),
        (count(&[Status::Stopped]), "stopped"),
        (count(&[Status::NeedsSignIn]), "waiting for a sign-in"),
        (count(&[Status::Disabled, Status::EventsOff]), "switched off"),
        (starting, "waiting for a first poll"),
    ];
    let more_words = |all: &[(usize, &'static str)]| {
        all.iter().find(|(count, _)| *count > 0).map_or("healthy", |one| one.1)
    };
    let more: Vec<String> = others
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let only_first = found.instances.next_page().is_some();
    html! {
        p.lead {
            @if healthy == states.len() && healthy == 1 { "The mailbox is healthy" }
            @else if healthy == states.len() && healthy == 2 { "Both mailboxes are healthy" }
            @else if healthy == states.len() { "All " (healthy) " mailboxes are healthy" }
            @else if states.len() == 1 { "The mailbox is " (more_words(&others)) }
            @else { (healthy) " of " (states.len()) " mailboxes " (if healthy == 1 { "is" } else { "are" }) " healthy, " (more.join(", ")) }
            "; " (waits(found)) "."
            @if only_first { " Of the first " (states.len()) " mailboxes; " a href="/instances" { "see all" } "." }
        }
    }
}

fn waits(found: &OverviewData) -> Markup {
    let count = |wanted: &[Delivery]| {
        let is = |one: &&Value| wanted.contains(&Delivery::parse(one["status"].as_str().unwrap_or_default()));
        found.waiting.iter().filter(is).count()
    };
    let (queued, retry) = (count(&[Delivery::Queued]), count(&[Delivery::Retry, Delivery::Created]));
    let bound = if found.waiting.len() >= deliveries::LISTED_COUNT_MAX { "at least " } else { "" };
    html! {
        @match (queued, retry) {
            (0, 0) => { "nothing waits to be delivered" }
            (0, retry) => { (bound) a href="/deliveries" { (notifications(retry)) } " on the way to a callback" }
            (queued, 0) => { (bound) a href="/deliveries" { (notifications(queued)) } " queued until released" }
            (queued, retry) => { (bound) a href="/deliveries" { (notifications(queued)) } " queued until released, and " (retry) " on the way" }
        }
    }
}

fn notifications(count: usize) -> String {
    if count == 1 { "1 notification is".to_owned() } else { format!("{count} notifications are") }
}

/// Mailboxes and callbacks that nothing but a person mends.
fn needs_somebody(found: &OverviewData, states: &[(&Value, State)]) -> Markup {
    let broken: Vec<&(&Value, State)> = states
        .iter()
        .filter(|(_, state)| matches!(state.status, Status::NeedsSignIn | Status::Stopped | Status::Failing))
        .collect();
    let suspended: Vec<&Value> =
        found.subscriptions.iter().filter(|one| one["status"] == "suspended").collect();
    let count = broken.len() + suspended.len();
    let name = |id: &Value| {
        let known = found.instances.rows().iter().find(|one| one["id"] == *id);
        known.and_then(|one| one["name"].as_str()).map_or_else(|| format!("Instance {id}"), str::to_owned)
    };
    html! {
        @if count > 0 {
            (ui::card("Needs somebody", html! {
                ul.needs {
                    @for (instance, state) in broken.iter().take(NAMED_COUNT_MAX) {
                        li {
                            (ui::status(state)) " "
                            a.name href={ "/instances/" (instance["id"]) } { (ui::name(instance["name"].as_str().unwrap_or_default())) }
                            @if let Some(reason) = &state.reason { " " span.reason { (reason) } }
                        }
                    }
                    @for one in suspended.iter().take(NAMED_COUNT_MAX) {
                        li {
                            (ui::badge(ui::Mark::Ask, "Suspended")) " "
                            a.name href={ "/deliveries?instance=" (one["instanceId"]) } { "Callback of " (ui::name(&name(&one["instanceId"]))) }
                            " " span.reason { (one["reason"].as_str().unwrap_or_default()) }
                        }
                    }
                }
                @if broken.len() > NAMED_COUNT_MAX || suspended.len() > NAMED_COUNT_MAX {
                    p { "And more: " a href="/instances" { "instances" } ", " a href="/deliveries" { "deliveries" } "." }
                }
            }))
        }
    }
}
