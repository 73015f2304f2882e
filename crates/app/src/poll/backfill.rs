//! Taking a backfill further, after the resources of a poll: a bounded number of steps, each committed.

use super::ResourceReport;
use super::commit::Committed;
use super::retry_records;
use super::run::Run;
use super::step::{ReadTarget, read};
use crate::ports::Result;
use domain::backfill::{Backfill, Status};
use domain::resource::ResourceConfig;
use domain::settings::Settings;
use domain::state::ResourceState;

/// Steps of one poll: the polls of the mailbox go on meanwhile.
const STEPS_COUNT_MAX: usize = 10;

/// Takes each backfill of the mailbox further; whether there is more to do now. A resource whose own poll has more to
/// read is left for later: what the poll has not come to yet is its business.
pub(super) async fn all(run: &mut Run<'_>, settings: &Settings, unfinished: &[String]) -> Result<bool> {
    let rows = run.mailbox.resources.iter().filter(|row| !row.removed && is_left(&row.state));
    let states: Vec<ResourceState> = rows.map(|row| row.state.clone()).collect();
    let mut more = false;
    for state in states {
        let Some(backfill) = Backfill::of(&state) else { continue };
        // Removing a resource from the configuration removes its backfill.
        let Some(config) = settings.resources.iter().find(|config| config.name == backfill.resource) else {
            continue;
        };
        match unfinished.contains(&config.name) || run.app.now() >= run.deadline {
            true => more = true,
            false => more |= one(run, config, state).await?,
        }
    }
    Ok(more)
}

/// There is more of the window, or records of it are looked at again: those too that were told without their content.
fn is_left(state: &ResourceState) -> bool {
    match Backfill::of(state).map(|backfill| backfill.status(state)) {
        Some(Status::Running) => true,
        Some(Status::Done) => state.next_look().is_some(),
        Some(Status::Failed) | None => false,
    }
}

async fn one(run: &mut Run<'_>, config: &ResourceConfig, mut state: ResourceState) -> Result<bool> {
    let mut report = ResourceReport::default();
    if run.refuse_early(&state, &mut report) {
        return Ok(false);
    }
    for _ in 0..STEPS_COUNT_MAX {
        let Some(backfill) = Backfill::of(&state) else { return Ok(false) };
        let wanted = match retry_records::is_due(&state, run.app.now()) {
            true => ReadTarget::Looks,
            false if backfill.is_listed => return Ok(false),
            false => ReadTarget::Backfill(&backfill),
        };
        let mut read = match read(run, config, &state, wanted).await? {
            Ok(read) => read,
            Err(failure) => {
                return run.failed(&mut state, failure, &mut report).await;
            }
        };
        let halted = read.halted();
        match run.commit(config, &mut state, read, &mut report).await? {
            Committed::Lost => return Ok(true),
            // What is left waits for its time.
            Committed::Full => return Ok(false),
            Committed::Done => {}
        }
        if let Some(error) = halted
            && let Some(failure) = run.refresh_if_refused(error).await?
        {
            return run.failed(&mut state, failure, &mut report).await;
        }
        if run.app.now() >= run.deadline {
            break;
        }
    }
    Ok(true)
}
