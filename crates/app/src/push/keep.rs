//! Keeping the watches of a mailbox: made, renewed and made anew by the polls of the instances that need them.
//!
//! A poll does it before it reads: what changed before a watch was made is in what the poll reads, and what changes after
//! it is told.

use super::reach::{address, unreachable};
use super::stored::{change, read};
use super::{key, leave};
use crate::context::Context;
use crate::ports::{Job, Result};
use chrono::{DateTime, Duration, Utc};
use connectors::{Call, Connector, Error, ErrorKind, Push, WatchRequest};
use domain::ids::digest64;
use domain::instance::Instance;
use domain::push::{
    CHECK_AFTER_H_MAX, Demand, Hint, Member, PushKey, PushState, Target, Watch, WatchedTarget,
};
use domain::schedule::{Timetable, backoff};
use domain::settings::Settings;
use std::sync::Arc;

/// Two ways lead to the renewal of a grant, and a provider takes no second one within this time, minutes.
const TOUCHED_MIN: i64 = 10;
/// Longest wait before a failed watch is tried again, minutes.
const FAILED_WAIT_MIN: i64 = 60;
/// Tries after which that is the wait, unless the provider says another: a quarter of an hour by then.
const QUICK_TRIES_COUNT: u32 = 10;

/// What an instance needs of its mailbox's push, and that something of it is to be done.
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
    /// `None`: there is nothing to do now, or nothing can be done. One read. A tick that comes before what failed is due
    /// has a poll come in time, since whoever failed left that to it.
    pub(crate) async fn of(
        app: &'a Context,
        instance: &'a Instance,
        connector: &'a Arc<dyn Connector>,
        settings: &Settings,
        is_tick: bool,
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
        if keeping.is_due() {
            return Ok(Some(keeping));
        }
        if is_tick {
            keeping.come_again().await?;
        }
        Ok(None)
    }

    fn is_due(&self) -> bool {
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
        mut self,
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
        let joined = |state: &mut PushState| {
            let parts = |state: &PushState, target: &Target| state.parts(&member.application, &target.name);
            let before: Vec<_> = member.targets.iter().map(|target| parts(state, target)).collect();
            state.members.insert(id, member.clone());
            for (target, before) in member.targets.iter().zip(before) {
                let is_wider = parts(state, target) != before;
                let watched = state.watched_mut(&member.application, &target.name, now);
                if is_wider {
                    watched.check_at = watched.check_at.min(now);
                }
            }
        };
        if self.state.members.get(&id) == Some(&member) {
            return Ok(true);
        }
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
        let mut watched = self.state.watched_mut(&application, target, now).clone();
        if !watched.is_due(now) {
            return Ok(());
        }
        // One far ahead is of before the clock was set back.
        let was_touched =
            watched.touched_at.is_some_and(|at| (now - at).abs() < Duration::minutes(TOUCHED_MIN));
        let wanted = watched.wanted(now);
        if wanted == Some(Demand::Reauthorize) && was_touched && watched.is_active(now) {
            watched.demand = None;
            watched.granted_until = watched.granted_until.filter(|until| *until > now);
            return self.store(watched).await;
        }
        if push.has_one_watch() && self.state.is_watched_otherwise(&application, target, now) {
            // Asked for, it would be given: and silence the other, who takes it back a day later.
            let rule = "another instance of this mailbox has another target, and the provider watches one";
            let error = Error::new(ErrorKind::Rejected, rule);
            let lost = WatchedTarget { watch: None, since: None, ..watched };
            return self.store(self.failed(lost, &error)).await;
        }
        let parts = self.state.parts(&application, target);
        let secret = key::secret(self.app, &self.key, &application, target);
        let address = address(&self.app.config, self.connector.as_ref());
        let known = watched.watch.as_ref().filter(|_| wanted != Some(Demand::Anew));
        // A renewal renews the grant as well: the one that is about to be due takes the place of the other.
        let is_renewed = watched.check_at <= now + Duration::minutes(TOUCHED_MIN);
        let request = WatchRequest {
            target,
            parts: &parts,
            address: address.as_deref(),
            secret: &secret,
            known,
            demand: wanted.filter(|wanted| *wanted == Demand::Anew || !is_renewed),
        };
        let asked = push.watch(call, &request).await;
        match asked {
            Ok(watch) => self.store(self.made(watched, watch)).await,
            // The poll's time is over, or the provider asked for a pause: the next poll does it.
            Err(error) if error.kind == ErrorKind::Halted => Ok(()),
            Err(error) => self.store(self.failed(watched, &error)).await,
        }
    }

    /// A watch after the provider made or renewed it.
    fn made(&self, before: WatchedTarget, watch: Watch) -> WatchedTarget {
        let now = self.app.now();
        let id = self.instance.id.get();
        if before.watch.as_ref().is_some_and(|watch| watch.until <= now) {
            // It was renewed too late: polls alone told of changes since.
            tracing::error!(instance.id = id, connector = self.instance.connector, "push.lapsed");
        }
        let is_same =
            before.is_active(now) && before.watch.as_ref().is_some_and(|old| old.state == watch.state);
        if !is_same {
            tracing::info!(instance.id = id, connector = self.instance.connector, "push.watched");
        }
        WatchedTarget {
            since: before.since.filter(|_| is_same).or(Some(now)),
            touched_at: Some(now),
            granted_until: self.granted_until,
            check_at: self.next_check(&before, &watch),
            watch: Some(watch),
            failures: 0,
            failure: None,
            demand: None,
            ..before
        }
    }

    /// When a watch is to be renewed that was asked for just now. One whose grant alone was renewed still ends when it did.
    fn next_check(&self, before: &WatchedTarget, watch: &Watch) -> DateTime<Utc> {
        let now = self.app.now();
        let next = renewal(now, watch.until, digest64(&[self.key.0.as_bytes(), before.target.as_bytes()]));
        let is_same = before.watch.as_ref() == Some(watch);
        Some(before.check_at).filter(|at| is_same && *at > now).map_or(next, |at| at.min(next))
    }

    fn failed(&self, before: WatchedTarget, error: &Error) -> WatchedTarget {
        let now = self.app.now();
        let id = self.instance.id.get();
        let failures = before.failures.saturating_add(1);
        let seed = u64::from(id);
        let wait = match error.retry_after_s {
            None if failures > QUICK_TRIES_COUNT => spread(Duration::minutes(FAILED_WAIT_MIN), seed),
            told => backoff(failures, told, seed),
        };
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
        let told = match &error.provider_message {
            Some(message) if !error.message.contains(message.as_str()) => format!("{error}: {message}"),
            _ => error.to_string(),
        };
        WatchedTarget {
            check_at: now + wait.max(Duration::seconds(1)).min(Duration::minutes(FAILED_WAIT_MIN)),
            failures,
            failure: Some(told),
            // What it demanded still stands.
            ..before
        }
    }

    async fn store(&mut self, watched: WatchedTarget) -> Result<()> {
        let now = self.app.now();
        let apply = |state: &mut PushState| {
            *state.watched_mut(&watched.application, &watched.target, now) = watched.clone();
        };
        self.state = change(self.app, &self.key, self.state.clone(), apply).await?;
        Ok(())
    }

    /// What failed is tried again by a poll of its own, unless the schedule's comes before.
    async fn come_again(&self) -> Result<()> {
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

/// When to renew a watch that ends at `until`: within a day, less up to a quarter, so that a fleet does not renew at once;
/// but after half of its life at the latest. That a provider lost it is found out then, too.
fn renewal(now: DateTime<Utc>, until: DateTime<Utc>, seed: u64) -> DateTime<Utc> {
    let longest = ((until - now) / 2).min(Duration::hours(CHECK_AFTER_H_MAX)).max(Duration::zero());
    now + spread(longest, seed)
}

/// A time less up to a quarter of it, so that not all come at once.
fn spread(longest: Duration, seed: u64) -> Duration {
    longest / 100 * (75 + i32::try_from(seed % 26).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    #[test]
    fn renewals_come_within_a_day_and_well_before_the_end_and_not_all_at_once() {
        let now = Utc.timestamp_opt(1_795_000_000, 0).unwrap();
        let after = |until, seed| (renewal(now, until, seed) - now).num_minutes();
        let week = now + Duration::days(7);
        let minutes: std::collections::BTreeSet<i64> = (0..1_000).map(|seed| after(week, seed)).collect();
        assert!(minutes.len() > 20, "a thousand mailboxes renew in {} minutes", minutes.len());
        assert!(minutes.iter().all(|minutes| (18 * 60..=24 * 60).contains(minutes)), "{minutes:?}");
        assert!((22..=30).contains(&after(now + Duration::hours(1), 3)));
        assert_eq!(after(now - Duration::hours(1), 3), 0);
    }
}
