//! Looking at one instance, or at one thing that may have none. Nothing is changed here.

use super::check::Others;
use super::finding::Finding;
use crate::context::Context;
use crate::instances;
use crate::ports::{Administration, AttemptKey, Job, LogPage, Mailbox, Notification, OwnedItem, Result};
use crate::settle::{is_polled, is_release_left};
use chrono::{DateTime, Utc};
use domain::backfill::is_row;
use domain::delivery::SubscriptionStatus;
use domain::ids::{InstanceId, Sequence};
use domain::schedule::Timetable;
use domain::settings::Settings;
use domain::state::frozen_after;

/// Undelivered notifications read at once; each comes with its body.
const PENDING_PAGE_SIZE: usize = 25;
/// Undelivered notifications of an instance looked at, oldest first: what is beyond is found next time.
const PENDING_COUNT_MAX: usize = 2_000;

/// What one look needs.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) app: &'a Context,
    pub(super) host: &'a dyn Administration,
    pub(super) now: DateTime<Utc>,
    /// What has not changed since then is not under way.
    pub(super) settled_until: DateTime<Utc>,
    pub(super) others: Others,
}

/// A finding, before anything is done about it.
pub(super) struct Spotted {
    pub(super) finding: Finding,
    /// Old enough to be sure that no process is working on it.
    pub(super) is_settled: bool,
    /// The jobs that are missing, of [`Finding::DeliveriesLost`].
    pub(super) lost: Vec<(Job, DateTime<Utc>)>,
}

impl Spotted {
    /// Something that is only shown.
    pub(super) fn note(finding: Finding) -> Self {
        Spotted { finding, is_settled: true, lost: Vec::new() }
    }
}

impl Surroundings<'_> {
    /// What is amiss with an instance.
    pub(super) async fn examine(&self, id: InstanceId) -> Result<Vec<Spotted>> {
        let Some(mailbox) = self.app.ports.store.mailbox(id).await? else { return Ok(Vec::new()) };
        if let Some(deleted_at) = mailbox.instance.deleted_at {
            let spotted = self.without_job(Job::Purge(id), Finding::DeletionUnfinished, deleted_at).await?;
            return Ok(Vec::from_iter(spotted));
        }
        let (_, settings) = instances::understood(self.app, &mailbox.instance)?;
        let mut spotted = Vec::new();
        spotted.extend(self.schedule(&mailbox, &settings).await?);
        spotted.extend(self.outbox(&mailbox).await?);
        spotted.extend(self.release(&mailbox).await?);
        spotted.extend(self.deliveries(&mailbox).await?);
        spotted.extend(self.frozen(&mailbox, &settings).map(Spotted::note));
        Ok(spotted)
    }

    /// A schedule or secrets, if they have no instance.
    pub(super) async fn orphan(&self, kept: OwnedItem, finding: &Finding) -> Result<Option<Spotted>> {
        let is_kept = self.app.ports.store.instance(kept.instance).await?.is_some();
        if is_kept || self.is_promised(kept.instance).await? {
            return Ok(None);
        }
        // A creation stores its secrets first, and the row that makes them valid last.
        let is_settled = match kept.made_at {
            Some(made_at) => made_at <= self.settled_until,
            None => self.others == Others::Stopped,
        };
        Ok(Some(Spotted { is_settled, ..Spotted::note(finding.clone()) }))
    }

    /// A finding, unless there is a job that is about to set it right: this one, or one that settles the instance.
    async fn without_job(&self, job: Job, finding: Finding, since: DateTime<Utc>) -> Result<Option<Spotted>> {
        if self.host.holds(&job).await? == Some(true) {
            return Ok(None);
        }
        if let Some(id) = job.instance()
            && self.is_promised(id).await?
        {
            return Ok(None);
        }
        Ok(Some(Spotted { is_settled: since <= self.settled_until, ..Spotted::note(finding) }))
    }

    /// Whether a job is about to bring all in line with the instance's row.
    async fn is_promised(&self, id: InstanceId) -> Result<bool> {
        let job = Job::Settle { instance: id, since: self.now };
        Ok(self.host.holds(&job).await? == Some(true))
    }

    async fn schedule(&self, mailbox: &Mailbox, settings: &Settings) -> Result<Option<Spotted>> {
        let instance = &mailbox.instance;
        let wanted_s = Timetable::new(instance.id, settings.interval_min).interval_s;
        let stored = self.host.schedule(instance.id).await?;
        let finding = match (stored, is_polled(instance, settings)) {
            (None, true) => Finding::ScheduleMissing,
            (Some(stored), true) if !stored.is_enabled => Finding::ScheduleOff,
            (Some(stored), false) if stored.is_enabled => Finding::ScheduleOn,
            (Some(stored), true) if stored.interval_s != wanted_s => {
                Finding::WrongInterval { stored_s: stored.interval_s, wanted_s }
            }
            (Some(stored), _) if stored.is_former => Finding::FormerSchedule,
            _ if instance.is_unsettled() => Finding::ChangeUnsettled,
            _ => return Ok(None),
        };
        if self.is_promised(instance.id).await? {
            return Ok(None);
        }
        let is_settled = instance.updated_at <= self.settled_until;
        Ok(Some(Spotted { is_settled, ..Spotted::note(finding) }))
    }

    async fn outbox(&self, mailbox: &Mailbox) -> Result<Option<Spotted>> {
        let id = mailbox.instance.id;
        let mut names: Vec<Sequence> =
            mailbox.resources.iter().flat_map(|row| row.outbox.iter().copied()).collect();
        let told = self.app.ports.store.delivered(id, &names).await?;
        names.retain(|name| !told.contains(name));
        let Some(oldest) = names.iter().min() else { return Ok(None) };
        let finding = Finding::OutboxNotFlushed { count: names.len() };
        self.without_job(Job::Poll(id), finding, committed_at(*oldest)).await
    }

    async fn release(&self, mailbox: &Mailbox) -> Result<Option<Spotted>> {
        let subscription = &mailbox.subscription;
        let lease_until = subscription.lease_until.filter(|_| self.others == Others::Running);
        if !is_release_left(mailbox) || lease_until.is_some_and(|until| until > self.now) {
            return Ok(None);
        }
        let since = lease_until.unwrap_or(mailbox.instance.updated_at);
        self.without_job(Job::Release(mailbox.instance.id), Finding::ReleaseAbandoned, since).await
    }

    async fn deliveries(&self, mailbox: &Mailbox) -> Result<Option<Spotted>> {
        let instance = &mailbox.instance;
        let count = self.host.undelivered_count(instance.id).await?;
        if count == 0 {
            return Ok(None);
        }
        match mailbox.subscription.status {
            SubscriptionStatus::Releasing => Ok(None),
            SubscriptionStatus::Suspended => {
                let reason = mailbox.subscription.reason.clone().unwrap_or_default();
                Ok(Some(Spotted::note(Finding::Queued { count, reason })))
            }
            SubscriptionStatus::Active => {
                let lost = self.lost(mailbox).await?;
                let finding = Finding::DeliveriesLost { count: lost.len() };
                Ok((!lost.is_empty()).then(|| Spotted { lost, ..Spotted::note(finding) }))
            }
        }
    }

    /// The jobs that pending notifications should have and do not. A queue that can't be asked is taken to have
    /// lost what is overdue: a job too many finds its attempt decided.
    async fn lost(&self, mailbox: &Mailbox) -> Result<Vec<(Job, DateTime<Utc>)>> {
        let mut lost = Vec::new();
        let mut page = LogPage { before: None, limit: PENDING_PAGE_SIZE, pending_only: true };
        for _ in 0..PENDING_COUNT_MAX / PENDING_PAGE_SIZE {
            let pending = self.app.ports.store.notifications(mailbox.instance.id, page).await?.rows;
            for notification in &pending {
                lost.extend(self.lost_job(mailbox, notification).await?);
            }
            page.before = pending.last().map(|last| last.sequence);
            if pending.len() < PENDING_PAGE_SIZE {
                break;
            }
        }
        Ok(lost)
    }

    async fn lost_job(
        &self,
        mailbox: &Mailbox,
        notification: &Notification,
    ) -> Result<Option<(Job, DateTime<Utc>)>> {
        let due_at = notification.due_at.unwrap_or(notification.created_at);
        let is_in_outbox = mailbox.resources.iter().any(|row| row.outbox.contains(&notification.sequence));
        if is_in_outbox || due_at > self.settled_until {
            return Ok(None);
        }
        let (sequence, attempt) = (notification.sequence, notification.attempt);
        let job = Job::Deliver(AttemptKey { instance: notification.instance, sequence, attempt });
        let is_held = self.host.holds(&job).await? == Some(true);
        Ok((!is_held).then_some((job, due_at)))
    }

    /// Resources that are not read, but should be.
    fn frozen(&self, mailbox: &Mailbox, settings: &Settings) -> impl Iterator<Item = Finding> {
        let is_read = self.others == Others::Running && is_polled(&mailbox.instance, settings);
        let interval_s = Timetable::new(mailbox.instance.id, settings.interval_min).interval_s;
        let frozen_after = frozen_after(interval_s, self.app.config.heartbeat);
        mailbox
            .resources
            .iter()
            .filter(move |row| {
                is_read
                    && !row.removed
                    && !is_row(&row.state.resource)
                    && row.state.is_frozen(frozen_after, self.now)
            })
            .filter_map(|row| {
                Some(Finding::Frozen {
                    resource: row.state.resource.clone(),
                    last_success_at: row.state.last_success_at?,
                    last_error: row.state.last_error.clone(),
                })
            })
    }
}

/// A sequence is the time of its commit, or a little more.
fn committed_at(sequence: Sequence) -> DateTime<Utc> {
    let at = i64::try_from(sequence.0).ok().and_then(DateTime::from_timestamp_micros);
    at.unwrap_or(DateTime::<Utc>::MIN_UTC)
}
