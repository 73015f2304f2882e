//! Keeping the watches of a mailbox: made, renewed and made anew by the polls of the instances that need them.
//!
//! A poll does it before it reads: what changed before a watch was made is in what the poll reads, and what changes after
//! it is told.

use super::due::{put_off, renewal, wait_after};
use super::reach::{address, unreachable};
use super::stored::{change, read};
use super::{key, leave};
use crate::context::Context;
use crate::ports::{Job, PortError, Result};
use crate::signals::WatchTurn;
use chrono::{DateTime, Utc};
use connectors::{Call, Connector, Error, ErrorKind, Push, WatchRequest};
use domain::health_reading::{self, Reading};
use domain::ids::digest64;
use domain::instance::Instance;
use domain::push::{Demand, Hint, Member, PushKey, PushState, Target, Watch, WatchedTarget};
use domain::schedule::Timetable;
use domain::settings::Settings;
use std::sync::Arc;

/// Watches that others have made whenever one was made here; two processes meet once.
const RIVALS_COUNT_MAX: usize = 4;

/// What an instance needs of its mailbox's push, against what there is.
pub(crate) struct Keeping<'a> {
    app: &'a Context,
    instance: &'a Instance,
    interval_min: u32,
    connector: &'a Arc<dyn Connector>,
    key: PushKey,
    member: Member,
    state: PushState,
    granted_until: Option<DateTime<Utc>>,
}

impl<'a> Keeping<'a> {
    /// `None`: nothing can be done. One read.
    pub(crate) async fn of(
        app: &'a Context,
        instance: &'a Instance,
        connector: &'a Arc<dyn Connector>,
        settings: &Settings,
    ) -> Result<Option<Self>> {
        let Some(push) = &settings.push else { return Ok(None) };
        let Some(way) = connector.push() else { return Ok(None) };
        let Ok(targets) = way.targets(push, &settings.resources) else { return Ok(None) };
        if unreachable(&app.config, connector.as_ref(), way, push).is_some() {
            return Ok(None);
        }
        let Some(key) = key::key_of(app, instance) else { return Ok(None) };
        let secrets = app.secrets.of(instance).await?;
        let member = Member {
            application: key::application(app, instance, &secrets).await?,
            targets,
            signer: push.account.as_ref().map(|account| account.to_ascii_lowercase()),
        };
        let state = read(app, &key).await?;
        let interval_min = settings.interval_min;
        let keeping =
            Keeping { app, instance, interval_min, connector, key, member, state, granted_until: None };
        Ok(Some(keeping))
    }

    /// Whether notices come, as was read or stored last.
    pub(crate) fn reading(&self) -> Reading {
        match self.state.members.get(&self.instance.id) == Some(&self.member) {
            true => health_reading::push(&self.member, &self.state, self.app.now()),
            false => Reading::Unknown,
        }
    }

    /// Whether there is something to do.
    pub(crate) fn is_due(&self) -> bool {
        let now = self.app.now();
        let is_due = |target: &Target| {
            self.state
                .watched(&self.member.application, &target.name)
                .is_none_or(|watched| watched.is_due(now))
        };
        self.state.members.get(&self.instance.id) != Some(&self.member)
            || self.member.targets.iter().any(is_due)
            || self.unneeded().next().is_some()
    }

    /// What our application watches for nobody: it was needed before a configuration changed, or whoever left died before
    /// ending it.
    fn unneeded(&self) -> impl Iterator<Item = &WatchedTarget> {
        self.state.unneeded().filter(|one| one.application == self.member.application)
    }

    /// Whether a grant is renewed, which then lasts as long as the token that it is renewed with.
    pub(crate) fn reauthorizes(&self) -> bool {
        let now = self.app.now();
        self.own().any(|one| one.wanted(now) == Some(Demand::Reauthorize))
    }

    /// What is watched for this instance, perhaps among others.
    fn own(&self) -> impl Iterator<Item = &WatchedTarget> {
        self.state.watched.iter().filter(|one| self.member.needs(&one.application, &one.target))
    }

    /// Asks the provider for what is due, with a token that is good until then. What fails is shown and tried again; polls
    /// go on. Whether anything was begun to be watched: what happened before has to be looked for.
    pub(crate) async fn keep(
        &mut self,
        push: &dyn Push,
        call: &Call<'_>,
        token_until: DateTime<Utc>,
    ) -> Result<bool> {
        if !self.join().await? {
            return Ok(false);
        }
        let before: Vec<_> = self.own().filter_map(|one| one.since).collect();
        self.granted_until = push.ends_with_token().then_some(token_until);
        self.end_unneeded(push, call).await?;
        for target in self.member.targets.clone() {
            self.keep_one(push, &target.name, call).await?;
        }
        // Who was made to leave meanwhile has made a watch for nobody.
        self.end_unneeded(push, call).await?;
        self.come_again().await?;
        Ok(self.own().filter_map(|one| one.since).any(|since| !before.contains(&since)))
    }

    /// Becomes a member before anything is asked for: who ends a watch looks for members last. Whether it still may: who
    /// leaves writes the instance's row before, so that one of the two sees the other.
    async fn join(&mut self) -> Result<bool> {
        let (id, member, now) = (self.instance.id, self.member.clone(), self.app.now());
        if self.state.members.get(&id) == Some(&member) {
            return Ok(true);
        }
        let joined = |state: &mut PushState| state.join(id, &member, now);
        self.state = change(self.app, &self.key, self.state.clone(), joined).await?;
        let present = self.app.ports.store.instance(id).await?.filter(|one| one.deleted_at.is_none());
        if present.as_ref().is_some_and(|one| one.version == self.instance.version) {
            return Ok(true);
        }
        leave::remove(self.app, &self.key, self.state.clone(), id).await?;
        if present.is_some_and(|one| !one.disabled) {
            // A poll of the row as it is now joins as that says.
            let hint = Hint::to_keep_watches(now);
            self.app.ports.queue.send(&[(Job::Hinted { instance: id, hint }, now)]).await?;
        }
        Ok(false)
    }

    /// Before anything new is asked for: a provider may take the end of one watch for that of all.
    async fn end_unneeded(&mut self, push: &dyn Push, call: &Call<'_>) -> Result<()> {
        let unneeded: Vec<WatchedTarget> = self.unneeded().cloned().collect();
        if unneeded.is_empty() {
            return Ok(());
        }
        leave::end_with(push, call, self.instance.id, &unneeded).await;
        self.state =
            leave::ended(self.app, self.instance.id, &self.key, self.state.clone(), push, &unneeded).await?;
        Ok(())
    }

    async fn keep_one(&mut self, push: &dyn Push, target: &str, call: &Call<'_>) -> Result<()> {
        let now = self.app.now();
        let application = self.member.application.clone();
        let watched = self.state.watched_mut(&application, target, now).clone();
        if !watched.is_due(now) {
            return Ok(());
        }
        if let Some(check_at) = put_off(&watched, self.interval_min, self.seed(target), now) {
            let later = WatchedTarget { check_at, ..watched.clone() };
            return self.store(&watched, &later).await.map(drop);
        }
        if watched.wanted(now) == Some(Demand::Reauthorize) && watched.is_met(now) {
            let met = WatchedTarget { demand: None, ..watched.clone() };
            return self.store(&watched, &met).await.map(drop);
        }
        if push.has_one_watch() && self.state.is_watched_otherwise(&application, target, now) {
            // Asked for, it would be given: and silence the other, who takes it back a day later.
            let rule = "another instance of this mailbox has another target, and the provider watches one";
            let error = Error::new(ErrorKind::Rejected, rule);
            let lost = WatchedTarget { watch: None, since: None, ..watched.clone() };
            return self.store(&watched, &self.failed(lost, &error)).await.map(drop);
        }
        self.ask(push, watched, call).await
    }

    /// Asks for a watch, and stores what became of it. Where another process has made one at the same time, the provider has
    /// one of the two at least, and tells which when it is asked again: a stored one that it does not have would be silent,
    /// and what it demands of the other would be taken for late.
    async fn ask(&mut self, push: &dyn Push, watched: WatchedTarget, call: &Call<'_>) -> Result<()> {
        let mut seen = watched;
        let mut own: Option<Watch> = None;
        for _ in 0..RIVALS_COUNT_MAX {
            let watch = match self.watch(push, &seen, call).await {
                Ok(watch) => watch,
                // The poll's time is over, or the provider asked for a pause: the next poll does it.
                Err(error) if error.kind == ErrorKind::Halted => return Ok(()),
                // If another process could, that is what is stored.
                Err(error) => return self.store(&seen, &self.failed(seen.clone(), &error)).await.map(drop),
            };
            if let Some(own) = own.take().filter(|own| own.state != watch.state) {
                leave::end_one(push, call, self.instance.id, &own).await;
            }
            let next = self.made(seen.clone(), watch.clone());
            match self.store(&seen, &next).await? {
                None => return Ok(()),
                Some(rival) => (seen, own) = (rival, Some(watch)),
            }
        }
        Err(PortError::new("keeping a watch", "others kept making another"))
    }

    /// Has the provider watch a target, by what there is of it or anew.
    async fn watch(
        &self,
        push: &dyn Push,
        watched: &WatchedTarget,
        call: &Call<'_>,
    ) -> std::result::Result<Watch, Error> {
        let target = watched.target.as_str();
        let parts = self.state.parts(&watched.application, target);
        let secret = key::secret(self.app, &self.key, &watched.application, target);
        let address = address(&self.app.config, self.connector.as_ref());
        let address = address.as_deref();
        let known = watched.watch.as_ref().filter(|_| watched.demand != Some(Demand::Anew));
        push.watch(call, &WatchRequest { target, parts: &parts, address, secret: &secret, known }).await
    }

    /// A watch after the provider made or renewed it.
    fn made(&self, before: WatchedTarget, watch: Watch) -> WatchedTarget {
        let now = self.app.now();
        let id = self.instance.id.get();
        if before.watch.as_ref().is_some_and(|watch| watch.until <= now) {
            // It was renewed too late: polls alone told of changes since.
            tracing::error!(instance.id = id, connector = self.instance.connector, "push.lapsed");
            self.app.signals.watch_turned(&self.instance.connector, WatchTurn::Lapsed);
        }
        self.app.signals.watch_turned(&self.instance.connector, WatchTurn::Watched);
        let is_same =
            before.is_active(now) && before.watch.as_ref().is_some_and(|old| old.state == watch.state);
        // What was told to fail is told to be well again.
        if !is_same || before.failures > 0 {
            tracing::info!(instance.id = id, connector = self.instance.connector, "push.watched");
        }
        WatchedTarget {
            since: before.since.filter(|_| is_same).or(Some(now)),
            touched_at: Some(now),
            granted_until: self.granted_until,
            check_at: renewal(now, watch.until, self.seed(&before.target)),
            watch: Some(watch),
            failures: 0,
            failure: None,
            demand: None,
            ..before
        }
    }

    /// What times of a watch are drawn by.
    fn seed(&self, target: &str) -> u64 {
        digest64(&[self.key.0.as_bytes(), target.as_bytes()])
    }

    fn failed(&self, before: WatchedTarget, error: &Error) -> WatchedTarget {
        let now = self.app.now();
        let id = self.instance.id.get();
        let failures = before.failures.saturating_add(1);
        // One that ended meanwhile is not "active, and somehow silent".
        let is_over = before.watch.as_ref().is_some_and(|watch| watch.until <= now);
        tracing::warn!(
            instance.id = id,
            connector = self.instance.connector,
            failures,
            is_over,
            error = error as &dyn std::error::Error,
            "push.failed"
        );
        self.app.signals.watch_turned(&self.instance.connector, WatchTurn::Failed);
        let told = match &error.provider_message {
            Some(message) if !error.message.contains(message.as_str()) => format!("{error}: {message}"),
            _ => error.to_string(),
        };
        WatchedTarget {
            check_at: now + wait_after(failures, error.pause(), u64::from(id)),
            failures,
            failure: Some(told),
            // What it demanded still stands.
            ..before
        }
    }

    /// Stores what became of what was seen; or gives what another process has made meanwhile, which stays.
    async fn store(&mut self, seen: &WatchedTarget, next: &WatchedTarget) -> Result<Option<WatchedTarget>> {
        let now = self.app.now();
        let apply = |state: &mut PushState| state.replace(seen, next, now);
        self.state = change(self.app, &self.key, self.state.clone(), apply).await?;
        let stored = self.state.watched(&next.application, &next.target);
        Ok(stored.filter(|stored| !stored.has_same_watch(next)).cloned())
    }

    /// What failed is tried again by a poll of its own, unless the schedule's comes before. A tick that comes before that is
    /// due has a poll come in time, since whoever failed left that to it.
    pub(crate) async fn come_again(&self) -> Result<()> {
        let now = self.app.now();
        let Some(due_at) = self.own().filter(|one| one.failures > 0).map(|one| one.check_at).min() else {
            return Ok(());
        };
        if due_at >= Timetable::new(self.instance.id, self.interval_min).next_after(now) {
            return Ok(());
        }
        let hint = Hint::to_keep_watches(now);
        self.app.ports.queue.send(&[(Job::Hinted { instance: self.instance.id, hint }, due_at)]).await
    }
}
