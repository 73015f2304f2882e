//! Pages of a list in the order of a time.
//!
//! They are asked for by their first second (keyset), because the provider's own next links skip rows when
//! something changes meanwhile. Within a second of many rows they are asked for by their place in it, from some rows
//! before it on: that the first one is known says that nothing was passed by.

use super::narrow;
use super::plan::{ListPart, Plan};
use crate::Call;
use crate::error::{Error, ErrorKind};
use crate::outlook::api::{self, ListReply};
use crate::outlook::cursor::clocks::Clocks;
use crate::outlook::cursor::memory::Index;
use crate::outlook::cursor::spot::Spot;
use crate::outlook::normalise::Row;
use crate::outlook::normalise::selection::PAGE_SIZE_MAX;

/// Maximum pages of one step.
const PAGES_COUNT_MAX: usize = 100;
/// A page that is too long is asked for with so many times fewer rows.
const PARTS_OF_LONG: usize = 4;
/// How much further back the next look goes.
const FURTHER: usize = 4;

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
    /// Where these rows begin.
    pub(crate) begins: Spot,
    /// What lies before it was read.
    pub(crate) reached: Spot,
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
}

impl<'a> Reader<'a> {
    pub(crate) fn new(search: &'a Search<'a>) -> Self {
        Reader { search, clocks: None, requests_count: 0 }
    }

    pub(crate) async fn ask(&mut self, part: &ListPart) -> Result<Answer, Error> {
        self.requests_count += 1;
        let Search { call, plan, .. } = self.search;
        let url = plan.url(call, part);
        let ListReply { value, next_link, clocks, .. } = api::page(call, plan.entity, &url).await?;
        self.clocks.get_or_insert(clocks);
        let is_last = value.len() < part.size && next_link.is_none();
        Ok(Answer { rows: Row::of_page(value, plan.entity, plan.ordered_by, part.from), is_last })
    }

    pub(crate) fn has_news(&self, rows: &[Row]) -> bool {
        rows.iter().any(|row| !self.knows(row))
    }

    fn knows(&self, row: &Row) -> bool {
        self.search.known.knows(&row.seen(&self.search.plan.conditions))
    }

    /// The time at the first answer; before there is one, our own.
    pub(crate) fn clocks(&self) -> Clocks {
        self.clocks.unwrap_or_else(|| Clocks::ours(self.search.call.now))
    }

    pub(crate) fn found(&self, rows: Vec<Row>, begins: Spot, reached: Spot, is_last: bool) -> RowsRead {
        RowsRead { rows, begins, reached, is_last, clocks: self.clocks(), halted: None, narrowed: None }
    }

    /// No rows, as far as was read.
    pub(crate) fn nothing(&self, reached: Spot, is_last: bool) -> RowsRead {
        self.found(Vec::new(), reached, reached, is_last)
    }

    /// Reads from `reached` to a second, or to the list's end. What it returns is news, or a reason to stop; `None`: all
    /// of it is known.
    async fn stretch(
        &mut self,
        reached: &mut Spot,
        until: Option<i64>,
        size: usize,
    ) -> Result<Option<RowsRead>, Error> {
        let from = *reached;
        let selection = &self.search.plan.selection;
        let (mut crowded, usual) = (selection.page_size_at_least(PAGE_SIZE_MAX), selection.rows_again());
        let (mut size, mut back) = (size, usual);
        while self.requests_count < PAGES_COUNT_MAX {
            let begins = reached.back(back);
            let part = ListPart { until, skip: begins.place, ..ListPart::first(begins.second, size) };
            let answer = match self.ask(&part).await {
                // It would be as long again.
                Err(error) if error.is_too_long() && size > 1 => {
                    size = (size / PARTS_OF_LONG).max(1);
                    crowded = size;
                    continue;
                }
                answer => answer?,
            };
            let is_anchored = back == 0 || begins.place == 0;
            if !is_anchored && !answer.rows.first().is_some_and(|row| self.knows(row)) {
                // Rows before it left the second, and those behind them moved up.
                (*reached, back) = (begins, back * FURTHER);
                continue;
            }
            let ends = begins.after(&answer.rows);
            // After a look further back all from there on counts.
            let at = if back > usual { begins } else { *reached };
            if self.has_news(&answer.rows) {
                let is_last = answer.is_last && until.is_none();
                return Ok(Some(self.found(answer.rows, begins, ends, is_last)));
            }
            if answer.is_last {
                *reached = ends.max(*reached);
                return Ok(None);
            } else if ends > at {
                // A full page that is known: on behind it.
                (*reached, size, back) = (ends, crowded, usual);
            } else if size < crowded {
                size = crowded;
            } else if back > 0 {
                back = 0;
            } else {
                // There should be more of this second, and is not.
                *reached = Spot::begin(reached.second + 1);
            }
            if until.is_some_and(|until| reached.second >= until) {
                return Ok(None);
            }
        }
        match *reached > from {
            true => Ok(Some(self.nothing(*reached, false))),
            false => Err(Error::new(ErrorKind::Unavailable, "the provider's list does not end")),
        }
    }
}

/// Looks for rows that are not known, from a place on; `size` is how many rows the first page has.
///
/// A request that fails behind the first one takes nothing with it: what was read until then is a place to go on from.
pub(crate) async fn first_news(search: &Search<'_>, from: Spot, size: usize) -> Result<RowsRead, Error> {
    let mut reader = Reader::new(search);
    let mut reached = from;
    let ahead = search.holes.iter().copied().filter(|hole| *hole >= from.second);
    for until in ahead.map(Some).chain([None]) {
        if until.is_none_or(|until| reached.second < until) {
            let usual = match narrow::is_sure(search) {
                true => Err(Error::new(ErrorKind::Unavailable, "the provider's list fails")),
                false => reader.stretch(&mut reached, until, size).await,
            };
            match usual {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => {}
                Err(error) if narrow::is_called_for(search, &error) => {
                    let mut second = reached.second;
                    let found = narrow::through(&mut reader, &mut second, until, size, error).await?;
                    if let Some(found) = found {
                        return Ok(found);
                    }
                    reached = Spot::begin(second);
                }
                Err(error) => return halted(&reader, from, reached, error),
            }
        }
        reached = until.map_or(reached, |hole| Spot::begin(hole + 1));
    }
    Ok(reader.nothing(reached, true))
}

/// The second of the last change in the list.
pub(crate) async fn newest(call: &Call<'_>, plan: &Plan<'_>) -> Result<Option<i64>, Error> {
    let page = api::page(call, plan.entity, &plan.newest_url(call)).await?;
    let rows = Row::of_page(page.value, plan.entity, plan.ordered_by, 0);
    Ok(rows.first().map(|row| row.second))
}

/// An error ends the step; it is the step's only if that came nowhere.
pub(crate) fn halted(
    reader: &Reader<'_>,
    from: Spot,
    reached: Spot,
    error: Error,
) -> Result<RowsRead, Error> {
    match reached > from {
        true => Ok(RowsRead { halted: Some(error), ..reader.nothing(reached, false) }),
        false => Err(error),
    }
}
