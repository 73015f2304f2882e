//! Threads, out of what history says of their messages: one change a thread.
//!
//! A thread has the id of its first message, so that it is created when that one is added. Where the first message was
//! a draft, the first one that counts creates the thread; the event log tells whether that was before. History does
//! not say that a thread has ended: its last messages' deletion is an update of it, unless the url's `format` has
//! threads read, and it is not there.

use super::api::Record;
use super::collapse::{Collapsed, DRAFT, collapse};
use super::conditions::Conditions;
use super::cursor::{Cursor, HistoryId};
use super::plan::Plan;
use super::{history, hydrate, normalize};
use crate::error::{Error, Kind};
use crate::{Call, FailedRecord, Past, REQUESTS_IN_FLIGHT_MAX, STEP_BYTES_MAX, Step};
use chrono::{DateTime, Utc};
use domain::event::{Change, ChangeKind};
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use std::collections::HashMap;

/// How a thread is read where the url does not say: as history tells of it.
pub(super) const THIN: [(&str, &str); 2] =
    [("format", "minimal"), ("fields", "id,historyId,messages(id,threadId,labelIds,internalDate)")];

/// Reads the next records of history and turns them into changes of threads.
pub(super) async fn step(call: &Call<'_>, plan: &Plan, cursor: &Cursor, past: &Past) -> Result<Step, Error> {
    let page = history::page(call, cursor.history_id).await?;
    let mut records = page.history;
    records.sort_by_key(|record| record.id);
    let Some(last_of_page) = records.last().map(|record| record.id) else {
        return Ok(history::idle(cursor, page.history_id));
    };
    let (mut threads, mut next) = stretch(&records, plan.step_messages_max(), plan, cursor);
    let (mut read, mut halted) = (HashMap::new(), None);
    if plan.has_format {
        let ReadThreads { endings, full_at, halted: ended_by } = read_all(call, plan, &threads, past).await?;
        (read, halted) = (endings, ended_by);
        if let Some(full_at) = full_at {
            let kept = records.partition_point(|record| record.id < full_at);
            (threads, next) = stretch(&records[..kept], usize::MAX, plan, cursor);
        }
    }
    let (mut changes, mut failed) = (Vec::new(), Vec::new());
    for thread in &threads {
        let change = thread.change(cursor);
        match read.remove(&thread.id) {
            Some(Ending::There(record)) => changes.push(Change { record, ..change }),
            Some(Ending::Gone) => changes.push(deleted(change)),
            Some(Ending::Unread(_)) => failed.push(unread(change)),
            None => changes.push(change),
        }
    }
    Ok(Step {
        changes,
        failed,
        more: page.next_page_token.is_some() || next.history_id < last_of_page,
        cursor: next.to_value(),
        moved: true,
        gap: None,
        halted,
    })
}

/// What these records did to the threads that count, and the position behind them.
fn stretch(records: &[Record], messages_max: usize, plan: &Plan, cursor: &Cursor) -> (Vec<Grown>, Cursor) {
    let (collapsed, through) = collapse(records, messages_max);
    let mut next = cursor.advanced_to(through);
    let visible = normalize::visible(collapsed, &mut next);
    let mut threads = grown(visible, &next, &plan.conditions);
    threads.retain(|thread| thread.is_allowed);
    (threads, next)
}

/// What a stretch of history did to one thread.
struct Grown {
    id: String,
    is_created: bool,
    /// An earlier stretch may have created it.
    is_doubtful: bool,
    is_allowed: bool,
    first: HistoryId,
    last: HistoryId,
    /// The messages that changed and are there.
    messages: Vec<Value>,
}

fn grown(visible: Vec<Collapsed>, next: &Cursor, conditions: &Conditions) -> Vec<Grown> {
    let mut threads: Vec<Grown> = Vec::new();
    let mut index = HashMap::new();
    for one in visible {
        let id = one.thread_id.clone().unwrap_or_else(|| one.message_id.clone());
        let at = *index.entry(id.clone()).or_insert_with(|| {
            threads.push(Grown::new(id, one.first));
            threads.len() - 1
        });
        threads[at].add(&one, next, conditions);
    }
    threads
}

impl Grown {
    fn new(id: String, first: HistoryId) -> Self {
        let (is_created, is_doubtful, is_allowed) = (false, false, false);
        Grown { id, is_created, is_doubtful, is_allowed, first, last: first, messages: Vec::new() }
    }

    fn add(&mut self, one: &Collapsed, next: &Cursor, conditions: &Conditions) {
        if normalize::is_creation(one) {
            let was_draft = one.undrafted || next.is_known_draft(&self.id);
            self.is_created |= one.message_id == self.id || was_draft;
            self.is_doubtful |= was_draft;
        }
        self.first = self.first.min(one.first);
        self.last = self.last.max(one.last);
        let message = one.stub();
        self.is_allowed |= allow(conditions, &self.id, &message);
        if !one.deleted {
            self.messages.push(message);
        }
    }

    fn change(&self, before: &Cursor) -> Change {
        let was_listed = before.recheck_through.is_some_and(|through| self.first <= through);
        Change {
            shown_id: None,
            kind: if self.is_created { ChangeKind::Created } else { ChangeKind::Updated },
            version: self.last.to_string(),
            at: None,
            record: json!({
                "id": self.id, "historyId": self.last.to_string(), "messages": self.messages,
            }),
            recheck: was_listed || (self.is_created && self.is_doubtful),
            object_id: self.id.clone(),
        }
    }
}

/// A thread passes if one of its messages does.
fn allow(conditions: &Conditions, thread_id: &str, message: &Value) -> bool {
    let mut shown = json!({ "id": thread_id, "threadId": thread_id });
    if let Some(labels) = message.get("labelIds") {
        shown["labelIds"] = labels.clone();
    }
    conditions.allow(&shown)
}

/// What a read found.
enum Ending {
    There(Value),
    Gone,
    /// It failed on its own.
    Unread(Error),
}

/// Threads that were read.
struct ReadThreads {
    endings: HashMap<String, Ending>,
    /// They are as many bytes as a step takes, or something ended the reading: the first record that speaks of a
    /// thread that was not read.
    full_at: Option<HistoryId>,
    /// What ended it.
    halted: Option<Error>,
}

/// Reads the changed threads in their order. What concerns the mailbox as a whole ends the step before the first thread
/// that was not read; without one that was it is all there is.
async fn read_all(
    call: &Call<'_>,
    plan: &Plan,
    threads: &[Grown],
    past: &Past,
) -> Result<ReadThreads, Error> {
    let ids: Vec<String> = threads.iter().map(|thread| thread.id.clone()).collect();
    let reads = futures_util::stream::iter(ids).map(|id| async move {
        match hydrate::read(call, plan, &id).await {
            Ok(record) => Ok(Ending::There(record)),
            Err(error) if error.kind == Kind::NotFound => Ok(Ending::Gone),
            Err(error) if error.kind.is_of_object() => Ok(Ending::Unread(error)),
            Err(error) => Err(error),
        }
    });
    let mut reads = std::pin::pin!(reads.buffered(REQUESTS_IN_FLIGHT_MAX));
    let mut read = ReadThreads { endings: HashMap::new(), full_at: None, halted: None };
    let mut bytes = 0;
    for thread in threads {
        // Records are taken whole: those that begin with the first one belong to it.
        if bytes >= STEP_BYTES_MAX && thread.first > threads[0].first {
            read.full_at = Some(thread.first);
            break;
        }
        let ending = match reads.try_next().await {
            Err(error) if thread.first > threads[0].first => {
                (read.full_at, read.halted) = (Some(thread.first), Some(error));
                break;
            }
            ending => ending?,
        };
        let Some(ending) = ending else { break };
        if let Ending::There(record) = &ending {
            bytes += record.to_string().len();
        }
        read.endings.insert(thread.id.clone(), ending);
    }
    let unread = read.endings.values().filter(|ending| matches!(ending, Ending::Unread(_))).count();
    match unread == read.endings.len() && past.failures < hydrate::STEP_FAILURES_COUNT_MAX {
        true => read.failure(),
        false => Ok(read),
    }
}

impl ReadThreads {
    /// Why none could be read, if there were any.
    fn failure(mut self) -> Result<Self, Error> {
        let id = self.endings.keys().next().cloned();
        match id.and_then(|id| self.endings.remove(&id)) {
            Some(Ending::Unread(error)) => Err(error),
            _ => Ok(self),
        }
    }
}

/// It is read again later, and told then.
fn unread(change: Change) -> FailedRecord {
    FailedRecord {
        object_id: change.object_id,
        kind: change.kind,
        version: change.version,
        stub: change.record,
    }
}

/// A thread ends once, whatever history goes on to say of its messages: without a version, the event log drops what
/// it holds.
fn deleted(change: Change) -> Change {
    Change {
        kind: ChangeKind::Deleted,
        record: json!({ "id": change.object_id }),
        version: String::new(),
        recheck: true,
        ..change
    }
}

/// A thread that was read, as a creation: unless it has nothing but drafts, or is outside the conditions.
pub(super) fn created(thread: Value, conditions: &Conditions, recheck: bool) -> Option<Change> {
    let id = thread.get("id")?.as_str()?.to_owned();
    let is_visible = messages(&thread).any(|message| !is_draft(message) && allow(conditions, &id, message));
    is_visible.then(|| Change {
        object_id: id,
        shown_id: None,
        kind: ChangeKind::Created,
        version: String::new(),
        at: began_at(&thread),
        record: thread,
        recheck,
    })
}

/// When its first message came in.
pub(super) fn began_at(thread: &Value) -> Option<DateTime<Utc>> {
    messages(thread).filter(|message| !is_draft(message)).filter_map(normalize::internal_date).min()
}

fn messages(thread: &Value) -> impl Iterator<Item = &Value> {
    thread["messages"].as_array().into_iter().flatten()
}

fn is_draft(message: &Value) -> bool {
    message["labelIds"].as_array().is_some_and(|labels| labels.iter().any(|label| label == DRAFT))
}
