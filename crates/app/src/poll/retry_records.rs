//! Records that failed on their own: read again now and then, and sent as they are in the end.

use super::Run;
use chrono::Duration;
use connectors::{Call, Error, FailedRecord, Kind};
use domain::event::{Change, ChangeKind};
use domain::resource::ResourceConfig;
use domain::schedule::backoff;
use domain::state::{RETRY_RECORDS_COUNT_MAX, ResourceState, RetryRecord};

/// Records looked at again in one step.
const LOOKS_COUNT_MAX: usize = 8;
/// After so many tries the record goes out without its content. With the back-off about two hours.
const TRIES_COUNT_MAX: u32 = 15;

/// What became of the records that were due.
#[derive(Default)]
pub(super) struct Retried {
    /// Changes that can be reported now.
    pub(super) changes: Vec<Change>,
    /// Records that are done with, by id.
    settled: Vec<String>,
    /// Records that failed again, by id.
    failed_again: Vec<String>,
}

impl Retried {
    pub(super) fn is_empty(&self) -> bool {
        self.settled.is_empty() && self.failed_again.is_empty()
    }
}

/// Reads due records again. What concerns the whole mailbox is an error; the list is then as it was.
pub(super) async fn look_again(
    run: &Run<'_>,
    config: &ResourceConfig,
    call: &Call<'_>,
    state: &ResourceState,
) -> Result<Retried, Error> {
    let mut retried = Retried::default();
    let due = state.retry_records.iter().filter(|record| record.due_at <= call.now).take(LOOKS_COUNT_MAX);
    for record in due {
        let failed = FailedRecord {
            object_id: record.object_id.clone(),
            version: record.version.clone(),
            stub: record.stub.clone(),
        };
        match run.connector.fetch(call, config, &failed).await {
            Ok(change) => {
                retried.changes.extend(change);
                retried.settled.push(failed.object_id);
            }
            Err(error) if !matches!(error.kind, Kind::Unavailable | Kind::Malformed) => return Err(error),
            Err(_) if record.tries >= TRIES_COUNT_MAX => {
                retried.changes.push(incomplete(record));
                retried.settled.push(failed.object_id);
            }
            Err(_) => retried.failed_again.push(failed.object_id),
        }
    }
    Ok(retried)
}

/// Brings the state's list up to date. Returns what has to go out as it is, because the list is full.
pub(super) fn update(
    run: &Run<'_>,
    state: &mut ResourceState,
    retried: &Retried,
    new: Vec<FailedRecord>,
) -> Vec<Change> {
    let now = run.app.now();
    state.retry_records.retain(|record| !retried.settled.contains(&record.object_id));
    for record in &mut state.retry_records {
        if retried.failed_again.contains(&record.object_id) {
            record.tries += 1;
            record.due_at = now + backoff(record.tries + 1, None, u64::from(record.tries));
        }
    }
    for record in new {
        state.retry_records.push(RetryRecord {
            object_id: record.object_id,
            version: record.version,
            stub: record.stub,
            tries: 1,
            due_at: now + Duration::seconds(2),
        });
    }
    let excess = state.retry_records.len().saturating_sub(RETRY_RECORDS_COUNT_MAX);
    state.retry_records.drain(..excess).map(|record| incomplete(&record)).collect()
}

/// The creation, with what is known of the record.
fn incomplete(record: &RetryRecord) -> Change {
    let mut stub = record.stub.clone();
    if let Some(object) = stub.as_object_mut() {
        object.insert("carillonRecordIncomplete".to_owned(), true.into());
    }
    Change {
        object_id: record.object_id.clone(),
        shown_id: None,
        kind: ChangeKind::Created,
        version: String::new(),
        at: None,
        record: stub,
        recheck: true,
    }
}
