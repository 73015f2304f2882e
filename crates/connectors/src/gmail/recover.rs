//! Going on after the stored position expired.
//!
//! The provider's present position is pinned first. Then everything received since a day before the last
//! success is listed, spam and trash included. What did not change since the lost position is skipped, and so
//! is what the event log holds. History goes on from the pinned position afterwards; creations that both the
//! listing and history show are checked against the log.

use super::api;
use super::cursor::taken::TakenRecords;
use super::cursor::{CatchUp, Cursor};
use super::normalise::collapse::Collapsed;
use super::poll::hydrate;
use super::poll::plan::Plan;
use crate::error::{Error, ErrorKind};
use crate::{Call, FailedRecord, Past, Step};
use chrono::{DateTime, Duration, Utc};
use domain::event::{Change, ChangeKind};
use domain::ids::digest64;
use serde_json::Value;

/// The listing begins this long before the last success: mail may appear late.
const MARGIN_H: i64 = 24;
/// Listings begun again before the provider is believed to be at fault.
const RESTARTS_COUNT_MAX: u32 = 3;

/// Pins the present position. Nothing is reported yet.
pub(super) async fn begin(call: &Call<'_>, cursor: &Cursor, past: &Past) -> Result<Step, Error> {
    let pinned = api::profile(call).await?.history_id;
    let lost_at = past.last_success_at;
    let mut next = cursor.moved_to(pinned);
    next.catch_up = Some(CatchUp {
        lost: cursor.history_id,
        taken: cursor.taken.clone(),
        lost_at,
        baseline_at: past.baseline_at,
        // For that long, the log holds everything received within the margin.
        log_kept_s: (call.now - past.log_since).num_seconds(),
        page: None,
        page_done: Vec::new(),
        restarts: 0,
    });
    let reason = "the provider no longer knew the position: mail received in this interval is reported, \
                  label changes and deletions in it may be missing";
    let gap = Some((lost_at, reason.to_owned()));
    Ok(Step { cursor: next.to_value(), moved: true, more: true, gap, ..Step::nothing() })
}

/// Reports one page of the listing.
pub(super) async fn step(
    call: &Call<'_>,
    plan: &Plan,
    cursor: &Cursor,
    catch_up: &CatchUp,
    past: &Past,
) -> Result<Step, Error> {
    let since_s = (catch_up.lost_at - Duration::hours(MARGIN_H)).timestamp();
    let size = plan.step_objects_max().min(api::LIST_PAGE_SIZE);
    let answer = api::list_since(call, plan.collection(), since_s, size, catch_up.page.as_deref()).await;
    let page = match answer {
        Err(error) if error.kind == ErrorKind::Rejected && catch_up.page.is_some() => {
            return restart(cursor, catch_up, error);
        }
        page => page?,
    };
    let is_done = |message: &api::Message| catch_up.page_done.contains(&digest64(&[message.id.as_bytes()]));
    // Lists of threads have it, lists of messages do not.
    let is_unchanged = |message: &api::Message| message.history_id.is_some_and(|id| id <= catch_up.lost);
    let open = page.messages.into_iter().filter(|message| !is_done(message) && !is_unchanged(message));
    let listed: Vec<Collapsed> = open.map(|message| listed(message, cursor)).collect();
    let mut outcome = hydrate::all(call, plan, listed.iter(), past).await?.unwrap_or_default();
    let has_rest = outcome.leave_rest(&listed);
    let done = listed
        .iter()
        .filter(|one| outcome.settles(&one.message_id))
        .map(|one| digest64(&[one.message_id.as_bytes()]));
    let page_done: Vec<u64> = catch_up.page_done.iter().copied().chain(done).collect();
    let mut halted = outcome.halted;
    // Creations after the pin may have been listed: up to here they are checked against the log. Where the position
    // is missing, the page stays, and what was read of it is done.
    let mut listed_through = None;
    if halted.is_none() && !has_rest && page.next_page_token.is_none() {
        match api::profile(call).await {
            Ok(profile) => listed_through = Some(profile.history_id),
            Err(error) => halted = Some(error),
        }
    }
    let mut messages = outcome.messages;
    let failed = outcome.failed.into_iter().map(|record| later(record, catch_up)).collect();
    let changes = listed
        .iter()
        .filter_map(|one| messages.remove(&one.message_id))
        .filter_map(|message| change(message, plan, catch_up, call.now))
        .collect();
    let going_on = |page, page_done| Cursor {
        catch_up: Some(CatchUp { page, page_done, ..catch_up.clone() }),
        ..cursor.clone()
    };
    let next = match page.next_page_token {
        _ if halted.is_some() || has_rest => going_on(catch_up.page.clone(), page_done),
        Some(token) => going_on(Some(token), Vec::new()),
        None => Cursor { catch_up: None, recheck_through: listed_through, ..cursor.clone() },
    };
    Ok(Step {
        changes,
        failed,
        cursor: next.to_value(),
        moved: true,
        more: true,
        gap: None,
        halted,
        ..Step::nothing()
    })
}

/// A page that is refused is too old: the listing begins again; the log skips what it has reported.
fn restart(cursor: &Cursor, catch_up: &CatchUp, error: Error) -> Result<Step, Error> {
    if catch_up.restarts >= RESTARTS_COUNT_MAX {
        return Err(error);
    }
    let again =
        CatchUp { page: None, page_done: Vec::new(), restarts: catch_up.restarts + 1, ..catch_up.clone() };
    let next = Cursor { catch_up: Some(again), ..cursor.clone() };
    Ok(Step { cursor: next.to_value(), moved: true, more: true, ..Step::nothing() })
}

fn listed(message: api::Message, cursor: &Cursor) -> Collapsed {
    Collapsed::listed(message.id, message.thread_id, cursor.history_id)
}

/// A listed message that could not be read keeps what later decides whether it changed at all.
fn later(record: FailedRecord, catch_up: &CatchUp) -> FailedRecord {
    let facts =
        CatchUp { page: None, page_done: Vec::new(), taken: TakenRecords::default(), ..catch_up.clone() };
    FailedRecord { version: serde_json::to_string(&facts).unwrap_or_default(), ..record }
}

/// Reads a record that failed before once more.
pub(super) async fn again(
    call: &Call<'_>,
    plan: &Plan,
    record: &FailedRecord,
) -> Result<Option<Change>, Error> {
    let message = hydrate::read(call, plan, &record.object_id).await?;
    let change = read_again(message, plan, record, call.now);
    Ok(change.map(|change| hydrate::unmarked(change, record)))
}

/// What it says now: as a created one, or as one that was listed.
fn read_again(message: Value, plan: &Plan, record: &FailedRecord, now: DateTime<Utc>) -> Option<Change> {
    if let Ok(catch_up) = serde_json::from_str::<CatchUp>(&record.version) {
        return change(message, plan, &catch_up, now);
    }
    let created = plan.created(message, true)?;
    Some(match record.kind {
        ChangeKind::Created => created,
        kind => Change { kind, version: record.version.clone(), ..created },
    })
}

/// What a listed message says happened to it, if anything.
fn change(message: Value, plan: &Plan, catch_up: &CatchUp, now: DateTime<Utc>) -> Option<Change> {
    let version: super::cursor::HistoryId = serde_json::from_value(message.get("historyId")?.clone()).ok()?;
    if version <= catch_up.lost {
        return None;
    }
    let received_at = plan.began_at(&message);
    let mut change = plan.created(message, true)?;
    if !is_new(received_at, catch_up, now) {
        // Check creations against the log: it may have been reported as an update before history showed it.
        if catch_up.taken.knows(version, &change.object_id) {
            return None;
        }
        change.kind = ChangeKind::Updated;
        change.version = version.to_string();
    }
    Some(change)
}

/// Received after the baseline; and either after the loss, or so recently that the log knows whether it was reported.
/// What was received earlier was shown before the loss, and the log has forgotten it.
fn is_new(received_at: Option<DateTime<Utc>>, catch_up: &CatchUp, now: DateTime<Utc>) -> bool {
    let Some(received_at) = received_at else { return true };
    let log_since = now - Duration::seconds(catch_up.log_kept_s);
    received_at >= catch_up.baseline_at && (received_at >= catch_up.lost_at || received_at >= log_since)
}
