//! The outcome of trying each resource, as the interface reports it.

use crate::ui::{self, Column, Mark, badge};
use maud::{Markup, html};
use serde_json::Value;

const COLUMNS: [Column; 4] = [
    Column::Text("Resource"),
    Column::Text("Outcome"),
    Column::Text("How changes are found"),
    Column::Number("Records looked at"),
];

/// Each resource and what it would do.
pub(crate) fn table(resources: &Value) -> Markup {
    let rows: Vec<Vec<Markup>> = resources.as_object().into_iter().flatten().map(row).collect();
    html! {
        @if rows.is_empty() { p { "No resource would be polled." } }
        @else { (ui::table("What each resource would do", &COLUMNS, &rows)) }
    }
}

fn row((name, outcome): (&String, &Value)) -> Vec<Markup> {
    let condition = outcome["where"].as_str().filter(|text| !text.is_empty());
    vec![
        html! { code { (name) } },
        html! {
            @match outcome["notRead"].as_str() {
                Some(why) => { (badge(Mark::Warning, "Not read")) p.reason { (why) } }
                None if !lacks(outcome).is_empty() => { (badge(Mark::Warning, "Would tell nothing")) }
                None => { (badge(Mark::Good, "Works")) @if let Some(found) = found(outcome) { p.reason { (found) } } }
            }
            @for lack in lacks(outcome) { p.reason { (lack) } }
        },
        html! { (method(outcome)) @if let Some(condition) = condition { p.reason { code { (condition) } } } },
        html! { (outcome["records"].as_u64().unwrap_or(0)) },
    ]
}

/// What the condition names and the mailbox does not have.
fn lacks(outcome: &Value) -> Vec<&str> {
    outcome["lacks"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn method(outcome: &Value) -> &'static str {
    match outcome["method"].as_str() {
        Some("changes") => "by the provider's list of changes",
        Some("dates") => "by dates",
        Some("snapshots") => "by comparing all of it with before",
        _ => "not at all",
    }
}

/// How many records have what the configuration names.
fn found(outcome: &Value) -> Option<String> {
    let count = |field: &str, what: &str| outcome[field].as_u64().map(|count| format!("{count} {what}"));
    let parts = [
        count("withId", "with an id"),
        count("withUpdatedDate", "with an updated date"),
        count("withCreatedDate", "with a created date"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// The same in a sentence; empty where nothing was tried.
pub(crate) fn in_words(resources: &Value) -> String {
    let one = |(name, outcome): (&String, &Value)| match outcome["notRead"].as_str() {
        Some(why) => format!("{name} was not read: {why}"),
        None => format!("{name} works"),
    };
    let all: Vec<String> = resources.as_object().into_iter().flatten().map(one).collect();
    match all.is_empty() {
        true => String::new(),
        false => format!(" Tried: {}.", all.join("; ")),
    }
}
