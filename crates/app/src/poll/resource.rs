//! Polling one resource: a bounded number of steps, each committed before the next.

use super::commit::Committed;
use super::retry_records::{self, Retried};
use super::{ResourceReport, Run, backfill};
use crate::ports::Result;
use chrono::{DateTime, Utc};
use connectors::{Call, Error, Kind, Past, Scratch, Step};
use domain::backfill::Backfill;
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
            // Another poll went on from here, or the instance is gone: a fresh look tells.
            Committed::Lost => return Ok((report, true)),
            // When the records have become fewer it goes on.
            Committed::Full => {
                report.error = Some("too many records wait to be read again".to_owned());
                turns.more = false;
            }
        }
        if let Some(error) = halted
            && let Some(failure) = run.passes(error).await?
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
    fn next<'a>(&mut self, state: &ResourceState, now: DateTime<Utc>) -> Option<Wanted<'a>> {
        let is_due = retry_records::is_due(state, now);
        self.looked = is_due && !(self.looked && self.more);
        match self.looked {
            true => Some(Wanted::Looks),
            false => self.more.then_some(Wanted::Step),
        }
    }
}

/// What is to be read.
#[derive(Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// The next step of the walk, or the first position of all.
    Step,
    /// Records that failed.
    Looks,
    /// The next stretch of a backfill.
    Backfill(&'a Backfill),
}

/// What one step brought.
pub(super) struct Read {
    pub(super) step: Step,
    pub(super) begins: Begins,
    /// The records of the retry list that were looked at again.
    pub(super) retried: Retried,
}

impl Read {
    /// Why it ended early, if it did.
    pub(super) fn halted(&mut self) -> Option<Error> {
        self.step.halted.take().or(self.retried.halted.take())
    }
}

/// What the step's position is to the state.
pub(super) enum Begins {
    /// The next position of the walk.
    Walk,
    /// The first one: it reports nothing and starts the state. Whose mailbox it is, if that is told.
    Baseline { identity: Option<String> },
    /// None: records that failed were looked at.
    Looks,
    /// No position of the walk, but of this backfill.
    Backfill(Box<Backfill>),
}

/// Why a step could not be read.
pub(super) enum Failure {
    /// The provider said no.
    Provider(Error),
    /// There is no access token.
    Token(crate::tokens::NoToken),
    /// The poll's time is over: what is left is for the next one.
    Late,
    /// Somebody else polls the mailbox.
    Lost,
}

/// Reads what is wanted; a refused token is refreshed and the step tried again, once.
pub(super) async fn read(
    run: &mut Run<'_>,
    config: &ResourceConfig,
    state: &ResourceState,
    wanted: Wanted<'_>,
) -> Result<std::result::Result<Read, Failure>> {
    for refused in [false, true] {
        let token = match run.token(refused).await {
            Ok(token) => token,
            Err(crate::tokens::NoToken::Port(error)) => return Err(error),
            Err(failure) => return Ok(Err(Failure::Token(failure))),
        };
        let read = match wanted {
            Wanted::Backfill(backfill) => backfill::read_with(run, config, state, backfill, &token).await,
            Wanted::Looks => looks(run, config, state, &token).await,
            Wanted::Step => read_with(run, config, state, &token).await,
        };
        match read {
            Ok(read) => return Ok(Ok(read)),
            Err(error) if error.kind == Kind::Unauthorized && !refused => {}
            Err(error) => return run.failure(error).map(Err),
        }
    }
    Ok(Err(Failure::Provider(Error::new(Kind::Unauthorized, "the provider refuses the access token"))))
}

async fn read_with(
    run: &Run<'_>,
    config: &ResourceConfig,
    state: &ResourceState,
    token: &str,
) -> std::result::Result<Read, Error> {
    let call = run.call(token);
    let Some(cursor) = &state.cursor else { return baseline(run, config, &call).await };
    let past = past(state, run);
    let step = match run.connector.poll(&call, config, cursor, &past).await {
        Err(error) if error.kind == Kind::CursorExpired => {
            run.connector.recover(&call, cursor, &past).await?
        }
        step => step?,
    };
    Ok(Read { step, begins: Begins::Walk, retried: Retried::default() })
}

async fn looks(
    run: &Run<'_>,
    config: &ResourceConfig,
    state: &ResourceState,
    token: &str,
) -> std::result::Result<Read, Error> {
    let retried = retry_records::look_again(run, config, &run.call(token), state).await?;
    Ok(Read { step: Step::nothing(), begins: Begins::Looks, retried })
}

async fn baseline(
    run: &Run<'_>,
    config: &ResourceConfig,
    call: &Call<'_>,
) -> std::result::Result<Read, Error> {
    let baseline = run.connector.baseline(call, config).await?;
    let step = Step { cursor: baseline.cursor, moved: true, ..Step::nothing() };
    let begins = Begins::Baseline { identity: baseline.identity };
    Ok(Read { step, begins, retried: Retried::default() })
}

fn past(state: &ResourceState, run: &Run<'_>) -> Past {
    let baseline_at = state.baseline_at.unwrap_or(run.mailbox.instance.created_at);
    Past {
        baseline_at,
        last_success_at: state.last_success_at.unwrap_or(baseline_at),
        failures: state.failures,
        log_since: run.app.log_since(),
    }
}
