//! Reading created messages, a few at a time.

use super::plan::Plan;
use crate::error::{Error, ErrorKind};
use crate::gmail::api;
use crate::gmail::normalise::collapse::Collapsed;
use crate::{Call, FailedRecord, Past, STEP_BYTES_MAX};
use domain::compact_json;
use domain::event::{Change, ChangeKind};
use futures_util::StreamExt as _;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Prefix of a retried record's version if the message came back after its deletion was reported.
const RETURNED: &str = "returned:";

/// A step of which nothing could be read is given up so often, then passed: its records would stop the mailbox for
/// ever.
pub(crate) const STEP_FAILURES_COUNT_MAX: u32 = 3;
/// After so many failures without an answer it is asked for the last of the step: if that fails too, the rest is left.
const LONE_FAILURES_COUNT_MAX: usize = 20;

/// What was read.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) messages: HashMap<String, Value>,
    pub(crate) failed: Vec<FailedRecord>,
    /// Messages that are gone.
    pub(crate) gone: Vec<String>,
    /// What concerns the whole mailbox and ended the reading early.
    pub(crate) halted: Option<Error>,
}

impl Outcome {
    /// Whether it is known what became of this message.
    pub(crate) fn settles(&self, id: &str) -> bool {
        self.messages.contains_key(id)
            || self.gone.iter().any(|gone| gone == id)
            || self.failed.iter().any(|failed| failed.object_id == id)
    }

    /// Leaves to the next step what is beyond the bytes of this one; says whether anything is left.
    pub(crate) fn leave_rest(&mut self, wanted: &[Collapsed]) -> bool {
        let mut bytes = 0;
        for one in wanted {
            if bytes >= STEP_BYTES_MAX {
                self.messages.remove(&one.message_id);
            }
            bytes += self.messages.get(&one.message_id).map_or(0, compact_json::bytes);
        }
        wanted.iter().any(|one| !self.settles(&one.message_id))
    }
}

/// Reads one message, or thread.
pub(crate) async fn read(call: &Call<'_>, plan: &Plan, id: &str) -> Result<Value, Error> {
    let message = api::object(call, plan.collection(), id, &plan.parameters()).await?;
    match message.get("id").and_then(Value::as_str) {
        Some(read) if read == id => Ok(message),
        _ => Err(Error::malformed("message", "it has another id or none")),
    }
}

/// Reads all these messages, or threads; `None` where there are none.
///
/// What concerns the whole mailbox (limits, tokens) ends the reading; what was read until then stands, so that a
/// provider that refuses now and then does not keep a large step from ever ending. A message that fails on its own while
/// others come is set aside; if all fail, the step fails, up to a few times in a row. Beyond the bytes of a step nothing more
/// is asked for: what is long is held no longer than it has to be.
pub(crate) async fn all<'a>(
    call: &Call<'_>,
    plan: &Plan,
    wanted: impl Iterator<Item = &'a Collapsed>,
    past: &Past,
) -> Result<Option<Outcome>, Error> {
    let wanted: Vec<&Collapsed> = wanted.collect();
    if wanted.is_empty() {
        return Ok(None);
    }
    let ids: Vec<String> = wanted.iter().map(|one| one.message_id.clone()).collect();
    let bytes = AtomicUsize::new(0);
    let ids = ids.into_iter().enumerate().take_while(|_| bytes.load(Ordering::Relaxed) < STEP_BYTES_MAX);
    let mut reads = futures_util::stream::iter(ids)
        .map(|(index, id)| async move { (index, read(call, plan, &id).await) })
        .buffer_unordered(plan.reads_at_once());
    let mut outcome = Outcome::default();
    let mut answered = false;
    let gives_up = past.failures < STEP_FAILURES_COUNT_MAX;
    let mut last_error = None;
    while let Some((index, result)) = reads.next().await {
        let one = wanted[index];
        match result {
            Ok(message) => {
                answered = true;
                bytes.fetch_add(compact_json::bytes(&message), Ordering::Relaxed);
                outcome.messages.insert(one.message_id.clone(), message);
            }
            Err(error) if error.kind == ErrorKind::NotFound => {
                answered = true;
                outcome.gone.push(one.message_id.clone());
            }
            // Nothing more is sent; what is under way is still read.
            Err(error) if error.kind == ErrorKind::Halted => drop(outcome.halted.get_or_insert(error)),
            // Who says for how long it wants to be left alone says it to the whole mailbox.
            Err(error) if !error.kind.is_of_object() || error.retry_after_s.is_some() => {
                outcome.halted = Some(error);
                break;
            }
            Err(error) => {
                outcome.failed.push(failed(one));
                last_error = Some(error);
                if !answered && gives_up && outcome.failed.len() == LONE_FAILURES_COUNT_MAX {
                    answered = answers(call, plan, wanted.last()).await;
                    if !answered {
                        break;
                    }
                }
            }
        }
    }
    // That no time was left is the fault of what failed before.
    let ends = |halted: &mut Error| !answered && (halted.kind != ErrorKind::Halted || last_error.is_none());
    match outcome.halted.take_if(ends).or(last_error) {
        Some(error) if !error.kind.is_of_object() => Err(error),
        Some(error) if !answered && gives_up => Err(error),
        _ => Ok(Some(outcome)),
    }
}

/// Whether the provider gives what is far from all that failed.
async fn answers(call: &Call<'_>, plan: &Plan, last: Option<&&Collapsed>) -> bool {
    let Some(last) = last else { return false };
    match read(call, plan, &last.message_id).await {
        Ok(_) => true,
        Err(error) => error.kind == ErrorKind::NotFound,
    }
}

fn failed(one: &Collapsed) -> FailedRecord {
    FailedRecord {
        object_id: one.message_id.clone(),
        kind: ChangeKind::Created,
        version: one.last.to_string(),
        stub: one.stub(),
    }
}

/// The version of a record that comes back and can't be read yet.
pub(crate) fn marked(version: &str) -> String {
    format!("{RETURNED}{version}")
}

/// The creation of a record that was tried again.
pub(crate) fn unmarked(change: Change, record: &FailedRecord) -> Change {
    match record.version.strip_prefix(RETURNED) {
        Some(version) => Change { again: true, version: version.to_owned(), ..change },
        None => change,
    }
}
