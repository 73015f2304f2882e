//! All instances: search, tags, and how each is.

use crate::api::{Answer, address};
use crate::failure::Failure;
use crate::form::Fields;
use crate::page::{Page, Section};
use crate::shared::Shared;
use crate::signed::Signed;
use crate::status::State;
use crate::time::relative_or;
use crate::ui::{self, Column, table};
use axum::Router;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use serde_json::Value;
use std::collections::HashMap;

/// Rows of a page: a screen or two.
const PAGE_SIZE: &str = "50";
const COLUMNS: [Column; 6] = [
    Column::Text("Name"),
    Column::Text("Connector"),
    Column::Text("Status"),
    Column::Text("Last poll"),
    Column::Text("Next poll"),
    Column::Number("Events today"),
];

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/instances", get(show))
}

/// What is looked for, as the address says.
struct InstanceQuery {
    search: String,
    /// With commas between them.
    tags: String,
    next: String,
}

impl InstanceQuery {
    fn of(query: Option<String>) -> Result<Self, Failure> {
        let query = Fields::parse(query.unwrap_or_default().as_bytes()).ok_or(Failure::Unreadable)?;
        let text = |name| query.text(name).trim().to_owned();
        Ok(InstanceQuery { search: text("search"), tags: text("tags"), next: query.text("page").to_owned() })
    }

    /// The interface's address of a list, for the same instances.
    fn list(&self, segments: &[&str]) -> String {
        let mut query =
            vec![("searchText", self.search.as_str()), ("pageSize", PAGE_SIZE), ("nextPage", &self.next)];
        query.extend(self.tags.split(',').map(|tag| ("tags[]", tag.trim())));
        address(segments, &query)
    }

    /// Our own address of a page.
    fn page(&self, next: &str) -> String {
        address(&["instances"], &[("search", &self.search), ("tags", &self.tags), ("page", next)])
    }

    fn is_search(&self) -> bool {
        !self.search.is_empty() || !self.tags.is_empty()
    }
}

async fn show(signed: Signed, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let asked = InstanceQuery::of(query)?;
    let list = asked.list(&["instances"]);
    let records = asked.list(&["instances", "event-poller-records"]);
    let today = signed.now.format("%Y-%m-%dT00:00:00Z").to_string();
    let counts =
        address(&["instances", "events", "analytics", "instances"], &[("from", &today), ("interval", "day")]);
    let (list, records, counts) = tokio::join!(
        signed.api.call(http::Method::GET, &list, None),
        signed.api.get(&records),
        signed.api.get(&counts)
    );
    // A search that finds nothing is 404 there.
    let list = match list.status {
        StatusCode::NOT_FOUND if asked.is_search() => {
            Answer { status: StatusCode::OK, body: Value::Null, ..list }
        }
        _ => list,
    };
    let list = list.ok()?;
    // Instances are shown even if there are too many events to count.
    let counts = counts.ok().map(|counts| events_of(counts.rows())).unwrap_or_default();
    let found = rows(&signed, list.rows(), records?.rows(), &counts);
    let body = html! {
        @if asked.is_search() || !found.is_empty() || !asked.next.is_empty() { (search(&asked)) }
        (ui::live("instances", shown(&asked, &found)))
        (ui::pages((!asked.next.is_empty()).then(|| asked.page("")).as_deref(), list.next_page().map(|next| asked.page(next)).as_deref()))
    };
    let connect = html! { a.button.primary href="/connect" { "Connect a mailbox" } };
    Ok(Page::new("Instances").section(Section::Instances).actions(connect).body(body).show(&signed))
}

fn search(asked: &InstanceQuery) -> Markup {
    html! {
        form.search role="search" method="get" action="/instances" {
            div.field { label for="search" { "Name contains" } input #search name="search" type="search" value=(asked.search) autocomplete="off"; }
            div.field { label for="tags" { "Tags, with commas" } input #tags name="tags" type="search" value=(asked.tags) autocomplete="off"; }
            button type="submit" { "Search" }
            @if asked.is_search() { a href="/instances" { "Show all" } }
        }
    }
}

fn shown(asked: &InstanceQuery, rows: &[Vec<Markup>]) -> Markup {
    if !rows.is_empty() {
        return table("Instances", &COLUMNS, rows);
    }
    match asked.is_search() || !asked.next.is_empty() {
        true => ui::empty(
            "Nothing matches",
            "No instance has this in its name, with all of these tags.",
            html! { a.button href="/instances" { "Show all instances" } },
        ),
        false => ui::empty(
            "No mailbox is connected yet",
            "Choose a connector, say where its events go, and sign in at the provider. The first event arrives with the first change in the mailbox.",
            html! { a.button.primary href="/connect" { "Connect a mailbox" } },
        ),
    }
}

fn rows(signed: &Signed, list: &[Value], records: &[Value], counts: &HashMap<u64, u64>) -> Vec<Vec<Markup>> {
    let mut resources: HashMap<u64, Vec<&Value>> = HashMap::new();
    for record in records {
        resources.entry(record["instanceId"].as_u64().unwrap_or_default()).or_default().push(record);
    }
    let row = |instance: &Value| {
        let id = instance["id"].as_u64().unwrap_or_default();
        let state = State::of(instance, resources.get(&id).map(Vec::as_slice).unwrap_or_default());
        row(signed, instance, &state, counts.get(&id).copied().unwrap_or(0))
    };
    list.iter().map(row).collect()
}

fn row(signed: &Signed, instance: &Value, state: &State, events_count: u64) -> Vec<Markup> {
    let tags = instance["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let id = instance["id"].as_u64().unwrap_or_default();
    vec![
        html! {
            a.name href={ "/instances/" (id) } { (ui::name(instance["name"].as_str().unwrap_or_default())) }
            " " span.id { (id) }
            (ui::tags(tags))
        },
        html! { (instance["element"]["name"].as_str().unwrap_or_default()) },
        html! { (ui::status(state)) @if let Some(reason) = &state.reason { p.reason { (reason) } } },
        relative_or(state.last_poll, signed.now, "never"),
        relative_or(state.next_poll, signed.now, "not planned"),
        html! { (events_count) },
    ]
}

/// Events by instance.
fn events_of(rows: &[Value]) -> HashMap<u64, u64> {
    let mut counts = HashMap::new();
    for record in rows.iter().flat_map(|row| row["records"].as_array().into_iter().flatten()) {
        if let (Some(id), Some(count)) = (record["instanceId"].as_u64(), record["count"].as_u64()) {
            *counts.entry(id).or_insert(0) += count;
        }
    }
    counts
}
