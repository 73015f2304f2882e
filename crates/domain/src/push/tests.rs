use super::*;
use chrono::TimeZone as _;
use serde_json::json;

fn at(ms: i64) -> DateTime<Utc> {
    Utc.timestamp_millis_opt(1_795_000_000_000 + ms).unwrap()
}

fn id(n: u8) -> InstanceId {
    InstanceId::from_bytes([0, 0, 0, n])
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
    let status = PushStatus::of(&member, &state, None, at(10_000));
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
    status(
        |state| state.watched[1].granted_until = Some(at(9_000)),
        r#"false -1 -1 Some("it pauses until the next poll renews it")"#,
    );
    // A renewal failed, and the watch still holds.
    status(
        |state| state.watched[0].failure = Some("the provider answered 500".to_owned()),
        "true 1 60000 None",
    );
}

/// What one saw, what is stored by now, and what it would put there; each with what it demands.
#[track_caller]
fn replaced(seen: &str, stored: &str, next: &str, expected: &str) {
    let watched = |text: &str| {
        let mut one = WatchedTarget::new("a", "messages", at(0));
        one.check_at = at(9_000);
        let id = text.trim_end_matches(['!', '?']);
        one.watch = (!id.is_empty()).then(|| Watch { state: json!(id), until: at(60_000) });
        one.demand = match text.trim_start_matches(char::is_alphanumeric) {
            "!" => Some(Demand::Anew),
            "?" => Some(Demand::Reauthorize),
            _ => None,
        };
        one
    };
    let mut state = PushState { watched: vec![watched(stored)], ..PushState::default() };
    state.replace(&watched(seen), &watched(next), at(0));
    let found = &state.watched[0];
    let id = found.watch.as_ref().and_then(|watch| watch.state.as_str()).unwrap_or_default();
    let demand = match found.demand {
        Some(Demand::Anew) => "!",
        Some(Demand::Reauthorize) => "?",
        None => "",
    };
    assert_eq!(format!("{id}{demand}"), expected, "{seen} {stored} {next}");
    assert!(found.demand.is_none() || found.is_due(at(0)), "{seen} {stored} {next}");
}

#[test]
fn what_another_process_made_meanwhile_is_not_replaced() {
    replaced("", "", "x", "x");
    replaced("x", "x", "x", "x");
    replaced("x", "x", "y", "y");
    replaced("x!", "x!", "y", "y");
    replaced("x?", "x?", "x", "x");
    // The row was forgotten meanwhile.
    replaced("x", "", "x", "x");
    // Another made one, or made the same out of the old one.
    replaced("x", "y", "z", "y");
    replaced("", "y", "z", "y");
    replaced("x", "y", "x", "y");
    replaced("x", "y", "", "y");
    replaced("x", "z", "z", "z");
}

#[test]
fn what_was_said_to_be_gone_after_it_was_asked_for_is_gone() {
    replaced("x", "x!", "x", "x!");
    replaced("x", "x!", "y", "y");
    replaced("x?", "x!", "x", "x!");
    replaced("x!", "x?", "x!", "x!");
}

/// A renewal that is put off, or fails, meets no reminder that comes while it is stored.
#[test]
fn a_reminder_that_came_meanwhile_stays_unless_it_was_met() {
    replaced("x", "x?", "x", "x?");
    replaced("x", "y?", "x", "y?");
    let one = WatchedTarget { watch: Some(Watch { state: json!("x"), until: at(60_000) }), ..new_one() };
    let reminded = WatchedTarget { demand: Some(Demand::Reauthorize), ..one.clone() };
    let renewed = WatchedTarget { touched_at: Some(at(0)), ..one.clone() };
    let mut state = PushState { watched: vec![reminded], ..PushState::default() };
    state.replace(&one, &renewed, at(0));
    assert_eq!(state.watched, [renewed]);
}

fn new_one() -> WatchedTarget {
    WatchedTarget { check_at: at(9_000), ..WatchedTarget::new("a", "messages", at(0)) }
}

/// Else what it needs beside would be told of as late as what is put off may be.
#[test]
fn who_needs_other_parts_of_a_watch_that_is_long_overdue_has_it_asked_for_now() {
    let member = |part: &str| Member {
        application: "a".to_owned(),
        targets: vec![Target { name: "messages".to_owned(), parts: [part.to_owned()].into() }],
        signer: None,
    };
    let mut state = PushState::default();
    state.join(id(1), &member("inbox"), at(0));
    assert_eq!(state.watched[0].check_at, at(0), "a new one");
    state.join(id(2), &member("inbox"), at(50_000));
    assert_eq!(state.watched[0].check_at, at(0), "what it needs is watched");
    state.join(id(3), &member("sent"), at(50_000));
    assert_eq!(state.watched[0].check_at, at(50_000));
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

/// Minutes since the renewal, and that the grant has left.
#[track_caller]
fn echo(touched_min: i64, left_min: i64, expected: bool) {
    let minutes = |minutes: i64| at(minutes * 60_000);
    let mut watched = WatchedTarget::new("a", "messages", at(0));
    watched.watch = Some(Watch { state: json!({}), until: minutes(10_000) });
    watched.touched_at = Some(minutes(-touched_min));
    watched.granted_until = Some(minutes(left_min));
    watched.demand(Demand::Reauthorize, at(0));
    assert_eq!(watched.is_met(at(0)), expected, "{touched_min} minutes ago, {left_min} left");
}

#[test]
fn a_reminder_of_what_was_just_renewed_is_met() {
    echo(0, 60, true);
    echo(9, 51, true);
    echo(10, 50, false);
    // The token was about to end that it was renewed with: nobody would come back for it.
    echo(9, 3, false);
    echo(9, -1, false);
    // The clock was set back.
    echo(-14_400, 14_460, false);
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
