//! Going on after the sync token expired (410): the whole calendar is listed once more and compared with what was known.
//!
//! What is as it was tells nothing, what differs is an update, what is new a creation, and what the listing does not show
//! is deleted. Only what came and went in between, and states that were passed by, are not seen.

use super::cursor::known::KnownEvents;
use super::cursor::{Cursor, Listing};
use crate::error::{Error, ErrorKind};
use crate::{Past, Step};
use serde_json::Value;

/// Listings begun again because a page was refused, before the provider is believed to be at fault.
const RESTARTS_COUNT_MAX: u32 = 3;

/// Begins the comparison.
pub(super) fn begin(stored: &Value, past: &Past) -> Result<Step, Error> {
    let cursor = Cursor::from_value(stored)?;
    let mut known = KnownEvents::unpacked(&cursor.known, &cursor.deleted)?;
    known.doubt_all();
    let next = Cursor {
        sync_token: None,
        page: None,
        listing: Some(Listing::Comparison),
        known: known.packed()?,
        ..cursor
    };
    let reason = "the provider no longer knew the position: the calendar is compared with what was known, and events \
                  that came and went in this interval are missing";
    let gap = Some((past.last_success_at, reason.to_owned()));
    Ok(Step { cursor: next.to_value()?, moved: true, more: true, gap, ..Step::nothing() })
}

/// A page that is refused has grown old. A refused token is another matter: that is for the caller to say.
pub(super) fn is_old_page(cursor: &Cursor, error: &Error) -> bool {
    let is_refused =
        matches!(error.kind, ErrorKind::Rejected | ErrorKind::NotFound | ErrorKind::CursorExpired);
    let is_listed = cursor.page.is_some() || cursor.listing.is_some();
    is_refused && is_listed && cursor.restarts < RESTARTS_COUNT_MAX
}

/// Reads from the first page again: what was reported of the others is known.
pub(super) fn again(cursor: &Cursor) -> Result<Step, Error> {
    let next = Cursor { page: None, restarts: cursor.restarts + 1, ..cursor.clone() };
    Ok(Step { cursor: next.to_value()?, moved: true, more: true, ..Step::nothing() })
}
