//! Polling one resource: a bounded number of steps, each committed before the next.

use super::ResourceReport;
use super::commit::Committed;
use super::retry_records;
use super::run::Run;
use super::step::{ReadTarget, read};
use crate::ports::Result;
use chrono::{DateTime, Utc};
use connectors::Scratch;
use domain::resource::ResourceConfig;
use domain::state::ResourceState;

/// Steps of one poll; what is left goes on as a job, so that one mailbox does not keep a worker.
const STEPS_COUNT_MAX: usize = 40;

/// Polls one resource; says what was found and whether there is more.
pub(super) async fn poll(run: &mut Run<'_>, config: &ResourceConfig) -> Result<(ResourceReport, bool)> {
    let mut report = ResourceReport::default();
    let Some(mut state) = run.state_of(&config.name) else { return Ok((report, false)) };
    if run.refuse_early(&state, &mut report) {
        return Ok((report, false));
    }
    run.gate.next_resource().await;
    run.scratch = Scratch::default();
    let mut turns = Turns { more: true, looked: false };
    for _ in 0..STEPS_COUNT_MAX {
        let Some(wanted) = turns.next(&state, run.app.now()) else { return Ok((report, false)) };
        // Changes of the instance come between two steps, and do not wait for the whole poll.
        let _held = run.app.locks.hold(run.mailbox.instance.id).await;
        let mut read = match read(run, config, &state, wanted).await? {
            Ok(read) => read,
            Err(failure) => {
                let more = run.failed(&mut state, failure, &mut report).await?;
                return Ok((report, more));
            }
        };
        report.read = true;
        let more = read.step.more;
        let halted = read.halted();
        match run.commit(config, &mut state, read, &mut report).await? {
            Committed::Done if turns.looked => {}
            Committed::Done => turns.more = more,
            // Another poll went on from here, or the instance is gone: read again.
            Committed::Lost => return Ok((report, true)),
            // When the records have become fewer it goes on.
            Committed::Full => {
                report.error = Some("too many records wait to be read again".to_owned());
                turns.more = false;
            }
        }
        if let Some(error) = halted
            && let Some(failure) = run.refresh_if_refused(error).await?
        {
            let more = run.failed(&mut state, failure, &mut report).await?;
            return Ok((report, more));
        }
        if run.app.now() >= run.deadline {
            break;
        }
    }
    Ok((report, true))
}

/// Whose turn it is: the walk's, or that of records that failed. Neither holds the other up.
struct Turns {
    /// The walk has more to read.
    more: bool,
    /// The last turn was not the walk's.
    looked: bool,
}

impl Turns {
    fn next<'a>(&mut self, state: &ResourceState, now: DateTime<Utc>) -> Option<ReadTarget<'a>> {
        let is_due = retry_records::is_due(state, now);
        self.looked = is_due && !(self.looked && self.more);
        match self.looked {
            true => Some(ReadTarget::Looks),
            false => self.more.then_some(ReadTarget::Step),
        }
    }
}
