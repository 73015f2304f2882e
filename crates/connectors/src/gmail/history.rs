//! One step through a mailbox's history.

use super::api::{self, Record};
use super::collapse::{Collapsed, collapse};
use super::cursor::{Cursor, HistoryId};
use super::plan::Plan;
use super::{hydrate, normalize};
use crate::error::{Error, Kind};
use crate::{Call, Past, Step};

/// Pages without records that are followed before a poll gives up and comes again.
const EMPTY_PAGES_COUNT_MAX: usize = 20;

/// Reads the next records and turns them into changes.
pub(super) async fn step(call: &Call<'_>, plan: &Plan, cursor: &Cursor, past: &Past) -> Result<Step, Error> {
    let page = page(call, cursor.history_id).await?;
    let mut records = page.history;
    records.sort_by_key(|record| record.id);
    let Some(last_of_page) = records.last().map(|record| record.id) else {
        return Ok(idle(cursor, page.history_id));
    };
    let stretch = Stretch::of(&records, cursor, plan.step_messages_max());
    let created = stretch.visible.iter().filter(|one| normalize::is_creation(one));
    let mut hydrated = hydrate::all(call, plan, created, past).await?.unwrap_or_default();
    let mut stretch = match hydrated.halted.take() {
        None => stretch,
        Some(error) => stretch.cut(&records, cursor, &mut hydrated, error)?,
    };
    let changes =
        normalize::changes(&stretch.visible, &mut hydrated, cursor, &mut stretch.next, &plan.conditions);
    Ok(Step {
        changes,
        failed: hydrated.failed,
        more: page.next_page_token.is_some() || stretch.next.history_id < last_of_page,
        cursor: stretch.next.to_value(),
        moved: true,
        gap: None,
        halted: hydrated.halted,
    })
}

/// A stretch of history: what it did to the messages that count, and the position behind it.
struct Stretch {
    visible: Vec<Collapsed>,
    next: Cursor,
}

impl Stretch {
    fn of(records: &[Record], cursor: &Cursor, messages_max: usize) -> Self {
        let (collapsed, through) = collapse(records, messages_max);
        let mut next = cursor.advanced_to(through);
        let visible = normalize::visible(collapsed, &mut next);
        Stretch { visible, next }
    }

    /// Ends the stretch before the first creation that could not be read, because the mailbox as a whole
    /// refused. Without anything before it the refusal is all there is.
    fn cut(
        self,
        records: &[Record],
        cursor: &Cursor,
        hydrated: &mut hydrate::Outcome,
        error: Error,
    ) -> Result<Self, Error> {
        let unread = self
            .visible
            .iter()
            .filter(|one| normalize::is_creation(one) && !hydrated.settles(&one.message_id));
        let Some(first_unread) = unread.map(|one| one.first).min() else { return Err(error) };
        let kept = records.partition_point(|record| record.id < first_unread);
        if kept == 0 {
            return Err(error);
        }
        let shorter = Stretch::of(&records[..kept], cursor, usize::MAX);
        let is_kept = |id: &str| shorter.visible.iter().any(|one| one.message_id == id);
        hydrated.failed.retain(|failed| is_kept(&failed.object_id));
        hydrated.halted = Some(error);
        Ok(shorter)
    }
}

/// The position that the provider names is newer than ours and has nothing in between.
pub(super) fn idle(cursor: &Cursor, position: Option<HistoryId>) -> Step {
    let next = cursor.advanced_to(position.unwrap_or(cursor.history_id));
    Step {
        changes: vec![],
        failed: vec![],
        cursor: next.to_value(),
        moved: false,
        more: false,
        gap: None,
        halted: None,
    }
}

/// Reads the first page that has records, or the last one.
pub(super) async fn page(call: &Call<'_>, after: HistoryId) -> Result<api::HistoryPage, Error> {
    match first_page_with_records(call, after).await {
        Err(error) if error.kind == Kind::NotFound => {
            Err(Error::new(Kind::CursorExpired, "the provider no longer knows the stored position"))
        }
        page => page,
    }
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
