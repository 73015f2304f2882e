//! Records that failed alone: retried, and in the end reported as they are.
//!
//! Retrying is a step of its own, so that it neither delays the walk nor waits for it. A record is sent without
//! its content only if it failed long enough while others could be read: if nothing can be read, nothing shows that
//! it is the record's fault.

use super::run::Run;
use chrono::{DateTime, Duration, Utc};
use connectors::{Call, Error, ErrorKind, FailedRecord, STEP_BYTES_MAX};
use domain::compact_json;
use domain::event::{Change, ChangeKind};
use domain::ids::EventId;
use domain::resource::ResourceConfig;
use domain::retry_list::{Phase, RetryRecord, merge, pause};
use domain::schedule::{Pause, backoff};
use domain::state::ResourceState;
use futures_util::StreamExt as _;
use serde_json::Value;
use std::collections::HashSet;

/// Records looked at in one step: some seconds of reading, after which the walk has its turn.
const LOOKS_COUNT_MAX: usize = 100;
/// After so many failures, and none that could be read, it matters whether the provider answers at all.
const LONE_LOOKS_COUNT_MAX: usize = 16;
/// A record that failed so long while others could be read goes out without its content, seconds.
const ALONE_MAX_S: u32 = 2 * 3600;
/// Maximum time between two looks that counts as failing, seconds: a longer gap was not observed.
const BETWEEN_LOOKS_MAX_S: i64 = 1800;
/// Interval of retries for records reported without content, minutes.
const LONG_PAUSE_MIN: i64 = 60;
/// What a record says that lacks its content.
pub(super) const INCOMPLETE: &str = "carillonRecordIncomplete";
/// How long to wait for the deletion of a record that is gone, hours.
const GONE_H: i64 = 24;

/// What a retry found.
#[derive(Default)]
pub(super) struct Retried {
    /// Records that could be read, by id, with what there is to report of them.
    read: Vec<(String, Option<Change>)>,
    gone: Vec<String>,
    failed: Vec<String>,
    /// The provider answers: another record could be read.
    pub(super) is_answered: bool,
    /// What concerns the whole mailbox and ended the looking early.
    pub(super) halted: Option<Error>,
}

impl Retried {
    pub(super) fn is_empty(&self) -> bool {
        self.read.is_empty() && self.gone.is_empty() && self.failed.is_empty()
    }
}

impl Retried {
    /// Requests a recently readable record, if nothing else shows whether the provider answers.
    async fn ask(&mut self, run: &Run<'_>, config: &ResourceConfig, call: &Call<'_>, state: &ResourceState) {
        let Some(witness) = &state.looks.witness else { return };
        let record = FailedRecord {
            object_id: witness.clone(),
            kind: ChangeKind::Created,
            version: String::new(),
            stub: Value::Null,
        };
        match run.connector.fetch(call, config, &record).await {
            Ok(_) => self.is_answered = true,
            Err(error) if error.kind == ErrorKind::NotFound => self.is_answered = true,
            Err(error) if error.kind.is_of_object() => {}
            Err(error) => self.halted = Some(error),
        }
    }
}

/// Whether any record is due.
pub(super) fn is_due(state: &ResourceState, now: DateTime<Utc>) -> bool {
    state.cursor.is_some() && state.next_look().is_some_and(|due_at| due_at <= now)
}

/// Reads due records again, the oldest first. What concerns the whole mailbox is an error, if nothing came before it.
pub(super) async fn look_again(
    run: &Run<'_>,
    config: &ResourceConfig,
    call: &Call<'_>,
    state: &ResourceState,
) -> Result<Retried, Error> {
    let due = state.retry_records.due(call.now, LOOKS_COUNT_MAX);
    let reads = futures_util::stream::iter(due).map(|record| async move {
        let result = run.connector.fetch(call, config, &failed_record(&record)).await;
        (record.object_id, result)
    });
    let mut reads = std::pin::pin!(reads.buffered(run.connector.looks_at_once(call, config)));
    let (mut retried, mut bytes) = (Retried::default(), 0);
    while let Some((id, result)) = reads.next().await {
        match result {
            Ok(change) => {
                bytes += change.as_ref().map_or(0, |change| compact_json::bytes(&change.record));
                retried.read.push((id, change));
                retried.is_answered = true;
            }
            Err(error) if error.kind == ErrorKind::NotFound => {
                retried.gone.push(id);
                retried.is_answered = true;
            }
            Err(error) if error.kind.is_of_object() => retried.failed.push(id),
            Err(error) if retried.is_empty() => return Err(error),
            Err(error) => {
                retried.halted = Some(error);
                break;
            }
        }
        let is_doubtful = !retried.is_answered && retried.failed.len() == LONE_LOOKS_COUNT_MAX;
        if is_doubtful {
            retried.ask(run, config, call, state).await;
        }
        let is_over = run.app.now() >= run.deadline || bytes >= STEP_BYTES_MAX;
        if is_over || (is_doubtful && !retried.is_answered) {
            break;
        }
    }
    if !retried.is_answered && retried.halted.is_none() && retried.failed.len() < LONE_LOOKS_COUNT_MAX {
        retried.ask(run, config, call, state).await;
    }
    Ok(retried)
}

fn failed_record(record: &RetryRecord) -> FailedRecord {
    FailedRecord {
        object_id: record.object_id.clone(),
        kind: record.kind,
        version: record.version.clone(),
        stub: record.stub.clone(),
    }
}

/// Brings the list up to date with what was found. Returns what there is to report.
pub(super) fn settle(
    state: &mut ResourceState,
    retried: Retried,
    now: DateTime<Utc>,
    retention: Duration,
) -> Vec<Change> {
    if retried.is_empty() {
        return Vec::new();
    }
    pause_looks(state, &retried, now);
    let mut changes = Vec::new();
    for (id, change) in retried.read {
        let former = state.retry_records.find(&id).map(|record| (record.phase, record.version.clone()));
        state.retry_records.remove(&id);
        changes.extend(change.map(|change| match former {
            Some((Phase::Incomplete { .. }, version)) => completed(change, &version),
            _ => change,
        }));
    }
    for id in retried.gone {
        match state.retry_records.find_mut(&id) {
            Some(record) if record.phase == Phase::Waiting && record.kind == ChangeKind::Created => {
                record.phase = Phase::Gone { until: now + Duration::hours(GONE_H) };
            }
            _ => state.retry_records.remove(&id),
        }
    }
    for id in retried.failed {
        let Some(record) = state.retry_records.find_mut(&id) else { continue };
        changes.extend(failed_again(record, retried.is_answered, now, retention));
    }
    state.retry_records.prune(now);
    changes
}

/// While nothing can be read, all of the list waits.
fn pause_looks(state: &mut ResourceState, retried: &Retried, now: DateTime<Utc>) {
    if retried.is_answered {
        state.looks.failures = 0;
        state.looks.paused_until = None;
    } else if retried.halted.is_none() {
        state.looks.failures = state.looks.failures.saturating_add(1);
        state.looks.paused_until = Some(now + pause(state.looks.failures));
    }
}

/// A record could not be read again; gives what is known of it, if it has failed long enough.
fn failed_again(
    record: &mut RetryRecord,
    is_answered: bool,
    now: DateTime<Utc>,
    retention: Duration,
) -> Option<Change> {
    let tried_at = record.tried_at.replace(now).unwrap_or(now);
    record.tries = record.tries.saturating_add(1);
    if record.phase != Phase::Waiting {
        record.due_at = now + Duration::minutes(LONG_PAUSE_MIN);
        return None;
    }
    if is_answered {
        let failed_s = (now - tried_at).num_seconds().clamp(0, BETWEEN_LOOKS_MAX_S);
        record.alone_s += u32::try_from(failed_s).unwrap_or(0);
    }
    if record.alone_s < ALONE_MAX_S {
        record.due_at = now + pause(record.tries);
        return None;
    }
    record.phase = Phase::Incomplete { until: now + retention };
    record.due_at = now + Duration::minutes(LONG_PAUSE_MIN);
    Some(incomplete(record))
}

/// Adds what failed in a step.
pub(super) fn add(state: &mut ResourceState, failed: Vec<FailedRecord>, now: DateTime<Utc>) {
    for record in failed {
        state.retry_records.add(RetryRecord {
            object_id: record.object_id,
            kind: record.kind,
            version: record.version,
            stub: record.stub,
            tries: 1,
            due_at: now + backoff(2, Pause::Unsaid, 0),
            tried_at: Some(now),
            alone_s: 0,
            phase: Phase::Waiting,
        });
    }
    state.retry_records.prune(now);
}

/// Objects of a step whose creation may still be unreported.
pub(super) fn touched<'a>(state: &ResourceState, changes: &'a [Change]) -> Vec<&'a Change> {
    let is_listed = |change: &&Change| state.retry_records.find(&change.object_id).is_some();
    match state.retry_records.records().is_empty() {
        true => Vec::new(),
        false => changes.iter().filter(is_listed).collect(),
    }
}

/// What happens to an object whose creation waits, waits with it: nothing overtakes a creation. `told` are creations
/// that the event log holds.
pub(super) fn join(
    state: &mut ResourceState,
    changes: Vec<Change>,
    told: &HashSet<EventId>,
    creation_of: impl Fn(&Change) -> EventId,
) -> Vec<Change> {
    let kept = changes.into_iter().filter(|change| {
        let is_told = told.contains(&creation_of(change));
        join_one(state, change, is_told)
    });
    kept.collect()
}

/// Whether the change is reported by itself.
fn join_one(state: &mut ResourceState, change: &Change, is_told: bool) -> bool {
    let Some(record) = state.retry_records.find_mut(&change.object_id) else { return true };
    let is_creation = record.kind == ChangeKind::Created;
    match (record.phase, change.kind) {
        // What is reported now is newer than what is waited for.
        (Phase::Waiting, ChangeKind::Created) => {}
        (Phase::Waiting, ChangeKind::Updated) if !is_creation => {}
        (Phase::Waiting | Phase::Gone { .. }, ChangeKind::Updated) if is_creation && !is_told => {
            merge(&mut record.stub, &change.record);
            // It was gone, and somebody speaks of it.
            record.phase = Phase::Waiting;
            return false;
        }
        (Phase::Waiting | Phase::Gone { .. }, ChangeKind::Deleted) if is_creation => {
            state.retry_records.remove(&change.object_id);
            return is_told;
        }
        (Phase::Gone { .. }, ChangeKind::Created) | (_, ChangeKind::Deleted) => {}
        _ => return true,
    }
    state.retry_records.remove(&change.object_id);
    true
}

/// The change, with what is known of the record.
fn incomplete(record: &RetryRecord) -> Change {
    let mut stub = record.stub.clone();
    merge(&mut stub, &serde_json::json!({ INCOMPLETE: true }));
    let version = match record.kind {
        ChangeKind::Created => String::new(),
        _ => record.version.clone(),
    };
    Change {
        object_id: record.object_id.clone(),
        shown_id: None,
        kind: record.kind,
        version,
        at: None,
        record: stub,
        recheck: true,
        again: false,
    }
}

/// What was told without its content has it now.
fn completed(change: Change, version: &str) -> Change {
    // Not a version of the provider's: one of these may have been reported as a change of its labels.
    let version = format!("complete {version}");
    Change { kind: ChangeKind::Updated, version, recheck: true, ..change }
}

#[cfg(test)]
mod tests;
