//! Threads out of history.

use super::*;

const URL: &str = "/hubs/general/threads";

/// A record of history: what happened to one message.
fn record(id: u64, what: &str, message: &str, thread: &str, labels: &[&str]) -> Value {
    let entry = json!({ "message": { "id": message, "threadId": thread, "labelIds": labels } });
    json!({ "id": id.to_string(), what: [entry] })
}

fn page(records: &[Value]) -> String {
    json!({ "history": records, "historyId": "7302000" }).to_string()
}

fn poll_threads(records: &[Value], url: &str, answers: &[(u16, &str)]) -> (Step, Vec<String>) {
    let page = page(records);
    let answers: Vec<(u16, &str)> =
        std::iter::once((200, page.as_str())).chain(answers.iter().copied()).collect();
    let (step, asked) = poll_at(&answers, &json!({ "history_id": "7301000" }), url);
    (step.ok().unwrap(), asked)
}

#[test]
fn each_thread_is_told_once_and_nothing_is_read() {
    let records = [
        record(7301001, "messagesAdded", "a1", "a1", &["INBOX"]),
        record(7301002, "messagesAdded", "b2", "b1", &["INBOX", "UNREAD"]),
        record(7301003, "messagesAdded", "a2", "a1", &["SENT"]),
        record(7301004, "labelsRemoved", "b1", "b1", &["INBOX"]),
        record(7301005, "messagesAdded", "d1", "d1", &["DRAFT"]),
        record(7301006, "messagesDeleted", "c1", "c1", &[]),
    ];
    let (step, asked) = poll_threads(&records, URL, &[]);
    expect![[r#"
        CREATED a1 [7301003] -
          {"id":"a1","historyId":"7301003","messages":[{"id":"a1","threadId":"a1","labelIds":["INBOX"]},{"id":"a2","threadId":"a1","labelIds":["SENT"]}]}
        UPDATED b1 [7301004] -
          {"id":"b1","historyId":"7301004","messages":[{"id":"b2","threadId":"b1","labelIds":["INBOX","UNREAD"]},{"id":"b1","threadId":"b1","labelIds":["INBOX"]}]}
        UPDATED c1 [7301006] -
          {"id":"c1","historyId":"7301006","messages":[]}"#]]
    .assert_eq(&shown(&step.changes));
    assert_eq!((asked.len(), step.moved, step.more), (1, true, false));
    let (again, _) = poll_at(&[(200, &page(&records))], &step.cursor, URL);
    assert!(!again.ok().unwrap().moved, "all is taken");
}

/// History names the thread of each message; without a name the message's own is that of the thread it began.
#[test]
fn a_thread_without_a_name_has_that_of_its_message() {
    let records = [record(7301001, "messagesAdded", "a1", "", &["INBOX"])];
    let (step, _) = poll_threads(&records, URL, &[]);
    let ids: Vec<&str> = step.changes.iter().map(|change| change.object_id.as_str()).collect();
    assert_eq!(ids, ["a1"]);
}

#[test]
fn a_conversation_that_began_as_a_draft_is_created_when_it_is_sent() {
    let records = [
        record(7301001, "messagesAdded", "a1", "a1", &["DRAFT"]),
        record(7301002, "messagesDeleted", "a1", "a1", &["DRAFT"]),
        record(7301003, "messagesAdded", "a2", "a1", &["SENT"]),
    ];
    // The draft was saved in an earlier stretch.
    let (first, _) = poll_threads(&records[..1], URL, &[]);
    assert!(first.changes.is_empty());
    let rest = page(&records[1..]);
    let (step, _) = poll_at(&[(200, &rest)], &first.cursor, URL);
    let changes = step.ok().unwrap().changes;
    assert_eq!(changes.len(), 1);
    assert_eq!(
        (changes[0].kind.wire(), changes[0].recheck),
        ("CREATED", true),
        "a second message is an update"
    );
}

#[test]
fn conditions_hold_for_one_of_the_messages() {
    let records = [
        record(7301001, "messagesAdded", "a1", "a1", &["INBOX"]),
        record(7301002, "messagesAdded", "b1", "b1", &["SPAM"]),
    ];
    let (step, _) = poll_threads(&records, "/threads?where=labelIds='INBOX'", &[]);
    assert_eq!(step.changes.len(), 1);
    let (step, _) = poll_threads(&records, "/threads?where=id='b1'", &[]);
    assert_eq!(step.changes[0].object_id, "b1");
}

#[test]
fn a_format_has_threads_read_and_tells_those_that_ended() {
    let records = [
        record(7301001, "messagesAdded", "a1", "a1", &["INBOX"]),
        record(7301002, "messagesDeleted", "b1", "b1", &["TRASH"]),
        record(7301003, "labelsAdded", "c1", "c1", &["STARRED"]),
    ];
    let thread = r#"{"id":"a1","historyId":"7301001","messages":[{"id":"a1"}]}"#;
    let url = "/threads?format=minimal";
    let (step, asked) = poll_threads(&records, url, &[(200, thread), (404, "{}"), (500, "{}")]);
    expect![[r#"
        CREATED a1 [7301001] -
          {"id":"a1","historyId":"7301001","messages":[{"id":"a1"}]}
        DELETED b1 [] -
          {"id":"b1"}"#]]
    .assert_eq(&shown(&step.changes));
    let set_aside = &step.failed[0];
    assert_eq!(
        (set_aside.object_id.as_str(), set_aside.kind),
        ("c1", ChangeKind::Updated),
        "it is told when it is read"
    );
    let other = thread.replace("a1", "c1");
    let script = Script::new(&[(200, &other)], REQUIRED, None);
    let again = now(Gmail.fetch(&call(&script), &resource(url), set_aside)).ok().unwrap().unwrap();
    assert_eq!((again.kind, again.version.as_str(), again.recheck), (ChangeKind::Updated, "7301003", true));
    assert!(asked[1].ends_with("/threads/a1?format=minimal&prettyPrint=false"), "{asked:?}");
    let page = page(&records);
    let cursor = json!({ "history_id": "7301000" });
    // What was read before a limit stands; without anything the limit is all there is.
    let (limited, _) = poll_at(&[(200, &page), (200, thread), (429, "{}")], &cursor, url);
    let limited = limited.ok().unwrap();
    let first = r#"CREATED a1 [7301001] -
  {"id":"a1","historyId":"7301001","messages":[{"id":"a1"}]}"#;
    assert_eq!((shown(&limited.changes).as_str(), limited.more), (first, true));
    assert_eq!(limited.halted.map(|error| error.kind), Some(ErrorKind::RateLimited));
    let (limited, _) = poll_at(&[(200, &page), (429, "{}")], &cursor, url);
    assert_eq!(limited.err().map(|error| error.kind), Some(ErrorKind::RateLimited));
}

#[test]
fn a_thread_that_is_gone_is_the_same_deletion_whatever_history_says_of_it() {
    let url = "/threads?format=minimal";
    let gone = |id: u64| {
        let records = [record(id, "messagesDeleted", &format!("m{id}"), "b1", &["TRASH"])];
        poll_threads(&records, url, &[(404, "{}")]).0.changes.remove(0)
    };
    let (first, second) = (gone(7301002), gone(7301005));
    let instance = domain::ids::InstanceId::parse("7").unwrap();
    assert_eq!(first.event_id(instance, "threads"), second.event_id(instance, "threads"));
    assert!(first.recheck && second.recheck, "the event log drops the second");
}

#[test]
fn large_threads_end_a_step_and_the_next_goes_on_behind_them() {
    let records: Vec<Value> = ["a1", "b1", "c1", "d1"]
        .iter()
        .zip(7301001..)
        .map(|(id, at)| record(at, "messagesAdded", id, id, &["INBOX"]))
        .chain([record(7301005, "labelsAdded", "a1", "a1", &["STARRED"])])
        .collect();
    let large = |id: &str| {
        let text = "x".repeat(crate::STEP_BYTES_MAX / 2);
        json!({ "id": id, "messages": [{ "id": id, "snippet": text }] }).to_string()
    };
    let whole = [large("a1"), large("b1"), large("c1"), large("d1")];
    let answers: Vec<(u16, &str)> = whole.iter().map(|thread| (200, thread.as_str())).collect();
    let (step, _) = poll_threads(&records, "/threads?format=full", &answers);
    let told: Vec<_> =
        step.changes.iter().map(|one| (one.object_id.as_str(), one.version.as_str())).collect();
    assert_eq!(told, [("a1", "7301005"), ("b1", "7301002")]);
    assert!(step.changes[0].record["messages"][0]["snippet"].is_string() && step.more);
    let history = page(&records);
    let rest = [(200, history.as_str()), (200, whole[2].as_str()), (200, whole[3].as_str())];
    let (step, asked) = poll_at(&rest, &step.cursor, "/threads?format=full");
    let told: Vec<String> = step.ok().unwrap().changes.into_iter().map(|one| one.object_id).collect();
    assert_eq!((told.join(" ").as_str(), asked.len()), ("c1 d1", 3));
}

#[test]
fn an_expired_position_is_caught_up_by_threads() {
    let catch_up = json!({
        "lost": "7301000", "lost_at": "2026-11-22T11:00:00Z", "baseline_at": "2026-11-22T10:00:00Z",
        "log_complete": true, "page": null, "restarts": 0
    });
    let cursor = json!({ "history_id": "7301500", "catch_up": catch_up });
    let list = json!({ "threads": [
        { "id": "new", "historyId": "7301400" }, { "id": "old", "historyId": "7301300" },
        { "id": "same", "historyId": "7300900" }
    ] });
    let thread = |id: &str, version: &str, at: &str| {
        json!({ "id": id, "historyId": version, "messages": [{ "id": id, "internalDate": at }] }).to_string()
    };
    let new = thread("new", "7301400", "1795345200000");
    let old = thread("old", "7301300", "1795000000000");
    let answers = [(200, list.to_string()), (200, new), (200, old), (200, PROFILE.to_owned())];
    let answers: Vec<(u16, &str)> = answers.iter().map(|(status, body)| (*status, body.as_str())).collect();
    let (step, asked) = poll_at(&answers, &cursor, URL);
    let step = step.ok().unwrap();
    let told: Vec<String> = step
        .changes
        .iter()
        .map(|one| format!("{} {} {} {}", one.kind.wire(), one.object_id, one.version, one.recheck))
        .collect();
    assert_eq!(told, ["CREATED new  true", "UPDATED old 7301300 true"]);
    assert!(asked[0].contains("/threads?q=after%3A"), "{asked:?}");
    assert_eq!(asked.len(), 4, "what did not change is not read");
}
