//! From one sync token to the next, a page at a time.

pub(super) mod narrow;

use super::cursor::known::{EntryChange, KnownEvents};
use super::cursor::{Cursor, Listing};
use super::normalise::Entry;
use super::normalise::conditions::Conditions;
use super::{api, recover};
use crate::error::{Error, ErrorKind};
use crate::{Call, FailedRecord, Past, STEP_BYTES_MAX, STEP_CHANGES_MAX, Step};
use chrono::{DateTime, Duration, Utc};
use domain::compact_json;
use domain::event::{Change, ChangeKind};
use narrow::{List, Portion, Shows};
use serde_json::{Value, json};

/// Pages that a baseline reads within the request that creates an instance: 2,000 events. The rest of a larger calendar
/// is listed by the polls that follow, and tells nothing but what changed meanwhile.
const BASELINE_PAGES_COUNT_MAX: usize = 8;
/// What changed so shortly before the baseline counts as after it, where a listing goes on after the baseline: clocks
/// differ, and a change too many is better than one too few.
const CLOCKS_MARGIN_S: i64 = 60;

/// The position from which to watch.
pub(super) async fn baseline(call: &Call<'_>) -> Result<Value, Error> {
    let mut cursor = Cursor::new()?;
    let mut known = KnownEvents::default();
    for _ in 0..BASELINE_PAGES_COUNT_MAX {
        let page = match read(call, &cursor, 0).await {
            // Polls go on with the listing, and get past an event that the provider can't list.
            Err(error) if narrow::is_of_content(&error) => break,
            portion => portion?.page,
        };
        for entry in page.items.into_iter().filter_map(Entry::of) {
            known.take(&entry)?;
        }
        cursor = after(&cursor, page.next_page_token, page.next_sync_token)?;
        if cursor.listing.is_none() {
            break;
        }
    }
    Cursor { known: known.packed()?, ..cursor }.to_value()
}

/// The next stretch of changes: a page, or what a whole listing did not show.
pub(super) async fn step(
    call: &Call<'_>,
    wanted: &Conditions,
    stored: &Value,
    past: &Past,
) -> Result<Step, Error> {
    let cursor = Cursor::from_value(stored)?;
    let mut known = KnownEvents::unpacked(&cursor.known, &cursor.deleted)?;
    if known.has_gone() {
        return gone(&cursor, known, wanted);
    }
    let Portion { page, shows, part } = match read(call, &cursor, past.failures).await {
        Err(error) if recover::is_old_page(&cursor, &error) => return recover::again(&cursor),
        portion => portion?,
    };
    let is_idle = page.items.is_empty()
        && page.next_page_token.is_none()
        && cursor.listing.is_none()
        && cursor.part.is_none()
        && shows != Shows::Nothing;
    let mut taken = PageChanges { is_passed_over: shows == Shows::Nothing, ..PageChanges::default() };
    for record in page.items {
        if taken.is_full() {
            break;
        }
        taken.take(record, &cursor, &mut known, wanted, past, shows)?;
    }
    let is_whole = !taken.is_full();
    let next = match is_whole {
        true => {
            let has_passed_over = cursor.has_passed_over || taken.is_passed_over;
            let read = Cursor { part, has_passed_over, ..cursor.clone() };
            after(&read, page.next_page_token, page.next_sync_token)?
        }
        // The page is read once more, and what was told of it is known.
        false => cursor.clone(),
    };
    let is_compared = cursor.listing == Some(Listing::Comparison) && next.listing.is_none();
    match is_compared {
        true if cursor.has_passed_over || taken.is_passed_over => known.trust_all(),
        true => known.settle(),
        false => {}
    }
    let more = next.page.is_some() || next.listing.is_some() || known.has_gone() || !is_whole;
    let next = match is_idle {
        true => next,
        false => Cursor { known: known.packed()?, deleted: known.deleted().to_vec(), ..next },
    };
    let gap = taken.gap(past);
    Ok(Step {
        changes: taken.changes,
        failed: taken.failed,
        cursor: next.to_value()?,
        moved: !is_idle,
        more,
        gap,
        ..Step::nothing()
    })
}

/// An event whose content could not be listed, by its id. What was cancelled since is told by the list.
pub(super) async fn event(
    call: &Call<'_>,
    wanted: &Conditions,
    record: &FailedRecord,
) -> Result<Option<Change>, Error> {
    let gone = || Error::new(ErrorKind::NotFound, "the event is not there any more");
    let event = api::event(call, &record.object_id).await?;
    let entry = Entry::of(event).filter(|entry| !entry.is_cancelled).ok_or_else(gone)?;
    let is_wanted = wanted.allow(&entry.record);
    // A later state has a version of its own, which the list tells.
    let change =
        Change { version: record.version.clone(), ..entry.change(record.kind, &wanted.fields, true, false) };
    Ok(is_wanted.then_some(change))
}

async fn read(call: &Call<'_>, cursor: &Cursor, failures: u32) -> Result<Portion, Error> {
    List { call, query: cursor.query(), part: cursor.part, failures }.read().await
}

/// The position behind a page that was taken whole.
fn after(cursor: &Cursor, page: Option<String>, sync_token: Option<String>) -> Result<Cursor, Error> {
    match (page, sync_token) {
        (Some(page), _) => Ok(Cursor { page: Some(page), ..cursor.clone() }),
        (None, Some(token)) => {
            let begun = Cursor { sync_token: Some(token), page: None, listing: None, ..cursor.clone() };
            Ok(Cursor { part: None, has_passed_over: false, restarts: 0, ..begun })
        }
        (None, None) => Err(Error::new(ErrorKind::Malformed, "the last page of events has no sync token")),
    }
}

/// What is reported of a page.
#[derive(Default)]
struct PageChanges {
    changes: Vec<Change>,
    /// Events whose content could not be listed.
    failed: Vec<FailedRecord>,
    bytes: usize,
    /// There is an event that could not be listed at all.
    is_passed_over: bool,
    /// Entries without an id that can be remembered.
    left_out: usize,
}

impl PageChanges {
    fn is_full(&self) -> bool {
        self.changes.len() >= STEP_CHANGES_MAX || self.bytes >= STEP_BYTES_MAX
    }

    fn take(
        &mut self,
        record: Value,
        cursor: &Cursor,
        known: &mut KnownEvents,
        wanted: &Conditions,
        past: &Past,
        shows: Shows,
    ) -> Result<(), Error> {
        let Some(entry) = Entry::of(record) else {
            self.left_out += 1;
            return Ok(());
        };
        let told = known.take(&entry)?;
        let told = match cursor.listing {
            Some(Listing::Baseline) => since_baseline(&entry, past.baseline_at),
            Some(Listing::Comparison) | None => told,
        };
        if let Some(told) = told.filter(|_| wanted.allow(&entry.record)) {
            // What the comparison takes for new may have been told, if what was known of it was lost.
            let recheck = cursor.listing.is_some();
            // Of a deleted event there is never more than that.
            let is_bare = shows == Shows::Ids && told.kind != ChangeKind::Deleted;
            let change = entry.change(told.kind, &wanted.fields, recheck, told.again);
            match is_bare {
                true => self.failed.push(unread(change)),
                false => {
                    self.bytes += compact_json::bytes(&change.record);
                    self.changes.push(change);
                }
            }
        }
        Ok(())
    }

    fn gap(&self, past: &Past) -> Option<(DateTime<Utc>, String)> {
        let words = match (self.is_passed_over, self.left_out) {
            (true, _) => "the provider fails to list an event, which is left out".to_owned(),
            (false, 0) => return None,
            (false, count) => {
                format!("{count} of the listed events have no id, or too long a one, and are left out")
            }
        };
        Some((past.last_success_at, words))
    }
}

/// To be read by its id.
pub(super) fn unread(change: Change) -> FailedRecord {
    let Change { object_id, kind, version, record: stub, .. } = change;
    FailedRecord { object_id, kind, version, stub }
}

/// What a listing that goes on after the baseline says happened since.
fn since_baseline(entry: &Entry, baseline_at: DateTime<Utc>) -> Option<EntryChange> {
    let since = baseline_at - Duration::seconds(CLOCKS_MARGIN_S);
    let is_since = |at: Option<DateTime<Utc>>| at.is_some_and(|at| at >= since);
    let kind = match (entry.is_cancelled, is_since(entry.created)) {
        _ if !is_since(entry.updated) => return None,
        (false, true) => ChangeKind::Created,
        (false, false) => ChangeKind::Updated,
        // It came and went.
        (true, true) if !entry.is_exception => return None,
        (true, _) => ChangeKind::Deleted,
    };
    Some(EntryChange { kind, again: false })
}

/// Tells some of what a whole listing did not show.
fn gone(cursor: &Cursor, mut known: KnownEvents, wanted: &Conditions) -> Result<Step, Error> {
    let change = |(id, digest): (String, u64)| Change {
        shown_id: None,
        kind: ChangeKind::Deleted,
        version: format!("gone.{digest:016x}"),
        at: None,
        record: json!({ "id": id, "status": "cancelled" }),
        recheck: false,
        again: false,
        object_id: id,
    };
    let changes: Vec<Change> = known.take_gone(STEP_CHANGES_MAX).into_iter().map(change).collect();
    let changes = changes.into_iter().filter(|change| wanted.allow(&change.record)).collect();
    let next = Cursor { known: known.packed()?, deleted: known.deleted().to_vec(), ..cursor.clone() };
    Ok(Step { changes, cursor: next.to_value()?, moved: true, more: true, ..Step::nothing() })
}
