//! Polling what has neither a list of changes nor dates: all of it is compared with what it was before.
//!
//! The former state of every object is the cursor, packed. Creations and updates are reported as the listing goes on;
//! a step that is full ends in the middle of it and keeps the page token. Deletions are decided only by a listing that
//! ran from its first page to its end within one step.
//!
//! A list that shifts while it is paged can pass an object by: one that is deleted from an earlier page pulls the
//! first object of the next page to a page already read. So if a listing has several pages, what it did not show is read
//! by its id, and only an answer that there is no such object makes it deleted. Where that can't be read, the object has
//! to be missing in two complete listings in a row. An object that was created and deleted, or changed and changed back,
//! between two listings is not seen.

pub(crate) mod packed;
#[cfg(test)]
mod tests;

use crate::error::{Error, ErrorKind};
use crate::{Past, STEP_BYTES_MAX, STEP_CHANGES_MAX, Step};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::compact_json;
use domain::event::{Change, ChangeKind};
use domain::ids::digest64;
use packed::{Objects, PackedObject, Presence};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Maximum objects of a resource: all of them are in memory, and in the cursor.
pub(crate) const OBJECTS_MAX: usize = 100_000;
/// Maximum pages of one listing: enough for [`OBJECTS_MAX`] where pages are small, and an end where a provider
/// gives one token after the other.
const PAGES_COUNT_MAX: usize = 2_000;

/// Objects that one step reads by their ids, one after the other.
const CONFIRMED_MAX: usize = 100;

/// Reported deletions that are remembered, the latest: what comes back after its own is a creation again. Sixty-four, as
/// of messages; the return of an older one is an update.
const TOLD_GONE_MAX: usize = 64;

/// One object as the listing shows it.
pub(crate) struct ListedObject {
    /// Its id.
    pub(crate) id: String,
    /// What makes one state of it differ from another; only a digest is kept.
    pub(crate) state: String,
    /// What is reported of it.
    pub(crate) record: Value,
}

/// A page of a listing.
pub(crate) struct ListingPage {
    pub(crate) objects: Vec<ListedObject>,
    /// Where the next page begins; `None` in the last one.
    pub(crate) next: Option<Value>,
    /// Entries that could not be read. They may be objects that are known.
    pub(crate) left_out: usize,
}

/// A resource that can be listed whole, page by page.
#[async_trait]
pub(crate) trait Pages: Send + Sync {
    /// Reads the first page, or the one behind another. What a resource's conditions exclude is not in it.
    async fn page(&self, after: Option<&Value>) -> Result<ListingPage, Error>;

    /// Reads one object: `None` is one that a resource's conditions exclude.
    async fn one(&self, id: &str) -> Result<Option<ListedObject>, Error>;

    /// The record of an object of which only the id is known any more.
    fn gone(&self, id: &str) -> Value;
}

/// Lists all there is; gives the cursor from which changes are seen.
///
/// Generations begin at the time, in seconds: those of a later baseline then lie above those of an earlier one, which
/// grow far more slowly, and different changes have different versions.
pub(crate) async fn baseline(pages: &dyn Pages, now: DateTime<Utc>) -> Result<Value, Error> {
    let generation = u64::try_from(now.timestamp()).unwrap_or(0);
    let mut comparison = Comparison::new(pages, Objects::new(), generation);
    comparison.changes_max = usize::MAX;
    comparison.is_silent = true;
    comparison.list(None).await?;
    let first = comparison.left_out;
    SnapshotCursor::of(
        &comparison.objects,
        SnapshotCursor { generation, left_out: first, left_out_first: first, ..SnapshotCursor::default() },
    )
}

/// Reads the next stretch of changes after a cursor.
pub(crate) async fn step(pages: &dyn Pages, cursor: &Value, past: &Past) -> Result<Step, Error> {
    let stored =
        SnapshotCursor::deserialize(cursor).map_err(|error| Error::malformed("stored position", error))?;
    let mut comparison = Comparison::new(pages, packed::unpack(&stored.snapshot)?, stored.generation);
    comparison.told_gone.clone_from(&stored.told_gone);
    let was_listing = stored.page.is_some();
    let was_told = stored.left_out;
    let mut left_out = was_told;
    let mut halted = None;
    let (page, is_listed) = match comparison.has_gone() {
        // An earlier listing decided it: nothing is listed again before that is reported.
        true => (stored.page, true),
        false => match comparison.list(stored.page).await? {
            ListingEnd::Full(page) => (page, false),
            // The listing goes on there, and what it has shown so far is stored.
            ListingEnd::Halted(page, error) => {
                (comparison.is_touched, halted) = (true, Some(error));
                (page, false)
            }
            ListingEnd::Resumed => (None, false),
            ListingEnd::Whole { is_one_page } => {
                left_out = comparison.left_out;
                // What can't be read may be what is missing.
                if left_out <= stored.left_out_first {
                    halted = comparison.look_for_missing(is_one_page, past.number.unwrap_or(0)).await?;
                }
                (None, !comparison.is_unsure)
            }
        },
    };
    comparison.take_deletions();
    let moved = comparison.is_touched || was_listing || left_out != was_told;
    let more = !is_listed || comparison.has_gone();
    let gap = (left_out > was_told).then(|| (past.last_success_at, gap(left_out)));
    let cursor = match moved {
        true => {
            let generation = stored.generation + 1;
            let told_gone = comparison.told_gone;
            let next = SnapshotCursor { generation, page, left_out, told_gone, ..stored };
            SnapshotCursor::of(&comparison.objects, next)?
        }
        false => cursor.clone(),
    };
    let changes = comparison.changes;
    Ok(Step { changes, cursor, moved, more, gap, halted, ..Step::nothing() })
}

/// In words, for people.
fn gap(left_out: usize) -> String {
    format!(
        "{left_out} entries of the list can't be read: they are left out, and what is missing from the list is not told as \
         deleted meanwhile"
    )
}

/// The cursor.
#[derive(Default, Serialize, Deserialize)]
struct SnapshotCursor {
    /// All objects, packed.
    snapshot: String,
    /// Entries of the last whole listing that could not be read, as reported.
    #[serde(default, skip_serializing_if = "is_zero")]
    left_out: usize,
    /// The same at the baseline: those were never known.
    #[serde(default, skip_serializing_if = "is_zero")]
    left_out_first: usize,
    /// Goes up with each step that is stored, so that a state that comes again is another version.
    generation: u64,
    /// Where a listing goes on that a step ended; that page was not taken whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    page: Option<Value>,
    /// Digests of the ids last reported as deleted, the latest behind; at most [`TOLD_GONE_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    told_gone: Vec<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl SnapshotCursor {
    /// With these objects.
    fn of(objects: &Objects, stored: SnapshotCursor) -> Result<Value, Error> {
        let stored = SnapshotCursor { snapshot: packed::pack(objects)?, ..stored };
        serde_json::to_value(stored).map_err(|error| Error::malformed("snapshot", error))
    }
}

/// How a listing ended.
enum ListingEnd {
    /// The step took as much as it may: the listing goes on with this page; `None` is the first.
    Full(Option<Value>),
    /// The caller wants no further request: the listing goes on with this page.
    Halted(Option<Value>, Error),
    /// At its last page, but it began in an earlier step.
    Resumed,
    /// From the first page to the last.
    Whole { is_one_page: bool },
}

/// Comparing a listing with a snapshot, which becomes the new one on the way.
struct Comparison<'a> {
    pages: &'a dyn Pages,
    objects: Objects,
    generation: u64,
    changes: Vec<Change>,
    changes_max: usize,
    bytes: usize,
    /// A baseline reports nothing.
    is_silent: bool,
    /// The snapshot is another than before.
    is_touched: bool,
    /// More is missing than one step looks for.
    is_unsure: bool,
    listed: usize,
    left_out: usize,
    told_gone: Vec<u64>,
}

impl<'a> Comparison<'a> {
    fn new(pages: &'a dyn Pages, objects: Objects, generation: u64) -> Self {
        Comparison {
            pages,
            objects,
            generation,
            changes: Vec::new(),
            changes_max: STEP_CHANGES_MAX,
            bytes: 0,
            is_silent: false,
            is_touched: false,
            is_unsure: false,
            listed: 0,
            left_out: 0,
            told_gone: Vec::new(),
        }
    }

    async fn list(&mut self, from: Option<Value>) -> Result<ListingEnd, Error> {
        let mut is_resumed = from.is_some();
        let mut at = from;
        for count in 0..PAGES_COUNT_MAX {
            let page = match self.pages.page(at.as_ref()).await {
                // The stored token is too old: the listing begins again, and what it showed before is known.
                Err(error) if count == 0 && is_resumed && is_refusal(&error) => {
                    (at, is_resumed) = (None, false);
                    continue;
                }
                // A baseline is taken whole or not at all.
                Err(error) if error.kind == ErrorKind::Halted && count > 0 && !self.is_silent => {
                    return Ok(ListingEnd::Halted(at, error));
                }
                page => page?,
            };
            self.left_out += page.left_out;
            for object in page.objects {
                if !self.take(object)? {
                    return Ok(ListingEnd::Full(at));
                }
            }
            match page.next {
                Some(next) => at = Some(next),
                None if is_resumed => return Ok(ListingEnd::Resumed),
                None => return Ok(ListingEnd::Whole { is_one_page: at.is_none() }),
            }
        }
        Err(Error::new(ErrorKind::Rejected, format!("the list has more than {PAGES_COUNT_MAX} pages")))
    }

    /// Takes one listed object in; false where the step has no room for its change.
    fn take(&mut self, object: ListedObject) -> Result<bool, Error> {
        if object.id.len() > packed::ID_BYTES_MAX {
            self.left_out += 1;
            return Ok(true);
        }
        let digest = digest64(&[object.state.as_bytes()]);
        let is_full = self.is_full();
        let kind = match self.objects.get_mut(&object.id) {
            // A list that shifts shows an object twice; the first time counts.
            Some(held) if held.seen => return Ok(true),
            Some(held) if held.digest == digest => {
                held.seen = true;
                self.is_touched |= held.mark != Presence::Present;
                held.mark = Presence::Present;
                return self.count().map(|()| true);
            }
            _ if is_full => return Ok(false),
            Some(_) => ChangeKind::Updated,
            None => ChangeKind::Created,
        };
        self.objects.insert(object.id.clone(), PackedObject { digest, mark: Presence::Present, seen: true });
        self.count()?;
        let version = format!("{}.{digest:016x}", self.generation);
        self.report(kind, object.id, version, object.record);
        Ok(true)
    }

    fn count(&mut self) -> Result<(), Error> {
        self.listed += 1;
        if self.listed > OBJECTS_MAX || self.objects.len() > packed::PACKED_OBJECTS_MAX {
            let reason = format!("the resource has more than {OBJECTS_MAX} objects, too many to compare");
            return Err(Error::new(ErrorKind::Rejected, reason));
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.changes.len() >= self.changes_max || self.bytes >= STEP_BYTES_MAX
    }

    /// After a whole listing: what it did not show is gone, or was passed by. The error ends the step.
    /// Of more than a step reads, others come first in each poll: those that are there do not hide those that are gone.
    async fn look_for_missing(&mut self, is_one_page: bool, number: u64) -> Result<Option<Error>, Error> {
        let missing: Vec<String> =
            self.objects.iter().filter(|(_, held)| !held.seen).map(|(id, _)| id.clone()).collect();
        if is_one_page {
            missing.iter().for_each(|id| self.mark(id, Presence::Gone));
            return Ok(None);
        }
        let count = missing.len();
        let first = usize::try_from(number).unwrap_or(0).wrapping_mul(CONFIRMED_MAX) % count.max(1);
        for id in missing.iter().cycle().skip(first).take(count.min(CONFIRMED_MAX)) {
            match self.pages.one(id).await {
                Err(error) if error.kind == ErrorKind::NotFound => self.mark(id, Presence::Gone),
                Err(error) if error.kind.is_of_object() || error.kind == ErrorKind::Rejected => {
                    self.mark_unread(id);
                }
                Err(error) => return Ok(Some(error)),
                Ok(None) => self.mark(id, Presence::Gone),
                // Where the step has no room for its change, the next listing shows it.
                Ok(Some(object)) => drop(self.take(object)?),
            }
        }
        // Another listing shows the rest, as long as that leads anywhere.
        self.is_unsure = missing.len() > CONFIRMED_MAX && self.has_gone();
        Ok(None)
    }

    /// Nobody can say: two listings in a row decide.
    fn mark_unread(&mut self, id: &str) {
        let was_missing = self.objects.get(id).is_some_and(|held| held.mark == Presence::Missing);
        self.mark(id, if was_missing { Presence::Gone } else { Presence::Missing });
    }

    fn mark(&mut self, id: &str, mark: Presence) {
        if let Some(held) = self.objects.get_mut(id) {
            held.mark = mark;
            self.is_touched = true;
        }
    }

    fn has_gone(&self) -> bool {
        self.objects.values().any(|held| held.mark == Presence::Gone)
    }

    fn take_deletions(&mut self) {
        let room = self.changes_max.saturating_sub(self.changes.len());
        let gone = self.objects.iter().filter(|(_, held)| held.mark == Presence::Gone);
        let gone: Vec<String> = gone.take(room).map(|(id, _)| id.clone()).collect();
        for id in gone {
            if self.is_full() {
                return;
            }
            self.objects.remove(&id);
            self.note_gone(&id);
            let (version, record) = (self.generation.to_string(), self.pages.gone(&id));
            self.report(ChangeKind::Deleted, id, version, record);
        }
    }

    fn note_gone(&mut self, id: &str) {
        let digest = digest64(&[id.as_bytes()]);
        self.told_gone.retain(|known| *known != digest);
        self.told_gone.push(digest);
        let excess = self.told_gone.len().saturating_sub(TOLD_GONE_MAX);
        self.told_gone.drain(..excess);
    }

    /// An id that is new to the snapshot may have been there and reported before: the log knows, and a
    /// repeated creation becomes an update. What was reported as deleted since then is created again.
    fn report(&mut self, kind: ChangeKind, id: String, version: String, record: Value) {
        self.is_touched = true;
        if self.is_silent {
            return;
        }
        self.bytes += compact_json::bytes(&record);
        let recheck = kind == ChangeKind::Created;
        let again = recheck && self.told_gone.contains(&digest64(&[id.as_bytes()]));
        let (shown_id, at) = (None, None);
        self.changes.push(Change { object_id: id, shown_id, kind, version, at, record, recheck, again });
    }
}

/// The provider does not take this page token (any more).
fn is_refusal(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Rejected | ErrorKind::NotFound | ErrorKind::CursorExpired)
}
