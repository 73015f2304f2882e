//! Ways to be wrong, as switches in the ports: each takes one guard away, and the simulation has to notice.
//!
//! `CARILLON_SIMULATION_MUTATION=<name>` runs the seeds with one of them; `.ci/nightly` runs them all.

use super::ports::{TappedQueue, TappedSchedule, TappedStore, TappedVault};
use app::ports::*;
use chrono::{DateTime, Duration, Utc};
use domain::ids::{EventId, InstanceId, Sequence};
use domain::instance::Instance;
use domain::schedule::Timetable;
use domain::settings::OAUTH_REFRESH_TOKEN;
use domain::token::Session;
use serde_json::Value;
use std::collections::HashSet;

/// Longer than any lease or claim.
const LONG_H: i64 = 24;
/// What a poll of Outlook reads again, seconds.
const OVERLAP_S: i64 = 120;

/// One guard that is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Mutation {
    /// Whoever wants to poll has the lease, also while somebody else holds it.
    PollLeaseOff,
    /// Whoever read that nobody polls has the lease, also where somebody did in between.
    PollFenceOff,
    /// Giving the lease back gives back whoever's it is.
    PollLeaseReturnUnconditional,
    /// Whoever comes meanwhile is told that the holder looks again, and the holder is not.
    PollMarkOff,
    /// A commit counts, whatever was committed since its state was read.
    CommitUnconditional,
    /// No job that settles is enqueued, and no row says what is outstanding.
    IntentOff,
    /// A row's marks are taken out, whatever the row implies by now.
    SettledUnconditional,
    /// A change of an instance counts, whatever was changed since it was read.
    ChangeUnconditional,
    /// Scheduler writes are answered well and have no effect.
    ScheduleOff,
    /// What the event log holds is not known.
    RecheckOff,
    /// What was committed and not enqueued is not seen by those who come later.
    OutboxFlushOff,
    /// Clearing an outbox clears what others put into it, too.
    OutboxClearUnconditional,
    /// Several refresh a token at a time.
    TokenLeaseOff,
    /// A session counts, whatever was stored since it was read.
    SessionUnconditional,
    /// A rotated refresh token is not stored.
    RotationLost,
    /// Secrets count, whatever was stored since they were read.
    VaultUnconditional,
    /// An attempt is its worker's, also while another one is at it.
    ClaimOff,
    /// A release is its worker's, also while another one is at it.
    ReleaseLeaseOff,
    /// Back-offs are forgotten.
    BackoffOff,
    /// A position moves to where the provider says that it is, whatever it shows later.
    OverlapOff,
    /// What was told of the stretch that is read again is not known.
    MemoryOff,
}

impl Mutation {
    pub(in super::super) const ALL: [Mutation; 21] = [
        Mutation::PollLeaseOff,
        Mutation::PollFenceOff,
        Mutation::PollLeaseReturnUnconditional,
        Mutation::PollMarkOff,
        Mutation::CommitUnconditional,
        Mutation::IntentOff,
        Mutation::SettledUnconditional,
        Mutation::ChangeUnconditional,
        Mutation::ScheduleOff,
        Mutation::RecheckOff,
        Mutation::OutboxFlushOff,
        Mutation::OutboxClearUnconditional,
        Mutation::TokenLeaseOff,
        Mutation::SessionUnconditional,
        Mutation::RotationLost,
        Mutation::VaultUnconditional,
        Mutation::ClaimOff,
        Mutation::ReleaseLeaseOff,
        Mutation::BackoffOff,
        Mutation::OverlapOff,
        Mutation::MemoryOff,
    ];

    /// By its name.
    pub(in super::super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mutation| format!("{mutation:?}") == name)
    }
}

impl TappedStore {
    fn is(&self, mutation: Mutation) -> bool {
        self.tap.shared.mutation == Some(mutation)
    }

    async fn stored(&self, id: InstanceId) -> Result<Option<Mailbox>> {
        self.inner.mailbox(id).await
    }

    pub(super) async fn mutant_mailbox(&self, id: InstanceId) -> Result<Option<Mailbox>> {
        let Some(mut mailbox) = self.stored(id).await? else { return Ok(None) };
        if self.is(Mutation::OutboxFlushOff) {
            mailbox.resources.iter_mut().for_each(|row| row.outbox.clear());
        }
        if self.is(Mutation::IntentOff) {
            mailbox.instance.unsettled.clear();
        }
        if self.is(Mutation::BackoffOff) {
            mailbox.session.backoff_until = None;
            mailbox.resources.iter_mut().for_each(|row| row.state.backoff_until = None);
        }
        Ok(Some(mailbox))
    }

    pub(super) async fn mutant_begin_poll(
        &self,
        id: InstanceId,
        fence: u64,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Written> {
        let written = match self.stored(id).await? {
            Some(stored) if self.is(Mutation::PollLeaseOff) => {
                self.inner.begin_poll(id, stored.poller.fence, late(now), until).await?
            }
            Some(stored) if self.is(Mutation::PollFenceOff) => {
                self.tap.took_fence(stored.poller.fence + 1);
                self.inner.begin_poll(id, stored.poller.fence, now, until).await?
            }
            _ => self.inner.begin_poll(id, fence, now, until).await?,
        };
        if written == Written::Done {
            self.tap.shared.sightings().leases(id, self.tap.caller().number, self.tap.shared.turns.now_us());
        }
        Ok(written)
    }

    pub(super) async fn mutant_end_poll(&self, id: InstanceId, fence: u64) -> Result<PollEnded> {
        match self.stored(id).await? {
            Some(stored) if self.is(Mutation::PollLeaseReturnUnconditional) => {
                self.inner.end_poll(id, stored.poller.fence).await
            }
            _ if self.is(Mutation::PollFenceOff) => self.inner.end_poll(id, self.tap.fence()).await,
            _ => self.inner.end_poll(id, fence).await,
        }
    }

    pub(super) async fn mutant_ask_again(
        &self,
        id: InstanceId,
        fence: u64,
        now: DateTime<Utc>,
    ) -> Result<Written> {
        match self.is(Mutation::PollMarkOff) {
            true => Ok(Written::Done),
            false => self.inner.ask_again(id, fence, now).await,
        }
    }

    pub(super) async fn mutant_commit_poll(&self, commit: &PollCommit) -> Result<Written> {
        let mut commit = commit.clone();
        if self.is(Mutation::CommitUnconditional)
            && let Some(stored) = self.stored(commit.instance).await?
            && let Some(row) = stored.resources.iter().find(|row| row.state.resource == commit.state.resource)
        {
            commit.state.version = row.state.version + 1;
        }
        let now_s = self.tap.shared.turns.now_us() / 1_000_000;
        if let Some(cursor) = &mut commit.state.cursor {
            match self.tap.shared.mutation {
                Some(Mutation::OverlapOff) => without_overlap(cursor, now_s),
                Some(Mutation::MemoryOff) => without_memory(cursor),
                _ => {}
            }
        }
        self.inner.commit_poll(&commit).await
    }

    pub(super) async fn mutant_change_instance(&self, change: &InstanceChange) -> Result<Written> {
        let mut change = change.clone();
        if self.is(Mutation::ChangeUnconditional)
            && let Some(stored) = self.stored(change.instance.id).await?
        {
            change.instance.version = stored.instance.version + 1;
        }
        if self.is(Mutation::IntentOff) {
            change.instance.unsettled.clear();
        }
        let written = self.inner.change_instance(&change).await?;
        if written == Written::Done && change.session.is_some_and(|session| session.backoff_until.is_none()) {
            self.tap.shared.sightings().begins_anew(change.instance.id);
        }
        Ok(written)
    }

    pub(super) async fn mutant_note_settled(&self, instance: &Instance) -> Result<Written> {
        let mut instance = instance.clone();
        if self.is(Mutation::SettledUnconditional)
            && let Some(stored) = self.stored(instance.id).await?
        {
            instance.version = stored.instance.version;
        }
        self.inner.note_settled(&instance).await
    }

    pub(super) async fn mutant_logged_events(
        &self,
        id: InstanceId,
        events: &[EventId],
    ) -> Result<HashSet<EventId>> {
        match self.is(Mutation::RecheckOff) {
            true => Ok(HashSet::new()),
            false => self.inner.logged_events(id, events).await,
        }
    }

    pub(super) async fn mutant_clear_outbox(
        &self,
        id: InstanceId,
        resource: &str,
        sequences: &[Sequence],
    ) -> Result<()> {
        let stored = self.stored(id).await?;
        let row = stored
            .as_ref()
            .and_then(|stored| stored.resources.iter().find(|row| row.state.resource == resource));
        let all =
            row.filter(|_| self.is(Mutation::OutboxClearUnconditional)).map(|row| row.outbox.as_slice());
        self.inner.clear_outbox(id, resource, all.unwrap_or(sequences)).await
    }

    pub(super) async fn mutant_lease_session(
        &self,
        id: InstanceId,
        version: u64,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Written> {
        match self.stored(id).await? {
            Some(stored) if self.is(Mutation::TokenLeaseOff) => {
                self.inner.lease_session(id, stored.session.version, late(now), until).await
            }
            _ => self.inner.lease_session(id, version, now, until).await,
        }
    }

    pub(super) async fn mutant_put_session(&self, id: InstanceId, session: &Session) -> Result<Written> {
        let mut session = session.clone();
        if self.is(Mutation::SessionUnconditional)
            && let Some(stored) = self.stored(id).await?
        {
            session.version = stored.session.version + 1;
        }
        self.inner.put_session(id, &session).await
    }

    pub(super) async fn mutant_claim_attempt(
        &self,
        key: AttemptKey,
        by: Claimant,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Claim> {
        let now = if self.is(Mutation::ClaimOff) { late(now) } else { now };
        self.inner.claim_attempt(key, by, now, until).await
    }

    pub(super) async fn mutant_begin_release(
        &self,
        id: InstanceId,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Option<domain::delivery::Subscription>> {
        let now = if self.is(Mutation::ReleaseLeaseOff) { late(now) } else { now };
        self.inner.begin_release(id, now, until).await
    }
}

impl TappedVault {
    pub(super) async fn mutant_write(
        &self,
        id: InstanceId,
        secrets: &Secrets,
        version: u64,
    ) -> Result<Written> {
        match self.tap.shared.mutation {
            Some(Mutation::RotationLost) => {
                let mut secrets = secrets.clone();
                let stored = self.inner.read(id).await?;
                let former = stored.and_then(|(stored, _)| stored.get(OAUTH_REFRESH_TOKEN).cloned());
                secrets.extend(former.map(|token| (OAUTH_REFRESH_TOKEN.to_owned(), token)));
                self.inner.write(id, &secrets, version).await
            }
            Some(Mutation::VaultUnconditional) => {
                let stored = self.inner.read(id).await?.map_or(0, |(_, version)| version);
                self.inner.write(id, secrets, stored + 1).await
            }
            _ => self.inner.write(id, secrets, version).await,
        }
    }
}

impl TappedSchedule {
    pub(super) async fn mutant_put(&self, id: InstanceId, table: Timetable, enabled: bool) -> Result<()> {
        match self.tap.shared.mutation {
            // Every other one: else nothing would ever be polled.
            Some(Mutation::ScheduleOff) if self.tap.shared.turns.draw(|random| random.bool()) => Ok(()),
            _ => self.inner.put(id, table, enabled).await,
        }
    }
}

impl TappedQueue {
    pub(super) async fn mutant_send(&self, jobs: &[(Job, DateTime<Utc>)]) -> Result<()> {
        let is_off = self.tap.shared.mutation == Some(Mutation::IntentOff);
        let is_kept = |(job, _): &&(Job, DateTime<Utc>)| !is_off || !matches!(job, Job::Settle { .. });
        let jobs: Vec<_> = jobs.iter().filter(is_kept).copied().collect();
        self.inner.send(&jobs).await
    }
}

/// The newest position that was named, and nothing before it.
fn without_overlap(cursor: &mut Value, now_s: i64) {
    if let Some(newest) = cursor["named"].as_array().and_then(|named| named.last()).cloned() {
        cursor["history_id"] = newest["id"].clone();
        without_memory(cursor);
    }
    if let Some(watermark) = cursor["watermark"].as_i64() {
        cursor["watermark"] = (watermark + OVERLAP_S).min(now_s).max(watermark).into();
    }
}

fn without_memory(cursor: &mut Value) {
    if let Some(cursor) = cursor.as_object_mut() {
        cursor.retain(|key, _| !matches!(key.as_str(), "taken" | "memory"));
    }
}

/// So late that whatever is held for a while is not any more.
fn late(now: DateTime<Utc>) -> DateTime<Utc> {
    now + Duration::hours(LONG_H)
}
