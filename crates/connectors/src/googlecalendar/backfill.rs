//! Reading again what changed within a window, in the order of the changes.

use super::normalise::Entry;
use super::normalise::conditions::Conditions;
use super::poll::narrow::{List, Portion, Shows};
use super::poll::unread;
use crate::error::Error;
use crate::{Call, Past, Step, Window};
use chrono::SecondsFormat;
use domain::event::{Change, ChangeKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where the next stretch begins.
#[derive(Debug, Default, Serialize, Deserialize)]
struct BackfillPosition {
    /// The page; `None` is the first.
    #[serde(default)]
    page: Option<String>,
    /// Its length, where it is read in parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    part: Option<u32>,
}

/// Reports a page of it.
pub(super) async fn step(
    call: &Call<'_>,
    wanted: &Conditions,
    window: Window,
    cursor: Option<&Value>,
    past: &Past,
) -> Result<Step, Error> {
    let stretch = cursor.map_or_else(|| Ok(BackfillPosition::default()), BackfillPosition::deserialize);
    let stretch = stretch.map_err(|error| Error::malformed("stored position of a window", error))?;
    let from = window.from.to_rfc3339_opts(SecondsFormat::Millis, true);
    let mut query = vec![("orderBy", "updated".to_owned()), ("updatedMin", from)];
    query.extend(stretch.page.map(|page| ("pageToken", page)));
    let list = List { call, query, part: stretch.part, failures: past.failures };
    let Portion { page, shows, part } = list.read().await?;
    let entries: Vec<Entry> = page.items.into_iter().filter_map(Entry::of).collect();
    let is_past = entries.last().and_then(|entry| entry.updated).is_some_and(|at| at >= window.to);
    let next = page.next_page_token.filter(|_| !is_past);
    let is_inside = |entry: &Entry| {
        !entry.is_cancelled && entry.updated.is_some_and(|at| window.from <= at && at < window.to)
    };
    let inside = entries.into_iter().filter(is_inside).filter(|entry| wanted.allow(&entry.record));
    let changes: Vec<Change> = inside.map(|entry| change(entry, wanted, window)).collect();
    let words = "the provider could not list an event of the window, which is left out";
    let gap = (shows == Shows::Nothing).then(|| (window.from, words.to_owned()));
    let more = next.is_some();
    // Plain data with text keys always serialises.
    let cursor = serde_json::to_value(BackfillPosition { page: next, part }).unwrap_or_default();
    let (changes, failed) = match shows {
        Shows::Ids => (Vec::new(), changes.into_iter().map(unread).collect()),
        Shows::Content | Shows::Nothing => (changes, Vec::new()),
    };
    Ok(Step { changes, failed, cursor, moved: true, more, gap, ..Step::nothing() })
}

/// A creation has no version here: if the log holds it, it is not reported, whatever changed since.
fn change(entry: Entry, wanted: &Conditions, window: Window) -> Change {
    match entry.created.is_some_and(|at| at >= window.from) {
        true => {
            let created = entry.change(ChangeKind::Created, &wanted.fields, true, false);
            Change { version: String::new(), ..created }
        }
        false => entry.change(ChangeKind::Updated, &wanted.fields, true, false),
    }
}
