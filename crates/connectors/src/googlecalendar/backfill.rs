//! Reading again what changed within a window, in the order of the changes.

use super::api::{self, PAGE_SIZE};
use super::normalise::Entry;
use super::normalise::conditions::Wanted;
use crate::error::Error;
use crate::{Call, Step, Window};
use chrono::SecondsFormat;
use domain::event::{Change, ChangeKind};
use serde_json::{Value, json};

/// Reports a page of it.
pub(super) async fn step(
    call: &Call<'_>,
    wanted: &Wanted,
    window: Window,
    cursor: Option<&Value>,
) -> Result<Step, Error> {
    let from = window.from.to_rfc3339_opts(SecondsFormat::Millis, true);
    let size = PAGE_SIZE.to_string();
    let mut query = vec![("maxResults", size.as_str()), ("orderBy", "updated"), ("updatedMin", &from)];
    let page = cursor.and_then(|cursor| cursor["page"].as_str());
    query.extend(page.map(|page| ("pageToken", page)));
    let page = api::events(call, &query).await?;
    let entries: Vec<Entry> = page.items.into_iter().filter_map(Entry::of).collect();
    let is_past = entries.last().and_then(|entry| entry.updated).is_some_and(|at| at >= window.to);
    let next = page.next_page_token.filter(|_| !is_past);
    let is_inside = |entry: &Entry| {
        !entry.is_cancelled && entry.updated.is_some_and(|at| window.from <= at && at < window.to)
    };
    // A creation has no version here: if the log holds it, it is not reported, whatever changed since.
    let change = |entry: Entry| match entry.created.is_some_and(|at| at >= window.from) {
        true => {
            let created = entry.change(ChangeKind::Created, &wanted.fields, true, false);
            Change { version: String::new(), ..created }
        }
        false => entry.change(ChangeKind::Updated, &wanted.fields, true, false),
    };
    let inside = entries.into_iter().filter(is_inside).filter(|entry| wanted.allow(&entry.record));
    let (changes, more) = (inside.map(change).collect(), next.is_some());
    Ok(Step { changes, cursor: json!({ "page": next }), moved: true, more, ..Step::nothing() })
}
