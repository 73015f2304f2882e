//! Threads, out of what history says of their messages: one change a thread.
//!
//! A thread has the id of its first message, so that it is created when that one is added. Where the first message was
//! a draft, the first one that counts creates the thread; the event log says whether that was before. History does
//! not say that a thread has ended: its last messages' deletion is an update of it, unless the url's `format` has
//! threads read, and it is not there.

use super::hydrate;
use super::plan::{Format, Objects, Plan};
use super::walk::Walk;
use crate::error::{Error, ErrorKind};
use crate::gmail::cursor::{Creation, Cursor, HistoryId};
use crate::gmail::normalise;
use crate::gmail::normalise::collapse::{Collapsed, DRAFT};
use crate::gmail::normalise::conditions::Conditions;
use crate::{Call, FailedRecord, Past, STEP_BYTES_MAX, STEP_CHANGES_MAX, Step};
use chrono::{DateTime, Utc};
use domain::compact_json;
use domain::event::{Change, ChangeKind};
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

/// How a thread is read by default: with what history has of it.
const THIN: [(&str, &str); 2] =
    [("format", "minimal"), ("fields", "id,historyId,messages(id,threadId,labelIds,internalDate)")];

/// Threads read in one step: each may be as large as many messages, and is begun again when the provider refuses.
const STEP_THREADS_READ_MAX: usize = 10;

/// Threads, by the history of their messages.
pub(crate) struct Threads;

impl Objects for Threads {
    fn collection(&self) -> &'static str {
        "threads"
    }

    fn parameters(&self, format: Option<Format>) -> Vec<(&'static str, &'static str)> {
        format.map_or_else(|| THIN.to_vec(), Format::query)
    }

    fn step_objects_max(&self, format: Option<Format>) -> usize {
        format.map_or(STEP_CHANGES_MAX, |_| STEP_THREADS_READ_MAX)
    }

    fn created(&self, record: Value, conditions: &Conditions, recheck: bool) -> Option<Change> {
        created(record, conditions, recheck)
    }

    fn began_at(&self, record: &Value) -> Option<DateTime<Utc>> {
        began_at(record)
    }
}

/// Tells the next threads of a walk.
pub(crate) async fn tell(call: &Call<'_>, plan: &Plan, mut walk: Walk, past: &Past) -> Result<Step, Error> {
    let threads = grown(&walk, &plan.conditions);
    // What is outside the conditions is taken along, whatever the step's size.
    let outside = threads.iter().filter(|thread| !thread.is_allowed).map(|thread| thread.id.clone());
    let mut told: HashSet<String> = outside.collect();
    let allowed = threads.into_iter().filter(|thread| thread.is_allowed);
    let mut threads: Vec<Grown> = allowed.take(plan.step_objects_max()).collect();
    let (mut endings, mut halted) = (HashMap::new(), None);
    if plan.has_format() {
        let read = read_all(call, plan, &threads, past).await?;
        threads.truncate(read.told);
        (endings, halted) = (read.endings, read.halted);
    }
    let (mut changes, mut failed) = (Vec::new(), Vec::new());
    for thread in threads {
        let change = thread.change(&mut walk.next);
        match endings.remove(&thread.id) {
            Some(ThreadRead::There(record)) => changes.push(Change { record, ..change }),
            Some(ThreadRead::Gone) => changes.push(deleted(change, &mut walk.next)),
            Some(ThreadRead::Unread(_)) => failed.push(unread(change)),
            None => changes.push(change),
        }
        told.insert(thread.id);
    }
    walk.take_all(|one| told.contains(id_of(one)));
    Ok(walk.end(call, Step { changes, failed, halted, ..Step::nothing() }))
}

/// The thread of a message.
fn id_of(one: &Collapsed) -> &str {
    one.thread_id.as_deref().unwrap_or(&one.message_id)
}

/// What a stretch of history did to one thread.
struct Grown {
    id: String,
    is_created: bool,
    /// An earlier stretch may have created it.
    is_doubtful: bool,
    is_allowed: bool,
    /// The message that began it is gone.
    is_headless: bool,
    first: HistoryId,
    last: HistoryId,
    newest: HistoryId,
    /// The messages that changed and are there.
    messages: Vec<Value>,
}

fn grown(walk: &Walk, conditions: &Conditions) -> Vec<Grown> {
    let mut threads: Vec<Grown> = Vec::new();
    let mut index = HashMap::new();
    for one in &walk.untold {
        let at = *index.entry(id_of(one)).or_insert_with(|| {
            threads.push(Grown::new(id_of(one), one.first));
            threads.len() - 1
        });
        threads[at].add(one, walk, conditions);
    }
    threads
}

impl Grown {
    fn new(id: &str, first: HistoryId) -> Self {
        Grown {
            id: id.to_owned(),
            is_created: false,
            is_doubtful: false,
            is_allowed: false,
            is_headless: false,
            first,
            last: first,
            newest: first,
            messages: Vec::new(),
        }
    }

    fn add(&mut self, one: &Collapsed, walk: &Walk, conditions: &Conditions) {
        if one.is_creation() {
            let was_draft = one.undrafted || walk.next.is_known_draft(&self.id);
            self.is_created |= one.message_id == self.id || was_draft;
            self.is_doubtful |= was_draft || one.is_late() || walk.is_doubtful;
        }
        self.is_headless |= one.message_id == self.id && !one.exists();
        self.first = self.first.min(one.first);
        self.last = self.last.max(one.last);
        self.newest = self.newest.max(one.newest);
        let message = one.stub();
        self.is_allowed |= allow(conditions, &self.id, &message);
        if one.exists() {
            self.messages.push(message);
        }
    }

    fn change(&self, next: &mut Cursor) -> Change {
        let was_listed = next.recheck_through.is_some_and(|through| self.first <= through);
        let again = self.is_created && next.creation_told(&self.id) == Creation::Again;
        Change {
            shown_id: None,
            kind: if self.begins(next) || again { ChangeKind::Created } else { ChangeKind::Updated },
            version: self.last.to_string(),
            at: None,
            record: json!({
                "id": self.id, "historyId": self.newest.to_string(), "messages": self.messages,
            }),
            recheck: was_listed || (self.is_created && self.is_doubtful),
            again,
            object_id: self.id.clone(),
        }
    }

    /// Whether it is created now. Where its first message was deleted and came back, it was created before: threads do
    /// not end with it.
    fn begins(&self, next: &mut Cursor) -> bool {
        let head = format!("head {}", self.id);
        if self.is_headless {
            next.deletion_told(&head);
        }
        self.is_created && next.creation_told(&head) == Creation::First
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
enum ThreadRead {
    There(Value),
    Gone,
    /// It failed on its own.
    Unread(Error),
}

/// Threads that were read.
struct ReadThreads {
    endings: HashMap<String, ThreadRead>,
    /// How many of the threads the step reports: fewer than all if they reach the byte limit, or something
    /// ended the reading.
    told: usize,
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
            Ok(record) => Ok(ThreadRead::There(record)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(ThreadRead::Gone),
            Err(error) if error.kind.is_of_object() => Ok(ThreadRead::Unread(error)),
            Err(error) => Err(error),
        }
    });
    let mut reads = std::pin::pin!(reads.buffered(plan.reads_at_once()));
    let mut read = ReadThreads { endings: HashMap::new(), told: 0, halted: None };
    let mut bytes = 0;
    for thread in threads {
        if bytes >= STEP_BYTES_MAX {
            break;
        }
        let ending = match reads.try_next().await {
            Err(error) if read.told > 0 => {
                read.halted = Some(error);
                break;
            }
            ending => ending?,
        };
        let Some(ending) = ending else { break };
        read.told += 1;
        if let ThreadRead::There(record) = &ending {
            bytes += compact_json::bytes(record);
        }
        read.endings.insert(thread.id.clone(), ending);
    }
    let unread = read.endings.values().filter(|ending| matches!(ending, ThreadRead::Unread(_))).count();
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
            Some(ThreadRead::Unread(error)) => Err(error),
            _ => Ok(self),
        }
    }
}

/// It is read again later, and reported then.
fn unread(change: Change) -> FailedRecord {
    let version = if change.again { hydrate::marked(&change.version) } else { change.version };
    FailedRecord { object_id: change.object_id, kind: change.kind, version, stub: change.record }
}

/// A thread ends once, whatever history goes on to say of its messages: without a version, the event log drops what
/// it holds. One that had come back ends again.
fn deleted(change: Change, next: &mut Cursor) -> Change {
    let version = if next.deletion_told(&change.object_id) { change.version } else { String::new() };
    Change {
        kind: ChangeKind::Deleted,
        record: json!({ "id": change.object_id }),
        version,
        recheck: true,
        again: false,
        ..change
    }
}

/// A thread that was read, as a creation: unless it has nothing but drafts, or is outside the conditions.
fn created(thread: Value, conditions: &Conditions, recheck: bool) -> Option<Change> {
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
        again: false,
    })
}

/// When its first message came in.
fn began_at(thread: &Value) -> Option<DateTime<Utc>> {
    messages(thread).filter(|message| !is_draft(message)).filter_map(normalise::internal_date).min()
}

fn messages(thread: &Value) -> impl Iterator<Item = &Value> {
    thread["messages"].as_array().into_iter().flatten()
}

fn is_draft(message: &Value) -> bool {
    message["labelIds"].as_array().is_some_and(|labels| labels.iter().any(|label| label == DRAFT))
}
