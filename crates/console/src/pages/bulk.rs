//! Actions on many instances: how far each is, and all that there were in the last days.

use crate::api::address;
use crate::bulk::{in_words, selection_in_words, status};
use crate::failure::Failure;
use crate::flash::Flash;
use crate::form::{Fields, Posted};
use crate::names::Names;
use crate::page::{Page, Section};
use crate::shared::Shared;
use crate::signed::Signed;
use crate::time::{self, relative_or};
use crate::ui::{self, Column, Keyed, badge, keyed_table, table};
use axum::Router;
use axum::extract::{Path, RawQuery};
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde_json::Value;

const COLUMNS: [Column; 6] = [
    Column::Text("Action"),
    Column::Text("Begun"),
    Column::Mark("State"),
    Column::Number("Done"),
    Column::Number("Skipped"),
    Column::Number("Failed"),
];
const REASONS: [Column; 3] = [Column::Text("Reason"), Column::Text("Outcome"), Column::Number("How many")];
const NOTES: [Column; 3] = [Column::Text("Instance"), Column::Text("Outcome"), Column::Text("Reason")];

/// Single outcomes that the interface keeps.
const NOTES_COUNT_MAX: usize = 50;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/bulk", get(list))
        .route("/bulk/{id}", get(one))
        .route("/bulk/{id}/cancel", post(cancel))
}

async fn list(signed: Signed, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let query = Fields::parse(query.unwrap_or_default().as_bytes()).ok_or(Failure::Unreadable)?;
    let next = query.text("page");
    let answer = signed.api.get(&address(&["instances", "bulk"], &[("nextPage", next)])).await?;
    let rows: Vec<Keyed> = answer.rows().iter().map(|bulk| row(&signed, bulk)).collect();
    let following = answer.next_page().map(|next| address(&["bulk"], &[("page", next)]));
    let body = html! {
        (ui::live("bulks", html! {
            @if rows.is_empty() {
                (ui::empty("No bulk actions", "What is done to many instances at once stands here while it runs, and for a week after.",
                    html! { a.button href="/instances" { "Choose instances" } }))
            } @else { (keyed_table("Bulk actions, newest first", &COLUMNS, &rows)) }
            (ui::lacking(answer.unreadable_count()))
        }))
        (ui::pages((!next.is_empty()).then_some("/bulk"), following.as_deref()))
    };
    let actions = html! { a.button href="/bulk/new" { "Begin one" } };
    let page = Page::new("Bulk actions").section(Section::Instances).part_of("/instances", "Instances");
    Ok(page.actions(actions).body(body).show(&signed))
}

fn number(bulk: &Value, name: &str) -> u64 {
    bulk[name].as_u64().unwrap_or(0)
}

/// What it does, with the number that it is about.
fn heading(bulk: &Value) -> String {
    let action = bulk["action"].as_str().unwrap_or_default();
    match bulk["unit"].as_str() {
        Some("notifications") => format!("Deliver events of {} instances again", number(bulk, "instances")),
        _ => in_words(action, number(bulk, "instances")),
    }
}

fn row(signed: &Signed, bulk: &Value) -> Keyed {
    let id = bulk["id"].as_str().unwrap_or_default();
    let (mark, word) = status(bulk);
    let cells = vec![
        html! {
            a.name href=(address(&["bulk", id], &[])) { (heading(bulk)) }
            p.reason { (ui::name(&selection_in_words(&bulk["selection"]))) }
        },
        relative_or(time::read(bulk["requestedDate"].as_str()), signed.now, ""),
        badge(mark, word),
        html! { (number(bulk, "done")) },
        html! { (number(bulk, "skipped")) },
        html! { (number(bulk, "failed")) },
    ];
    Keyed { key: id.to_owned(), cells }
}

async fn one(signed: Signed, Path(id): Path<String>) -> Result<Response, Failure> {
    let bulk = signed.api.get(&address(&["instances", "bulk", &id], &[])).await?.body;
    let notes = bulk["notes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names = Names::read(&signed, notes).await;
    let is_running = bulk["status"] == "running";
    let body = html! {
        (ui::live("progress", html! {
            (progress(&signed, &bulk))
            (outcomes(&bulk, notes, &names))
            @if is_running {
                (ui::card("Stop it", html! {
                    p { "What is done stays done; the rest is left as it is." }
                    (ui::button(&signed, &address(&["bulk", &id, "cancel"], &[]), "Stop"))
                }))
            }
        }))
    };
    Ok(Page::new(heading(&bulk))
        .section(Section::Instances)
        .part_of("/instances", "Instances")
        .part_of("/bulk", "Bulk actions")
        .body(body)
        .show(&signed))
}

fn progress(signed: &Signed, bulk: &Value) -> Markup {
    let (mark, word) = status(bulk);
    let at = |name: &str| time::read(bulk[name].as_str());
    let (finished, instances) = (number(bulk, "finished"), number(bulk, "instances"));
    let texts = |name: &str| {
        let all: Vec<&str> = bulk[name].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        (!all.is_empty()).then(|| all.join(", "))
    };
    html! {
        section.card aria-label="Progress" {
            p.state { (badge(mark, word)) span { (finished) " of " (instances) " instances are finished" } }
            progress max=(instances.max(1)) value=(if instances == 0 { 1 } else { finished }) aria-label="Instances that are finished" {}
            dl.facts {
                div { dt { "Done" } dd { (number(bulk, "done")) " " (bulk["unit"].as_str().unwrap_or_default()) } }
                div { dt { "Skipped" } dd { (number(bulk, "skipped")) } }
                div { dt { "Failed" } dd { (number(bulk, "failed")) } }
                div { dt { "Begun" } dd { (relative_or(at("requestedDate"), signed.now, "")) " by user " (number(bulk, "userId")) } }
                @match at("endedDate") {
                    Some(ended) => div { dt { "Ended" } dd { (time::relative(ended, signed.now)) } },
                    None => div { dt { "Last step" } dd { (relative_or(at("updatedDate"), signed.now, "")) } },
                }
                div.wide { dt { "Named by" } dd { (ui::name(&selection_in_words(&bulk["selection"]))) ": " (number(bulk, "selected")) " when it was begun" } }
                @if let Some(tags) = texts("addTags") { div { dt { "Tags to add" } dd { (ui::name(&tags)) } } }
                @if let Some(tags) = texts("removeTags") { div { dt { "Tags to remove" } dd { (ui::name(&tags)) } } }
                @if let Some(from) = bulk["from"].as_str() {
                    div.wide { dt { "Time" } dd { (from) " to " (bulk["to"].as_str().unwrap_or("now")) } }
                }
            }
        }
    }
}

fn outcomes(bulk: &Value, notes: &[Value], names: &Names) -> Markup {
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let reasons = bulk["reasons"].as_array().into_iter().flatten();
    let reasons: Vec<Vec<Markup>> = reasons
        .map(|one| {
            let reason = ui::sentence(&text(one, "reason"));
            vec![reason, html! { (text(one, "outcome")) }, html! { (number(one, "count")) }]
        })
        .collect();
    let shown: Vec<Vec<Markup>> = notes
        .iter()
        .map(|one| {
            vec![
                html! {
                    (names.link(number(one, "instanceId")))
                    @if let Some(event) = one["eventId"].as_str() { " " a.id href=(address(&["activity", event], &[])) { (event) } }
                },
                html! { (text(one, "outcome")) },
                ui::sentence(&text(one, "reason")),
            ]
        })
        .collect();
    html! {
        @if !reasons.is_empty() {
            (ui::card("What was left or refused", html! {
                (table("Reasons", &REASONS, &reasons))
                details { summary { "One by one" @if notes.len() == NOTES_COUNT_MAX { ", the first " (shown.len()) } } (table("One by one", &NOTES, &shown)) }
            }))
        }
    }
}

async fn cancel(Path(id): Path<String>, posted: Posted) -> Result<Response, Failure> {
    let answer = posted.signed.api.delete(&address(&["instances", "bulk", &id], &[])).await?;
    let flash = match answer.body["status"].as_str() {
        Some("cancelled") => Flash::good("Stopped. What was done stays done."),
        _ => Flash::good("It had ended already."),
    };
    Ok(posted.signed.go(&address(&["bulk", &id], &[]), flash))
}
