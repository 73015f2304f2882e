//! One step through a mailbox's history.

use super::api::{self, Entry, Record};
use super::cursor::{Cursor, HistoryId};
use super::{Plan, hydrate, normalize};
use crate::error::{Error, Kind};
use crate::{Call, Past, Step};

/// Pages without records that are followed before a poll gives up and comes again.
const EMPTY_PAGES_COUNT_MAX: usize = 20;
pub(super) const DRAFT: &str = "DRAFT";

/// What a stretch of history did to one message, in the order of its records.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Collapsed {
    pub(super) message_id: String,
    pub(super) thread_id: Option<String>,
    /// The labels after the last record that told them.
    pub(super) labels: Option<Vec<String>>,
    pub(super) created: bool,
    pub(super) deleted: bool,
    /// It was a draft before, and is none any more.
    pub(super) undrafted: bool,
    pub(super) first: HistoryId,
    pub(super) last: HistoryId,
}

impl Collapsed {
    pub(super) fn is_draft(&self) -> bool {
        self.labels.as_ref().is_some_and(|labels| labels.iter().any(|label| label == DRAFT))
    }
}

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

/// Collapses records per message, in their order, until `messages_max` messages are reached; says which
/// record was the last. Records are taken whole.
pub(super) fn collapse(mut records: Vec<Record>, messages_max: usize) -> (Vec<Collapsed>, HistoryId) {
    records.sort_by_key(|record| record.id);
    let mut collapsed: Vec<Collapsed> = Vec::new();
    let mut index = std::collections::HashMap::new();
    let mut through = HistoryId::default();
    for record in records {
        if collapsed.len() >= messages_max && record.id != through {
            break;
        }
        through = record.id;
        for (entry, what) in entries(record) {
            let at = *index.entry(entry.message.id.clone()).or_insert_with(|| {
                collapsed.push(fresh(&entry, through));
                collapsed.len() - 1
            });
            apply(&mut collapsed[at], entry, what, through);
        }
    }
    (collapsed, through)
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    Added,
    Labelled,
    Unlabelled,
    Deleted,
}

fn entries(record: Record) -> impl Iterator<Item = (Entry, What)> {
    let with = |entries: Vec<Entry>, what| entries.into_iter().map(move |entry| (entry, what));
    with(record.messages_added, What::Added)
        .chain(with(record.labels_added, What::Labelled))
        .chain(with(record.labels_removed, What::Unlabelled))
        .chain(with(record.messages_deleted, What::Deleted))
}

fn fresh(entry: &Entry, first: HistoryId) -> Collapsed {
    Collapsed {
        message_id: entry.message.id.clone(),
        thread_id: None,
        labels: None,
        created: false,
        deleted: false,
        undrafted: false,
        first,
        last: first,
    }
}

fn apply(one: &mut Collapsed, entry: Entry, what: What, record: HistoryId) {
    one.last = record;
    one.thread_id = entry.message.thread_id.or(one.thread_id.take());
    one.labels = entry.message.label_ids.or(one.labels.take());
    match what {
        What::Added => one.created = true,
        What::Deleted => one.deleted = true,
        What::Unlabelled if entry.label_ids.iter().any(|label| label == DRAFT) => one.undrafted = true,
        What::Labelled | What::Unlabelled => {}
    }
    if let Some(labels) = &mut one.labels {
        // Where a message's labels are told as they were before the record, its own lists settle it.
        match what {
            What::Labelled => {
                labels.extend(entry.label_ids.into_iter().filter(|l| !labels.contains(l)).collect::<Vec<_>>())
            }
            What::Unlabelled => labels.retain(|label| !entry.label_ids.contains(label)),
            What::Added | What::Deleted => {}
        }
    }
}
