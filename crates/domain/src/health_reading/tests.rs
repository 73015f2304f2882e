use super::*;
use crate::state::Gap;
use chrono::{Duration, TimeZone as _};
use expect_test::{Expect, expect};
use serde_json::{Value, json};

fn at(minutes: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 22, 12, 0, 30).unwrap() + Duration::minutes(minutes)
}

fn heartbeat() -> Duration {
    Duration::minutes(10)
}

/// An instance that is polled every 15 minutes.
fn instance() -> Instance {
    serde_json::from_value(json!({
        "id": 17, "account": { "organization_id": 1, "account_id": 1, "user_id": 1 }, "connector": "mail",
        "name": "Sales", "tags": [], "configuration": { "event.notification.enabled": "true" },
        "secret_keys": [], "secrets_version": 1, "token_sealed": "", "external_authentication": "none",
        "created_at": at(0), "updated_at": at(0), "disabled": false, "validity": "Valid",
        "application_error": null, "mailbox_digest": "", "notices": [], "deleted_at": null, "version": 1,
    }))
    .unwrap()
}

/// An instance with its rows, as time goes by.
struct Life {
    instance: Instance,
    subscription: Subscription,
    state: ResourceState,
    push: Reading,
    begun_at: Option<DateTime<Utc>>,
    told: Vec<String>,
}

impl Life {
    fn new() -> Self {
        let state = ResourceState::new("messages", at(0)).with_baseline(Value::Null, at(0));
        Life {
            instance: instance(),
            subscription: Subscription::default(),
            state,
            push: Reading::Unknown,
            begun_at: None,
            told: Vec::new(),
        }
    }

    fn look(&mut self, minutes: i64) {
        let now = at(minutes);
        let states = std::iter::once(&self.state);
        let push = self.push.clone();
        let reading = HealthReading::of(
            &self.instance,
            &self.subscription,
            states,
            push,
            (heartbeat(), self.begun_at),
            now,
        );
        let Some(next) = reading.next(now) else { return };
        for fact in &next.pending {
            let since = (fact.since - at(0)).num_minutes();
            self.told.push(format!("{minutes}: {} since {since}, {}", fact.transition.text(), fact.reason));
        }
        self.instance.version += 1;
        self.instance.health = next.handed_over();
    }

    fn fail(&mut self, minutes: i64) {
        self.state =
            self.state.clone().failed("the provider answered 503".to_owned(), at(minutes), at(minutes));
    }

    fn succeed(&mut self, minutes: i64) {
        self.state = self.state.clone().succeeded(at(minutes));
    }

    #[track_caller]
    fn told(&self, expected: Expect) {
        expected.assert_eq(&self.told.join("\n"));
    }
}

#[test]
fn a_mailbox_that_fails_is_told_of_after_three_intervals_and_once_when_it_is_read_again() {
    let mut life = Life::new();
    for minutes in [15, 30, 45, 46, 60] {
        life.fail(minutes);
        life.look(minutes);
    }
    life.succeed(75);
    life.look(75);
    life.look(76);
    life.told(expect![[r#"
        46: mailbox.failing since 0, the provider answered 503
        75: mailbox.recovered since 0, the provider answered 503"#]]);
}

#[test]
fn forgotten_failures_are_no_recovery() {
    let mut life = Life::new();
    life.fail(46);
    life.look(46);
    life.state = life.state.clone().forgiven();
    life.look(47);
    assert_eq!(life.told.len(), 1);
    life.succeed(48);
    life.look(48);
    assert_eq!(life.told.len(), 2);
}

#[test]
fn a_mailbox_that_failed_and_had_to_sign_in_recovers_once() {
    let mut life = Life::new();
    life.fail(46);
    life.look(46);
    life.instance.validity = Validity::NeedsSignIn("sign in again: revoked".to_owned());
    life.look(47);
    life.look(48);
    life.instance.validity = Validity::Valid;
    life.look(49);
    life.succeed(50);
    life.look(50);
    life.told(expect![[r#"
        46: mailbox.failing since 0, the provider answered 503
        47: mailbox.needs_sign_in since 47, sign in again: revoked
        50: mailbox.recovered since 0, the provider answered 503"#]]);
}

/// It could not be read before that: one failure right after a sign-in says nothing yet.
#[test]
fn a_mailbox_that_begins_anew_is_given_three_intervals_again() {
    let mut life = Life::new();
    life.succeed(10);
    life.begun_at = Some(at(70));
    for minutes in [71, 85, 100, 115, 130] {
        life.fail(minutes);
        life.look(minutes);
    }
    life.told(expect!["130: mailbox.failing since 70, the provider answered 503"]);
}

#[test]
fn a_callback_is_resumed_when_nothing_waits_and_a_disabled_instance_says_nothing() {
    let mut life = Life::new();
    let status = |life: &mut Life, status, minutes| {
        life.subscription.status = status;
        life.subscription.reason = Some("the last attempt was answered 500".to_owned());
        life.look(minutes);
    };
    status(&mut life, SubscriptionStatus::Suspended, 1);
    status(&mut life, SubscriptionStatus::Releasing, 2);
    status(&mut life, SubscriptionStatus::Suspended, 3);
    status(&mut life, SubscriptionStatus::Releasing, 4);
    status(&mut life, SubscriptionStatus::Active, 5);
    life.instance.disabled = true;
    status(&mut life, SubscriptionStatus::Suspended, 6);
    life.instance.disabled = false;
    status(&mut life, SubscriptionStatus::Releasing, 7);
    status(&mut life, SubscriptionStatus::Active, 8);
    life.told(expect![[r#"
        1: callback.suspended since 1, the last attempt was answered 500
        5: callback.resumed since 1, the last attempt was answered 500"#]]);
}

fn silent(minutes: i64) -> Reading {
    Reading::Holds(OpenCondition { since: at(minutes), reason: "refused".to_owned() })
}

#[test]
fn push_that_was_there_is_lost_once_and_comes_back() {
    let mut life = Life::new();
    let looks = [
        (1, silent(1)),
        (2, Reading::Over),
        (3, Reading::Unknown),
        (4, silent(4)),
        (5, silent(4)),
        (6, Reading::Unknown),
        (7, Reading::Over),
        (8, silent(8)),
        // Its owner wants it no more: that is no news, and what was there before counts no longer.
        (9, Reading::Moot),
        (10, silent(10)),
    ];
    for (minutes, push) in looks {
        life.push = push;
        life.look(minutes);
    }
    life.told(expect![[r#"
        4: mailbox.push_lost since 4, refused
        7: mailbox.recovered since 4, refused
        8: mailbox.push_lost since 8, refused"#]]);
}

#[test]
fn notices_that_come_again_are_no_recovery_while_nobody_can_read() {
    let mut life = Life::new();
    for push in [Reading::Over, silent(1)] {
        life.push = push;
        life.look(1);
    }
    life.fail(46);
    life.look(46);
    life.push = Reading::Over;
    life.look(47);
    life.succeed(48);
    life.look(48);
    life.told(expect![[r#"
        1: mailbox.push_lost since 1, refused
        46: mailbox.failing since 0, the provider answered 503
        48: mailbox.recovered since 0, the provider answered 503"#]]);
}

#[test]
fn what_ends_at_once_has_each_its_own_id() {
    let mut life = Life::new();
    life.push = Reading::Over;
    life.look(1);
    life.push = silent(1);
    life.instance.validity = Validity::NeedsSignIn("revoked".to_owned());
    life.look(2);
    life.push = Reading::Over;
    life.instance.validity = Validity::Valid;
    let states = std::iter::once(&life.state);
    let look = HealthReading::of(
        &life.instance,
        &life.subscription,
        states,
        Reading::Over,
        (heartbeat(), None),
        at(3),
    );
    let told = look.next(at(3)).unwrap().pending;
    assert!(told.len() == 2 && told[0].id != told[1].id, "{told:?}");
}

/// The one target of an instance, as it is watched.
#[track_caller]
fn read_push(change: impl Fn(&mut crate::push::WatchedTarget), expected: &Reading) {
    let target = crate::push::Target { name: "messages".to_owned(), parts: Default::default() };
    let member = Member { application: "a".to_owned(), targets: vec![target], signer: None };
    let mut state = PushState::default();
    let watch = crate::push::Watch { state: Value::Null, until: at(600) };
    let watched = state.watched_mut("a", "messages", at(0));
    watched.watch = Some(watch);
    change(watched);
    assert_eq!(super::push(&member, &state, at(60)), *expected);
}

#[test]
fn push_is_lost_when_tries_have_failed_or_nobody_could_try() {
    let lost = |minutes, words: &str| {
        let reason = format!("notices come no longer: {words}");
        Reading::Holds(OpenCondition { since: at(minutes), reason })
    };
    let until = |watched: &mut crate::push::WatchedTarget, minutes| {
        watched.watch.as_mut().unwrap().until = at(minutes);
    };
    read_push(|_| {}, &Reading::Over);
    read_push(|watched| watched.failures = 9, &Reading::Over);
    read_push(|watched| watched.demand = Some(crate::push::Demand::Anew), &Reading::Unknown);
    let refused = |watched: &mut crate::push::WatchedTarget, failures| {
        watched.demand = Some(crate::push::Demand::Anew);
        (watched.failures, watched.failure) = (failures, Some("403".to_owned()));
    };
    read_push(|watched| refused(watched, 2), &Reading::Unknown);
    read_push(|watched| refused(watched, 3), &lost(60, "403"));
    read_push(|watched| until(watched, 1), &Reading::Unknown);
    read_push(|watched| until(watched, -1), &lost(-1, "it was not renewed in time"));
    read_push(|watched| watched.granted_until = Some(at(-1)), &lost(-1, "it was not renewed in time"));
    read_push(|watched| watched.watch = None, &Reading::Unknown);
}

#[test]
fn each_gap_is_told_once() {
    let mut life = Life::new();
    for minutes in [1, 2] {
        life.state.note_gap(Gap { from: at(0), to: at(minutes), reason: "labels".to_owned() });
    }
    life.look(3);
    life.look(4);
    life.state.note_gap(Gap { from: at(4), to: at(5), reason: "labels".to_owned() });
    life.look(5);
    life.told(expect![[r#"
        3: mailbox.gap since 0, messages: labels
        3: mailbox.gap since 0, messages: labels
        5: mailbox.gap since 4, messages: labels"#]]);
}

#[test]
fn the_end_of_what_nobody_polls_any_more_is_not_told() {
    let mut life = Life::new();
    life.fail(46);
    life.look(46);
    life.instance.configuration.clear();
    life.look(47);
    assert_eq!((life.told.len(), life.instance.health.open.len()), (1, 0));
}

#[test]
fn what_waits_to_be_handed_over_is_bounded_and_the_rest_is_told_later() {
    let mut life = Life::new();
    let mut told = 0;
    for minutes in 1..=10 {
        life.state.note_gap(Gap { from: at(0), to: at(minutes), reason: String::new() });
    }
    let states: Vec<ResourceState> = (0..20)
        .map(|number| ResourceState { resource: format!("r{number}"), ..life.state.clone() })
        .collect();
    for _ in 0..10 {
        let look = HealthReading::of(
            &life.instance,
            &life.subscription,
            states.iter(),
            Reading::Unknown,
            (heartbeat(), None),
            at(20),
        );
        let Some(next) = look.next(at(20)) else { break };
        assert!(next.pending.len() <= PENDING_COUNT_MAX);
        told += next.pending.len();
        life.instance.version += 1;
        life.instance.health = next.handed_over();
    }
    assert_eq!(told, 200);
}
