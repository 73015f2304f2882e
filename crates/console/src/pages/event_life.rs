//! A change's life on one line: from the provider to the receiver, each gap timed.

use crate::time;
use crate::ui;
use maud::{Markup, html};
use serde_json::Value;

/// Lines that stand open; those of a crowded notification hardly differ.
const OPEN_COUNT_MAX: usize = 2;

/// Of each event in a notification.
pub(super) fn lives(lives: &[Value]) -> Markup {
    if lives.is_empty() {
        return html! {};
    }
    let (open, folded) = lives.split_at(lives.len().min(OPEN_COUNT_MAX));
    let body = html! {
        @for life in open { (one(life)) }
        @if !folded.is_empty() {
            details {
                summary { "The other " (folded.len()) }
                @for life in folded { (one(life)) }
            }
        }
    };
    html! { div #life { (ui::card("From the provider to the callback", body)) } }
}

fn one(life: &Value) -> Markup {
    let stages = life["stages"].as_array().map(Vec::as_slice).unwrap_or_default();
    html! {
        p.reason { (life["eventType"].as_str().unwrap_or_default()) " " code { (life["objectId"].as_str().unwrap_or_default()) } }
        ol.life { @for stage in stages { (step(stage)) } }
    }
}

fn step(stage: &Value) -> Markup {
    let at = time::read(stage["date"].as_str());
    let attempt = stage["attempt"].as_u64().filter(|number| *number > 1);
    html! {
        li {
            span.after { @if let Some(after_ms) = stage["afterMs"].as_i64() { (gap(after_ms)) } }
            span { (name(stage["stage"].as_str().unwrap_or_default())) @if let Some(number) = attempt { ", attempt " (number) } }
            @if let Some(at) = at { time datetime=(at.to_rfc3339()) title=(time::exact(at)) data-exact="" { (at.format("%H:%M:%S%.3f").to_string()) } }
        }
    }
}

/// Since the stage before; two clocks may disagree.
fn gap(ms: i64) -> String {
    match ms {
        0.. => format!("+{}", time::length(ms)),
        _ => format!("−{}", time::length(ms.saturating_neg())),
    }
}

/// In words; a stage that this page does not know shows as the interface names it.
fn name(stage: &str) -> &str {
    match stage {
        "arrived" => "Arrived at the provider",
        "notShown" => "Last poll without it",
        "announced" => "Announced by the provider",
        "seen" => "Seen by a poll",
        "committed" => "Stored",
        "sent" => "Sent",
        "refused" => "Refused",
        "taken" => "Taken",
        other => other,
    }
}
