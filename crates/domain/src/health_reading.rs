//! What an instance's rows say of its connection, against what was told.

use crate::delivery::{Subscription, SubscriptionStatus};
use crate::health::Vitals;
use crate::health_ledger::{Condition, HealthEventId, HealthFact, HealthLedger, OpenCondition, Transition};
use crate::instance::{Instance, Validity};
use crate::state::{ResourceState, frozen_after};
use chrono::{DateTime, Utc};

/// Transitions of an instance that wait to be handed over; more wait in the rows that they follow from.
const PENDING_COUNT_MAX: usize = 40;
/// Longest reason that is told, characters.
const REASON_CHARS_MAX: usize = 300;

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
    /// Of these rows. What is known of push comes from elsewhere.
    pub fn of(
        instance: &'a Instance,
        subscription: &Subscription,
        states: impl Iterator<Item = &'a ResourceState>,
        push: Reading,
        now: DateTime<Utc>,
    ) -> Self {
        let states: Vec<_> = states.filter(|state| !crate::backfill::is_row(&state.resource)).collect();
        let conditions = [
            (Condition::NeedsSignIn, needs_sign_in(instance, now)),
            (Condition::Failing, failing(instance, &states, now)),
            (Condition::PushLost, push),
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
            match (reading, next.open.get(condition)) {
                (Reading::Holds(open), None) => {
                    next.open.insert(*condition, open.clone());
                    facts.push((condition.begins(), String::new(), open.clone()));
                }
                (Reading::Over | Reading::Moot, Some(_)) => {
                    let was = next.open.remove(condition);
                    let ends = (*reading == Reading::Over).then(|| ends(*condition, &next)).flatten();
                    facts.extend(was.zip(ends).map(|(was, ends)| (ends, String::new(), was)));
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
        let version = self.instance.version + 1;
        for (transition, which, OpenCondition { since, reason }) in facts {
            let number = self.instance.id.get().to_be_bytes();
            let parts = [&number[..], transition.text().as_bytes(), which.as_bytes(), &version.to_be_bytes()];
            let id = HealthEventId::of(now, &parts);
            let reason = reason.chars().take(REASON_CHARS_MAX).collect();
            next.pending.push(HealthFact { id, transition, at: now, since, reason });
        }
        (next != *before).then_some(next)
    }
}

/// What the end of a condition is told as, if it is: a mailbox has recovered when none of its own holds any more.
fn ends(condition: Condition, left: &HealthLedger) -> Option<Transition> {
    let holds = |condition| left.open.contains_key(&condition);
    match condition {
        Condition::NeedsSignIn | Condition::Failing => {
            (!holds(Condition::NeedsSignIn) && !holds(Condition::Failing)).then_some(Transition::Recovered)
        }
        Condition::PushLost => None,
        Condition::Suspended => Some(Transition::Resumed),
    }
}

fn needs_sign_in(instance: &Instance, now: DateTime<Utc>) -> Reading {
    match &instance.validity {
        Validity::NeedsSignIn(reason) => Reading::Holds(OpenCondition { since: now, reason: reason.clone() }),
        Validity::Valid => Reading::Over,
    }
}

/// A resource fails, and its last success is older than what counts as frozen. It is over when each was read since.
fn failing(instance: &Instance, states: &[&ResourceState], now: DateTime<Utc>) -> Reading {
    let vitals = Vitals::of(instance, SubscriptionStatus::Active, states.iter().copied());
    if !vitals.is_polled {
        return Reading::Moot;
    }
    if instance.disabled || !instance.is_valid() {
        return Reading::Unknown;
    }
    let last =
        |state: &ResourceState| state.last_success_at.or(state.baseline_at).unwrap_or(instance.created_at);
    let is_failing =
        |state: &&&ResourceState| state.failures > 0 && now - last(state) > frozen_after(vitals.interval_s);
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
