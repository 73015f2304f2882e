//! All instances: search, filters, and how each is.

use crate::api::{Answer, address};
use crate::bulk;
use crate::failure::Failure;
use crate::fleet::{Counts, Filter};
use crate::form::Fields;
use crate::page::{Page, Section};
use crate::shared::Shared;
use crate::signed::Signed;
use crate::status::{NEEDS_SOMEBODY, State, Status};
use crate::time::{relative_or, within};
use crate::ui::{self, Column, Keyed, keyed_table};
use axum::Router;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use serde_json::Value;

const COLUMNS: [Column; 6] = [
    Column::Text("Name"),
    Column::Plain("Connector"),
    Column::Mark("Status"),
    Column::Text("Last poll"),
    Column::Text("Next poll"),
    Column::Number("Waiting"),
];

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/instances", get(show))
}

async fn show(signed: Signed, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let query = Fields::parse(query.unwrap_or_default().as_bytes()).ok_or(Failure::Unreadable)?;
    let asked = Filter::of(&query).settled(&signed).await?;
    let (list, counts) = (asked.list(), asked.counts());
    let (list, counts) =
        tokio::join!(signed.api.call(http::Method::GET, &list, None), Counts::read(&signed, &counts));
    // A search that finds nothing is 404 there.
    let list = match list.status {
        StatusCode::NOT_FOUND if asked.is_search() => {
            Answer { status: StatusCode::OK, body: Value::Null, ..list }
        }
        _ => list,
    };
    let (list, counts) = (list.ok()?, counts?);
    let rows: Vec<Keyed> = list.rows().iter().map(|instance| row(&signed, instance)).collect();
    let pages = ui::pages(
        (!asked.next.is_empty()).then(|| asked.page("")).as_deref(),
        list.next_page().map(|next| asked.page(next)).as_deref(),
    );
    let body = html! {
        @if asked.is_filtered() || !rows.is_empty() || !asked.next.is_empty() { (filters(&asked, &counts)) }
        @if counts.total() > 0 { (bulk_bar(&asked, &counts)) }
        (ui::live("instances", html! {
            (told(&asked, &counts))
            @if !rows.is_empty() || list.unreadable_count() == 0 { (shown(&asked, &rows)) }
            (ui::lacking(list.unreadable_count()))
        }))
        (pages)
    };
    let connect = html! {
        a.button href="/bulk" { "Bulk actions" }
        a.button.primary href="/connect" { "Connect a mailbox" }
    };
    Ok(Page::new("Instances").section(Section::Instances).actions(connect).body(body).show(&signed))
}

fn filters(asked: &Filter, counts: &Counts) -> Markup {
    let mut statuses = vec![(NEEDS_SOMEBODY, "Needs somebody")];
    statuses.extend(Status::ALL.map(|one| (one.key(), one.name())));
    let connectors: Vec<(&str, &str)> = counts.connectors().map(|key| (key, key)).collect();
    let mut applications: Vec<(&str, &str)> = counts.applications().map(|name| (name, name)).collect();
    if applications.is_empty() && !asked.application.is_empty() {
        applications.push((&asked.application, &asked.application));
    }
    html! {
        form.filters role="search" method="get" action="/instances" aria-label="Filter instances" {
            div.filter-row {
                div.field { label for="search" { "Name or mailbox" } input #search name="search" type="search" value=(asked.search) autocomplete="off"; }
                div.field { label for="tags" { "Tags, with commas" } input #tags name="tags" type="search" value=(asked.tags) autocomplete="off"; }
                (ui::choice("status", "Status", "All", &statuses, &asked.status))
                (ui::choice("connector", "Connector", "All", &connectors, &asked.connector))
                @if !applications.is_empty() { (ui::choice("application", "Application", "All", &applications, &asked.application)) }
                (ui::choice("sort", "Order", "By id", &[("lastSuccess", "Longest not read first")], &asked.sort))
                button type="submit" { "Filter" }
                @if asked.is_filtered() { a.button.quiet href="/instances" { "Show all" } }
            }
        }
    }
}

/// What can be done to those that are ticked in the list, or to all that it has on all its pages.
fn bulk_bar(asked: &Filter, counts: &Counts) -> Markup {
    let count = asked.listed(counts);
    let which = if asked.is_filtered() { "that match" } else { "there are" };
    html! {
        form.filters #bulk method="get" action="/bulk/new" aria-label="Do to many" {
            @for (name, value) in asked.given() { input type="hidden" name=(name) value=(value); }
            div.filter-row {
                (ui::choice("action", "With many at once", "Choose an action", &bulk::ACTIONS, ""))
                div.field {
                    label for="of" { "To" }
                    select #of name="of" {
                        option value="ticked" { "those ticked below" }
                        option value="all" { "all " (counts.bound()) (count) " " (which) }
                    }
                }
                button type="submit" { "Go on" }
            }
        }
    }
}

/// How many there are of each status, of what the other filters leave: each number leads to its list.
fn told(asked: &Filter, counts: &Counts) -> Markup {
    html! {
        @if counts.total() > 0 {
            @let age = counts.age();
            @if !age.0.is_empty() { p.muted { (age) } }
            @if asked.is_mailbox { p.muted { "Found by the address of the mailbox; names were not looked at." } }
            ul.counts aria-label="Instances by status" {
                li { a href=(asked.with_status("")) aria-current=[asked.status.is_empty().then_some("true")] { (counts.bound()) (counts.total()) " in all" } }
                @if counts.need_somebody() > 0 {
                    li { a href=(asked.with_status(NEEDS_SOMEBODY)) aria-current=[(asked.status == NEEDS_SOMEBODY).then_some("true")] { (counts.need_somebody()) " need somebody" } }
                }
                @for (status, count) in counts.by_status() {
                    li {
                        a href=(asked.with_status(status.key())) aria-current=[(asked.status == status.key()).then_some("true")] {
                            (ui::count_of(status, count))
                        }
                    }
                }
            }
        }
    }
}

fn shown(asked: &Filter, rows: &[Keyed]) -> Markup {
    if !rows.is_empty() {
        return keyed_table("Instances", &COLUMNS, rows);
    }
    match asked.is_filtered() || !asked.next.is_empty() {
        true => ui::empty(
            "Nothing matches",
            "No instance passes all of these filters.",
            html! { a.button href="/instances" { "Show all instances" } },
        ),
        false => ui::empty(
            "No mailbox is connected yet",
            "Choose a connector, say where its events go, and sign in at the provider. The first event arrives with the first change in the mailbox.",
            html! { a.button.primary href="/connect" { "Connect a mailbox" } },
        ),
    }
}

fn row(signed: &Signed, instance: &Value) -> Keyed {
    let state = State::of(instance);
    let tags = instance["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let id = instance["id"].as_u64().unwrap_or_default();
    let name = instance["name"].as_str().unwrap_or_default();
    let cells = vec![
        html! {
            input.tick type="checkbox" name="id" value=(id) form="bulk" aria-label={ "Tick " (name) };
            a.name href={ "/instances/" (id) } { (ui::name(name)) }
            " " span.id { (id) }
            @if let Some(mailbox) = instance["mailbox"].as_str() { " " span.mailbox { (ui::name(mailbox)) } }
            (ui::tags(tags.filter(|tag| *tag != name)))
        },
        html! { (instance["element"]["name"].as_str().unwrap_or_default()) },
        html! { (ui::status(&state)) @if let Some(reason) = &state.reason { p.reason { (reason) } } },
        within(state.last_poll, state.within_s, signed.now),
        relative_or(state.next_poll, signed.now, "not planned"),
        waiting(instance, id),
    ];
    Keyed { key: id.to_string(), cells }
}

fn waiting(instance: &Value, id: u64) -> Markup {
    let count = instance["waiting"]["count"].as_u64().unwrap_or(0);
    let bound = if instance["waiting"]["atLeast"] == true { "at least " } else { "" };
    html! {
        @if count == 0 { span.muted.nothing { "0" } }
        @else { a href=(address(&["deliveries"], &[("instance", &id.to_string())])) { (bound) (count) } }
    }
}
