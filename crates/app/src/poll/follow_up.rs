//! What a poll leaves to a job, and what it logs.

use super::run::{PollTrigger, Run};
use super::{PollReport, ResourceReport};
use crate::ports::{Job, PollEnded, Result};
use crate::signals::PollEnd;
use chrono::{DateTime, Duration, Utc};
use domain::backfill::is_running;
use domain::schedule::Timetable;
use domain::settings::Settings;

/// A job that comes by so much before its time (clocks differ) is sent again, seconds.
const EARLY_S: i64 = 10;
/// Between polls that read nothing although there is more, seconds.
const BARREN_PAUSE_S: i64 = 2;

impl Run<'_> {
    /// Work that is left, the end of a back-off and failed records get a poll of their own, unless the schedule comes
    /// before; so does whoever came meanwhile. At most one job, sent after the lease was given back: one that came
    /// before would meet it, and leave a mark for nobody.
    pub(super) async fn follow_up(
        &self,
        settings: &Settings,
        report: &PollReport,
        ended: Option<PollEnded>,
    ) -> Result<()> {
        let now = self.app.now();
        let id = self.mailbox.instance.id;
        let is_wanted = report.more || ended == Some(PollEnded::Again);
        // A poll that came to nothing, because its time was too short for a request, must not come again at once.
        let is_barren = report.more && report.resources.iter().all(|(_, one)| !one.read);
        let pause = if is_barren { Duration::seconds(BARREN_PAUSE_S) } else { Duration::zero() };
        let due_at = if is_wanted { Some(now + pause) } else { self.due(settings, now) };
        let Some(due_at) = due_at else { return Ok(()) };
        if due_at >= Timetable::new(id, settings.interval_min).next_after(now) {
            return Ok(());
        }
        let organization_id = self.mailbox.instance.account.organization_id;
        self.app.ports.queue.send_in_turn(organization_id, &[(Job::Poll(id), due_at)]).await
    }

    /// When this poll has to send a job for. What was due before it began has one: of those who find that, only a tick
    /// sends another, because the poll that stored it may have left it to the ticks in between.
    fn due(&self, settings: &Settings, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let due_at = self.next_due(settings)?;
        let is_early = self.way == PollTrigger::Wish && due_at <= now + Duration::seconds(EARLY_S);
        (self.way == PollTrigger::Tick || self.has_written || is_early).then_some(due_at)
    }

    /// When the next thing of this mailbox is due, apart from the schedule.
    fn next_due(&self, settings: &Settings) -> Option<DateTime<Utc>> {
        if self.stopped.as_ref().is_some_and(|stopped| stopped.until.is_none()) {
            return None;
        }
        let mailbox_until = self.mailbox.session.backoff_until;
        let polled = |name: &str| settings.resources.iter().any(|config| config.name == name);
        let is_due = |row: &&crate::ports::ResourceRow| {
            polled(&row.state.resource) || (!row.removed && is_running(&row.state))
        };
        let rows = self.mailbox.resources.iter().filter(is_due);
        let due = rows.filter_map(|row| {
            // One that has passed was looked at, or waits for the schedule.
            let again_at = row.state.again_at.filter(|at| *at > self.app.now());
            let next = row.state.next_look().into_iter().chain(again_at).min();
            // While the resource backs off, its records wait too.
            next.max(row.state.backoff_until)
        });
        due.min().map(|due| due.max(mailbox_until.unwrap_or(due))).or(mailbox_until)
    }
}

pub(super) fn log(run: &Run<'_>, report: &PollReport) {
    let sum = |count: fn(&ResourceReport) -> usize| {
        report.resources.iter().map(|(_, one)| count(one)).sum::<usize>()
    };
    let error = report.resources.iter().find_map(|(_, one)| one.error.as_deref());
    let end = match error {
        Some(_) => PollEnd::Failed,
        None if report.more || sum(|one| one.changes) > 0 => PollEnd::Found,
        None => PollEnd::Idle,
    };
    run.app.signals.poll_ended(end);
    run.trace_poll(end, sum(|one| one.changes));
    if end == PollEnd::Idle {
        tracing::debug!(instance.id = run.mailbox.instance.id.get(), "poll.idle");
        return;
    }
    if error.is_none() && !report.more && run.is_told_by_attempts() {
        return;
    }
    tracing::info!(
        instance.id = run.mailbox.instance.id.get(),
        connector = run.mailbox.instance.connector,
        changes = sum(|one| one.changes),
        events = sum(|one| one.events),
        notifications = sum(|one| one.notifications),
        more = report.more,
        trace.id = %run.trace,
        event.ids = (!run.told.is_empty()).then(|| run.told.join(" ")),
        error,
        success_age_s = success_age_s(run, report),
        "poll.finished"
    );
}

/// Since when what failed was not read, seconds; as it is stored, which may be a heartbeat too long.
fn success_age_s(run: &Run<'_>, report: &PollReport) -> Option<i64> {
    let has_failed = |name: &str| report.resources.iter().any(|(of, one)| of == name && one.error.is_some());
    let states =
        run.mailbox.resources.iter().map(|row| &row.state).filter(|state| has_failed(&state.resource));
    let since = states.filter_map(|state| state.last_success_at.or(state.baseline_at)).min()?;
    Some((run.app.now() - since).num_seconds())
}
