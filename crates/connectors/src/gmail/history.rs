//! One step through a mailbox's history.

use super::api;
use super::collapse::collapse;
use super::cursor::{Cursor, HistoryId};
use super::{Plan, hydrate, normalize};
use crate::error::{Error, Kind};
use crate::{Call, Past, Step};

/// Pages without records that are followed before a poll gives up and comes again.
const EMPTY_PAGES_COUNT_MAX: usize = 20;
/// Reads the next records and turns them into changes.
pub(super) async fn step(call: &Call<'_>, plan: &Plan, cursor: &Cursor, past: &Past) -> Result<Step, Error> {
    let page = match first_page_with_records(call, cursor.history_id).await {
        Err(error) if error.kind == Kind::NotFound => {
            return Err(Error::new(Kind::CursorExpired, "the provider no longer knows the stored position"));
        }
        page => page?,
    };
    let Some(last_of_page) = page.history.iter().map(|record| record.id).max() else {
        return Ok(idle(cursor, page.history_id));
    };
    let (collapsed, through) = collapse(page.history, plan.format.step_messages_max());
    let more = page.next_page_token.is_some() || through < last_of_page;
    let mut next = cursor.advanced_to(through);
    let mut hydrated = hydrate::Outcome::default();
    let visible = normalize::visible(collapsed, &mut next);
    let created = visible.iter().filter(|one| normalize::is_creation(one));
    if let Some(outcome) = hydrate::all(call, plan, created, past).await? {
        hydrated = outcome;
    }
    let changes = normalize::changes(&visible, &mut hydrated, cursor, &mut next, &plan.conditions);
    Ok(Step { changes, failed: hydrated.failed, cursor: next.to_value(), moved: true, more, gap: None })
}

/// The position that the provider names is newer than ours and has nothing in between.
fn idle(cursor: &Cursor, position: Option<HistoryId>) -> Step {
    let next = cursor.advanced_to(position.unwrap_or(cursor.history_id));
    Step { changes: vec![], failed: vec![], cursor: next.to_value(), moved: false, more: false, gap: None }
}

async fn first_page_with_records(call: &Call<'_>, after: HistoryId) -> Result<api::HistoryPage, Error> {
    let mut page = api::history(call, after, None).await?;
    // The position to store is the first page's: later pages may name one beyond records not yet read.
    let position = page.history_id;
    for _ in 0..EMPTY_PAGES_COUNT_MAX {
        let Some(token) = page.next_page_token.take_if(|_| page.history.is_empty()) else {
            page.history_id = position;
            return Ok(page);
        };
        page = api::history(call, after, Some(&token)).await?;
    }
    Err(Error::new(Kind::Unavailable, "the provider's history has too many empty pages"))
}
