//! What must be true, whatever happened.

use super::script::{Cast, RELEASE};
use super::{Cloud, S};
use app::ports::{EventLog as _, Instances as _, Job, LogPage, Vault as _};
use domain::ids::InstanceId;
use futures_util::FutureExt as _;
use serde_json::Value;

/// The longer of two intervals and five minutes, and a minute for the poll itself.
const POLLED_AGAIN_S: i64 = 31 * 60;
/// A reminder of a grant comes every hour, and its job waits for so long at most; and a minute, since clocks differ.
const REMINDER_S: i64 = 13 * 60;
/// Jobs of one instance that may wait at a time, deliveries aside.
const JOBS_COUNT_MAX: usize = 40;

/// What must be true of the wire and of the schedules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    OnePoller,
    InFlight,
    RetryAfter,
    Bounded,
    PolledAgain,
    StaysConnected,
    DeletedIsGone,
    EditsStay,
    OnePost,
    NothingToMend,
    WishKept,
    ReleasedSoon,
    ToldAsPolled,
    HeldBack,
    OneOutcome,
    PushMended,
    PushMembers,
    PushEnds,
    BulkEnds,
    BulkCounts,
    BulkAsAsked,
    HealthOnce,
    HealthBytes,
    HealthHoldsNothingUp,
}

/// Known not to hold yet.
const OPEN: &[Rule] = &[];

impl Cloud {
    pub(super) fn must(&mut self, rule: Rule, is_so: bool, otherwise: impl FnOnce() -> String) {
        assert!(is_so || OPEN.contains(&rule), "{rule:?}: {}", otherwise());
        // What follows from it need not be told again.
        self.is_excused |= !is_so && !matches!(rule, Rule::OnePoller | Rule::InFlight | Rule::RetryAfter);
    }

    /// What arrived, and what was seen on the way.
    pub(super) fn look(&mut self, cast: &Cast) {
        let letters = self.ledger.take(&self.world);
        self.take_letters(letters);
        let wrong = std::mem::take(&mut self.shared.sightings().wrong);
        for (rule, what) in wrong {
            self.must(rule, false, || what);
        }
        self.check_edits();
        for id in [cast.gmail, cast.outlook] {
            let instance = self.world.store.instance(id).now_or_never().unwrap().unwrap().unwrap();
            let disconnected = || format!("a fault disconnected {id}: {:?}", instance.validity);
            self.must(Rule::StaysConnected, instance.is_valid(), disconnected);
        }
    }

    /// Without anybody's help every instance that is to be polled is.
    pub(super) async fn check_polled_again(&mut self, cast: &Cast) {
        let calm_us = self.now_us();
        self.run_for(POLLED_AGAIN_S).await;
        self.look(cast);
        for id in [cast.gmail, cast.outlook, cast.guest] {
            let instance = self.world.store.instance(id).await.unwrap();
            let Some(instance) =
                instance.filter(|one| one.deleted_at.is_none() && !one.disabled && one.is_valid())
            else {
                continue;
            };
            let polled_us = self.shared.sightings().polled_us(id);
            let ago_s = (calm_us - polled_us) / S;
            let schedule = self.shared.queues.schedule(id);
            self.must(Rule::PolledAgain, polled_us > calm_us && schedule == Some(true), || {
                format!(
                    "{} {id} was polled {ago_s} s before the faults ended, its schedule is {schedule:?}",
                    instance.connector
                )
            });
        }
    }

    /// Owners switch on what they had switched off, and release; then everything was told.
    pub(super) async fn end(&mut self, cast: &Cast) {
        self.enable_all(cast);
        self.run_for(20 * 60).await;
        self.call("release", "PUT", RELEASE, Value::Null, None);
        self.run_for(40 * 60).await;
        self.look(cast);
        let peak = self.shared.queues.jobs_count_peak();
        self.must(Rule::Bounded, peak <= JOBS_COUNT_MAX, || format!("{peak} jobs of one instance wait"));
        let (mut dead, mut waiting) = (self.shared.queues.dead(), self.shared.queues.waiting());
        let now_us = self.now_us();
        dead.retain(|job| !self.is_of_stranger(job));
        waiting.retain(|job| !reminds(job, now_us));
        self.must(Rule::Bounded, dead.is_empty(), || format!("jobs were put aside: {dead:?}"));
        self.must(Rule::Bounded, waiting.is_empty(), || format!("jobs go on for ever: {waiting:?}"));
        if !self.is_excused {
            self.ledger.check(&self.world, &self.traffic, cast.gmail, cast.outlook).await;
            self.check_made();
        }
        self.check_deleted(cast.guest).await;
        for id in [cast.gmail, cast.outlook] {
            self.check_outcomes(id).await;
        }
    }

    /// An attempt has one outcome, whoever else was at it.
    async fn check_outcomes(&mut self, id: InstanceId) {
        let page = LogPage { before: None, limit: usize::MAX, pending_only: false };
        for notification in self.world.store.notifications(id, page).await.unwrap().rows {
            let numbers: Vec<u32> = notification.attempts.iter().map(|attempt| attempt.number).collect();
            let is_once = numbers.is_sorted_by(|one, next| one < next);
            self.must(Rule::OneOutcome, is_once, || {
                format!("the attempts of a notification are {numbers:?}")
            });
        }
    }

    pub(super) fn enable_all(&mut self, cast: &Cast) {
        for id in [cast.gmail, cast.outlook] {
            self.call("enable", "PUT", format!("/instances/{id}/enabled"), Value::Null, Some(id));
        }
    }

    /// Of what was deleted nothing is left.
    async fn check_deleted(&mut self, id: InstanceId) {
        let instance = self.world.store.instance(id).await.unwrap();
        if instance.is_some_and(|instance| instance.deleted_at.is_none()) {
            return;
        }
        let secrets = self.world.vault().read(id).await.unwrap().map(|_| "secrets");
        let schedule = self.shared.queues.schedule(id).map(|_| "a schedule");
        let left: Vec<&str> = secrets.into_iter().chain(schedule).collect();
        self.must(Rule::DeletedIsGone, left.is_empty(), || format!("a deleted instance has {left:?} still"));
    }
}

/// Whether a provider reminded of a grant just now.
fn reminds(job: &Job, now_us: i64) -> bool {
    let Job::Hinted { hint, .. } = job else { return false };
    hint.is_to_keep_watches() && (now_us - hint.at.timestamp_micros()).abs() <= REMINDER_S * S
}
