//! Reading again what came in within a window.
//!
//! Google's search knows whole seconds, so that a little more is listed and the rest left out by `internalDate`. What
//! was reported before is in the event log, which the caller checks.

use super::api::{self, Listing};
use super::cursor::HistoryId;
use super::normalise::collapse::Collapsed;
use super::poll::hydrate;
use super::poll::plan::Plan;
use crate::error::{Error, ErrorKind};
use crate::lenient;
use crate::{Call, FailedRecord, Past, Step, Window};
use domain::ids::digest64;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Listings restarted because a page was refused; the next refusal is not an expired page.
const RESTARTS_COUNT_MAX: u32 = 1;

/// Where the listing goes on.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct BackfillCursor {
    page: Option<String>,
    /// Digests of the ids of this page that are done, where reading it ended early.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    done: Vec<u64>,
    /// How often the listing was begun again.
    #[serde(default, skip_serializing_if = "is_zero")]
    restarts: u32,
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
            BackfillCursor::deserialize(cursor).map_err(|error| Error::malformed("stored position", error))?
        }
        None => BackfillCursor::default(),
    };
    let q = format!("after:{} before:{}", window.from.timestamp() - 1, window.to.timestamp() + 2);
    let listing = Listing {
        collection: plan.collection(),
        q: Some(&q),
        label_ids: &[],
        include_spam_trash: true,
        size: u32::try_from(plan.step_objects_max().min(api::LIST_PAGE_SIZE)).unwrap_or(1),
    };
    let page = match api::list(call, &listing, place.page.as_deref()).await {
        Err(error) if place.has_old_page(&error) => return place.again().map(nothing_at),
        page => page?,
    };
    let ids = page.entries.iter().filter_map(lenient::id_of);
    let open: Vec<Collapsed> = ids.filter(|id| !place.done.contains(&digest(id))).map(listed).collect();
    let mut outcome = hydrate::all(call, plan, open.iter(), past).await?.unwrap_or_default();
    let has_rest = outcome.leave_rest(&open);
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
    let is_open = halted.is_some() || has_rest;
    let more = is_open || page.next_page_token.is_some();
    let next = match is_open {
        true => BackfillCursor { done, ..place },
        false => BackfillCursor { page: page.next_page_token, done: Vec::new(), ..place },
    };
    Ok(Step {
        changes,
        failed,
        cursor: next.to_value()?,
        moved: true,
        more,
        gap: None,
        halted,
        ..Step::nothing()
    })
}

impl BackfillCursor {
    /// A refused page token has expired, and the listing may restart: the event log filters what it reported.
    fn has_old_page(&self, error: &Error) -> bool {
        let is_refused = matches!(error.kind, ErrorKind::Rejected | ErrorKind::NotFound);
        is_refused && self.page.is_some() && self.restarts < RESTARTS_COUNT_MAX
    }

    fn again(&self) -> Result<Value, Error> {
        BackfillCursor { page: None, done: Vec::new(), restarts: self.restarts + 1 }.to_value()
    }

    fn to_value(&self) -> Result<Value, Error> {
        serde_json::to_value(self).map_err(|error| Error::malformed("position", error))
    }
}

/// Nothing was read: the next step begins there.
fn nothing_at(cursor: Value) -> Step {
    Step { cursor, moved: true, more: true, ..Step::nothing() }
}

/// Places that were never begun again are stored as before.
fn is_zero(count: &u32) -> bool {
    *count == 0
}

fn digest(id: &str) -> u64 {
    digest64(&[id.as_bytes()])
}

fn listed(id: &str) -> Collapsed {
    Collapsed::listed(id.to_owned(), None, HistoryId::default())
}
