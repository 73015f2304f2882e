//! Which instance is meant by a name or an id, where events of one alone are asked for.

use super::activity_query::ActivityQuery;
use crate::api::address;
use crate::failure::Failure;
use crate::fleet::has_mailbox;
use crate::signed::Signed;
use crate::ui;
use axum::http::{Method, StatusCode};
use maud::{Markup, html};
use serde_json::Value;

/// Instances that are shown to choose from: more need a longer part of the name.
const SHOWN_COUNT: &str = "20";

/// What a name or an id means.
pub(super) enum Which {
    /// Nothing was asked for.
    All,
    One(String),
    /// Nothing, or several: with the words that were looked for, and whether there are more.
    Unclear {
        wanted: String,
        found: Vec<Value>,
        is_cut: bool,
    },
}

impl Which {
    /// An id of an instance is meant before any name.
    pub(super) async fn find(signed: &Signed, wanted: &str) -> Result<Self, Failure> {
        if wanted.parse::<u32>().is_ok() {
            let path = address(&["instances", wanted], &[]);
            let answer = signed.api.call(Method::GET, &path, None).await;
            match answer.status {
                StatusCode::NOT_FOUND => {}
                _ => return answer.ok().map(|_| Which::One(wanted.to_owned())).map_err(Failure::from),
            }
        }
        let search = if has_mailbox(signed, wanted).await? { "mailbox" } else { "searchText" };
        let query = [(search, wanted), ("hydrate", "false"), ("pageSize", SHOWN_COUNT)];
        let answer = signed.api.call(Method::GET, &address(&["instances"], &query), None).await;
        // A search that finds nothing is 404 there.
        let (found, is_cut) = match answer.status {
            StatusCode::NOT_FOUND => (Vec::new(), false),
            _ => {
                let answer = answer.ok()?;
                (answer.rows().to_vec(), answer.next_page().is_some())
            }
        };
        Ok(match found.as_slice() {
            [one] if !is_cut => Which::One(one["id"].to_string()),
            _ => Which::Unclear { wanted: wanted.to_owned(), found, is_cut },
        })
    }

    /// What to choose from, above events of all.
    pub(super) fn told(&self, asked: &ActivityQuery) -> Markup {
        let Which::Unclear { wanted, found, is_cut } = self else { return Markup::default() };
        html! {
            section.card role="status" {
                @if found.is_empty() {
                    p { "No instance has the id " (ui::name(wanted)) ", no name contains it, and no mailbox has this address. Below are the events of all." }
                } @else {
                    p { "Which one is meant by " (ui::name(wanted)) "? Below are the events of all." }
                    ul.named {
                        @for one in found {
                            li {
                                a href=(asked.of_instance(&one["id"].to_string())) { (ui::name(one["name"].as_str().unwrap_or_default())) }
                                " " span.id { (one["id"]) }
                            }
                        }
                    }
                    @if *is_cut { p.muted { "There are more: give a longer part of the name, or the id." } }
                }
            }
        }
    }
}
