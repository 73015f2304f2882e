//! First attempts by the process that committed: no job is sent, received and deleted for what is delivered at once.
//!
//! Everything else is as by a job: the attempt is claimed, with the commit, and its outcome stored and followed. The outbox names a
//! notification until its job is enqueued, so that after a crash in between the next poll enqueues it, or until the first write of the
//! state after it was delivered.

use super::outbox;
use super::run::{Run, Unsent};
use crate::config::FirstAttempts;
use crate::deliver;
use crate::destinations;
use crate::ports::{AttemptKey, NewNotification, ResourceRow, Result};
use chrono::{DateTime, Duration, Utc};
use connectors::Step;
use domain::backfill::is_row;
use domain::delivery::{SubscriptionStatus, Verdict};
use domain::ids::Sequence;
use domain::state::ResourceState;

/// So many of a poll, at the most: more are a crowd, which jobs deliver side by side.
const COUNT_MAX: usize = 3;
/// None begins later after the first than this, seconds: a slow callback holds up one of them.
const BEGUN_WITHIN_S: i64 = 2;
/// Before the poll's deadline, beyond the callback's time-out: for storing what came of it, seconds.
const STORE_S: i64 = 5;
/// Polls that look at the same names, at the most.
const LOOKS_COUNT_MAX: i64 = 10;

/// Claims what is about to be committed, if this process is to attempt it; until when. With the commit a claim is no write of
/// its own.
pub(super) async fn claim(run: &Run<'_>, notifications: &mut [NewNotification]) -> Option<DateTime<Utc>> {
    let new_count = notifications.iter().filter(|new| new.deliver).count();
    let is_ours = new_count > 0 && run.is_for_callback() && run.has_room(new_count).await;
    let until = is_ours.then(|| deliver::claim_until(run.app))?;
    for new in notifications.iter_mut().filter(|new| new.deliver) {
        new.claimed_until = Some(until);
    }
    Some(until)
}

/// Enqueues what was committed, or keeps what is claimed for when the lease is given back.
pub(super) async fn send_or_keep(run: &mut Run<'_>, new: Unsent) -> Result<()> {
    if new.sequences.is_empty() {
        return Ok(());
    }
    if run.begins(&new).await {
        run.log_committed(&new.resource, &new.event_ids);
        return Ok(());
    }
    if new.claimed_until.is_some() && run.app.config.first_attempts == FirstAttempts::AtOnce {
        // The line of its attempt says what that of its commit would.
        run.unsent.push(new);
        return Ok(());
    }
    // In the order of their commits.
    run.enqueue_unsent().await?;
    run.log_committed(&new.resource, &new.event_ids);
    // Others were faster, and have the places.
    run.give_back(&new, &new.sequences).await;
    outbox::enqueue(run.app, &run.mailbox.instance, &new.resource, &new.sequences).await
}

/// Whether the outbox of this row keeps what was delivered: one that is written no more, as that of a removed resource or of a
/// backfill that is done, would for ever.
fn is_kept(resource: &str) -> bool {
    !is_row(resource)
}

impl Run<'_> {
    /// Tells names of what was delivered from those that need a job.
    pub(super) async fn sort_outboxes(&mut self) -> Result<()> {
        if self.app.config.first_attempts != FirstAttempts::AtOnce {
            return Ok(());
        }
        let id = self.mailbox.instance.id;
        let is_sorted =
            |row: &&mut ResourceRow| !row.removed && is_kept(&row.state.resource) && !row.outbox.is_empty();
        for row in self.mailbox.resources.iter_mut().filter(is_sorted) {
            let told = self.app.ports.store.delivered(id, &row.outbox).await?;
            row.outbox.retain(|name| !told.contains(name));
            if !told.is_empty() {
                self.told_names.insert(row.state.resource.clone(), told);
            }
        }
        Ok(())
    }

    /// How long after its last write an idle poll writes a state. Names that are looked at with each poll go before it costs
    /// more to look than to write.
    pub(super) fn writes_after(&self, resource: &str) -> Duration {
        let heartbeat = self.app.config.heartbeat;
        match self.told_names.contains_key(resource) {
            true => heartbeat.min(Duration::minutes(i64::from(self.interval_min) * LOOKS_COUNT_MAX)),
            false => heartbeat,
        }
    }

    /// Leaves what was kept to jobs.
    pub(super) async fn enqueue_unsent(&mut self) -> Result<()> {
        for unsent in std::mem::take(&mut self.unsent) {
            self.log_committed(&unsent.resource, &unsent.event_ids);
            self.give_back(&unsent, &unsent.sequences).await;
            outbox::enqueue(self.app, &self.mailbox.instance, &unsent.resource, &unsent.sequences).await?;
        }
        Ok(())
    }

    /// A whole find that is about to be attempted by this process needs no lease: its commit is conditional on the state's
    /// version, whoever loses reads again, and there is no long work that two could do at once. What depends on other rows
    /// does: what the log or a backfill may hold already, and records that wait.
    pub(super) async fn is_small_find(&self, state: &ResourceState, step: &Step) -> bool {
        let is_plain = !step.more && step.failed.is_empty() && step.gap.is_none() && !state.is_partial;
        let is_new = step.changes.len() <= COUNT_MAX && step.changes.iter().all(|change| !change.recheck);
        let has_backfills = || self.mailbox.resources.iter().any(|row| is_row(&row.state.resource));
        is_plain
            && is_new
            && state.failures == 0
            && state.retry_records.is_empty()
            && self.may_attempt()
            && !has_backfills()
            && self.gate.looks_still().await
    }

    /// Where jobs would deliver, to a callback alone, and with the organization's share of the polls left.
    fn may_attempt(&self) -> bool {
        self.app.config.first_attempts == FirstAttempts::AtOnce && self.is_for_callback() && self.has_share()
    }

    fn has_share(&self) -> bool {
        !self.app.slow_callbacks.are_too_many(self.organization_id(), self.app.now())
    }

    fn is_for_callback(&self) -> bool {
        self.mailbox.subscription.status == SubscriptionStatus::Active
            && !destinations::wants_bus(&self.mailbox.instance)
    }

    /// Whether so many more can be attempted without jobs.
    async fn has_room(&self, new_count: usize) -> bool {
        let instance = &self.mailbox.instance;
        let kept_count: usize = self.unsent.iter().map(|unsent| unsent.sequences.len()).sum();
        kept_count + new_count <= COUNT_MAX
            && match self.app.config.first_attempts {
                FirstAttempts::AtOnce => self.has_share() && self.has_time(self.app.now()),
                FirstAttempts::ByJobs => match &self.app.ports.places {
                    Some(places) => places.are_free(self.organization_id(), instance.id, new_count).await,
                    None => false,
                },
            }
    }

    /// Begins what was committed with a claim, if the queue has the places still.
    async fn begins(&self, new: &Unsent) -> bool {
        if self.app.config.first_attempts != FirstAttempts::ByJobs {
            return false;
        }
        let (Some(until), Some(places)) = (new.claimed_until, &self.app.ports.places) else { return false };
        let instance = &self.mailbox.instance;
        let key = |sequence: &Sequence| AttemptKey { instance: instance.id, sequence: *sequence, attempt: 1 };
        let keys: Vec<AttemptKey> = new.sequences.iter().map(key).collect();
        places.begin(instance.account.organization_id, &keys, until).await
    }

    /// Whether the lines of attempts tell all that this poll committed.
    pub(super) fn is_told_by_attempts(&self) -> bool {
        let kept_count: usize = self.unsent.iter().map(|unsent| unsent.sequences.len()).sum();
        kept_count > 0 && kept_count == self.committed_count
    }

    /// Attempts what was kept, and enqueues what there is no time for or what could not be attempted.
    pub(super) async fn attempt_unsent(&mut self) -> Result<()> {
        let (instance, begun_at) = (self.mailbox.instance.id, self.app.now());
        for unsent in std::mem::take(&mut self.unsent) {
            let Some(claimed_until) = unsent.claimed_until else { continue };
            let (mut made, mut failed, mut late) = (Vec::new(), Vec::new(), Vec::new());
            for sequence in unsent.sequences.iter().copied() {
                let key = AttemptKey { instance, sequence, attempt: 1 };
                if !self.has_time(begun_at) {
                    late.push(sequence);
                    continue;
                }
                match self.attempt_committed(key, claimed_until).await {
                    // The next write of the state takes it out.
                    Ok(Some(Verdict::Delivered)) if is_kept(&unsent.resource) => {}
                    Ok(_) => made.push(sequence),
                    Err(_) => failed.push(sequence),
                }
            }
            self.give_back(&unsent, &late).await;
            if !made.is_empty() {
                self.app.ports.store.clear_outbox(instance, &unsent.resource, &made).await?;
            }
            let left: Vec<Sequence> = failed.into_iter().chain(late).collect();
            if !left.is_empty() {
                self.log_committed(&unsent.resource, &unsent.event_ids);
            }
            outbox::enqueue(self.app, &self.mailbox.instance, &unsent.resource, &left).await?;
        }
        Ok(())
    }

    /// What it took is of the organization's share of the polls.
    async fn attempt_committed(
        &self,
        key: AttemptKey,
        claimed_until: DateTime<Utc>,
    ) -> Result<Option<Verdict>> {
        let began_at = self.app.now();
        let attempted = deliver::deliver_committed(self.app, key, claimed_until, self.trace).await;
        let ended_at = self.app.now();
        self.app.slow_callbacks.note(self.organization_id(), ended_at - began_at, ended_at);
        attempted
    }

    fn organization_id(&self) -> u32 {
        self.mailbox.instance.account.organization_id
    }

    /// Nothing of these was posted. Where that can't be told, their jobs wait until the claim ends.
    async fn give_back(&self, unsent: &Unsent, sequences: &[Sequence]) {
        let Some(claimed_until) = unsent.claimed_until else { return };
        for sequence in sequences.iter().copied() {
            let key = AttemptKey { instance: self.mailbox.instance.id, sequence, attempt: 1 };
            let _ = self.app.ports.store.unclaim_attempt(key, claimed_until).await;
        }
    }

    fn has_time(&self, begun_at: DateTime<Utc>) -> bool {
        let now = self.app.now();
        now - begun_at < Duration::seconds(BEGUN_WITHIN_S)
            && now + destinations::timeout(self.app) + Duration::seconds(STORE_S) <= self.deadline
    }
}
