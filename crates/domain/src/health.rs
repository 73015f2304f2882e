//! How an instance is: one word over its sign-in, its polls and its deliveries, told in one place for every list, count
//! and page.

use crate::backfill;
use crate::delivery::SubscriptionStatus;
use crate::instance::Instance;
use crate::settings::{EVENTS_ENABLED, REFRESH_INTERVAL, given, rhythm};
use crate::state::{ResourceState, frozen_after};
use chrono::{DateTime, Duration, Utc};
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
    /// Of its polled resources.
    pub pulses: Pulses,
}

/// How the polls of all of an instance's resources went, in what its health needs of them: so much is kept of an
/// instance, and whoever counts ten thousand reads no resource.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pulses {
    /// Polled resources.
    pub count: u32,
    /// Those that were never read.
    pub unread_count: u32,
    /// The most failures in a row that one has.
    pub failures_max: u32,
    /// The oldest last success of those that did not fail since.
    pub calm_since: Option<DateTime<Utc>>,
    /// The oldest last success of those that did.
    pub failing_since: Option<DateTime<Utc>>,
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
            pulses: Pulses::of(&pulses(states)),
        }
    }

    /// How the instance is now, on a host whose idle polls write so often.
    pub fn health(&self, heartbeat: Duration, now: DateTime<Utc>) -> Health {
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
        self.polls(heartbeat, now)
    }

    fn polls(&self, heartbeat: Duration, now: DateTime<Utc>) -> Health {
        let pulses = &self.pulses;
        let after = frozen_after(self.interval_s, heartbeat);
        let is_frozen = |since| is_frozen(since, after, now);
        // In the order of precedence, as for one resource: the worst counts.
        if is_frozen(pulses.calm_since) {
            return Health::Stopped;
        }
        if pulses.failures_max >= FAILURES_COUNT_MIN || is_frozen(pulses.failing_since) {
            return Health::Failing;
        }
        if pulses.failures_max > 0 {
            return Health::BackingOff;
        }
        match self.callback {
            SubscriptionStatus::Releasing => Health::Releasing,
            // Those that were never read are new beside others.
            _ if pulses.unread_count < pulses.count => Health::Healthy,
            _ => Health::Starting,
        }
    }

    /// Somebody waits for its polls: it is on, and the provider accepts its sign-in.
    pub fn is_to_be_read(&self) -> bool {
        self.is_valid && !self.is_disabled && self.is_polled
    }

    /// A resource of it was last read longer ago than [`frozen_after`] says, or was never read and fails as often as counts
    /// as failing.
    pub fn is_overdue(&self, heartbeat: Duration, now: DateTime<Utc>) -> bool {
        let Pulses { unread_count, failures_max, calm_since, failing_since, .. } = self.pulses;
        let after = frozen_after(self.interval_s, heartbeat);
        let is_never_read = unread_count > 0 && failures_max >= FAILURES_COUNT_MIN;
        is_never_read || [calm_since, failing_since].into_iter().any(|since| is_frozen(since, after, now))
    }

    /// The oldest of the last successes of those resources that were ever read.
    pub fn oldest_success(&self) -> Option<DateTime<Utc>> {
        self.pulses.calm_since.into_iter().chain(self.pulses.failing_since).min()
    }

    /// The oldest of the resources' last successes: since then not everything was read. `None` if one was never read.
    pub fn read_until(&self) -> Option<DateTime<Utc>> {
        self.oldest_success().filter(|_| self.pulses.unread_count == 0)
    }
}

impl Pulses {
    /// Of these resources.
    pub fn of(pulses: &[Pulse]) -> Self {
        let oldest = |is_failing: bool| {
            let those = pulses.iter().filter(|pulse| (pulse.failures > 0) == is_failing);
            those.filter_map(|pulse| pulse.last_success_at).min()
        };
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Pulses {
            count: count(pulses.len()),
            unread_count: count(pulses.iter().filter(|pulse| pulse.last_success_at.is_none()).count()),
            failures_max: pulses.iter().map(|pulse| pulse.failures).max().unwrap_or(0),
            calm_since: oldest(false),
            failing_since: oldest(true),
        }
    }

    /// The same where all resources are known to have been read since a time.
    #[must_use]
    pub fn read_since(self, at: DateTime<Utc>) -> Self {
        let later = |since: Option<DateTime<Utc>>| since.map(|since| since.max(at));
        Pulses { calm_since: later(self.calm_since), failing_since: later(self.failing_since), ..self }
    }
}

/// Of each polled resource; backfills have rows beside them.
pub fn pulses<'a>(states: impl Iterator<Item = &'a ResourceState>) -> Vec<Pulse> {
    states.filter(|state| !backfill::is_row(&state.resource)).map(Pulse::of).collect()
}

/// A last success is older than that.
fn is_frozen(since: Option<DateTime<Utc>>, after: Duration, now: DateTime<Utc>) -> bool {
    since.is_some_and(|at| now - at > after)
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

    /// Its last success is older than [`frozen_after`] says.
    pub fn is_frozen(&self, after: Duration, now: DateTime<Utc>) -> bool {
        is_frozen(self.last_success_at, after, now)
    }

    /// How this resource is, which is frozen after that.
    pub fn health(&self, frozen_after: Duration, now: DateTime<Utc>) -> Health {
        match (self.failures, self.is_frozen(frozen_after, now)) {
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

    fn heartbeat() -> Duration {
        Duration::minutes(10)
    }

    fn vitals() -> Vitals {
        Vitals {
            is_valid: true,
            is_disabled: false,
            is_polled: true,
            has_application_error: false,
            interval_s: 60,
            callback: SubscriptionStatus::Active,
            pulses: Pulses::of(&[pulse(0, Some(0))]),
        }
    }

    fn pulse(failures: u32, success_min: Option<i64>) -> Pulse {
        Pulse { resource: "messages".to_owned(), failures, last_success_at: success_min.map(at) }
    }

    #[test]
    fn what_only_a_person_mends_comes_first() {
        let mut one = Vitals { pulses: Pulses::of(&[pulse(3, Some(0))]), ..vitals() };
        assert_eq!(one.health(heartbeat(), at(1)), Health::BackingOff);
        one.has_application_error = true;
        assert_eq!(one.health(heartbeat(), at(1)), Health::Stopped);
        one.is_polled = false;
        assert_eq!(one.health(heartbeat(), at(1)), Health::EventsOff);
        one.callback = SubscriptionStatus::Suspended;
        assert_eq!(
            one.health(heartbeat(), at(1)),
            Health::Suspended,
            "what waits does so also while nothing is polled"
        );
        one.is_disabled = true;
        assert_eq!(one.health(heartbeat(), at(1)), Health::Disabled);
        one.is_valid = false;
        assert_eq!(one.health(heartbeat(), at(1)), Health::NeedsSignIn);
    }

    #[test]
    fn a_callback_that_takes_nothing_is_not_healthy() {
        let mut one = vitals();
        assert_eq!(one.health(heartbeat(), at(1)), Health::Healthy);
        one.callback = SubscriptionStatus::Suspended;
        assert_eq!(one.health(heartbeat(), at(1)), Health::Suspended);
        one.callback = SubscriptionStatus::Releasing;
        assert_eq!(one.health(heartbeat(), at(1)), Health::Releasing);
    }

    #[test]
    fn what_was_never_read_and_keeps_failing_is_overdue() {
        let of = |pulses: &[Pulse]| Vitals { pulses: Pulses::of(pulses), ..vitals() };
        let is_overdue = |pulses: &[Pulse]| of(pulses).is_overdue(heartbeat(), at(20));
        assert!(is_overdue(&[pulse(FAILURES_COUNT_MIN, None)]));
        assert!(!is_overdue(&[pulse(FAILURES_COUNT_MIN - 1, None)]) && !is_overdue(&[pulse(0, None)]));
        let beside = of(&[pulse(1, Some(0)), pulse(0, None)]);
        assert!(beside.is_overdue(heartbeat(), at(20)));
        assert_eq!((beside.oldest_success(), beside.read_until()), (Some(at(0)), None));
    }

    #[test]
    fn the_worst_resource_counts() {
        let of = |pulses: &[Pulse]| Vitals { pulses: Pulses::of(pulses), ..vitals() };
        assert_eq!(of(&[]).health(heartbeat(), at(1)), Health::Starting);
        assert_eq!(of(&[pulse(0, None), pulse(0, None)]).health(heartbeat(), at(1)), Health::Starting);
        assert_eq!(of(&[pulse(0, None), pulse(0, Some(0))]).health(heartbeat(), at(1)), Health::Healthy);
        assert_eq!(
            of(&[pulse(0, Some(0)), pulse(1, Some(0))]).health(heartbeat(), at(1)),
            Health::BackingOff
        );
        assert_eq!(of(&[pulse(0, Some(0)), pulse(10, None)]).health(heartbeat(), at(1)), Health::Failing);
        assert_eq!(of(&[pulse(1, Some(0))]).health(heartbeat(), at(20)), Health::Failing, "for too long");
        assert_eq!(of(&[pulse(0, Some(0)), pulse(0, Some(19))]).health(heartbeat(), at(20)), Health::Stopped);
        assert_eq!(of(&[pulse(0, Some(3)), pulse(0, Some(1))]).read_until(), Some(at(1)));
        assert_eq!(of(&[pulse(0, Some(3)), pulse(0, None)]).read_until(), None);
    }

    /// Each combination of three resources: what is kept in short says what the worst of them does.
    #[test]
    fn in_short_it_is_the_worst_resource() {
        let kinds = [0, 1, 10].map(|failures| [None, Some(0), Some(19)].map(|at| pulse(failures, at)));
        let kinds = kinds.as_flattened();
        let mut seen = std::collections::HashSet::new();
        for some in 0..=kinds.len().pow(3) {
            let three = [some % 9, some / 9 % 9, some / 81 % 9].map(|kind| kinds[kind].clone());
            let one = Vitals { pulses: Pulses::of(&three), ..vitals() };
            let worst =
                three.iter().map(|pulse| pulse.health(frozen_after(60, heartbeat()), at(20))).min().unwrap();
            let is_read = three.iter().any(|pulse| pulse.last_success_at.is_some());
            let expected = if worst == Health::Starting && is_read { Health::Healthy } else { worst };
            assert_eq!(one.health(heartbeat(), at(20)), expected, "{three:?}");
            seen.insert(expected);
        }
        assert_eq!(seen.len(), 5, "{seen:?}");
    }

    #[test]
    fn a_rarer_heartbeat_is_no_failure_of_polls() {
        let hourly = Duration::hours(1);
        let of = |failures, minutes| {
            let pulses = Pulses::of(&[pulse(failures, Some(0))]);
            let one = Vitals { interval_s: 900, pulses, ..vitals() };
            (one.health(hourly, at(minutes)), one.is_overdue(hourly, at(minutes)))
        };
        assert_eq!(of(0, 75), (Health::Healthy, false), "a heartbeat and an interval");
        assert_eq!(of(1, 75), (Health::BackingOff, false));
        assert_eq!(of(0, 91), (Health::Stopped, true));
        assert_eq!(of(1, 91), (Health::Failing, true));
    }

    #[test]
    fn what_is_known_to_have_been_read_later_is_not_frozen() {
        let stored = Pulses::of(&[pulse(0, Some(0)), pulse(0, Some(5))]);
        let known = |minutes| Vitals { pulses: stored.read_since(at(minutes)), ..vitals() };
        assert_eq!(
            (known(19).health(heartbeat(), at(20)), known(19).read_until()),
            (Health::Healthy, Some(at(19)))
        );
        assert_eq!(
            (known(3).health(heartbeat(), at(20)), known(3).read_until()),
            (Health::Stopped, Some(at(3)))
        );
        assert_eq!(known(-1).read_until(), Some(at(0)));
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
