//! What the page of a link says to whoever signed in.

use super::page::page;
use crate::time;
use crate::ui;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Duration, Utc};
use maud::{Markup, html};
use serde_json::Value;

/// Providers keep what changed for about a week; what is older is found by listing, days.
const HISTORY_DAYS: i64 = 7;

pub(super) fn page_of(outcome: &Value, now: DateTime<Utc>) -> Response {
    let provider = outcome["elementName"].as_str().unwrap_or_default();
    let is_again = outcome["again"] == true;
    let body = html! {
        section.card {
            p.lead {
                @match outcome["mailbox"].as_str() {
                    Some(mailbox) => strong { (ui::name(mailbox)) },
                    None => { "Your " (provider) " mailbox" }
                }
                @if is_again { " is connected again." } @else { " is connected." }
            }
            @if outcome["polled"] != true {
                p { "It is not read for now: reading is switched off by those who run it." }
            } @else if is_again {
                (missed(time::read(outcome["readUntil"].as_str()), now))
            } @else {
                p { "What comes in from now on is read. There is nothing else to do." }
            }
            p.hint { "You can close this page. To end the access, remove it in the settings of your account at the provider." }
        }
    };
    let title = if is_again { "You are signed in again" } else { "Your mailbox is connected" };
    page(StatusCode::OK, title, None, &body)
}

/// What was missed, and what is being caught up.
fn missed(read_until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Markup {
    let Some(until) = read_until else {
        return html! { p { "It had not been read before. What comes in from now on is read." } };
    };
    html! {
        dl.facts {
            div { dt { "Last read" } dd { (time::relative(until, now)) } }
            div { dt { "Not read for" } dd { (time::span((now - until).num_seconds())) } }
        }
        p { "What came in since " (time::exact(until)) " is being fetched now. It takes some minutes, longer after a long pause; nothing of it has to be sent again." }
        @if now - until > Duration::days(HISTORY_DAYS) {
            p { "After more than a week all mail of that time is fetched; what was only marked or deleted meanwhile may be missing." }
        }
    }
}
