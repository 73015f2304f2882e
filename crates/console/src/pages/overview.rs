//! The first page: how everything is in a sentence, what needs somebody, and a picture of the last day.

use super::activity::{WAITING_ON_THE_WAY, WAITING_QUEUED};
use super::pictures;
use crate::api::{Answer, address};
use crate::failure::Failure;
use crate::fleet::Counts;
use crate::form::Fields;
use crate::page::{Page, Section};
use crate::shared::Shared;
use crate::signed::Signed;
use crate::status::{self, NEEDS_SOMEBODY, State, Status};
use crate::time;
use crate::ui;
use axum::Router;
use axum::extract::RawQuery;
use axum::response::Response;
use axum::routing::get;
use chrono::{DateTime, Duration, Utc};
use maud::{Markup, html};
use serde_json::Value;

/// What needs somebody, named one by one; the rest is a link away.
const NAMED_COUNT_MAX: &str = "8";
/// Whoever has more mailboxes than this has had some for longer.
const YOUNG_COUNT_MAX: &str = "10";
/// Everything younger than this is shown by minutes.
const YOUNG_H: i64 = 2;

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/", get(show))
}

/// What the page is made of.
struct OverviewData {
    counts: Counts,
    /// Those that need somebody, as many as are named.
    broken: Answer,
    /// The instance that was made first, where it was made lately: all of it is young.
    is_young: bool,
}

impl OverviewData {
    async fn read(signed: &Signed) -> Result<Self, Failure> {
        let counts = address(&["instances", "counts"], &[]);
        let broken = [("status[]", NEEDS_SOMEBODY), ("hydrate", "false"), ("pageSize", NAMED_COUNT_MAX)];
        let broken = address(&["instances"], &[&broken[..], &[("withHealth", "true")]].concat());
        let first = address(&["instances"], &[("pageSize", YOUNG_COUNT_MAX), ("hydrate", "false")]);
        let (counts, broken, first) =
            tokio::join!(Counts::read(signed, &counts), signed.api.get(&broken), signed.api.get(&first));
        let first = first?;
        let made = |one: &Value| time::read(one["createdDate"].as_str());
        let mut all = first.rows().iter().filter_map(made);
        let is_young =
            first.next_page().is_none() && all.all(|at| signed.now - at < Duration::hours(YOUNG_H));
        Ok(OverviewData { counts: counts?, broken: broken?, is_young })
    }
}

async fn show(signed: Signed, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let query = Fields::parse(query.unwrap_or_default().as_bytes()).ok_or(Failure::Unreadable)?;
    let found = OverviewData::read(&signed).await?;
    let connect =
        html! { (ui::inspector_link(&signed)) a.button.primary href="/connect" { "Connect a mailbox" } };
    let page = Page::new("Overview").section(Section::Overview).actions(connect);
    if found.counts.total() + found.counts.unreadable_count() == 0 {
        let start = ui::empty(
            "No mailbox is connected yet",
            "Choose a connector, say where its events go, and sign in at the provider. From then on this page says how it is.",
            html! { a.button.primary href="/connect" { "Connect a mailbox" } },
        );
        return Ok(page.body(start).show(&signed));
    }
    let span = pictures::Span::of(query.text("span"), found.is_young);
    let pictures = pictures::draw(&signed, span, &found.counts).await;
    let body = html! {
        (ui::live("health", html! {
            @if found.counts.total() > 0 { (health(&found.counts)) }
            (ui::lacking(found.counts.unreadable_count()))
            (needs_somebody(&found, signed.now))
        }))
        (ui::live("pictures", pictures))
    };
    Ok(page.body(body).show(&signed))
}

/// How everything is, in a sentence or two; each number leads to its list.
fn health(counts: &Counts) -> Markup {
    let (total, healthy) = (counts.total(), counts.of(Status::Healthy));
    let others: Vec<(Status, u64)> =
        counts.by_status().filter(|(status, _)| *status != Status::Healthy).collect();
    html! {
        p.lead {
            @match (total, others.first()) {
                (1, None) => { "The mailbox is healthy" }
                (1, Some((status, _))) => { "The mailbox " (in_words(*status, 1)) }
                (2, None) => { "Both mailboxes are healthy" }
                (_, None) => { "All " (counts.bound()) (total) " mailboxes are healthy" }
                _ => {
                    a href=(list_of(Status::Healthy.key())) { (healthy) } " of "
                    a href="/instances" { (counts.bound()) (total) } " mailboxes "
                    (if healthy == 1 { "is" } else { "are" }) " healthy"
                    @for (status, count) in &others { ", " a href=(list_of(status.key())) { (count) } " " (in_words(*status, *count)) }
                }
            }
            "; " (waits(counts)) ". " (counts.age())
        }
    }
}

fn list_of(status: &str) -> String {
    address(&["instances"], &[("status", status)])
}

/// After a number of mailboxes.
fn in_words(status: Status, count: u64) -> &'static str {
    match (status, count) {
        (Status::NeedsSignIn, 1) => "waits for a sign-in",
        (Status::NeedsSignIn, _) => "wait for a sign-in",
        (Status::Suspended, 1) => "has a suspended callback",
        (Status::Suspended, _) => "have a suspended callback",
        (Status::Stopped, 1) => "is stopped",
        (Status::Stopped, _) => "are stopped",
        (Status::Failing, 1) => "is failing",
        (Status::Failing, _) => "are failing",
        (Status::BackingOff, 1) => "is backing off",
        (Status::BackingOff, _) => "are backing off",
        (Status::Releasing, 1) => "is being released",
        (Status::Releasing, _) => "are being released",
        (Status::Disabled, 1) => "is switched off",
        (Status::Disabled, _) => "are switched off",
        (Status::EventsOff, 1) => "has events off",
        (Status::EventsOff, _) => "have events off",
        (Status::Starting, 1) => "waits for its first poll",
        (Status::Starting, _) => "wait for a first poll",
        (Status::Healthy, 1) => "is healthy",
        (Status::Healthy, _) => "are healthy",
    }
}

fn waits(counts: &Counts) -> Markup {
    let ((queued, is_queued_bound), (retry, is_retry_bound)) =
        (counts.waiting("queued"), counts.waiting("onTheWay"));
    let bound = |is_bound| if is_bound { "at least " } else { "" };
    html! {
        @match (queued, retry) {
            (0, 0) => { "nothing waits to be delivered" }
            (0, retry) => { (bound(is_retry_bound)) a href=(WAITING_ON_THE_WAY) { (notifications(retry)) } " on the way to a callback" }
            (queued, 0) => { (bound(is_queued_bound)) a href=(WAITING_QUEUED) { (notifications(queued)) } " queued until released" }
            (queued, retry) => {
                (bound(is_queued_bound)) a href=(WAITING_QUEUED) { (notifications(queued)) } " queued until released, and "
                (bound(is_retry_bound)) a href=(WAITING_ON_THE_WAY) { (retry) } " on the way"
            }
        }
    }
}

fn notifications(count: u64) -> String {
    if count == 1 { "1 notification is".to_owned() } else { format!("{count} notifications are") }
}

/// Mailboxes and callbacks that nothing but a person mends.
fn needs_somebody(found: &OverviewData, now: DateTime<Utc>) -> Markup {
    let count = found.counts.need_somebody();
    let named = found.broken.rows();
    html! {
        @if count > 0 {
            (ui::card("Needs somebody", html! {
                ul.needs {
                    @for instance in named { (need(instance, now)) }
                }
                @if count > named.len() as u64 {
                    p { a href=(list_of(NEEDS_SOMEBODY)) { "All " (count) " that need somebody" } }
                }
            }))
        }
    }
}

fn need(instance: &Value, now: DateTime<Utc>) -> Markup {
    let state = State::of(instance);
    let since = status::since(instance, state.status);
    let (id, name) = (&instance["id"], instance["name"].as_str().unwrap_or_default());
    html! {
        li data-key=(id) {
            (ui::status(&state)) " "
            @if state.status == Status::Suspended {
                a.name href={ "/deliveries?instance=" (id) } { "Callback of " (ui::name(name)) }
            } @else {
                a.name href={ "/instances/" (id) } { (ui::name(name)) }
            }
            @if let Some(since) = since { " " span.muted { (time::lasting(since, now)) } }
            @if let Some(reason) = &state.reason { " " span.reason { (reason) } }
        }
    }
}
