//! How an instance is: one word over its sign-in, its polls and its deliveries, told in one place for every list, count
//! and page.

use crate::backfill;
use crate::delivery::SubscriptionStatus;
use crate::instance::Instance;
use crate::settings::{EVENTS_ENABLED, REFRESH_INTERVAL, given, rhythm};
use crate::state::{ResourceState, frozen_after};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// Failures in a row from which somebody should look; before that, trying again is the cure.
pub const FAILURES_COUNT_MIN: u32 = 10;

/// In the order of precedence: what only a person mends comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Health {
    /// The provider no longer accepts its sign-in.
    NeedsSignIn,
    /// Somebody switched it off.
    Disabled,
    /// Its callback takes nothing any more; what comes is queued until somebody releases it.
    Suspended,
    /// Nothing is polled.
    EventsOff,
    /// Nothing is tried any more, or nothing comes of it for no known reason.
    Stopped,
    /// It is tried again and again, and has failed for so long that somebody should look.
    Failing,
    /// It failed and is tried again.
    BackingOff,
    /// What was queued is being delivered.
    Releasing,
    /// It was never read yet.
    Starting,
    /// Everything is as it should be.
    Healthy,
}

impl Health {
    /// All of them, in their order.
    pub const ALL: [Health; 10] = [
        Health::NeedsSignIn,
        Health::Disabled,
        Health::Suspended,
        Health::EventsOff,
        Health::Stopped,
        Health::Failing,
        Health::BackingOff,
        Health::Releasing,
        Health::Starting,
        Health::Healthy,
    ];

    /// As it is written.
    pub fn text(self) -> &'static str {
        match self {
            Health::NeedsSignIn => "needsSignIn",
            Health::Disabled => "disabled",
            Health::Suspended => "suspended",
            Health::EventsOff => "eventsOff",
            Health::Stopped => "stopped",
            Health::Failing => "failing",
            Health::BackingOff => "backingOff",
            Health::Releasing => "releasing",
            Health::Starting => "starting",
            Health::Healthy => "healthy",
        }
    }

    /// Back from [`Health::text`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|health| health.text() == text)
    }

    /// Nothing but a person mends it.
    pub fn needs_somebody(self) -> bool {
        matches!(self, Health::NeedsSignIn | Health::Suspended | Health::Stopped | Health::Failing)
    }
}

/// What an instance's health follows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vitals {
    /// The provider accepts its sign-in.
    pub is_valid: bool,
    /// Somebody switched it off.
    pub is_disabled: bool,
    /// It is to be polled.
    pub is_polled: bool,
    /// The application's credentials have a fault.
    pub has_application_error: bool,
    /// Seconds between polls.
    pub interval_s: u32,
    /// Of its callback.
    pub callback: SubscriptionStatus,
    /// Of each polled resource.
    pub pulses: Vec<Pulse>,
}

/// How the polls of one resource went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulse {
    /// Its configured name.
    pub resource: String,
    /// Failures in a row.
    pub failures: u32,
    /// The last poll that is known to have read it.
    pub last_success_at: Option<DateTime<Utc>>,
}

impl Vitals {
    /// Of an instance with its rows; backfills have rows beside the polled resources.
    pub fn of<'a>(
        instance: &Instance,
        callback: SubscriptionStatus,
        states: impl Iterator<Item = &'a ResourceState>,
    ) -> Self {
        let item = |key| given(&instance.configuration, key);
        let (is_polled, interval_s) = rhythm(item(EVENTS_ENABLED), item(REFRESH_INTERVAL));
        Vitals {
            is_valid: instance.is_valid(),
            is_disabled: instance.disabled,
            is_polled,
            has_application_error: instance.application_error.is_some(),
            interval_s,
            callback,
            pulses: states.filter(|state| !backfill::is_row(&state.resource)).map(Pulse::of).collect(),
        }
    }

    /// How the instance is now.
    pub fn health(&self, now: DateTime<Utc>) -> Health {
        if !self.is_valid {
            return Health::NeedsSignIn;
        }
        if self.is_disabled {
            return Health::Disabled;
        }
        if self.callback == SubscriptionStatus::Suspended {
            return Health::Suspended;
        }
        if !self.is_polled {
            return Health::EventsOff;
        }
        if self.has_application_error {
            return Health::Stopped;
        }
        self.polls(now)
    }

    fn polls(&self, now: DateTime<Utc>) -> Health {
        let worst = self.pulses.iter().map(|pulse| pulse.health(self.interval_s, now)).min();
        let worst = worst.unwrap_or(Health::Starting);
        let is_read = self.pulses.iter().any(|pulse| pulse.last_success_at.is_some());
        match worst {
            Health::Healthy | Health::Starting if self.callback == SubscriptionStatus::Releasing => {
                Health::Releasing
            }
            Health::Starting if is_read => Health::Healthy,
            worst => worst,
        }
    }

    /// The oldest of the resources' last successes: since then not everything was read. `None` if one was never read.
    pub fn read_until(&self) -> Option<DateTime<Utc>> {
        let all: Option<Vec<_>> = self.pulses.iter().map(|pulse| pulse.last_success_at).collect();
        all?.into_iter().min()
    }
}

impl Pulse {
    /// As the resource's row says.
    pub fn of(state: &ResourceState) -> Self {
        Pulse {
            resource: state.resource.clone(),
            failures: state.failures,
            last_success_at: state.last_success_at,
        }
    }

    /// Its last success is older than three intervals, or ten minutes and two intervals.
    pub fn is_frozen(&self, interval_s: u32, now: DateTime<Utc>) -> bool {
        self.last_success_at.is_some_and(|at| now - at > frozen_after(interval_s))
    }

    /// How this resource is.
    pub fn health(&self, interval_s: u32, now: DateTime<Utc>) -> Health {
        match (self.failures, self.is_frozen(interval_s, now)) {
            (0, true) => Health::Stopped,
            (0, false) if self.last_success_at.is_none() => Health::Starting,
            (0, false) => Health::Healthy,
            (FAILURES_COUNT_MIN.., _) | (_, true) => Health::Failing,
            _ => Health::BackingOff,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    fn at(minutes: i64) -> DateTime<Utc> {
        Utc.timestamp_opt(1_795_000_000 + minutes * 60, 0).unwrap()
    }

    fn vitals() -> Vitals {
        Vitals {
            is_valid: true,
            is_disabled: false,
            is_polled: true,
            has_application_error: false,
            interval_s: 60,
            callback: SubscriptionStatus::Active,
            pulses: vec![pulse(0, Some(0))],
        }
    }

    fn pulse(failures: u32, success_min: Option<i64>) -> Pulse {
        Pulse { resource: "messages".to_owned(), failures, last_success_at: success_min.map(at) }
    }

    #[test]
    fn what_only_a_person_mends_comes_first() {
        let mut one = Vitals { pulses: vec![pulse(3, Some(0))], ..vitals() };
        assert_eq!(one.health(at(1)), Health::BackingOff);
        one.has_application_error = true;
        assert_eq!(one.health(at(1)), Health::Stopped);
        one.is_polled = false;
        assert_eq!(one.health(at(1)), Health::EventsOff);
        one.callback = SubscriptionStatus::Suspended;
        assert_eq!(one.health(at(1)), Health::Suspended, "what waits does so also while nothing is polled");
        one.is_disabled = true;
        assert_eq!(one.health(at(1)), Health::Disabled);
        one.is_valid = false;
        assert_eq!(one.health(at(1)), Health::NeedsSignIn);
    }

    #[test]
    fn a_callback_that_takes_nothing_is_not_healthy() {
        let mut one = vitals();
        assert_eq!(one.health(at(1)), Health::Healthy);
        one.callback = SubscriptionStatus::Suspended;
        assert_eq!(one.health(at(1)), Health::Suspended);
        one.callback = SubscriptionStatus::Releasing;
        assert_eq!(one.health(at(1)), Health::Releasing);
    }

    #[test]
    fn the_worst_resource_counts() {
        let of = |pulses: &[Pulse]| Vitals { pulses: pulses.to_vec(), ..vitals() };
        assert_eq!(of(&[]).health(at(1)), Health::Starting);
        assert_eq!(of(&[pulse(0, None), pulse(0, None)]).health(at(1)), Health::Starting);
        assert_eq!(of(&[pulse(0, None), pulse(0, Some(0))]).health(at(1)), Health::Healthy);
        assert_eq!(of(&[pulse(0, Some(0)), pulse(1, Some(0))]).health(at(1)), Health::BackingOff);
        assert_eq!(of(&[pulse(0, Some(0)), pulse(10, None)]).health(at(1)), Health::Failing);
        assert_eq!(of(&[pulse(1, Some(0))]).health(at(20)), Health::Failing, "for too long");
        assert_eq!(of(&[pulse(0, Some(0)), pulse(0, Some(19))]).health(at(20)), Health::Stopped);
        assert_eq!(of(&[pulse(0, Some(3)), pulse(0, Some(1))]).read_until(), Some(at(1)));
        assert_eq!(of(&[pulse(0, Some(3)), pulse(0, None)]).read_until(), None);
    }

    #[test]
    fn a_name_is_read_back() {
        for health in Health::ALL {
            assert_eq!(Health::parse(health.text()), Some(health));
            assert_eq!(serde_json::to_value(health).unwrap(), health.text());
        }
        assert!(Health::ALL.is_sorted());
    }
}
