//! Polling one instance: flush what is committed, then read each resource and commit what changed.

mod backfill;
mod commit;
mod failure;
pub(crate) mod outbox;
mod report;
mod resource;
mod retry_records;

pub use report::{PollOutcome, PollReport, ResourceReport};

use crate::app::Inner;
use crate::ports::{Job, Mailbox, Result};
use crate::settle;
use chrono::{DateTime, Utc};
use connectors::Connector;
use domain::ids::InstanceId;
use domain::instance::Validity;
use domain::schedule::Timetable;
use domain::settings::Settings;
use std::sync::Arc;

/// One poll under way.
pub(crate) struct Run<'a> {
    pub(crate) app: &'a Inner,
    pub(crate) mailbox: Mailbox,
    pub(crate) connector: &'a Arc<dyn Connector>,
    pub(crate) deadline: DateTime<Utc>,
    /// The token of this poll, once it was needed.
    pub(crate) token: Option<String>,
    /// The mailbox as a whole failed: no more provider calls in this poll.
    pub(crate) stopped: Option<Stopped>,
}

/// Why no resource of the mailbox can be read now.
#[derive(Debug, Clone)]
pub(crate) struct Stopped {
    pub(crate) error: String,
    pub(crate) until: Option<DateTime<Utc>>,
}

/// Polls an instance. See [`crate::App::poll`].
pub(crate) async fn poll(app: &Inner, id: InstanceId, deadline: DateTime<Utc>) -> Result<PollOutcome> {
    let _held = app.locks.hold(id).await;
    if app.now() >= deadline {
        app.ports.queue.send(&[(Job::Poll(id), app.now())]).await?;
        return Ok(PollOutcome::Polled(PollReport { resources: Vec::new(), more: true }));
    }
    let Some(mailbox) = app.ports.store.mailbox(id).await? else {
        // Something late has made it anew, or it was never removed: it would come again and again.
        app.ports.schedule.remove(id).await?;
        return Ok(PollOutcome::NotFound);
    };
    outbox::flush(app, &mailbox).await?;
    if !mailbox.instance.unsettled.is_empty() {
        settle::marked(app, id).await;
    }
    let (connector, settings) = app.understood(&mailbox.instance)?;
    if let Some(reason) = not_polled(&mailbox, &settings) {
        // A schedule may have brought us that should be off. The outbox is empty now, so nothing depends on its ticks.
        settle::whole(app, id).await?;
        return Ok(reason);
    }
    let mut run = Run { app, mailbox, connector, deadline, token: None, stopped: None };
    run.respect_backoff();
    let mut report = PollReport::default();
    let mut unfinished = Vec::new();
    for config in &settings.resources {
        let (one, more) = resource::poll(&mut run, config).await?;
        report.more |= more;
        unfinished.extend(more.then(|| config.name.clone()));
        report.resources.push((config.name.clone(), one));
    }
    report.more |= backfill::all(&mut run, &settings, &unfinished).await?;
    follow_up(&run, &settings, &mut report).await?;
    log(&run, &report);
    Ok(PollOutcome::Polled(report))
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

/// Work that is left, the end of a back-off and failed records each get a poll of their own, unless the
/// schedule comes before.
async fn follow_up(run: &Run<'_>, settings: &Settings, report: &mut PollReport) -> Result<()> {
    let now = run.app.now();
    let due_at = if report.more { Some(now) } else { run.next_due(settings) };
    let Some(due_at) = due_at else { return Ok(()) };
    let id = run.mailbox.instance.id;
    if due_at >= Timetable::new(id, settings.interval_min).next_after(now) {
        return Ok(());
    }
    run.app.ports.queue.send(&[(Job::Poll(id), due_at)]).await
}

fn log(run: &Run<'_>, report: &PollReport) {
    let sum = |count: fn(&ResourceReport) -> usize| {
        report.resources.iter().map(|(_, one)| count(one)).sum::<usize>()
    };
    let error = report.resources.iter().find_map(|(_, one)| one.error.as_deref());
    if error.is_none() && !report.more && sum(|one| one.changes) == 0 {
        tracing::debug!(instance.id = run.mailbox.instance.id.get(), "poll.idle");
        return;
    }
    tracing::info!(
        instance.id = run.mailbox.instance.id.get(),
        connector = run.mailbox.instance.connector,
        changes = sum(|one| one.changes),
        events = sum(|one| one.events),
        notifications = sum(|one| one.notifications),
        more = report.more,
        error,
        "poll.finished"
    );
}
