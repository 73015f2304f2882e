//! Reading again what came in within a window.
//!
//! Google's search knows whole seconds, so that a little more is listed and the rest left out by `internalDate`. What
//! was reported before is in the event log, which the caller checks.

use super::api::{self, Listing};
use super::collapse::Collapsed;
use super::cursor::HistoryId;
use super::hydrate;
use super::plan::Plan;
use crate::error::Error;
use crate::{Call, FailedRecord, Past, Step, Window};
use domain::ids::digest64;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where the listing goes on.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Place {
    page: Option<String>,
    /// Digests of the ids of this page that are done, where reading it ended early.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    done: Vec<u64>,
}

/// Reports a page of what came in.
pub(super) async fn step(
    call: &Call<'_>,
    plan: &Plan,
    window: Window,
    cursor: Option<&Value>,
    past: &Past,
) -> Result<Step, Error> {
    let place = match cursor {
        Some(cursor) => {
            Place::deserialize(cursor).map_err(|error| Error::malformed("stored position", error))?
        }
        None => Place::default(),
    };
    let q = format!("after:{} before:{}", window.from.timestamp() - 1, window.to.timestamp() + 2);
    let listing = Listing {
        collection: plan.collection(),
        q: Some(&q),
        label_ids: &[],
        include_spam_trash: true,
        size: u32::try_from(plan.step_messages_max().min(api::LIST_PAGE_SIZE)).unwrap_or(1),
    };
    let page = api::list(call, &listing, place.page.as_deref()).await?;
    let ids = page.entries.iter().filter_map(|entry| entry["id"].as_str());
    let open: Vec<Collapsed> = ids.filter(|id| !place.done.contains(&digest(id))).map(listed).collect();
    let mut outcome = hydrate::all(call, plan, open.iter(), past).await?.unwrap_or_default();
    let settled = open.iter().filter(|one| outcome.settles(&one.message_id));
    let done = place.done.iter().copied().chain(settled.map(|one| digest(&one.message_id))).collect();
    let is_inside =
        |record: &Value| plan.began_at(record).is_some_and(|at| window.from <= at && at < window.to);
    let records = open.iter().filter_map(|one| outcome.messages.remove(&one.message_id));
    let changes = records.filter(is_inside).filter_map(|record| plan.created(record, true)).collect();
    // Without a version a record that is read later is a creation, too.
    let failed =
        outcome.failed.into_iter().map(|one| FailedRecord { version: String::new(), ..one }).collect();
    let halted = outcome.halted;
    let more = halted.is_some() || page.next_page_token.is_some();
    let next = match &halted {
        Some(_) => Place { done, ..place },
        None => Place { page: page.next_page_token, done: Vec::new() },
    };
    let cursor = serde_json::to_value(next).map_err(|error| Error::malformed("position", error))?;
    Ok(Step { changes, failed, cursor, moved: true, more, gap: None, halted })
}

fn digest(id: &str) -> u64 {
    digest64(&[id.as_bytes()])
}

fn listed(id: &str) -> Collapsed {
    Collapsed {
        message_id: id.to_owned(),
        thread_id: None,
        labels: None,
        created: true,
        deleted: false,
        undrafted: false,
        first: HistoryId::default(),
        last: HistoryId::default(),
    }
}
