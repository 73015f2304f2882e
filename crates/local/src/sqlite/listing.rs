//! Listings in the order of ids, a page at a time. A mark is the id that a page ended with.

use app::ports::{HostPage, ListingMark, PortError, Result};

/// Rows read at once.
pub(crate) const PAGE_SIZE: usize = 500;

/// The id that a page begins behind.
pub(crate) fn after(from: Option<&ListingMark>) -> Result<u32> {
    let id = from.map_or(Ok(0), |mark| mark.0.parse());
    id.map_err(|error| PortError::new("going on with a listing", error))
}

/// A page of what was read; a full one may not be the last.
pub(crate) fn page<T>(items: Vec<T>, id: impl Fn(&T) -> u32) -> HostPage<T> {
    let is_full = items.len() == PAGE_SIZE;
    let next = items.last().filter(|_| is_full).map(|last| ListingMark(id(last).to_string()));
    HostPage { items, next }
}
