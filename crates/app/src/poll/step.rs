//! One step: what to read, what was read, and why it could not be.

use super::gate::Halt;
use super::retry_records::{self, Retried};
use super::run::{Run, seconds_until};
use crate::ports::Result;
use crate::tokens::NoToken;
use chrono::{DateTime, Utc};
use connectors::{Baseline, Call, Error, ErrorKind, Past, Step, Window};
use domain::backfill::Backfill;
use domain::resource::ResourceConfig;
use domain::state::ResourceState;

/// What is to be read.
#[derive(Clone, Copy)]
pub(super) enum ReadTarget<'a> {
    /// The next step of the walk, or the first position of all.
    Step,
    /// Records that failed.
    Looks,
    /// The next stretch of a backfill.
    Backfill(&'a Backfill),
}

/// What one step brought.
pub(super) struct ReadStep {
    pub(super) step: Step,
    pub(super) begins: Begins,
    /// The records of the retry list that were looked at again.
    pub(super) retried: Retried,
    /// When the walk began to read, if it read all that the provider showed.
    pub(super) complete_at: Option<DateTime<Utc>>,
}

impl ReadStep {
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
    Baseline { identity: Option<String>, address: Option<String> },
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
    Token(NoToken),
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
    wanted: ReadTarget<'_>,
) -> Result<std::result::Result<ReadStep, Failure>> {
    for refused in [false, true] {
        let token = match run.token(refused).await {
            Ok(token) => token,
            Err(NoToken::Port(error)) => return Err(error),
            Err(failure) => return Ok(Err(Failure::Token(failure))),
        };
        let archive = run.archive(config);
        let read = match wanted {
            ReadTarget::Backfill(backfill) => stretch(run, config, state, backfill, &token).await,
            ReadTarget::Looks => looks(run, config, state, &token).await,
            ReadTarget::Step => {
                let call = Call { archive: Some(&archive), ..run.call(&token) };
                walked(run, config, state, &call).await
            }
        };
        if let (Err(_), Some(fault)) = (&read, archive.fault()) {
            return Err(fault);
        }
        match read {
            Ok(read) => return Ok(Ok(read)),
            Err(error) if error.kind == ErrorKind::Unauthorized && !refused => {}
            Err(error) => return run.failure(error).map(Err),
        }
    }
    Ok(Err(Failure::Provider(Error::new(ErrorKind::Unauthorized, "the provider refuses the access token"))))
}

async fn walked(
    run: &Run<'_>,
    config: &ResourceConfig,
    state: &ResourceState,
    call: &Call<'_>,
) -> std::result::Result<ReadStep, Error> {
    let Some(cursor) = &state.cursor else { return baseline(run, config, call).await };
    let past = past(state, run);
    let step = match run.connector.poll(call, config, cursor, &past).await {
        Err(error) if error.kind == ErrorKind::CursorExpired => {
            run.connector.recover(call, cursor, &past).await?
        }
        step => step?,
    };
    let complete_at = (!step.more && step.halted.is_none()).then_some(call.now);
    Ok(ReadStep { step, begins: Begins::Walk, retried: Retried::default(), complete_at })
}

async fn looks(
    run: &Run<'_>,
    config: &ResourceConfig,
    state: &ResourceState,
    token: &str,
) -> std::result::Result<ReadStep, Error> {
    let retried = retry_records::look_again(run, config, &run.call(token), state).await?;
    Ok(ReadStep { step: Step::nothing(), begins: Begins::Looks, retried, complete_at: None })
}

async fn baseline(
    run: &Run<'_>,
    config: &ResourceConfig,
    call: &Call<'_>,
) -> std::result::Result<ReadStep, Error> {
    let Baseline { cursor, identity, address } = run.connector.baseline(call, config).await?;
    let step = Step { cursor, moved: true, ..Step::nothing() };
    let begins = Begins::Baseline { identity, address };
    Ok(ReadStep { step, begins, retried: Retried::default(), complete_at: Some(call.now) })
}

fn past(state: &ResourceState, run: &Run<'_>) -> Past {
    let baseline_at = state.baseline_at.unwrap_or(run.mailbox.instance.created_at);
    Past {
        baseline_at,
        last_success_at: state.last_success_at.unwrap_or(baseline_at),
        failures: state.failures,
        log_since: run.app.log_since(),
        number: Some(run.number),
    }
}

/// Reads the next stretch with this token.
async fn stretch(
    run: &Run<'_>,
    config: &ResourceConfig,
    state: &ResourceState,
    backfill: &Backfill,
    token: &str,
) -> std::result::Result<ReadStep, Error> {
    let call = run.call(token);
    let mut next = backfill.clone();
    // What the log has forgotten meanwhile could come twice.
    let from = backfill.from.max(call.now - run.app.config.retention);
    let is_listed = backfill.to <= from;
    let past = Past {
        baseline_at: from,
        last_success_at: from,
        failures: state.failures,
        log_since: run.app.log_since(),
        number: None,
    };
    let window = Window { from, to: backfill.to };
    let mut step = match is_listed {
        true => Step::nothing(),
        false => run.connector.backfill(&call, config, window, backfill.position.as_ref(), &past).await?,
    };
    next.is_listed = !step.more;
    next.position = Some(std::mem::take(&mut step.cursor));
    step.moved = true;
    let begins = Begins::Backfill(Box::new(next));
    Ok(ReadStep { step, begins, retried: Retried::default(), complete_at: None })
}

impl Run<'_> {
    /// What an error of a connector means here: where nothing was sent, the gate knows why.
    pub(super) fn failure(&self, error: Error) -> Result<Failure> {
        if error.kind != ErrorKind::Halted {
            return Ok(Failure::Provider(error));
        }
        match self.gate.halted() {
            Halt::Deadline => Ok(Failure::Late),
            Halt::Lost => Ok(Failure::Lost),
            Halt::Fault(error) => Err(error),
            Halt::Limited(until) => {
                let mut error = Error::new(ErrorKind::RateLimited, "the provider asked for a pause");
                error.retry_after_s = Some(seconds_until(self.app.now(), until));
                Ok(Failure::Provider(error))
            }
        }
    }

    /// After a step that ended early: a refused token is refreshed, and the poll goes on; anything else is a
    /// failure.
    pub(super) async fn refresh_if_refused(&mut self, error: Error) -> Result<Option<Failure>> {
        if error.kind != ErrorKind::Unauthorized {
            return self.failure(error).map(Some);
        }
        match self.token(true).await {
            Ok(_) => Ok(None),
            Err(NoToken::Port(error)) => Err(error),
            Err(failure) => Ok(Some(Failure::Token(failure))),
        }
    }
}
