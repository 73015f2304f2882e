//! What an instance's rows say of its connection, against what was told.

use crate::delivery::{Subscription, SubscriptionStatus};
use crate::health::Vitals;
use crate::health_ledger::{Condition, HealthFact, HealthLedger, OpenCondition, Transition};
use crate::instance::{Instance, Validity};
use crate::push::{Member, PushState};
use crate::state::{ResourceState, frozen_after};
use chrono::{DateTime, Duration, Utc};

/// Transitions of an instance that wait to be handed over; more wait in the rows that they follow from.
const PENDING_COUNT_MAX: usize = 40;
/// Failures in a row after which push is lost: what the first tries mend, nobody has to hear of.
const PUSH_FAILURES_COUNT: u32 = 3;
/// How long no notice came when push is lost without a failure, hours: nobody could try.
const PUSH_LAPSED_H: i64 = 1;

/// What the rows say of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// It holds.
    Holds(OpenCondition),
    /// It does not.
    Over,
    /// Nothing can be said, or nothing is decided yet.
    Unknown,
    /// There is nothing any more that it could hold of: its end is not told.
    Moot,
}

/// All that an instance's rows say of its connection, and what follows for what was told.
pub struct HealthReading<'a> {
    instance: &'a Instance,
    states: Vec<&'a ResourceState>,
    conditions: [(Condition, Reading); 4],
}

impl<'a> HealthReading<'a> {
    /// Of these rows, and of what [`push`] says: that it is not wanted any more is [`Reading::Moot`].
    pub fn of(
        instance: &'a Instance,
        subscription: &Subscription,
        states: impl Iterator<Item = &'a ResourceState>,
        push: Reading,
        (heartbeat, begun_at): (Duration, Option<DateTime<Utc>>),
        now: DateTime<Utc>,
    ) -> Self {
        let states: Vec<_> = states.filter(|state| !crate::backfill::is_row(&state.resource)).collect();
        let conditions = [
            (Condition::NeedsSignIn, needs_sign_in(instance, now)),
            (Condition::Failing, failing(instance, &states, (heartbeat, begun_at), now)),
            (Condition::PushLost, lost(instance, push)),
            (Condition::Suspended, suspended(instance, subscription, now)),
        ];
        HealthReading { instance, states, conditions }
    }

    /// The ledger of the instance's next version; `None` if nothing is to be told or taken back. What does not fit waits:
    /// the rows say it still when there is room.
    pub fn next(&self, now: DateTime<Utc>) -> Option<HealthLedger> {
        let before = &self.instance.health;
        if before.pending.len() + self.conditions.len() > PENDING_COUNT_MAX {
            return None;
        }
        let mut next = before.clone();
        let mut facts: Vec<(Transition, String, OpenCondition)> = Vec::new();
        for (condition, reading) in &self.conditions {
            if *condition == Condition::PushLost {
                next.had_push = had_push(before, reading);
            }
            match (reading, next.open.get(condition)) {
                (Reading::Holds(open), None) => {
                    next.open.insert(*condition, open.clone());
                    facts.push((condition.begins(), String::new(), open.clone()));
                }
                (Reading::Over | Reading::Moot, Some(_)) => {
                    let was = next.open.remove(condition);
                    let ends = (*reading == Reading::Over).then(|| ends(*condition, &next)).flatten();
                    let which = if *condition == Condition::PushLost { "push" } else { "" };
                    facts.extend(was.zip(ends).map(|(was, ends)| (ends, which.to_owned(), was)));
                }
                _ => {}
            }
        }
        for state in &self.states {
            let told = next.gaps.get(&state.resource).copied();
            for gap in state.gaps.iter().filter(|gap| told.is_none_or(|told| told < gap.to)) {
                if before.pending.len() + facts.len() == PENDING_COUNT_MAX {
                    break;
                }
                next.gaps.insert(state.resource.clone(), gap.to);
                let reason = format!("{}: {}", state.resource, gap.reason);
                let which = format!("{} {}", state.resource, gap.to.timestamp_micros());
                facts.push((Transition::Gap, which, OpenCondition { since: gap.from, reason }));
            }
        }
        next.gaps.retain(|resource, _| self.states.iter().any(|state| state.resource == *resource));
        let version = (self.instance.id, self.instance.version + 1);
        for (transition, which, open) in facts {
            next.pending.push(HealthFact::new(version, (transition, &which), now, open));
        }
        (next != *before).then_some(next)
    }
}

/// What the end of a condition is told as, if it is: a mailbox has recovered when it is read again, whether or not notices
/// come; that they do is told where nothing else holds.
fn ends(condition: Condition, left: &HealthLedger) -> Option<Transition> {
    let holds = |condition| left.open.contains_key(&condition);
    match condition {
        Condition::NeedsSignIn | Condition::Failing | Condition::PushLost => {
            (!holds(Condition::NeedsSignIn) && !holds(Condition::Failing)).then_some(Transition::Recovered)
        }
        Condition::Suspended => Some(Transition::Resumed),
    }
}

fn needs_sign_in(instance: &Instance, now: DateTime<Utc>) -> Reading {
    match &instance.validity {
        Validity::NeedsSignIn(reason) => Reading::Holds(OpenCondition { since: now, reason: reason.clone() }),
        Validity::Valid => Reading::Over,
    }
}

/// A resource fails, and its last success is older than what counts as frozen, as is the time at which somebody signed in or
/// switched it on again. It is over when each was read since.
fn failing(
    instance: &Instance,
    states: &[&ResourceState],
    (heartbeat, begun_at): (Duration, Option<DateTime<Utc>>),
    now: DateTime<Utc>,
) -> Reading {
    let vitals = Vitals::of(instance, SubscriptionStatus::Active, states.iter().copied());
    if !vitals.is_polled {
        return Reading::Moot;
    }
    if instance.disabled || !instance.is_valid() {
        return Reading::Unknown;
    }
    let last = |state: &ResourceState| {
        let success_at = state.last_success_at.or(state.baseline_at).unwrap_or(instance.created_at);
        begun_at.map_or(success_at, |begun_at| success_at.max(begun_at))
    };
    let after = frozen_after(vitals.interval_s, heartbeat);
    let is_failing = |state: &&&ResourceState| state.failures > 0 && now - last(state) > after;
    let failing = states.iter().filter(is_failing);
    if let Some(worst) = failing.min_by_key(|state| last(state)) {
        let reason = worst.last_error.clone().unwrap_or_else(|| "it can't be read".to_owned());
        return Reading::Holds(OpenCondition { since: last(worst), reason });
    }
    let since = instance.health.open.get(&Condition::Failing).map(|open| open.since);
    let is_read = |state: &&ResourceState| {
        state.failures == 0 && state.last_success_at.is_some_and(|at| since.is_none_or(|since| at > since))
    };
    if states.iter().all(is_read) { Reading::Over } else { Reading::Unknown }
}

/// What was never there is not lost.
fn lost(instance: &Instance, push: Reading) -> Reading {
    match push {
        Reading::Holds(_) if !instance.health.had_push => Reading::Unknown,
        push => push,
    }
}

fn had_push(before: &HealthLedger, reading: &Reading) -> bool {
    match reading {
        Reading::Over => true,
        Reading::Moot => false,
        Reading::Holds(_) | Reading::Unknown => before.had_push,
    }
}

/// What the watches of its mailbox say of an instance's notices.
pub fn push(member: &Member, state: &PushState, now: DateTime<Utc>) -> Reading {
    let watched = || member.targets.iter().filter_map(|one| state.watched(&member.application, &one.name));
    if watched().count() == member.targets.len() && watched().all(|one| one.gives_notice(now)) {
        return Reading::Over;
    }
    let mut silent = watched().filter(|one| !one.gives_notice(now));
    let lost = silent.find_map(|one| {
        let since = one.silent_since().filter(|since| *since <= now);
        let is_lapsed = since.is_some_and(|since| now - since > Duration::hours(PUSH_LAPSED_H));
        let reason = one.failure.as_deref().unwrap_or("it was not renewed in time");
        let reason = format!("notices come no longer: {reason}");
        let is_lost = one.failures >= PUSH_FAILURES_COUNT || is_lapsed;
        is_lost.then(|| OpenCondition { since: since.unwrap_or(now), reason })
    });
    lost.map_or(Reading::Unknown, Reading::Holds)
}

fn suspended(instance: &Instance, subscription: &Subscription, now: DateTime<Utc>) -> Reading {
    match subscription.status {
        _ if instance.disabled => Reading::Unknown,
        SubscriptionStatus::Suspended => {
            let reason = subscription.reason.clone().unwrap_or_else(|| "it takes nothing".to_owned());
            Reading::Holds(OpenCondition { since: now, reason })
        }
        // It is over when nothing waits any more.
        SubscriptionStatus::Releasing => Reading::Unknown,
        SubscriptionStatus::Active => Reading::Over,
    }
}

#[cfg(test)]
mod tests;
