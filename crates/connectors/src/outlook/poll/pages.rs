//! Pages of a list in the order of a time.
//!
//! They are asked for by their first second (keyset), because the provider's own next links skip rows when
//! something changes meanwhile; only within one second that fills a whole page are links followed.

use super::narrow;
use super::plan::{ListPart, Plan};
use crate::Call;
use crate::error::{Error, ErrorKind};
use crate::outlook::api::{self, ListReply};
use crate::outlook::cursor::clocks::Clocks;
use crate::outlook::cursor::memory::Index;
use crate::outlook::normalise::Row;
use crate::outlook::normalise::selection::PAGE_SIZE_MAX;

/// Maximum pages of one step.
const PAGES_COUNT_MAX: usize = 100;

/// What to look for, and what to skip.
pub(crate) struct Search<'a> {
    pub(crate) call: &'a Call<'a>,
    pub(crate) plan: &'a Plan<'a>,
    pub(crate) known: &'a Index,
    /// Seconds that the provider can't show, in their order.
    pub(crate) holes: &'a [i64],
    /// Failures of this list in a row, until now.
    pub(crate) failures: u32,
    /// The walk came through small parts before.
    pub(crate) is_careful: bool,
}

/// The first page that has something new.
pub(crate) struct RowsRead {
    /// Its rows, known ones too; empty when nothing is new as far as was read.
    pub(crate) rows: Vec<Row>,
    /// What lies before this second was read.
    pub(crate) reached: i64,
    pub(crate) is_last: bool,
    /// The time at the first answer.
    pub(crate) clocks: Clocks,
    /// Why it was not read further.
    pub(crate) halted: Option<Error>,
    /// How it came through a list that fails.
    pub(crate) narrowed: Option<Narrowed>,
}

/// A list that was read in small parts.
#[derive(Debug, Default)]
pub(crate) struct Narrowed {
    /// The second that had to be read by its rows, and that requests go round from now on.
    pub(crate) hole: Option<i64>,
    /// Something of it could not be read at all.
    pub(crate) is_left_out: bool,
    /// Rows of which only the ids and dates could be read, by their places in the page.
    pub(crate) bare: Vec<usize>,
}

impl Narrowed {
    /// The second of which something is missing.
    pub(crate) fn left_out(&self) -> Option<i64> {
        self.hole.filter(|_| self.is_left_out)
    }
}

/// Asks for one part after the other.
pub(crate) struct Reader<'a> {
    pub(crate) search: &'a Search<'a>,
    clocks: Option<Clocks>,
    pub(crate) requests_count: usize,
}

/// What a request brought.
pub(crate) struct Answer {
    pub(crate) rows: Vec<Row>,
    pub(crate) is_last: bool,
    next_link: Option<String>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(search: &'a Search<'a>) -> Self {
        Reader { search, clocks: None, requests_count: 0 }
    }

    pub(crate) async fn ask(&mut self, part: &ListPart) -> Result<Answer, Error> {
        let url = self.search.plan.url(self.search.call, part);
        self.follow(&url, part).await
    }

    async fn follow(&mut self, url: &str, part: &ListPart) -> Result<Answer, Error> {
        self.requests_count += 1;
        let Search { call, plan, .. } = self.search;
        let ListReply { value, next_link, clocks, .. } = api::page(call, plan.entity, url).await?;
        self.clocks.get_or_insert(clocks);
        let is_last = value.len() < part.size && next_link.is_none();
        let rows = Row::of_page(value, plan.entity, plan.ordered_by, part.from);
        Ok(Answer { rows, is_last, next_link })
    }

    pub(crate) fn has_news(&self, rows: &[Row]) -> bool {
        rows.iter().any(|row| !self.search.known.knows(&row.seen(&self.search.plan.conditions)))
    }

    /// The time at the first answer; before there is one, our own.
    pub(crate) fn clocks(&self) -> Clocks {
        self.clocks.unwrap_or_else(|| Clocks::ours(self.search.call.now))
    }

    pub(crate) fn found(&self, rows: Vec<Row>, reached: i64, is_last: bool) -> RowsRead {
        RowsRead { rows, reached, is_last, clocks: self.clocks(), halted: None, narrowed: None }
    }

    /// Reads from `reached` to a second, or to the list's end. What it returns is news, or a reason to stop; `None`: all
    /// of it is known.
    async fn stretch(
        &mut self,
        reached: &mut i64,
        until: Option<i64>,
        mut size: usize,
    ) -> Result<Option<RowsRead>, Error> {
        let crowded = self.search.plan.selection.page_size_at_least(PAGE_SIZE_MAX);
        let mut part = ListPart { until, ..ListPart::first(*reached, size) };
        let mut link: Option<String> = None;
        while self.requests_count < PAGES_COUNT_MAX {
            let answer = match link.take() {
                Some(link) => self.follow(&link, &part).await?,
                None => self.ask(&part).await?,
            };
            let last_second = answer.rows.last().map_or(*reached, |row| row.second).max(*reached);
            if self.has_news(&answer.rows) {
                let is_last = answer.is_last && until.is_none();
                return Ok(Some(self.found(answer.rows, last_second, is_last)));
            }
            // A full page that is known: on to its last second, or through it.
            if answer.is_last {
                return Ok(None);
            } else if last_second > *reached {
                *reached = last_second;
            } else if size < crowded {
                size = crowded;
            } else if answer.next_link.is_some() {
                link = answer.next_link;
                continue;
            } else {
                // A full page of one second, and no link to what else it holds: there may be more behind it.
                *reached += 1;
            }
            part = ListPart { until, ..ListPart::first(*reached, size) };
            if until.is_some_and(|until| *reached >= until) {
                return Ok(None);
            }
        }
        Err(Error::new(ErrorKind::Unavailable, "the provider's list does not end"))
    }
}

/// Looks for rows that are not known, from a second on; `size` is how many rows the first page has.
///
/// A request that fails behind the first one takes nothing with it: what was read until then is a place to go on from.
pub(crate) async fn first_news(search: &Search<'_>, from: i64, size: usize) -> Result<RowsRead, Error> {
    let mut reader = Reader::new(search);
    let mut reached = from;
    let ahead = search.holes.iter().copied().filter(|hole| *hole >= from);
    for until in ahead.map(Some).chain([None]) {
        if until.is_none_or(|until| reached < until) {
            let usual = match narrow::is_sure(search) {
                true => Err(Error::new(ErrorKind::Unavailable, "the provider's list fails")),
                false => reader.stretch(&mut reached, until, size).await,
            };
            match usual {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => {}
                Err(error) if narrow::is_called_for(search, &error) => {
                    if let Some(found) =
                        narrow::through(&mut reader, &mut reached, until, size, error).await?
                    {
                        return Ok(found);
                    }
                }
                Err(error) => return halted(&reader, from, reached, error),
            }
        }
        reached = until.map_or(reached, |hole| hole + 1);
    }
    Ok(reader.found(Vec::new(), reached, true))
}

/// The second of the last change in the list.
pub(crate) async fn newest(call: &Call<'_>, plan: &Plan<'_>) -> Result<Option<i64>, Error> {
    let page = api::page(call, plan.entity, &plan.newest_url(call)).await?;
    let rows = Row::of_page(page.value, plan.entity, plan.ordered_by, 0);
    Ok(rows.first().map(|row| row.second))
}

/// An error ends the step; it is the step's only if that came nowhere.
pub(crate) fn halted(reader: &Reader<'_>, from: i64, reached: i64, error: Error) -> Result<RowsRead, Error> {
    match reached > from {
        true => Ok(RowsRead { halted: Some(error), ..reader.found(Vec::new(), reached, false) }),
        false => Err(error),
    }
}
