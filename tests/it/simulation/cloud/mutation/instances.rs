//! What stands between two who change an instance, its tokens, its secrets, or what follows from them.

use super::super::ports::{TappedQueue, TappedSchedule, TappedStore, TappedVault};
use super::Mutation;
use app::ports::*;
use chrono::{DateTime, Utc};
use domain::ids::InstanceId;
use domain::instance::Instance;
use domain::schedule::Timetable;
use domain::settings::OAUTH_REFRESH_TOKEN;
use domain::token::Session;

impl TappedStore {
    pub(in super::super) async fn mutant_change_instance(&self, change: &InstanceChange) -> Result<Written> {
        let mut change = change.clone();
        if self.is(Mutation::ChangeUnconditional)
            && let Some(stored) = self.stored(change.instance.id).await?
        {
            change.instance.version = stored.instance.version + 1;
        }
        if self.is(Mutation::ChangedStatesUnconditional)
            && let Some(stored) = self.stored(change.instance.id).await?
        {
            for row in stored.resources {
                let mut states = change.put_states.iter_mut();
                if let Some(state) = states.find(|state| state.resource == row.state.resource) {
                    state.version = row.state.version + 1;
                }
            }
        }
        if self.is(Mutation::ChangedSessionUnconditional)
            && let Some(stored) = self.stored(change.instance.id).await?
            && let Some(session) = &mut change.session
        {
            session.version = stored.session.version + 1;
        }
        if self.is(Mutation::IntentOff) {
            change.instance.unsettled.clear();
        }
        if self.is(Mutation::HealthPendingOff) {
            change.instance.health.pending.clear();
        }
        let written = self.inner.change_instance(&change).await?;
        if written == Written::Done {
            let now_us = self.tap.shared.turns.now_us();
            self.tap.shared.sightings().switched(change.instance.id, !change.instance.disabled, now_us);
        }
        if written == Written::Done && change.session.is_some_and(|session| session.backoff_until.is_none()) {
            self.tap.shared.sightings().begins_anew(change.instance.id, self.tap.caller().number);
        }
        Ok(written)
    }

    pub(in super::super) async fn mutant_note_settled(&self, instance: &Instance) -> Result<Written> {
        let mut instance = instance.clone();
        if self.is(Mutation::SettledUnconditional)
            && let Some(stored) = self.stored(instance.id).await?
        {
            instance.version = stored.instance.version;
        }
        self.inner.note_settled(&instance).await
    }

    pub(in super::super) async fn mutant_lease_session(
        &self,
        id: InstanceId,
        leases: u64,
        until: DateTime<Utc>,
    ) -> Result<Written> {
        match self.stored(id).await? {
            Some(stored) if self.is(Mutation::TokenLeaseOff) => {
                self.inner.lease_session(id, stored.session.leases, until).await
            }
            _ => self.inner.lease_session(id, leases, until).await,
        }
    }

    pub(in super::super) async fn mutant_put_session(
        &self,
        id: InstanceId,
        session: &Session,
    ) -> Result<Written> {
        let mut session = session.clone();
        if self.is(Mutation::SessionUnconditional)
            && let Some(stored) = self.stored(id).await?
        {
            session.version = stored.session.version + 1;
        }
        self.inner.put_session(id, &session).await
    }
}

impl TappedVault {
    pub(in super::super) async fn mutant_write(
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
    pub(in super::super) async fn mutant_put(
        &self,
        id: InstanceId,
        table: Timetable,
        enabled: bool,
    ) -> Result<()> {
        match self.tap.shared.mutation {
            // Every other one: else nothing would ever be polled.
            Some(Mutation::ScheduleOff) if self.tap.shared.turns.draw(|random| random.bool()) => Ok(()),
            _ => self.inner.put(id, table, enabled).await,
        }
    }
}

impl TappedQueue {
    pub(in super::super) async fn mutant_send(&self, jobs: &[(Job, DateTime<Utc>)]) -> Result<()> {
        let is_off = self.tap.shared.mutation == Some(Mutation::IntentOff);
        let is_kept = |(job, _): &&(Job, DateTime<Utc>)| !is_off || !matches!(job, Job::Settle { .. });
        let jobs: Vec<_> = jobs.iter().filter(is_kept).copied().collect();
        self.inner.send(&jobs).await
    }
}
