//! Reading history, page by page.

use crate::Call;
use crate::error::{Error, ErrorKind};
use crate::gmail::api::{self, Record};
use crate::gmail::cursor::HistoryId;

/// Pages with records that one read takes: 10,000 records. What they did is in memory together, so that what came and
/// went leaves nothing; what lies behind them is another read.
const PAGES_COUNT_MAX: u32 = 20;
/// Pages without records, of the same read.
const EMPTY_PAGES_COUNT_MAX: u32 = 20;
/// Messages that the records of a read speak of, before it takes no further page: one record may speak of a thousand.
const ENTRIES_COUNT_MAX: usize = 20_000;

/// What a read found.
pub(crate) struct HistoryRead {
    /// In the order of their ids; all are above the position asked from.
    pub(crate) records: Vec<Record>,
    /// The newest position, as the first answer names it: later ones may count what came after it.
    pub(crate) named: Option<HistoryId>,
    /// All that is shown up to here is in `records`.
    pub(crate) covers: HistoryId,
    /// There is more behind it.
    pub(crate) is_cut: bool,
    /// Pages with records.
    pub(crate) pages: u32,
    /// Why it ends early: no further request may be sent.
    pub(crate) halted: Option<Error>,
}

/// Reads what history shows after a position. A mailbox that fails is read in smaller portions, so that one page too
/// many does not undo the others.
pub(crate) async fn read(
    call: &Call<'_>,
    after: HistoryId,
    pages_max: u32,
    failures: u32,
) -> Result<HistoryRead, Error> {
    let mut found =
        HistoryRead { records: Vec::new(), named: None, covers: after, is_cut: true, pages: 0, halted: None };
    let pages_max = pages_max.min(PAGES_COUNT_MAX >> failures.min(5)).max(1);
    let (mut empty, mut entries, mut token) = (0, 0, None);
    loop {
        let mut page = match page(call, after, token.as_deref()).await {
            Err(error) if error.kind == ErrorKind::Halted && found.pages > 0 => {
                found.halted = Some(error);
                break;
            }
            page => page?,
        };
        found.named = found.named.or(page.history_id);
        // If a server sends more than was asked for, that would be reported again.
        page.history.retain(|record| record.id > after);
        *(if page.history.is_empty() { &mut empty } else { &mut found.pages }) += 1;
        entries += page.history.iter().map(Record::entries_count).sum::<usize>();
        found.records.append(&mut page.history);
        token = page.next_page_token;
        found.is_cut = token.is_some();
        let is_enough = found.pages >= pages_max || entries >= ENTRIES_COUNT_MAX;
        if token.is_none() || is_enough || empty >= EMPTY_PAGES_COUNT_MAX {
            break;
        }
    }
    found.records.sort_by_key(|record| record.id);
    let last = found.records.last().map(|record| record.id);
    match last {
        None if found.is_cut => {
            return Err(Error::new(
                ErrorKind::Unavailable,
                "the provider's history has too many empty pages",
            ));
        }
        last if found.is_cut => found.covers = last.unwrap_or(after),
        last => found.covers = last.max(found.named).unwrap_or(after).max(after),
    }
    Ok(found)
}

async fn page(call: &Call<'_>, after: HistoryId, token: Option<&str>) -> Result<api::HistoryPage, Error> {
    match api::history(call, after, token).await {
        Err(error) if error.kind == ErrorKind::NotFound => {
            Err(Error::new(ErrorKind::CursorExpired, "the provider no longer knows the stored position"))
        }
        page => page,
    }
}
