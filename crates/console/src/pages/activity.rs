//! Events of all instances or of one, newest first: what each reports, and what became of it.

use super::activity_query::{ActivityQuery, RANGES};
use super::activity_which::Which;
use super::instance;
use crate::api::{Answer, address};
use crate::event::{Delivery, Event};
use crate::failure::Failure;
use crate::names::Names;
use crate::page::{Page, Section};
use crate::shared::Shared;
use crate::signed::{Signed, see_other};
use crate::time::{self, relative_or};
use crate::ui::{self, Column, Keyed, badge, keyed_table, moment};
use axum::Router;
use axum::extract::{Path, RawQuery};
use axum::response::Response;
use axum::routing::get;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde_json::Value;

const COLUMNS: [Column; 8] = [
    Column::Text("Subject"),
    Column::Plain("Time"),
    Column::Plain("Instance"),
    Column::Plain("Changes"),
    Column::Mark("Delivery"),
    Column::Number("Attempts"),
    Column::Text("Next attempt"),
    Column::Text("Last answer"),
];
/// What waits, and for nobody: as the interface is asked for both statuses of that.
const ON_THE_WAY: &str = "onTheWay";
/// Where a number of what is on the way leads.
pub(super) const WAITING_ON_THE_WAY: &str = "/activity?status=onTheWay";
/// Where a number of what is queued leads.
pub(super) const WAITING_QUEUED: &str = "/activity?status=queued";
const KINDS: [(&str, &str); 3] = [("CREATED", "Created"), ("UPDATED", "Updated"), ("DELETED", "Deleted")];

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/activity", get(all)).route("/instances/{id}/activity", get(one))
}

async fn all(signed: Signed, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let asked = ActivityQuery::of(None, query)?;
    let which = match asked.wanted.as_str() {
        "" => Which::All,
        wanted => Which::find(&signed, wanted).await?,
    };
    if let Which::One(id) = &which {
        return Ok(see_other(&asked.of_instance(id)));
    }
    let list = asked.list(&signed);
    let answer = signed.api.get(&list).await?;
    let names = Names::read(&signed, answer.rows()).await;
    let actions = html! {
        (ui::inspector_link(&signed))
        a.button href=(asked.again()) { "Deliver again by time" }
    };
    let page = Page::new("Activity").section(Section::Activity).actions(actions);
    let body = html! { (which.told(&asked)) (body(&signed, &asked, &answer, &names)) };
    Ok(page.body(body).show(&signed))
}

async fn one(signed: Signed, Path(id): Path<String>, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let asked = ActivityQuery::of(Some(id.clone()), query)?;
    let list = asked.list(&signed);
    let (answer, instance) = tokio::join!(signed.api.get(&list), instance::read(&signed, &id));
    let instance = instance?;
    let name = instance::name(&instance).to_owned();
    let names = Names::of(std::slice::from_ref(&instance));
    let page = Page::new(format!("Activity of {name}"))
        .section(Section::Activity)
        .part_of("/instances", "Instances")
        .part_of(address(&["instances", &id], &[]), name);
    let actions = html! {
        a.button href=(asked.again()) { "Deliver again by time" }
        a.button href=(address(&["instances", &id, "why"], &[])) { "Why was nothing sent?" }
        a.button href="/activity" { "Of all instances" }
    };
    Ok(page.actions(actions).body(body(&signed, &asked, &answer?, &names)).show(&signed))
}

fn body(signed: &Signed, asked: &ActivityQuery, answer: &Answer, names: &Names) -> Markup {
    let first = (!asked.next.is_empty()).then(|| asked.page(""));
    let next = answer.next_page().map(|next| asked.page(next));
    let searched_to = time::read(answer.header("elements-searched-to"));
    html! {
        (filters(asked))
        (ui::live_log("events", html! {
            @match (answer.rows().is_empty(), &next) {
                // What is older was not looked at: that nothing matches is not known.
                (true, Some(_)) => {}
                _ => { (shown(signed, asked, answer.rows(), names)) }
            }
            (ui::lacking(answer.unreadable_count()))
            @match (searched_to, &next) {
                (Some(at), Some(next)) => { (searched(at, asked, next, answer.rows().is_empty())) }
                _ => { (ui::pages(first.as_deref(), next.as_deref())) }
            }
        }))
    }
}

/// A search that ended before its page was full: how far it came, and the way on.
fn searched(to: DateTime<Utc>, asked: &ActivityQuery, next: &str, is_empty: bool) -> Markup {
    html! {
        div.searched {
            p {
                @if is_empty { "Nothing matches so far. " }
                "Searched to " time datetime=(to.to_rfc3339()) { (time::exact(to)) } "; what is older was not looked at yet."
            }
            nav.pages aria-label="Pages" {
                @if !asked.next.is_empty() { a.button href=(asked.page("")) { "First page" } }
                a.button href=(next) rel="next" { "Search on" }
            }
        }
    }
}

fn filters(asked: &ActivityQuery) -> Markup {
    let ranges = RANGES.map(|(key, label, _)| (key, label));
    let mut statuses = Delivery::ALL.map(|one| (one.key(), one.name())).to_vec();
    statuses.push((ON_THE_WAY, "On its way, or tried again"));
    html! {
        form.filters method="get" action=(asked.path()) role="search" aria-label="Filter events" {
            div.filter-row {
                (ui::choice("range", "Time", "Any time", &ranges, &asked.range))
                (ui::choice("status", "Delivery", "All", &statuses, &asked.status))
                (ui::choice("type", "Event type", "All", &KINDS, &asked.kind))
                div.field {
                    label for="resource" { "Resource" }
                    input #resource name="resource" value=(asked.resource) placeholder="messages" autocomplete="off" spellcheck="false";
                }
                @if asked.instance.is_none() {
                    div.field {
                        label for="instance" { "Instance" }
                        input #instance name="instance" value=(asked.wanted) placeholder="name, mailbox or id" autocomplete="off" spellcheck="false";
                    }
                }
                button type="submit" { "Filter" }
                @if asked.is_filtered() { a.button.quiet href=(asked.path()) { "Show all" } }
            }
            details open[asked.is_exact()] {
                summary { "Subject, object and exact times" }
                div.filter-row {
                    div.field {
                        label for="subject" { "Subject contains" }
                        input #subject name="subject" value=(asked.subject) autocomplete="off";
                    }
                    div.field {
                        label for="object" { "Object id" }
                        input #object name="object" value=(asked.object) autocomplete="off" spellcheck="false";
                    }
                    (moment("from", "From, UTC", &asked.from))
                    (moment("to", "To, UTC", &asked.to))
                }
            }
        }
    }
}

fn shown(signed: &Signed, asked: &ActivityQuery, records: &[Value], names: &Names) -> Markup {
    if !records.is_empty() {
        let rows: Vec<Keyed> = records.iter().map(|record| row(signed, record, names)).collect();
        return html! { div.wide-table { (keyed_table("Events, newest first", &COLUMNS, &rows)) } };
    }
    match asked.is_filtered() || !asked.next.is_empty() {
        true => ui::empty(
            "Nothing matches",
            "No event passes all of these filters. The time range leaves out the most.",
            html! { a.button href=(asked.path()) { "Show all events" } },
        ),
        false => ui::empty(
            "No events yet",
            "Each change in a connected mailbox appears here with what became of it. Change something in a mailbox, or poll one now.",
            html! { a.button.primary href="/instances" { "Go to the instances" } },
        ),
    }
}

fn row(signed: &Signed, record: &Value, names: &Names) -> Keyed {
    let event = Event::of(record);
    let delivery = event.delivery();
    let is_waiting = matches!(delivery, Delivery::Created | Delivery::Retry);
    let cells = vec![
        html! {
            a.name href=(address(&["activity", event.id()], &[])) { (ui::name(&event.heading())) }
            " " span.id { (event.id()) }
        },
        relative_or(event.created_at(), signed.now, "at no known time"),
        names.link(event.instance()),
        html! { (event.counts()) " " code { (event.resource()) } },
        html! { a href=(format!("{}#life", address(&["activity", event.id()], &[]))) { (badge(delivery.mark(), delivery.name())) } },
        html! { (event.attempts().len()) },
        match event.next_attempt().filter(|_| is_waiting) {
            Some(at) => time::relative(at, signed.now),
            None if delivery == Delivery::Queued => html! { span.muted.nothing { "when released" } },
            None => html! { span.muted.nothing { "none" } },
        },
        html! {
            @match event.attempts().last() {
                Some(last) => { (last_answer(last)) @if let Some(before) = before_last(&event) { p.reason { "after " (before) } } }
                None => { span.muted { "none yet" } }
            }
        },
    ];
    Keyed { key: event.id().to_owned(), cells }
}

/// How the attempt before went, where the last one was not the first.
fn before_last(event: &Event<'_>) -> Option<String> {
    let before = event.attempts().iter().rev().nth(1)?;
    Some(before["status"].as_u64().map_or_else(|| "no answer".to_owned(), |status| status.to_string()))
}

/// An answer in a cell.
fn last_answer(attempt: &Value) -> Markup {
    let took_ms = attempt["durationMs"].as_u64().unwrap_or(0);
    html! {
        @match (attempt["status"].as_u64(), attempt["error"].as_str()) {
            (Some(status), _) => { (status) " in " (took_ms) " ms" }
            (None, Some(error)) => { "none: " (error) }
            (None, None) => { "taken in " (took_ms) " ms" }
        }
    }
}
