use super::*;
use chrono::TimeZone as _;
use serde_json::json;

fn at(ms: i64) -> DateTime<Utc> {
    Utc.timestamp_millis_opt(1_795_000_000_000 + ms).unwrap()
}

fn id(n: u8) -> InstanceId {
    InstanceId::from_bytes([0, 0, 0, n])
}

/// When hints come, ms, and when their polls begin; `-` joins one.
#[track_caller]
fn hints(comes: &[i64], polls: &str) {
    let mut hints = Hints::default();
    let mut shown = Vec::new();
    for ms in comes {
        let (taken, next) = hints.take(at(*ms), None);
        hints = next;
        shown.push(match taken {
            HintOutcome::Poll(due_at) => (due_at - at(0)).num_milliseconds().to_string(),
            HintOutcome::Joined => "-".to_owned(),
        });
    }
    assert_eq!(shown.join(" "), polls);
}

#[test]
fn each_hint_is_followed_by_a_poll_that_begins_after_it() {
    hints(&[0], "0");
    hints(&[0, 0], "0 2000");
    hints(&[0, 1, 2, 1_999], "0 2000 - -");
    hints(&[0, 1_999, 2_000], "0 2000 2000");
    hints(&[0, 2_000, 4_000], "0 2000 4000");
    hints(&[0, 500, 2_500, 2_600], "0 2000 2500 4500");
}

#[test]
fn ten_thousand_hints_in_a_second_make_two_polls() {
    let mut hints = Hints::default();
    let polls = (0..10_000).filter(|n| {
        let (taken, next) = hints.take(at(n / 10), Some(7));
        hints = next;
        matches!(taken, HintOutcome::Poll(_))
    });
    assert_eq!(polls.count(), 2);
}

#[test]
fn a_clock_that_was_set_back_holds_no_hint_up() {
    hints(&[60_000, 0], "60000 0");
}

#[track_caller]
fn pauses_s(position: Option<u64>, expected: &[i64]) {
    let mut hint = Hint { at: at(0), position, looks: 0 };
    let mut now = at(0);
    let mut pauses = Vec::new();
    while let Some((next, due_at)) = hint.again(now) {
        pauses.push((due_at - now).num_seconds());
        (hint, now) = (next, due_at);
    }
    assert_eq!(pauses, expected);
}

#[test]
fn a_hint_is_looked_for_again_a_few_times_with_growing_pauses() {
    pauses_s(Some(1), &[1, 3, 10, 30]);
    pauses_s(None, &[2, 20]);
}

/// Whatever came first; and nothing that was named long ago.
#[test]
fn the_highest_position_that_was_named_lately_is_looked_for() {
    let mut hints = Hints::default();
    for (ms, named, looked_for) in [
        (0, Some(5), Some(5)),
        (1, Some(3), Some(5)),
        (2, Some(9), Some(9)),
        (3, Some(8), Some(9)),
        (4, None, Some(9)),
        (40_000, Some(2), Some(9)),
        (99_000, Some(3), Some(9)),
        (160_000, Some(3), Some(3)),
    ] {
        hints = hints.take(at(ms), named).1;
        assert_eq!(hints.position, looked_for, "{ms}");
    }
}

fn member(application: &str, targets: &[(&str, &[&str])]) -> Member {
    let target = |(name, parts): &(&str, &[&str])| Target {
        name: (*name).to_owned(),
        parts: parts.iter().map(|part| (*part).to_owned()).collect(),
    };
    Member {
        application: application.to_owned(),
        targets: targets.iter().map(target).collect(),
        signer: None,
    }
}

#[test]
fn a_watch_covers_what_any_member_of_its_application_needs() {
    let mut state = PushState::default();
    state.members.insert(id(1), member("a", &[("topic", &["INBOX"])]));
    state.members.insert(id(2), member("a", &[("topic", &["SENT", "INBOX"])]));
    state.members.insert(id(3), member("b", &[("topic", &[])]));
    assert_eq!(state.parts("a", "topic"), ["INBOX".to_owned(), "SENT".to_owned()].into());
    assert!(state.parts("b", "topic").is_empty());
    state.members.insert(id(4), member("a", &[("topic", &[])]));
    assert!(state.parts("a", "topic").is_empty(), "one that needs everything");
}

#[test]
fn what_the_last_member_needed_is_unneeded() {
    let mut state = PushState::default();
    state.watched_mut("a", "messages", at(0));
    state.watched_mut("a", "events", at(0));
    state.members.insert(id(1), member("a", &[("messages", &[])]));
    let unneeded = |state: &PushState| state.unneeded().map(|one| one.target.clone()).collect::<Vec<_>>();
    assert_eq!(unneeded(&state), ["events"]);
    state.members.clear();
    assert_eq!(unneeded(&state), ["messages", "events"]);
}

/// A row of the table: what happened to the two targets, and what the owner reads.
#[track_caller]
fn status(change: impl Fn(&mut PushState), expected: &str) {
    let member = member("a", &[("messages", &[]), ("events", &[])]);
    let mut state = PushState::default();
    for (index, target) in ["messages", "events"].into_iter().enumerate() {
        let watched = state.watched_mut("a", target, at(0));
        watched.watch = Some(Watch { state: json!({}), until: at(60_000 + index as i64) });
        watched.since = Some(at(index as i64));
    }
    change(&mut state);
    let status = PushStatus::of(&member, &state, Hints::default(), at(10_000));
    let ms = |time: Option<DateTime<Utc>>| time.map_or(-1, |time| (time - at(0)).num_milliseconds());
    let shown = format!("{} {} {} {:?}", status.is_active, ms(status.since), ms(status.until), status.reason);
    assert_eq!(shown, expected);
}

#[test]
fn push_is_active_while_everything_polled_is_watched() {
    status(|_| {}, "true 1 60000 None");
    status(|state| drop(state.watched.pop()), r#"false -1 -1 Some("it is being set up")"#);
    status(
        |state| {
            state.watched[1].watch = None;
            state.watched[1].failure = Some("the provider answered 403".to_owned());
        },
        r#"false -1 -1 Some("the provider answered 403")"#,
    );
    status(|state| state.watched[0].demand = Some(Demand::Anew), r#"false -1 -1 Some("it is being set up")"#);
    status(|state| state.watched[0].demand = Some(Demand::Reauthorize), "true 1 60000 None");
    // A renewal failed, and the watch still holds.
    status(
        |state| state.watched[0].failure = Some("the provider answered 500".to_owned()),
        "true 1 60000 None",
    );
}

#[test]
fn who_leaves_takes_along_what_nobody_needs_and_nothing_watches() {
    let target = |name: &str| Target { name: name.to_owned(), parts: BTreeSet::new() };
    let member = |names: &[&str]| Member {
        application: "a".to_owned(),
        targets: names.iter().copied().map(target).collect(),
        signer: None,
    };
    let members = [(id(1), member(&["own", "shared", "made"])), (id(2), member(&["shared"]))];
    let mut state = PushState { members: members.into(), ..PushState::default() };
    for name in ["own", "shared", "made"] {
        state.watched_mut("a", name, at(0));
    }
    state.watched_mut("a", "made", at(0)).watch = Some(Watch { state: json!({}), until: at(1) });
    state.leave(id(1));
    let left: Vec<&str> = state.watched.iter().map(|one| one.target.as_str()).collect();
    assert_eq!(left, ["shared", "made"]);
    assert_eq!(state.unneeded().count(), 1, "what is made is still to be ended");
}

/// What is known of a grant's end, and when a reminder that comes at 0 is met; minutes.
#[track_caller]
fn reminder(granted_until: Option<i64>, due_at: i64) {
    let minutes = |minutes: i64| at(0) + Duration::minutes(minutes);
    let mut watched = WatchedTarget::new("a", "messages", at(0));
    watched.granted_until = granted_until.map(minutes);
    assert_eq!(watched.grant_due_at(at(0)), minutes(due_at), "{granted_until:?}");
}

#[test]
fn a_reminder_waits_until_shortly_before_the_end_that_is_known() {
    reminder(None, 0);
    reminder(Some(15), 12);
    reminder(Some(7), 4);
    reminder(Some(3), 0);
    reminder(Some(-60), 0);
    // Another grant's, or of before the clock was set back.
    reminder(Some(16), 0);
    reminder(Some(14_400), 0);
}

#[test]
fn a_grant_that_ended_is_wanted_again_without_a_reminder() {
    let mut watched = WatchedTarget::new("a", "messages", at(0));
    watched.check_at = at(3_600_000);
    watched.granted_until = Some(at(1_000));
    assert_eq!(watched.wanted(at(1_000)), None, "nothing is watched");
    watched.watch = Some(Watch { state: json!({}), until: at(3_600_000) });
    assert_eq!((watched.wanted(at(999)), watched.is_due(at(999))), (None, false));
    assert_eq!((watched.wanted(at(1_000)), watched.is_due(at(1_000))), (Some(Demand::Reauthorize), true));
    watched.failures = 1;
    assert!(!watched.is_due(at(1_000)), "what failed waits");
    watched.demand(Demand::Reauthorize, at(2_000));
    assert!(watched.is_due(at(2_000)), "unless it is reminded of");
}

/// A renewal comes when it was meant to, however often the grant is renewed meanwhile.
#[test]
fn a_reminder_moves_no_renewal() {
    let mut watched = WatchedTarget::new("a", "messages", at(0));
    watched.check_at = at(3_600_000);
    watched.demand(Demand::Reauthorize, at(0));
    assert_eq!((watched.check_at, watched.is_due(at(0))), (at(3_600_000), true));
    watched.demand(Demand::Anew, at(0));
    assert_eq!(watched.check_at, at(0));
}
