use super::*;
use chrono::TimeZone as _;
use domain::ids::InstanceId;
use serde_json::json;

const RETENTION: Duration = Duration::days(7);

fn at(seconds: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(1_795_000_000 + seconds, 0).unwrap()
}

fn failed(id: &str, kind: ChangeKind) -> FailedRecord {
    let stub = json!({ "id": id, "labelIds": ["UNREAD", "INBOX"] });
    FailedRecord { object_id: id.to_owned(), kind, version: "7".to_owned(), stub }
}

fn state(ids: &[&str]) -> ResourceState {
    let mut state = ResourceState::new("messages", at(0)).with_baseline(Value::Null, at(0));
    add(&mut state, ids.iter().map(|id| failed(id, ChangeKind::Created)).collect(), at(0));
    state
}

fn change(id: &str, kind: ChangeKind, version: &str) -> Change {
    Change {
        object_id: id.to_owned(),
        shown_id: None,
        kind,
        version: version.to_owned(),
        at: None,
        record: json!({ "id": id, "labelIds": ["TRASH"] }),
        recheck: false,
        again: false,
    }
}

fn shown(changes: &[Change]) -> String {
    let line = |one: &Change| format!("{} {} [{}]", one.kind.wire(), one.object_id, one.version);
    changes.iter().map(line).collect::<Vec<_>>().join(", ")
}

fn found(read: &[&str], failed: &[&str], is_answered: bool) -> Retried {
    let owned = |ids: &[&str]| -> Vec<String> { ids.iter().map(|id| (*id).to_owned()).collect() };
    let whole = |id: String| (id.clone(), Some(change(&id, ChangeKind::Created, "")));
    Retried {
        read: owned(read).into_iter().map(whole).collect(),
        failed: owned(failed),
        is_answered,
        ..Retried::default()
    }
}

/// Looks at the one record whenever it is due, until it is told or the time is over; gives when that was.
fn told_after_s(is_answered: impl Fn(i64) -> bool, end_s: i64) -> Option<i64> {
    let mut state = state(&["a"]);
    loop {
        let now = state.next_look().unwrap();
        let now_s = (now - at(0)).num_seconds();
        if now_s > end_s {
            return None;
        }
        let told = settle(&mut state, found(&[], &["a"], is_answered(now_s)), now, RETENTION);
        if let [change] = told.as_slice() {
            assert_eq!(change.record["carillonRecordIncomplete"], true);
            return Some(now_s);
        }
    }
}

#[test]
fn a_record_that_fails_alone_is_told_after_two_hours_and_not_before() {
    let told_s = told_after_s(|_| true, 86_400).unwrap();
    assert!((7200..8100).contains(&told_s), "{told_s} s");
}

#[test]
fn time_in_which_nothing_could_be_read_does_not_count() {
    assert_eq!(told_after_s(|_| false, 30 * 86_400), None);
    let told_s = told_after_s(|now_s| now_s > 36_000, 86_400).unwrap();
    assert!((43_000..44_500).contains(&told_s), "{told_s} s");
}

#[test]
fn a_time_in_which_nobody_looked_does_not_count() {
    let mut state = state(&["a"]);
    assert!(settle(&mut state, found(&[], &["a"], true), at(86_400), RETENTION).is_empty());
    assert_eq!(state.retry_records.find("a").unwrap().alone_s, 1800);
}

#[test]
fn while_nothing_can_be_read_the_whole_list_waits_longer_and_longer() {
    let mut state = state(&["a", "b"]);
    let mut waits = Vec::new();
    let mut now = at(2);
    for _ in 0..12 {
        settle(&mut state, found(&[], &["a"], false), now, RETENTION);
        let next = state.next_look().unwrap();
        waits.push((next - now).num_seconds());
        now = next;
    }
    assert!(waits.windows(2).take(6).all(|pair| pair[0] <= pair[1]), "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= 300), "minutes after its end an outage is over: {waits:?}");
    settle(&mut state, found(&["a"], &[], true), now, RETENTION);
    assert!(is_due(&state, now), "it goes on at once");
}

#[test]
fn what_was_told_without_its_content_is_completed_by_an_update() {
    let mut state = state(&["a"]);
    state.retry_records.find_mut("a").unwrap().alone_s = ALONE_MAX_S;
    let told = settle(&mut state, found(&[], &["a"], true), at(10_000), RETENTION);
    assert_eq!(shown(&told), "CREATED a []");
    let pause = state.next_look().unwrap() - at(10_000);
    assert_eq!(pause, Duration::hours(1));
    assert!(settle(&mut state, found(&[], &["a"], true), at(20_000), RETENTION).is_empty(), "once");
    let told = settle(&mut state, found(&["a"], &[], true), at(30_000), RETENTION);
    assert_eq!(shown(&told), "UPDATED a [complete 7]");
    assert!(told[0].recheck && state.retry_records.records().is_empty());
}

#[test]
fn nobody_looks_for_the_content_longer_than_the_log_is_kept() {
    let mut state = state(&["a", "b"]);
    state.retry_records.find_mut("a").unwrap().alone_s = ALONE_MAX_S;
    settle(&mut state, found(&[], &["a"], true), at(10_000), RETENTION);
    let later = at(10_000) + RETENTION;
    settle(&mut state, found(&[], &["b"], true), later, RETENTION);
    assert!(state.retry_records.find("a").is_none() && state.retry_records.find("b").is_some());
}

#[track_caller]
fn check_join(prepare: impl Fn(&mut RetryRecord), is_told: bool, kind: ChangeKind, told: &str, left: bool) {
    let mut state = state(&["a", "b"]);
    prepare(state.retry_records.find_mut("a").unwrap());
    let id = InstanceId::from_bytes([0, 0, 0, 7]);
    let creation_of = |change: &Change| EventId::of_creation(id, "messages", &change.object_id);
    let changes = vec![change("c", ChangeKind::Updated, "1"), change("a", kind, "8")];
    let logged = if is_told { [creation_of(&changes[1])].into() } else { HashSet::new() };
    let kept = join(&mut state, changes, &logged, creation_of);
    assert_eq!(shown(&kept[1..]), told);
    assert_eq!(state.retry_records.find("a").is_some(), left);
    assert!(state.retry_records.find("b").is_some(), "others stay");
}

#[test]
fn nothing_overtakes_a_creation_that_waits() {
    use ChangeKind::{Created, Deleted, Updated};
    let waits = |_: &mut RetryRecord| {};
    check_join(waits, false, Updated, "", true);
    check_join(waits, false, Deleted, "", false);
    check_join(waits, false, Created, "CREATED a [8]", false);
    // It was told by another way.
    check_join(waits, true, Updated, "UPDATED a [8]", true);
    check_join(waits, true, Deleted, "DELETED a [8]", false);
    let gone = |record: &mut RetryRecord| record.phase = Phase::Gone { until: at(1000) };
    check_join(gone, false, Deleted, "", false);
    check_join(gone, true, Deleted, "DELETED a [8]", false);
    check_join(gone, false, Updated, "", true);
    let incomplete = |record: &mut RetryRecord| record.phase = Phase::Incomplete { until: at(1000) };
    check_join(incomplete, true, Updated, "UPDATED a [8]", true);
    check_join(incomplete, true, Deleted, "DELETED a [8]", false);
    let updated = |record: &mut RetryRecord| record.kind = Updated;
    check_join(updated, false, Updated, "UPDATED a [8]", false);
    check_join(updated, false, Deleted, "DELETED a [8]", false);
}

#[test]
fn what_joins_a_creation_is_shown_by_it() {
    let mut state = state(&["a"]);
    let changes = vec![change("a", ChangeKind::Updated, "8")];
    let creation_of = |change: &Change| {
        EventId::of_creation(InstanceId::from_bytes([0, 0, 0, 7]), "messages", &change.object_id)
    };
    assert!(join(&mut state, changes, &HashSet::new(), creation_of).is_empty());
    assert_eq!(state.retry_records.find("a").unwrap().stub["labelIds"], json!(["TRASH"]));
}

#[test]
fn the_deletion_of_what_was_gone_is_expected() {
    let mut state = state(&["a"]);
    let gone = Retried { gone: vec!["a".to_owned()], is_answered: true, ..Retried::default() };
    assert!(settle(&mut state, gone, at(2), RETENTION).is_empty());
    assert_eq!((state.next_look(), state.retry_records.waiting_count()), (None, 0));
}
