//! Getting past an event that the provider can't list.
//!
//! One event that can't be read makes each page fail that holds it, and a page may be too long for all it holds. Asked for
//! in the same way again, nothing would ever come any more. So after some failures in a row a page is asked for in smaller
//! parts, down to one event, and the token of whatever is answered leads on. An event that stands alone and fails is asked
//! for without its content: then its id is known, and it is read again by that. If that fails for long, it is left out, and
//! only the token behind it is asked for.
//!
//! An outage looks the same from here, but then those requests fail as well, and nothing is passed over.

use crate::Call;
use crate::error::{Error, ErrorKind};
use crate::googlecalendar::api::{self, EventsPage, PAGE_SIZE};

/// Failures in a row, after which it is not the moment that is wrong.
const FAILURES_COUNT_MIN: u32 = 3;
/// Failures in a row, after which an event is left out whose id can't be listed either: with the pauses between them more
/// than a quarter of an hour.
const FAILURES_COUNT_SURE: u32 = 10;
/// The part of a failed one that is asked for next, as a shift: from a page to one event in four requests.
const SMALLER: u32 = 2;
/// What is asked for of an event whose content can't be read.
const BARE: &str = "items(created,etag,id,recurringEventId,status,updated),nextPageToken,nextSyncToken";
/// What is asked for of a page whose event can't be listed at all.
const TOKENS: &str = "nextPageToken,nextSyncToken";

/// A list as it was asked for before.
pub(in crate::googlecalendar) struct List<'a> {
    pub(in crate::googlecalendar) call: &'a Call<'a>,
    /// All but the length of a page.
    pub(in crate::googlecalendar) query: Vec<(&'static str, String)>,
    /// The length, where the list is read in parts.
    pub(in crate::googlecalendar) part: Option<u32>,
    /// Failures in a row.
    pub(in crate::googlecalendar) failures: u32,
}

/// A page, or a part of one.
pub(in crate::googlecalendar) struct Portion {
    pub(in crate::googlecalendar) page: EventsPage,
    pub(in crate::googlecalendar) shows: Shows,
    /// The length of the next one, if the list is still read in parts.
    pub(in crate::googlecalendar) part: Option<u32>,
}

/// What a portion shows of its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::googlecalendar) enum Shows {
    /// All of it.
    Content,
    /// Their ids and states: the content has to be read by the id.
    Ids,
    /// Nothing: there is an event, and it is left out.
    Nothing,
}

impl List<'_> {
    /// Reads on.
    pub(in crate::googlecalendar) async fn read(&self) -> Result<Portion, Error> {
        // Each failure that a step ends with makes the next one begin with less: a part may take longer than a step has.
        let further = self.failures.saturating_sub(FAILURES_COUNT_MIN).min(PAGE_SIZE.ilog2());
        let size = (self.part.unwrap_or(PAGE_SIZE) >> (SMALLER * further).min(u32::BITS - 1)).max(1);
        let is_called_for = self.part.is_some() || self.failures >= FAILURES_COUNT_MIN;
        let (portion, size) = self.shorter(size).await;
        match portion {
            Err(failed) if is_called_for && is_of_content(&failed) => {
                self.in_parts(size).await.map_err(|met| reason(met, failed))
            }
            portion => portion,
        }
    }

    /// A page that is too long would be as long again: it is asked for in parts at once.
    async fn shorter(&self, mut size: u32) -> (Result<Portion, Error>, u32) {
        let mut portion = self.portion(size).await;
        while size > 1 && portion.as_ref().is_err_and(Error::is_too_long) {
            size = (size >> SMALLER).max(1);
            portion = self.portion(size).await;
        }
        (portion, size)
    }

    /// Reads less than what failed.
    async fn in_parts(&self, failed: u32) -> Result<Portion, Error> {
        let mut size = failed;
        while size > 1 {
            size = (size >> SMALLER).max(1);
            match self.portion(size).await {
                Err(error) if is_of_content(&error) => {}
                portion => return portion,
            }
        }
        let (page, shows) = self.alone().await?;
        Ok(Portion { page, shows, part: Some(1 << SMALLER) })
    }

    async fn portion(&self, size: u32) -> Result<Portion, Error> {
        let longer = size << SMALLER;
        let part = Some(longer).filter(|longer| *longer < PAGE_SIZE);
        Ok(Portion { page: self.ask(size, None).await?, shows: Shows::Content, part })
    }

    /// One event that fails, without its content, or without itself.
    async fn alone(&self) -> Result<(EventsPage, Shows), Error> {
        match self.ask(1, Some(BARE)).await {
            Err(error) if is_of_content(&error) && self.failures >= FAILURES_COUNT_SURE => {
                let behind = self.ask(1, Some(TOKENS)).await?;
                // The provider answers. If it does so again, it was an outage that ended.
                match self.ask(1, Some(BARE)).await {
                    Err(error) if is_of_content(&error) => Ok((behind, Shows::Nothing)),
                    page => page.map(|page| (page, Shows::Ids)),
                }
            }
            page => page.map(|page| (page, Shows::Ids)),
        }
    }

    async fn ask(&self, size: u32, fields: Option<&str>) -> Result<EventsPage, Error> {
        let size = size.to_string();
        let mut query = vec![("maxResults", size.as_str())];
        query.extend(self.query.iter().map(|(name, value)| (*name, value.as_str())));
        query.extend(fields.map(|fields| ("fields", fields)));
        api::bounded_events(self.call, &query).await
    }
}

/// Whether a failure may be that of an event or of a page's size. A provider that asks for a pause gets it.
pub(super) fn is_of_content(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Malformed) && error.retry_after_s.is_none()
}

/// What ends a step that came nowhere. That no time was left for it is the fault of what failed: the next step begins with
/// less.
fn reason(met: Error, failed: Error) -> Error {
    match met.kind {
        ErrorKind::Halted | ErrorKind::Unavailable | ErrorKind::Malformed => failed,
        _ => met,
    }
}
