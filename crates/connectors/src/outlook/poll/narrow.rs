//! Getting through a list that fails again and again.
//!
//! One item that the provider can't read makes each page fail that holds it, and a page may be too long, or take too long,
//! for all it holds. Asked for in the same way again, nothing would ever come any more, also nothing that is new. So after
//! some failures in a row it is asked for in smaller parts: first of time, down to a second, then of that second's rows,
//! down to one. A row that stands alone and fails is asked for without its content; if that fails too, it is gone round.
//!
//! An outage looks the same from here, so the list has to answer at all, before and after: a request that no item can
//! spoil shows it.

use super::pages::{Narrowed, Reader, RowsRead, Search, halted};
use super::plan::ListPart;
use crate::error::{Error, ErrorKind};
use crate::outlook::api;
use crate::outlook::cursor::spot::Spot;
use crate::outlook::normalise::Row;

/// Failures in a row, after which it is not the moment that is wrong.
pub(crate) const FAILURES_COUNT_MIN: u32 = 3;
/// Failures in a row, after which the usual request is not worth its time: it may take all that a step has.
const FAILURES_COUNT_SURE: u32 = 8;
/// Maximum requests of one step: halving a month to a second takes a dozen, a second of many rows some more.
const REQUESTS_COUNT_MAX: usize = 60;
/// Rows of one second that are gone round one by one; beyond that the rest of it is.
const LEFT_OUT_COUNT_MAX: usize = 8;
/// So far ahead of both clocks there is nothing, seconds.
const NOTHING_AHEAD_S: i64 = 7 * 86_400;
/// The part of a failed one that is asked for next.
const SMALLER: i64 = 4;

/// Whether a failure, after those before, may be that of an item or of a page's size.
pub(crate) fn is_called_for(search: &Search<'_>, error: &Error) -> bool {
    (search.is_careful || search.failures >= FAILURES_COUNT_MIN) && is_of_item(error)
}

/// The usual request is left out. It failed before, and before.
pub(crate) fn is_sure(search: &Search<'_>) -> bool {
    search.failures >= FAILURES_COUNT_SURE
}

/// Whether a list may fail for what is in it. A provider that asks for a pause gets it.
pub(crate) fn is_of_content(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Malformed) && error.retry_after_s.is_none()
}

/// The same of a list that can be asked whether it answers at all: some items make the provider refuse the page, or say
/// that it is not there.
fn is_of_item(error: &Error) -> bool {
    let is_refused = matches!(error.kind, ErrorKind::Rejected | ErrorKind::NotFound);
    is_of_content(error) || (is_refused && error.retry_after_s.is_none())
}

/// Reads from `reached` to a second, or to the list's end; `failed` is what the usual request met. `None`: all of it is
/// known.
pub(crate) async fn through(
    reader: &mut Reader<'_>,
    reached: &mut i64,
    until: Option<i64>,
    size: usize,
    failed: Error,
) -> Result<Option<RowsRead>, Error> {
    let from = *reached;
    if let Err(error) = answers(reader).await {
        return Err(reason(error, failed));
    }
    let end = until.unwrap_or(reader.clocks().about_now() + 1);
    let mut width = ((end - from) >> (2 * smaller(reader.search)).min(40)).max(1);
    while reader.requests_count < REQUESTS_COUNT_MAX {
        let at = *reached;
        let to = (at + width).min(end);
        // What is stamped later than now is behind all that has an end.
        let part = ListPart { until: (at < end).then_some(to), ..ListPart::first(at, size) };
        match reader.ask(&part).await {
            Ok(answer) => {
                let last_second = answer.rows.last().map_or(at, |row| row.second).max(at);
                if reader.has_news(&answer.rows) {
                    let begins = Spot::begin(at);
                    let ends = begins.after(&answer.rows);
                    let found = reader.found(answer.rows, begins, ends, false);
                    return Ok(Some(RowsRead { narrowed: Some(Narrowed::default()), ..found }));
                }
                match part.until {
                    None => return Ok(None),
                    Some(_) if !answer.is_last && last_second > at => *reached = last_second,
                    Some(to) if answer.is_last => {
                        *reached = to;
                        width *= SMALLER;
                    }
                    // A second full of what is known: its rows one after the other.
                    Some(_) => return inside(reader, at, size, failed).await.map(Some),
                }
                if until.is_some_and(|until| *reached >= until) {
                    return Ok(None);
                }
            }
            Err(error) if !is_of_item(&error) && at > from => {
                return halted(reader, Spot::begin(from), Spot::begin(at), error).map(Some);
            }
            Err(error) if !is_of_item(&error) => return Err(reason(error, failed)),
            // Nothing before it is lost if it waits: no position goes beyond now.
            Err(_) if part.until.is_none() => return Ok(None),
            Err(_) if to - at > 1 => width = ((to - at) / SMALLER).max(1),
            Err(error) => return inside(reader, at, size, error).await.map(Some),
        }
    }
    let found = reader.nothing(Spot::begin(*reached), false);
    Ok(Some(RowsRead { narrowed: Some(Narrowed::default()), ..found }))
}

/// How often a part is made smaller before it is asked for. Each failure that a step ends with makes the next one begin
/// with less: a part may take longer than a step has.
fn smaller(search: &Search<'_>) -> u32 {
    search.failures.saturating_sub(FAILURES_COUNT_MIN) + 1
}

/// What ends a step that came nowhere. That no time was left for it is the fault of what failed: the next step begins with
/// less.
fn reason(error: Error, failed: Error) -> Error {
    if matches!(error.kind, ErrorKind::Halted | ErrorKind::Unavailable | ErrorKind::Malformed) {
        failed
    } else {
        error
    }
}

/// A request that no item can spoil, because it finds none.
async fn answers(reader: &mut Reader<'_>) -> Result<(), Error> {
    let nowhere = reader.clocks().about_now() + NOTHING_AHEAD_S;
    let part = ListPart { until: Some(nowhere + 1), is_bare: true, ..ListPart::first(nowhere, 1) };
    reader.ask(&part).await.map(drop)
}

/// Reads a second again: all of it at once, else by its rows.
pub(crate) async fn again(search: &Search<'_>, second: i64, size: usize) -> Result<RowsRead, Error> {
    let mut reader = Reader::new(search);
    let part = ListPart { until: Some(second + 1), ..ListPart::first(second, size) };
    match reader.ask(&part).await {
        Ok(answer) if answer.is_last => {
            Ok(reader.found(answer.rows, Spot::begin(second), Spot::begin(second + 1), false))
        }
        Ok(_) => {
            inside(&mut reader, second, size, Error::new(ErrorKind::Unavailable, "the list came and went"))
                .await
        }
        Err(error) if is_of_item(&error) => inside(&mut reader, second, size, error).await,
        Err(error) => Err(error),
    }
}

/// Reads the rows of one second by their places in it. What changes meanwhile shifts them: what that passes by is found
/// when the second is looked at again.
pub(crate) async fn inside(
    reader: &mut Reader<'_>,
    second: i64,
    size: usize,
    failed: Error,
) -> Result<RowsRead, Error> {
    let mut rows: Vec<Row> = Vec::new();
    let mut narrowed = Narrowed { hole: Some(second), ..Narrowed::default() };
    let mut left_out_count = 0;
    let first_size = size >> (2 * smaller(reader.search)).min(40);
    let mut part = ListPart { until: Some(second + 1), ..ListPart::first(second, first_size.max(1)) };
    loop {
        let is_enough = reader.requests_count >= REQUESTS_COUNT_MAX || left_out_count >= LEFT_OUT_COUNT_MAX;
        if is_enough {
            narrowed.is_left_out = true;
            break;
        }
        match reader.ask(&part).await {
            Ok(answer) if answer.rows.is_empty() => break,
            Ok(answer) => {
                part.skip += answer.rows.len();
                part.size = (part.size * 2).min(size);
                rows.extend(answer.rows);
                if answer.is_last {
                    break;
                }
            }
            Err(error) if !is_of_item(&error) => return Err(reason(error, failed)),
            Err(_) if part.size > 1 => part.size = (part.size / 4).max(1),
            Err(_) => {
                match alone(reader, &part).await {
                    Ok(row) => {
                        narrowed.bare.extend(row.is_some().then_some(rows.len()));
                        rows.extend(row);
                    }
                    Err(error) if !is_of_item(&error) => return Err(reason(error, failed)),
                    Err(_) => {
                        left_out_count += 1;
                        narrowed.is_left_out = true;
                    }
                }
                part.skip += 1;
            }
        }
    }
    if let Err(error) = answers(reader).await {
        return Err(reason(error, failed));
    }
    let found = reader.found(rows, Spot::begin(second), Spot::begin(second + 1), false);
    Ok(RowsRead { narrowed: Some(narrowed), ..found })
}

/// One row that failed, without its content; `None`: it is not there any more.
async fn alone(reader: &mut Reader<'_>, part: &ListPart) -> Result<Option<Row>, Error> {
    let answer = reader.ask(&ListPart { is_bare: true, ..*part }).await?;
    Ok(answer.rows.into_iter().next())
}

/// In words, for people; the provider's own word says more than ours.
pub(crate) fn gap(second: i64) -> String {
    let at = api::instant(second);
    format!(
        "the provider could not list everything at {at}: what could not be read of that second is left out"
    )
}
