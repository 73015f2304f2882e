//! What the receiver of a demo got: what arrived, whether its signature holds, and how it was answered.

use crate::api::address;
use crate::failure::Failure;
use crate::page::{Page, Section};
use crate::shared::{Arrived, Shared};
use crate::signed::Signed;
use crate::time::relative_or;
use crate::ui::{self, Mark, badge};
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use chrono::DateTime;
use maud::{Markup, html};
use serde_json::Value;

/// Callbacks shown: a few screens.
const SHOWN_COUNT_MAX: usize = 50;
/// Characters of a body on the page.
const BODY_CHARS_MAX: usize = 20_000;

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/inspector", get(show))
}

async fn show(signed: Signed) -> Result<Response, Failure> {
    let inspector = signed.shared.0.inspector.as_ref().ok_or(Failure::NotFound)?;
    let arrived = inspector.arrived(SHOWN_COUNT_MAX);
    let body = html! {
        p { "What this demo's receiver got, newest first. It plays your application: it knows the signature key, and it refuses some callbacks on purpose, so that you see how they are tried again." }
        (ui::live("arrived", html! {
            @if arrived.is_empty() {
                (ui::empty("Nothing arrived yet", "The demo changes a mailbox every few seconds; the first callback comes within some seconds.", html! { a.button href="/activity" { "See the activity" } }))
            } @else {
                ol.arrivals { @for one in &arrived { li { (callback(&signed, one)) } } }
            }
        }))
    };
    Ok(Page::new("Callback inspector").section(Section::Activity).body(body).show(&signed))
}

fn callback(signed: &Signed, one: &Arrived) -> Markup {
    let at = DateTime::from_timestamp_micros(one.at_us);
    let (mark, answer) = match one.answered {
        200..=299 => (Mark::Good, "taken"),
        _ => (Mark::Warning, "refused"),
    };
    let (signature, word) = match one.is_signed {
        true => (Mark::Good, "Signature valid"),
        false => (Mark::Bad, "Signature not valid"),
    };
    // The same notification may come twice: each is called otherwise for those who hear the page.
    let heard_at = at.map(|at| at.format("%H:%M:%S%.3f").to_string()).unwrap_or_default();
    let body: Value = serde_json::from_str(&one.body).unwrap_or_default();
    let readable = serde_json::to_string_pretty(&body).unwrap_or_default();
    let readable: String = readable.chars().take(BODY_CHARS_MAX).collect();
    html! {
        section.card aria-label={ "Callback " (one.event_id) " at " (heard_at) } {
            p.state {
                (badge(mark, &format!("{} {answer}", one.answered)))
                (badge(signature, word))
                span { (relative_or(at, signed.now, "")) }
                a.name.id href=(address(&["activity", &one.event_id], &[])) { (one.event_id) }
            }
            @if !one.said.is_empty() { p { "It answered: " q { (one.said) } } }
            details {
                summary { "Body, " (one.body.len()) " bytes" }
                pre tabindex="0" { code { (readable) } }
            }
        }
    }
}
