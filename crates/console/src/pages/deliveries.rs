//! What waits to be delivered, by callback, with the reason and its release.

use crate::api::address;
use crate::event::Delivery;
use crate::failure::Failure;
use crate::flash::{Flash, Tone};
use crate::form::{Fields, Posted};
use crate::names::Names;
use crate::page::{Page, Section};
use crate::shared::Shared;
use crate::signed::Signed;
use crate::time::{self, relative_or};
use crate::ui::{self, Column, badge, table};
use axum::Router;
use axum::extract::RawQuery;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde_json::Value;
use std::collections::BTreeMap;

/// As many as the interface lists; with this many there may be more.
pub(super) const LISTED_COUNT_MAX: usize = 200;
const COLUMNS: [Column; 5] = [
    Column::Text("Event"),
    Column::Text("Waits since"),
    Column::Text("Delivery"),
    Column::Number("Attempts"),
    Column::Text("Last attempt"),
];

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/deliveries", get(show)).route("/deliveries/release", post(release))
}

/// The condition for deliveries that are not over.
const WAITING: &str = "status in ('created', 'retry', 'queued')";

/// One callback's part of the page.
struct Group<'a> {
    subscription: &'a Value,
    /// Oldest first.
    waiting: Vec<&'a Value>,
}

impl Group<'_> {
    fn is_suspended(&self) -> bool {
        self.subscription["status"] == "suspended"
    }
}

async fn show(signed: Signed, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let query = Fields::parse(query.unwrap_or_default().as_bytes()).ok_or(Failure::Unreadable)?;
    let condition = of_instance(query.text("instance"))?;
    let waiting = [&condition, WAITING].map(|part| part.trim()).into_iter().filter(|part| !part.is_empty());
    let waiting = waiting.collect::<Vec<_>>().join(" and ");
    let deliveries = address(&["notifications", "subscriptions", "deliveries"], &[("where", &waiting)]);
    let subscriptions = address(&["notifications", "subscriptions"], &[("where", &condition)]);
    let (deliveries, subscriptions, names) =
        tokio::join!(signed.api.get(&deliveries), signed.api.get(&subscriptions), Names::read(&signed));
    let (deliveries, subscriptions) = (deliveries?, subscriptions?);
    let groups = grouped(subscriptions.rows(), deliveries.rows());
    let is_suspended = groups.iter().filter(|group| group.is_suspended()).count();
    let body = html! {
        @if !condition.is_empty() { p { "Of one instance. " a href="/deliveries" { "Show all" } } }
        (ui::live("deliveries", html! {
            @if groups.is_empty() { (nothing()) }
            @for group in &groups { (part(&signed, group, &names)) }
            @if deliveries.rows().len() >= LISTED_COUNT_MAX {
                p.muted { "The first " (LISTED_COUNT_MAX) " are shown; there may be more." }
            }
        }))
    };
    let actions = html! {
        @if condition.is_empty() && is_suspended > 1 {
            (ui::form(&signed, "/deliveries/release", html! { button.primary type="submit" { "Release all " (is_suspended) " callbacks" } }))
        }
    };
    Ok(Page::new("Queued deliveries").section(Section::Deliveries).actions(actions).body(body).show(&signed))
}

/// The condition for one instance; none for all.
fn of_instance(id: &str) -> Result<String, Failure> {
    match id.trim() {
        "" => Ok(String::new()),
        id => id.parse::<u32>().map(|id| format!("instanceId={id}")).map_err(|_| Failure::NotFound),
    }
}

/// Callbacks that something waits for, or that are suspended, those to be released first.
fn grouped<'a>(subscriptions: &'a [Value], deliveries: &'a [Value]) -> Vec<Group<'a>> {
    let mut waiting: BTreeMap<u64, Vec<&Value>> = BTreeMap::new();
    for delivery in deliveries {
        waiting.entry(delivery["instanceId"].as_u64().unwrap_or_default()).or_default().push(delivery);
    }
    let group = |subscription: &'a Value| {
        let id = subscription["instanceId"].as_u64().unwrap_or_default();
        let mut waiting = waiting.remove(&id).unwrap_or_default();
        waiting.sort_by_key(|one| one["createdDate"].as_str().unwrap_or_default());
        Group { subscription, waiting }
    };
    let mut groups: Vec<Group<'a>> = subscriptions.iter().map(group).collect();
    groups.retain(|group| !group.waiting.is_empty() || group.subscription["active"] == false);
    groups.sort_by_key(|group| !group.is_suspended());
    groups
}

fn nothing() -> Markup {
    ui::empty(
        "Nothing waits",
        "What a callback refuses is tried again, and waits here once all attempts are used up. Everything was delivered.",
        html! { a.button href="/activity" { "See what was delivered" } },
    )
}

fn part(signed: &Signed, group: &Group<'_>, names: &Names) -> Markup {
    let id = group.subscription["instanceId"].as_u64().unwrap_or_default();
    let rows: Vec<Vec<Markup>> = group.waiting.iter().map(|one| row(signed, one)).collect();
    html! {
        section.card {
            div.heading {
                h2 { (names.link(id)) }
                @if group.is_suspended() {
                    (ui::form(signed, "/deliveries/release", html! {
                        input type="hidden" name="instance" value=(id);
                        button.primary type="submit" { "Release" span.unseen { " " (names.name(id)) } }
                    }))
                }
            }
            (state(group))
            @if let Some(url) = group.subscription["config"]["url"].as_str() { p { "Callback " code { (url) } } }
            @if rows.is_empty() { p.muted { "Nothing waits for it yet; what comes will be queued." } }
            @else { (table("Oldest first", &COLUMNS, &rows)) }
        }
    }
}

fn state(group: &Group<'_>) -> Markup {
    let count = group.waiting.len();
    let noun = if count == 1 { "notification waits" } else { "notifications wait" };
    match group.subscription["status"].as_str() {
        Some("suspended") => {
            let reason = group.subscription["reason"].as_str().unwrap_or("it did not take a notification");
            ui::notice(
                Tone::Bad,
                html! {
                    p { strong { "Suspended: " } (reason) "." }
                    p { (count) " " (noun) ". Mend the receiver, then release: they are delivered in order, the oldest first." }
                },
            )
        }
        Some("releasing") => {
            ui::notice(Tone::Good, html! { p { "Being released: what was queued is delivered in order." } })
        }
        _ => html! { p { (count) " " (noun) " for an attempt; nothing has to be done." } },
    }
}

fn row(signed: &Signed, delivery: &Value) -> Vec<Markup> {
    let event = delivery["eventId"].as_str().unwrap_or_default();
    let state = Delivery::parse(delivery["status"].as_str().unwrap_or_default());
    let at = |field: &str| time::read(delivery[field].as_str());
    vec![
        html! { a.name.id href=(address(&["activity", event], &[])) { (event) } },
        relative_or(at("createdDate"), signed.now, ""),
        badge(state.mark(), state.name()),
        html! { (delivery["attempts"].as_u64().unwrap_or_default()) },
        relative_or(at("updatedDate"), signed.now, "none yet"),
    ]
}

/// Releases one instance's callback, or all.
async fn release(posted: Posted) -> Result<Response, Failure> {
    let signed = &posted.signed;
    let condition = of_instance(posted.fields.text("instance"))?;
    let path = address(&["notifications", "subscriptions", "deliveries"], &[("where", &condition)]);
    let answer = signed.api.call(Method::PUT, &path, None).await;
    let flash = match (answer.status, answer.rows().len()) {
        (StatusCode::UNAUTHORIZED, _) => return Err(Failure::SignIn),
        (status, 0) if status.is_success() => Flash::good("Nothing had to be released."),
        (status, 1) if status.is_success() => {
            Flash::good("Released: what was queued is delivered now, the oldest first.")
        }
        (status, count) if status.is_success() => {
            Flash::good(format!("Released {count} callbacks: what was queued is delivered now."))
        }
        _ => Flash::bad(answer.message()),
    };
    Ok(signed.go("/deliveries", flash))
}
