//! Push: what providers were asked to give notice of, for whom, and when notices lead to polls.
//!
//! A notice is a hint: it says "look now". What changed follows from the cursor alone.

mod hints;

pub use hints::Hints;

use crate::ids::InstanceId;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A watch is looked after at least once in so long, hours: a check that is due later is one from before the clock was
/// set back.
pub const CHECK_AFTER_H_MAX: i64 = 24;

/// A proof that we may watch is renewed so long before it ends, minutes: a new one lasts as long as its token, and one that
/// is renewed at the provider's first reminder, a quarter of an hour ahead, costs a third more of them.
const GRANT_MARGIN_MIN: i64 = 3;
/// A reminder within this time after a renewal, minutes, was sent before it, or comes again: reminders are repeated for
/// hours, and strangers may replay them.
const ECHO_MIN: i64 = 10;
/// A reminder that would wait longer than this, minutes, is met at once: its end is not the one that we know of.
const GRANT_WAIT_MIN: i64 = 12;

/// Names the push state of one mailbox: a keyed hash, so that it reveals nothing and can't be forged.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PushKey(pub String);

/// What a provider can be asked to watch: a collection, a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// As the provider names it.
    pub name: String,
    /// Notices of these parts alone are needed, such as labels; empty: of everything.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub parts: BTreeSet<String>,
}

/// What a provider watches for us.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    /// What names it at the provider, opaque to all but the connector: given back to renew it, and to end it.
    pub state: Value,
    /// The provider gives no notice after that.
    pub until: DateTime<Utc>,
}

/// An instance that needs notices of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Digest of the application (OAuth client) that it signs in with. Providers count watches by application.
    pub application: String,
    /// What it polls.
    pub targets: Vec<Target>,
    /// Who signs the requests that bring its notices, where that is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
}

impl Member {
    /// Whether it needs notices of this.
    pub fn needs(&self, application: &str, target: &str) -> bool {
        self.application == application && self.targets.iter().any(|one| one.name == target)
    }
}

/// What a notice of the provider about a watch itself demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Demand {
    /// To prove again that we may watch.
    Reauthorize,
    /// It is gone: to be made anew.
    Anew,
}

/// One target of one application: the watch, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WatchedTarget {
    /// Digest of the application.
    pub application: String,
    /// Name of the target.
    pub target: String,
    /// The watch, once there is one.
    pub watch: Option<Watch>,
    /// Since when there has been one without a break.
    pub since: Option<DateTime<Utc>>,
    /// When the provider last made or renewed it.
    pub touched_at: Option<DateTime<Utc>>,
    /// When the proof ends that we may watch, where it ends before the watch: until it is renewed no notice comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_until: Option<DateTime<Utc>>,
    /// When it is to be renewed, or tried again.
    pub check_at: DateTime<Utc>,
    /// Failures in a row.
    #[serde(default)]
    pub failures: u32,
    /// What went wrong last, in words.
    #[serde(default)]
    pub failure: Option<String>,
    /// What the provider demands.
    #[serde(default)]
    pub demand: Option<Demand>,
}

impl WatchedTarget {
    /// One that is to be made now.
    pub fn new(application: &str, target: &str, now: DateTime<Utc>) -> Self {
        WatchedTarget {
            application: application.to_owned(),
            target: target.to_owned(),
            watch: None,
            since: None,
            touched_at: None,
            granted_until: None,
            check_at: now,
            failures: 0,
            failure: None,
            demand: None,
        }
    }

    /// Whether the provider is to be asked.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        let is_far = self.check_at - now > Duration::hours(CHECK_AFTER_H_MAX);
        let is_demanded = self.demand.is_some() || self.is_ungranted(now);
        (is_demanded && self.failures == 0) || self.check_at <= now || is_far
    }

    /// The proof that we may watch has ended: the provider's reminder got lost, or nobody could meet it.
    fn is_ungranted(&self, now: DateTime<Utc>) -> bool {
        self.watch.is_some() && self.granted_until.is_some_and(|until| until <= now)
    }

    /// What the provider is to be asked for: what it demands, or would if it were heard.
    pub fn wanted(&self, now: DateTime<Utc>) -> Option<Demand> {
        self.demand.or(self.is_ungranted(now).then_some(Demand::Reauthorize))
    }

    /// Whether a reminder asks for what was just done. One whose grant is about to end all the same is no echo.
    pub fn is_met(&self, now: DateTime<Utc>) -> bool {
        // One far ahead is of before the clock was set back.
        let is_echo = self.touched_at.is_some_and(|at| (now - at).abs() < Duration::minutes(ECHO_MIN));
        let lasts = self.granted_until.is_some_and(|until| until - now > Duration::minutes(GRANT_MARGIN_MIN));
        is_echo && lasts && self.is_active(now)
    }

    /// When to meet a reminder that came now.
    pub fn grant_due_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let due_at = self.granted_until.map(|until| until - Duration::minutes(GRANT_MARGIN_MIN));
        let longest = now + Duration::minutes(GRANT_WAIT_MIN);
        due_at.filter(|at| (now..=longest).contains(at)).unwrap_or(now)
    }

    /// Keeps what the provider demands; one that has to be made anew needs no renewal. What is new is due now, also where
    /// something failed; a reminder leaves the time of a renewal as it is.
    pub fn demand(&mut self, demand: Demand, now: DateTime<Utc>) {
        let before = self.demand;
        self.demand = before.filter(|known| *known == Demand::Anew).or(Some(demand));
        if self.demand != before && (demand == Demand::Anew || self.failures > 0) {
            self.check_at = self.check_at.min(now);
        }
    }

    /// Whether both are the same watch at the provider, or none.
    pub fn has_same_watch(&self, other: &WatchedTarget) -> bool {
        let state = |one: &WatchedTarget| one.watch.as_ref().map(|watch| watch.state.clone());
        state(self) == state(other)
    }

    /// Whether notices come, also because we still may watch.
    pub fn gives_notice(&self, now: DateTime<Utc>) -> bool {
        self.is_active(now) && !self.is_ungranted(now)
    }

    /// When its notices end or ended by themselves, where there is a watch.
    pub fn silent_since(&self) -> Option<DateTime<Utc>> {
        let until = self.watch.as_ref()?.until;
        Some(self.granted_until.map_or(until, |granted| granted.min(until)))
    }

    /// Whether there is a watch that the provider keeps.
    pub fn is_active(&self, now: DateTime<Utc>) -> bool {
        self.demand != Some(Demand::Anew) && self.watch.as_ref().is_some_and(|watch| now < watch.until)
    }
}

/// Push of one mailbox: one row, compared and set on `version`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PushState {
    /// Who needs it. A set, because a count drifts when processes die.
    pub members: BTreeMap<InstanceId, Member>,
    /// What is watched.
    pub watched: Vec<WatchedTarget>,
    /// Goes up by one with each change, from a random number on: one made anew, after another was removed, has none of
    /// its versions. 0 is not stored.
    pub version: u64,
}

impl PushState {
    /// What is watched of this target for this application.
    pub fn watched(&self, application: &str, target: &str) -> Option<&WatchedTarget> {
        self.watched.iter().find(|one| one.application == application && one.target == target)
    }

    /// The same to change it; it is made where there is none.
    pub fn watched_mut(&mut self, application: &str, target: &str, now: DateTime<Utc>) -> &mut WatchedTarget {
        let found =
            self.watched.iter().position(|one| one.application == application && one.target == target);
        let index = found.unwrap_or_else(|| {
            self.watched.push(WatchedTarget::new(application, target, now));
            self.watched.len() - 1
        });
        &mut self.watched[index]
    }

    /// Puts what became of a watch in the place of what was seen of it, unless somebody made another meanwhile.
    pub fn replace(&mut self, seen: &WatchedTarget, next: &WatchedTarget, now: DateTime<Utc>) {
        let stored = self.watched_mut(&next.application, &next.target, now);
        let has_rival =
            stored.watch.is_some() && !stored.has_same_watch(seen) && !stored.has_same_watch(next);
        if has_rival {
            return;
        }
        // The provider said so after it was asked; a reminder is met by whatever was asked meanwhile.
        let is_asked = next.touched_at != seen.touched_at;
        let missed = stored.demand.filter(|demand| {
            let is_met = is_asked && *demand == Demand::Reauthorize;
            seen.demand.is_none_or(|known| known != *demand) && stored.has_same_watch(next) && !is_met
        });
        *stored = next.clone();
        if let Some(demand) = missed {
            stored.demand(demand, now);
        }
    }

    /// What its watches of an application's target have to report: the parts that members need, or everything.
    pub fn parts(&self, application: &str, target: &str) -> BTreeSet<String> {
        let members = self.members.values().filter(|member| member.application == application);
        let targets = members.flat_map(|member| &member.targets).filter(|one| one.name == target);
        let all: Vec<&BTreeSet<String>> = targets.map(|one| &one.parts).collect();
        if all.iter().any(|parts| parts.is_empty()) {
            return BTreeSet::new();
        }
        all.into_iter().flatten().cloned().collect()
    }

    /// Whether there is a watch of another target of an application, for somebody who needs it.
    pub fn is_watched_otherwise(&self, application: &str, target: &str, now: DateTime<Utc>) -> bool {
        self.watched.iter().any(|one| {
            let is_needed = self.members.values().any(|member| member.needs(&one.application, &one.target));
            one.application == application && one.target != target && one.is_active(now) && is_needed
        })
    }

    /// Lets an instance in. What is to report other parts from now on is asked for now, however long it is overdue: only what
    /// is overdue is put off.
    pub fn join(&mut self, id: InstanceId, member: &Member, now: DateTime<Utc>) {
        let parts = |state: &PushState, target: &Target| state.parts(&member.application, &target.name);
        let before: Vec<_> = member.targets.iter().map(|target| parts(self, target)).collect();
        self.members.insert(id, member.clone());
        for (target, before) in member.targets.iter().zip(before) {
            let is_other = parts(self, target) != before;
            let watched = self.watched_mut(&member.application, &target.name, now);
            if is_other {
                watched.check_at = now;
            }
        }
    }

    /// Takes an instance out. A target that nobody needs then and nothing watches goes with it: there is nothing to end,
    /// so nobody would come back to forget it.
    pub fn leave(&mut self, id: InstanceId) {
        self.members.remove(&id);
        let members = &self.members;
        self.watched.retain(|one| {
            one.watch.is_some() || members.values().any(|member| member.needs(&one.application, &one.target))
        });
    }

    /// The targets that no member needs any more.
    pub fn unneeded(&self) -> impl Iterator<Item = &WatchedTarget> {
        self.watched
            .iter()
            .filter(|one| !self.members.values().any(|member| member.needs(&one.application, &one.target)))
    }

    /// When the last watch ends; what is kept of the mailbox is of no use long after that.
    pub fn until(&self) -> Option<DateTime<Utc>> {
        self.watched.iter().filter_map(|one| one.watch.as_ref()).map(|watch| watch.until).max()
    }
}

/// What a poll that a hint led to knows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Hint {
    /// When it came.
    pub at: DateTime<Utc>,
    /// The provider's position that it names, where it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// Polls since that found nothing of it.
    #[serde(default)]
    pub looks: u8,
}

/// Pauses before a look again after a poll that found nothing of a hint, ms: providers announce changes seconds before
/// they show them.
const LOOK_AGAIN_MS: [i64; 4] = [1_000, 3_000, 10_000, 30_000];
/// The same where a hint names no position: what it speaks of may be nothing that is polled, so that it never shows.
const LOOK_AGAIN_UNNAMED_MS: [i64; 2] = [2_000, 20_000];
/// Longer than all looks for a hint together, seconds.
pub(crate) const LOOKED_FOR_S: i64 = 60;

impl Hint {
    /// One that no provider gave: a poll is wanted for the sake of the watches that it keeps, and looks for nothing.
    pub fn to_keep_watches(now: DateTime<Utc>) -> Self {
        Hint { at: now, position: None, looks: u8::MAX }
    }

    /// Whether it is such a one.
    pub fn is_to_keep_watches(self) -> bool {
        self.looks == u8::MAX
    }

    /// The next look for it, and when; `None`: there were enough.
    pub fn again(self, now: DateTime<Utc>) -> Option<(Hint, DateTime<Utc>)> {
        let pauses_ms: &[i64] = match self.position {
            Some(_) => &LOOK_AGAIN_MS,
            None => &LOOK_AGAIN_UNNAMED_MS,
        };
        let pause_ms = *pauses_ms.get(usize::from(self.looks))?;
        Some((Hint { looks: self.looks + 1, ..self }, now + Duration::milliseconds(pause_ms)))
    }
}

/// Push of one instance, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushStatus {
    /// Notices come of everything that is polled.
    pub is_active: bool,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
    /// Until when, if nothing is renewed.
    pub until: Option<DateTime<Utc>>,
    /// When the last hint came.
    pub last_hint_at: Option<DateTime<Utc>>,
    /// Why it is not active.
    pub reason: Option<String>,
}

impl PushStatus {
    /// Not active, for this reason.
    pub fn inactive(reason: impl Into<String>) -> Self {
        PushStatus {
            is_active: false,
            since: None,
            until: None,
            last_hint_at: None,
            reason: Some(reason.into()),
        }
    }

    /// Of a member of a mailbox's push state.
    pub fn of(
        member: &Member,
        state: &PushState,
        last_hint_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Self {
        let watched: Vec<Option<&WatchedTarget>> =
            member.targets.iter().map(|target| state.watched(&member.application, &target.name)).collect();
        let is_active =
            !watched.is_empty() && watched.iter().all(|one| one.is_some_and(|one| one.gives_notice(now)));
        let watched: Vec<&WatchedTarget> = watched.into_iter().flatten().collect();
        let failure = watched.iter().find_map(|one| one.failure.clone());
        let pauses = watched.iter().any(|one| one.is_active(now) && one.is_ungranted(now));
        let otherwise = if pauses { "it pauses until the next poll renews it" } else { "it is being set up" };
        let reason = (!is_active).then(|| failure.unwrap_or_else(|| otherwise.to_owned()));
        PushStatus {
            is_active,
            since: watched.iter().filter_map(|one| one.since).max().filter(|_| is_active),
            until: watched
                .iter()
                .filter_map(|one| Some(one.watch.as_ref()?.until))
                .min()
                .filter(|_| is_active),
            last_hint_at,
            reason,
        }
    }
}

#[cfg(test)]
mod tests;
