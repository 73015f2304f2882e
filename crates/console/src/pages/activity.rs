//! Events of all instances or of one, newest first: what each reports, and what became of it.

use super::instance;
use crate::api::{Answer, address};
use crate::event::{Delivery, Event};
use crate::failure::Failure;
use crate::form::Fields;
use crate::names::Names;
use crate::page::{Page, Section};
use crate::shared::Shared;
use crate::signed::Signed;
use crate::time::{self, relative_or, utc};
use crate::ui::{self, Column, Keyed, badge, keyed_table, moment};
use axum::Router;
use axum::extract::{Path, RawQuery};
use axum::response::Response;
use axum::routing::get;
use chrono::{Duration, SecondsFormat};
use maud::{Markup, html};
use serde_json::Value;

/// Rows of a page: a screen or two.
const PAGE_SIZE: &str = "50";
const COLUMNS: [Column; 8] = [
    Column::Text("Time"),
    Column::Text("Instance"),
    Column::Text("Resource"),
    Column::Text("Events"),
    Column::Text("Delivery"),
    Column::Number("Attempts"),
    Column::Text("Next attempt"),
    Column::Text("Last answer"),
];
/// Lengths of time to choose from, with their minutes.
const RANGES: [(&str, &str, i64); 4] = [
    ("15m", "Last 15 minutes", 15),
    ("1h", "Last hour", 60),
    ("1d", "Last day", 24 * 60),
    ("7d", "Last 7 days", 7 * 24 * 60),
];
const KINDS: [(&str, &str); 3] = [("CREATED", "Created"), ("UPDATED", "Updated"), ("DELETED", "Deleted")];

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/activity", get(all)).route("/instances/{id}/activity", get(one))
}

/// What is asked for, as the address says.
struct ActivityQuery {
    /// Of all instances where there is none.
    instance: Option<String>,
    range: String,
    from: String,
    to: String,
    kind: String,
    resource: String,
    object: String,
    status: String,
    next: String,
}

impl ActivityQuery {
    fn of(instance: Option<String>, query: Option<String>) -> Result<Self, Failure> {
        let query = Fields::parse(query.unwrap_or_default().as_bytes()).ok_or(Failure::Unreadable)?;
        let text = |name| query.text(name).trim().to_owned();
        Ok(ActivityQuery {
            instance,
            range: text("range"),
            from: text("from"),
            to: text("to"),
            kind: text("type"),
            resource: text("resource"),
            object: text("object"),
            status: text("status"),
            next: text("page"),
        })
    }

    fn path(&self) -> String {
        match &self.instance {
            Some(id) => address(&["instances", id, "activity"], &[]),
            None => "/activity".to_owned(),
        }
    }

    /// The interface's address of the list.
    fn list(&self, signed: &Signed) -> String {
        let minutes = RANGES.iter().find(|(key, _, _)| *key == self.range).map(|range| range.2);
        let begin = minutes.map(|minutes| signed.now - Duration::minutes(minutes));
        let from = match (self.from.is_empty(), begin) {
            (true, Some(begin)) => begin.to_rfc3339_opts(SecondsFormat::Secs, true),
            _ => utc(&self.from),
        };
        let query = [
            ("from", from.as_str()),
            ("to", &utc(&self.to)),
            ("eventType", &self.kind),
            ("objectType", &self.resource),
            ("objectId", &self.object),
            ("status", &self.status),
            ("pageSize", PAGE_SIZE),
            ("nextPage", &self.next),
        ];
        match &self.instance {
            Some(id) => address(&["instances", id, "events"], &query),
            None => address(&["instances", "events"], &query),
        }
    }

    /// Our own address of a page of the same.
    fn page(&self, next: &str) -> String {
        let query = address(
            &[],
            &[
                ("range", &self.range),
                ("from", &self.from),
                ("to", &self.to),
                ("type", &self.kind),
                ("resource", &self.resource),
                ("object", &self.object),
                ("status", &self.status),
                ("page", next),
            ],
        );
        format!("{}{query}", self.path())
    }

    /// Where these are delivered again, by their time.
    fn again(&self) -> String {
        let instance = self.instance.as_deref().unwrap_or_default();
        let query = [("action", "retry"), ("id", instance), ("from", &self.from), ("to", &self.to)];
        address(&["bulk", "new"], &query)
    }

    fn is_filtered(&self) -> bool {
        [&self.range, &self.from, &self.to, &self.kind, &self.resource, &self.object, &self.status]
            .iter()
            .any(|field| !field.is_empty())
    }
}

async fn all(signed: Signed, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let asked = ActivityQuery::of(None, query)?;
    let list = asked.list(&signed);
    let answer = signed.api.get(&list).await?;
    let names = Names::read(&signed, answer.rows()).await;
    let actions = html! {
        (ui::inspector_link(&signed))
        a.button href=(asked.again()) { "Deliver again by time" }
    };
    let page = Page::new("Activity").section(Section::Activity).actions(actions);
    Ok(page.body(body(&signed, &asked, &answer, &names)).show(&signed))
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
    html! {
        (filters(asked))
        (ui::live_log("events", html! {
            (shown(signed, asked, answer.rows(), names))
            @if answer.rows().is_empty() && next.is_some() {
                p.muted { "Nothing among those looked at; there are older ones." }
            }
            (ui::pages(first.as_deref(), next.as_deref()))
        }))
    }
}

fn filters(asked: &ActivityQuery) -> Markup {
    let ranges = RANGES.map(|(key, label, _)| (key, label));
    let statuses = Delivery::ALL.map(|one| (one.key(), one.name()));
    let is_exact = [&asked.from, &asked.to, &asked.object].iter().any(|field| !field.is_empty());
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
                button type="submit" { "Filter" }
                @if asked.is_filtered() { a.button.quiet href=(asked.path()) { "Show all" } }
            }
            details open[is_exact] {
                summary { "Object and exact times" }
                div.filter-row {
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
            a.name href=(address(&["activity", event.id()], &[])) { (relative_or(event.created_at(), signed.now, "Open")) }
            " " span.id { (event.id()) }
        },
        names.link(event.instance()),
        html! { code { (event.resource()) } },
        html! { (event.counts()) },
        html! { a href=(format!("{}#life", address(&["activity", event.id()], &[]))) { (badge(delivery.mark(), delivery.name())) } },
        html! { (event.attempts().len()) },
        match event.next_attempt().filter(|_| is_waiting) {
            Some(at) => time::relative(at, signed.now),
            None if delivery == Delivery::Queued => html! { span.muted { "when released" } },
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
