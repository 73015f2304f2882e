//! Pages of a list in the order of a time.
//!
//! They are asked for by their first second (keyset), because the provider's own next links skip rows when
//! something changes meanwhile; only within one second that fills a whole page are links followed.

use super::api;
use super::fields::PAGE_SIZE_MAX;
use super::memory::Index;
use super::normalize::Row;
use super::plan::Plan;
use crate::Call;
use crate::error::{Error, Kind};

/// Pages of one step at the most.
const PAGES_COUNT_MAX: usize = 100;

/// The first page that has something new.
pub(super) struct Found {
    /// Its rows, known ones too; empty when nothing is new up to the list's end.
    pub(super) rows: Vec<Row>,
    pub(super) is_last: bool,
    /// The provider's clock at the first answer.
    pub(super) server_s: i64,
}

/// Looks for rows that are not known, from a second on; `size` is how many rows the first page has.
pub(super) async fn first_news(
    call: &Call<'_>,
    plan: &Plan<'_>,
    known: &Index,
    mut from: i64,
    mut size: usize,
) -> Result<Found, Error> {
    let crowded = plan.selection.page_size_at_least(PAGE_SIZE_MAX);
    let mut url = plan.url(call, from, size);
    let mut first_s = None;
    for _ in 0..PAGES_COUNT_MAX {
        let page = api::page(call, plan.entity, &url).await?;
        let server_s = *first_s.get_or_insert(page.server_s);
        let is_last = page.value.len() < size && page.next_link.is_none();
        let row = |object| Row::new(object, plan.entity, plan.ordered_by, from);
        let rows: Vec<Row> = page.value.into_iter().filter_map(row).collect();
        let last_second = rows.last().map_or(from, |row| row.second);
        if rows.iter().any(|row| !known.knows(&row.seen(&plan.conditions))) {
            return Ok(Found { rows, is_last, server_s });
        }
        // A full page that is known: on to its last second, or through it.
        if is_last {
            return Ok(Found { rows: Vec::new(), is_last, server_s });
        } else if last_second > from {
            from = last_second;
            url = plan.url(call, from, size);
        } else if size < crowded {
            size = crowded;
            url = plan.url(call, from, size);
        } else if let Some(link) = page.next_link {
            url = link;
        } else {
            // A full page of one second without a next one: nothing can be behind it.
            return Ok(Found { rows: Vec::new(), is_last: true, server_s });
        }
    }
    Err(Error::new(Kind::Unavailable, "the provider's list does not end"))
}
