//! Polling one instance: flush what is committed, then read each resource and commit what changed.
//!
//! A mailbox has one poller at a time across all processes, whoever wants it ([`PollTrigger`]). A caller that arrives
//! during a poll leaves a mark and returns; the poller finds it when it releases the lease.

mod archive;
mod backfill;
mod chunks;
mod commit;
mod failure;
mod first_attempts;
mod follow_up;
mod gate;
mod mailbox;
pub(crate) mod outbox;
mod push;
mod report;
mod resource;
mod retry_records;
mod run;
mod spans;
mod step;

pub(crate) use run::PollTrigger;

pub use report::{PollOutcome, PollReport, ResourceReport};

use crate::context::Context;
use crate::health;
use crate::instances;
use crate::ports::{Job, Mailbox, Result, Written};
use crate::settle;
use chrono::{DateTime, Duration, Utc};
use domain::health_reading::Reading;
use domain::ids::InstanceId;
use domain::instance::{Instance, Validity};
use domain::settings::Settings;
use run::Run;

/// Looks at a mailbox whose poller changes each time; then a job looks again.
const LOOKS_COUNT_MAX: usize = 4;
/// When that job comes.
const LOOK_AGAIN_MS: i64 = 1_000;
/// Between two looks of a client that waits for its turn: it doubles from the first to the second.
const WAIT_FIRST_MS: u64 = 250;
const WAIT_MAX_MS: u64 = 1_000;
/// Maximum looks of a waiting client, for a clock that stops or goes back: 20 s and some.
const WAITS_COUNT_MAX: usize = 30;

/// Polls an instance. See [`crate::App::tick`] and [`crate::App::poll`].
pub(crate) async fn poll(
    app: &Context,
    id: InstanceId,
    way: PollTrigger,
    deadline: DateTime<Utc>,
) -> Result<PollOutcome> {
    if app.now() >= deadline {
        app.ports.queue.send(&[(Job::Poll(id), app.now())]).await?;
        return Ok(PollOutcome::Busy);
    }
    for _ in 0..LOOKS_COUNT_MAX {
        if let Some(outcome) = look(app, id, way, deadline).await? {
            return Ok(outcome);
        }
    }
    app.ports.queue.send(&[(Job::Poll(id), app.now() + Duration::milliseconds(LOOK_AGAIN_MS))]).await?;
    Ok(PollOutcome::Busy)
}

/// Polls for a client who waits. Of an organization so many are made at once, and so many wait: another becomes a job,
/// which has its turn beside those of other organizations.
pub(crate) async fn asked(
    app: &Context,
    instance: &Instance,
    deadline: DateTime<Utc>,
) -> Result<PollOutcome> {
    let place = app.poll_shares.enter(instance.account.organization_id).await;
    if place.is_some() {
        return poll(app, instance.id, PollTrigger::Asked, deadline).await;
    }
    app.ports.queue.send(&[(Job::Poll(instance.id), app.now())]).await?;
    Ok(PollOutcome::Busy)
}

/// `None` if another began or ended a poll in between: read again.
async fn look(
    app: &Context,
    id: InstanceId,
    way: PollTrigger,
    deadline: DateTime<Utc>,
) -> Result<Option<PollOutcome>> {
    let mut read = mailbox_in_turn(app, id, way, deadline).await?;
    let is_marked = |mailbox: &Mailbox| {
        mailbox.instance.is_unsettled() || health::has_news(app, mailbox, &Reading::Unknown)
    };
    if read.as_ref().is_some_and(is_marked) {
        settle::marked(app, id).await;
        // That took time, in which another process may have been throttled, or somebody changed the instance.
        read = app.ports.store.mailbox(id).await?;
    }
    let Some(mailbox) = read else {
        // Something late has made it anew, or it was never removed: it would come again and again.
        app.ports.schedule.remove(id).await?;
        return Ok(Some(PollOutcome::NotFound));
    };
    let (connector, settings) = instances::understood(app, &mailbox.instance)?;
    if let Some(reason) = not_polled(&mailbox, &settings) {
        outbox::flush(app, &mailbox).await?;
        // A schedule may have brought us that should be off. Nothing depends on its ticks now: the outbox names no more than
        // attempts that have begun, which leave it themselves, or with the next start.
        settle::whole(app, id).await?;
        return Ok(Some(reason));
    }
    if mailbox.poller.is_leased(app.now()) {
        return ask_the_holder(app, &mailbox, way).await;
    }
    let mut run = Run::of(app, mailbox, connector, way, deadline, settings.interval_min);
    let polled = run.all(&settings).await;
    let ended = run.gate.end().await;
    if polled.is_err() || run.gate.is_lost().await {
        run.enqueue_unsent().await?;
    }
    // A failed poll is run again, and begins with what this one left: the lease is not kept from it.
    let report = polled?;
    if run.gate.is_lost().await {
        return Ok(None);
    }
    run.follow_up(&settings, &report, ended?).await?;
    follow_up::log(&run, &report);
    run.attempt_unsent().await?;
    if health::has_news(app, &run.mailbox, &run.push) {
        settle::marked(app, id).await;
    }
    Ok(Some(PollOutcome::Polled(report)))
}

/// The mailbox; a client waits until no other polls it, or its time is over.
async fn mailbox_in_turn(
    app: &Context,
    id: InstanceId,
    way: PollTrigger,
    deadline: DateTime<Utc>,
) -> Result<Option<Mailbox>> {
    let mut wait_ms = WAIT_FIRST_MS;
    for _ in 0..WAITS_COUNT_MAX {
        let mailbox = app.ports.store.mailbox(id).await?;
        let now = app.now();
        let is_held = mailbox.as_ref().is_some_and(|mailbox| mailbox.poller.is_leased(now));
        let wait = std::time::Duration::from_millis(wait_ms);
        if way != PollTrigger::Asked || !is_held || now + wait >= deadline {
            return Ok(mailbox);
        }
        app.ports.clock.sleep(wait).await;
        wait_ms = (wait_ms * 2).min(WAIT_MAX_MS);
    }
    app.ports.store.mailbox(id).await
}

/// Another polls: leaves a mark so that it looks again, unless there is one.
///
/// A dead holder does not look again. Ticks come again by themselves; a client was promised that its poll continues;
/// and what a job has to send, because it was committed, is sent now.
async fn ask_the_holder(app: &Context, mailbox: &Mailbox, way: PollTrigger) -> Result<Option<PollOutcome>> {
    let (id, poller) = (mailbox.instance.id, mailbox.poller);
    if way == PollTrigger::Wish && mailbox.resources.iter().any(|row| !row.outbox.is_empty()) {
        outbox::flush(app, mailbox).await?;
    }
    let asked = match poller.again {
        true => Written::Done,
        false => app.ports.store.ask_again(id, poller.fence, app.now()).await?,
    };
    match (asked, way, poller.until) {
        (Written::Conflict, ..) => return Ok(None),
        (Written::Gone, ..) => return Ok(Some(PollOutcome::NotFound)),
        (Written::Done, PollTrigger::Asked, Some(until)) => {
            app.ports.queue.send(&[(Job::Poll(id), until)]).await?
        }
        (Written::Done, ..) => {}
    }
    Ok(Some(PollOutcome::Busy))
}

impl Run<'_> {
    /// Reads everything there is.
    async fn all(&mut self, settings: &Settings) -> Result<PollReport> {
        let mut report = PollReport::default();
        self.sort_outboxes().await?;
        let looks = match self.way {
            PollTrigger::Tick => !self.has_work_left(),
            PollTrigger::Kept => true,
            PollTrigger::Wish | PollTrigger::Asked | PollTrigger::Hinted(_) => false,
        };
        if !looks && !self.gate.hold().await? {
            return Ok(report);
        }
        outbox::flush(self.app, &self.mailbox).await?;
        self.respect_backoff();
        if !self.keep_push(settings).await? {
            return Ok(report);
        }
        let mut unfinished = Vec::new();
        for config in &settings.resources {
            let (one, more) = resource::poll(self, config).await?;
            report.more |= more;
            unfinished.extend(more.then(|| config.name.clone()));
            report.resources.push((config.name.clone(), one));
        }
        report.more |= backfill::all(self, settings, &unfinished).await?;
        self.learn_address(&report).await?;
        Ok(report)
    }
}

fn not_polled(mailbox: &Mailbox, settings: &Settings) -> Option<PollOutcome> {
    let instance = &mailbox.instance;
    if instance.deleted_at.is_some() {
        return Some(PollOutcome::NotFound);
    }
    if instance.disabled {
        return Some(PollOutcome::NotPolled("the instance is disabled".to_owned()));
    }
    match &instance.validity {
        Validity::Valid if !settings.events_enabled => {
            Some(PollOutcome::NotPolled("events are off".to_owned()))
        }
        Validity::Valid => None,
        Validity::NeedsSignIn(reason) => Some(PollOutcome::NotPolled(reason.clone())),
    }
}
