//! What waits to be delivered, by callback, with the reason and its release.

use super::activity::{WAITING_ON_THE_WAY, WAITING_QUEUED};
use super::instance;
use crate::api::address;
use crate::event::Delivery;
use crate::failure::Failure;
use crate::flash::{Flash, Tone};
use crate::fleet::Counts;
use crate::form::{Fields, Posted};
use crate::masked;
use crate::page::{Page, Section};
use crate::shared::Shared;
use crate::signed::Signed;
use crate::time::{self, relative_or};
use crate::ui::{self, Column, Keyed, badge, keyed_table};
use axum::Router;
use axum::extract::RawQuery;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde_json::Value;

/// Callbacks of a page, which is no longer than a phone's 5,000 px.
const GROUPS_COUNT: &str = "7";
/// Notifications shown of each; the rest is a link away.
const SHOWN_COUNT: &str = "3";
/// Notifications on a page of one callback alone.
const ALONE_COUNT: &str = "200";
/// Pages of a release: of 200 callbacks each, or of as many instances as one request looks at.
const RELEASES_COUNT_MAX: usize = 100;
const COLUMNS: [Column; 5] = [
    Column::Text("Event"),
    Column::Text("Waits since"),
    Column::Mark("Delivery"),
    Column::Number("Attempts"),
    Column::Text("Last attempt"),
];

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/deliveries", get(show)).route("/deliveries/release", post(release))
}

/// The condition for deliveries that are not over.
const WAITING: &str = "status in ('created', 'retry', 'queued')";

/// One callback's part of the page.
struct Group {
    instance: Value,
    /// Oldest first.
    shown: Vec<Value>,
    /// Where the list goes on that is longer than what is shown.
    next: Option<String>,
    unreadable_count: u64,
}

impl Group {
    /// Of an instance as the list shows it, with the first that wait for it.
    async fn read(signed: &Signed, instance: &Value, size: &str, from: &str) -> Result<Self, Failure> {
        let condition = format!("instanceId={} and {WAITING}", instance["id"]);
        let query = [("where", condition.as_str()), ("pageSize", size), ("nextPage", from)];
        let path = address(&["notifications", "subscriptions", "deliveries"], &query);
        let found = signed.api.get(&path).await?;
        let next = found.next_page().map(str::to_owned);
        let unreadable_count = found.unreadable_count();
        Ok(Group { instance: instance.clone(), shown: found.rows().to_vec(), next, unreadable_count })
    }

    fn id(&self) -> u64 {
        self.instance["id"].as_u64().unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.instance["name"].as_str().unwrap_or_default()
    }

    fn is_suspended(&self) -> bool {
        self.instance["subscription"]["status"] == "suspended"
    }

    /// Nothing waits, and nothing is held back.
    fn is_quiet(&self) -> bool {
        self.shown.is_empty()
            && self.unreadable_count == 0
            && self.instance["subscription"]["status"] == "active"
    }

    fn is_disabled(&self) -> bool {
        self.instance["disabled"] == true
    }
}

async fn show(signed: Signed, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let query = Fields::parse(query.unwrap_or_default().as_bytes()).ok_or(Failure::Unreadable)?;
    let page = Page::new("Queued deliveries").section(Section::Deliveries);
    let next = query.text("page");
    if !of_instance(query.text("instance"))?.is_empty() {
        let body = alone(&signed, query.text("instance").trim(), next).await?;
        return Ok(page.body(body).show(&signed));
    }
    let list =
        [("waiting", "true"), ("withHealth", "true"), ("hydrate", "false"), ("pageSize", GROUPS_COUNT)];
    let list = address(&["instances"], &[&list[..], &[("nextPage", next)]].concat());
    let counts = address(&["instances", "counts"], &[("waiting", "true")]);
    let (list, counts) = tokio::join!(signed.api.get(&list), Counts::read(&signed, &counts));
    let (list, counts) = (list?, counts?);
    let mut groups = Vec::new();
    for instance in list.rows() {
        groups.push(Group::read(&signed, instance, SHOWN_COUNT, "").await?);
    }
    groups.sort_by_key(|group| !group.is_suspended());
    let first = (!next.is_empty()).then_some("/deliveries");
    let following = list.next_page().map(|next| address(&["deliveries"], &[("page", next)]));
    let body = html! {
        (ui::live("deliveries", html! {
            @if groups.is_empty() { (nothing()) } @else { (told(&counts)) }
            @for group in &groups { (part(&signed, group, false)) }
            (ui::lacking(list.unreadable_count()))
        }))
        (ui::pages(first, following.as_deref()))
    };
    let suspended = counts.suspended_callbacks();
    let actions = html! {
        @if suspended > 0 { a.button href="/bulk/new?action=release" { "Release by filter and time" } }
        @if suspended > 1 {
            (ui::form(&signed, "/deliveries/release", html! { button.primary type="submit" { "Release all " (counts.bound()) (suspended) " callbacks" } }))
        }
    };
    Ok(page.actions(actions).body(body).show(&signed))
}

/// What waits for one callback, page by page.
async fn alone(signed: &Signed, id: &str, from: &str) -> Result<Markup, Failure> {
    let instance = instance::read(signed, id).await?;
    let group = Group::read(signed, &instance, ALONE_COUNT, from).await?;
    let own = |from: &str| address(&["deliveries"], &[("instance", id), ("page", from)]);
    let is_quiet = group.is_quiet() && from.is_empty();
    Ok(html! {
        p { "Of one instance. " a href="/deliveries" { "Show all" } }
        (ui::live("deliveries", html! { @if is_quiet { (nothing()) } @else { (part(signed, &group, true)) } }))
        (ui::pages((!from.is_empty()).then(|| own("")).as_deref(), group.next.as_deref().map(own).as_deref()))
    })
}

/// How much waits in all, wherever on the pages it stands.
fn told(counts: &Counts) -> Markup {
    let number = |kind, list| {
        let (count, is_bound) = counts.waiting(kind);
        html! { @if is_bound { "at least " } @if count == 0 { "0" } @else { a href=(list) { (count) } } }
    };
    html! {
        p.lead {
            (number("queued", WAITING_QUEUED)) " queued until released, " (number("onTheWay", WAITING_ON_THE_WAY)) " on the way, for "
            (counts.bound()) (counts.total()) (if counts.total() == 1 { " callback. " } else { " callbacks. " }) (counts.age())
        }
    }
}

/// The condition for one instance; none for all.
fn of_instance(id: &str) -> Result<String, Failure> {
    match id.trim() {
        "" => Ok(String::new()),
        id => id.parse::<u32>().map(|id| format!("instanceId={id}")).map_err(|_| Failure::NotFound),
    }
}

fn nothing() -> Markup {
    ui::empty(
        "Nothing waits",
        "What a callback refuses is tried again, and waits here once all attempts are used up. Everything was delivered.",
        html! { a.button href="/activity" { "See what was delivered" } },
    )
}

fn part(signed: &Signed, group: &Group, is_alone: bool) -> Markup {
    let id = group.id();
    let rows: Vec<Keyed> = group.shown.iter().map(|one| row(signed, one)).collect();
    html! {
        section.card data-key=(id) {
            div.heading {
                h2 { a href={ "/instances/" (id) } { (ui::name(group.name())) } }
                @if group.is_suspended() && !group.is_disabled() {
                    (ui::form(signed, "/deliveries/release", html! {
                        input type="hidden" name="instance" value=(id);
                        button.primary type="submit" { "Release" span.unseen { " " (ui::name(group.name())) } }
                    }))
                }
            }
            (state(group))
            @if let Some(url) = group.instance["eventsNotificationCallbackUrl"].as_str() { p { "Callback " code { (masked::shown(url)) } } }
            @if rows.is_empty() { p.muted { "Nothing of it is here; what comes will be queued." } }
            @else { (keyed_table("Oldest first", &COLUMNS, &rows)) }
            (ui::lacking(group.unreadable_count))
            @if group.next.is_some() && !is_alone {
                p.muted {
                    "The oldest " (rows.len()) " are shown. "
                    a href=(address(&["deliveries"], &[("instance", &id.to_string())])) { "See more of " (ui::name(group.name())) }
                }
            }
        }
    }
}

/// How much waits for it: as the list counts it, or as all of it is shown.
fn waiting(group: &Group) -> String {
    let counted = &group.instance["waiting"];
    let (count, is_bound) = match counted["count"].as_u64() {
        Some(count) => (count, counted["atLeast"] == true),
        None => (group.shown.len() as u64, group.next.is_some()),
    };
    let bound = if is_bound { "At least " } else { "" };
    let noun = if count == 1 { "notification waits" } else { "notifications wait" };
    format!("{bound}{count} {noun}")
}

fn state(group: &Group) -> Markup {
    let waiting = waiting(group);
    match group.instance["subscription"]["status"].as_str() {
        Some("suspended") if group.is_disabled() => {
            html! { p { "The instance is disabled. " (waiting) " until it is enabled." } }
        }
        Some("suspended") => {
            let reason =
                group.instance["subscription"]["reason"].as_str().unwrap_or("it did not take a notification");
            ui::notice(
                Tone::Bad,
                html! {
                    p { strong { "Suspended: " } (reason) "." }
                    p { (waiting) ". Mend the receiver, then release: they are delivered in order, the oldest first." }
                },
            )
        }
        Some("releasing") => {
            ui::notice(Tone::Good, html! { p { "Being released: what was queued is delivered in order." } })
        }
        _ => html! { p { (waiting) " for an attempt; nothing has to be done." } },
    }
}

fn row(signed: &Signed, delivery: &Value) -> Keyed {
    let event = delivery["eventId"].as_str().unwrap_or_default();
    let state = Delivery::parse(delivery["status"].as_str().unwrap_or_default());
    let at = |field: &str| time::read(delivery[field].as_str());
    let cells = vec![
        html! { a.name.id href=(address(&["activity", event], &[])) { (ui::name(event)) } },
        relative_or(at("createdDate"), signed.now, ""),
        badge(state.mark(), state.name()),
        html! { (delivery["attempts"].as_u64().unwrap_or_default()) },
        relative_or(at("updatedDate"), signed.now, "none yet"),
    ];
    Keyed { key: event.to_owned(), cells }
}

/// Releases one instance's callback, or all.
async fn release(posted: Posted) -> Result<Response, Failure> {
    let signed = &posted.signed;
    let condition = of_instance(posted.fields.text("instance"))?;
    let (mut count, mut next) = (0, String::new());
    for _ in 0..RELEASES_COUNT_MAX {
        let query = [("where", condition.as_str()), ("nextPage", &next)];
        let path = address(&["notifications", "subscriptions", "deliveries"], &query);
        let answer = signed.api.call(Method::PUT, &path, None).await;
        if answer.status == StatusCode::UNAUTHORIZED {
            return Err(Failure::SignIn);
        }
        if !answer.status.is_success() {
            let flash = match count {
                0 => Flash::bad(answer.message()),
                count => Flash::bad(format!("Released {count} callbacks, then: {}", answer.message())),
            };
            return Ok(signed.go("/deliveries", flash));
        }
        count += answer.rows().len();
        next = answer.next_page().unwrap_or_default().to_owned();
        if next.is_empty() {
            break;
        }
    }
    let rest = if next.is_empty() { "" } else { " There are more: release again." };
    let flash = match count {
        0 => Flash::good(format!("Nothing had to be released.{rest}")),
        1 => Flash::good(format!("Released: what was queued is delivered now, the oldest first.{rest}")),
        count => Flash::good(format!("Released {count} callbacks: what was queued is delivered now.{rest}")),
    };
    Ok(signed.go("/deliveries", flash))
}
