//! Reading a window again.

use super::*;
use crate::Window;

fn window() -> Window {
    let from = Utc.with_ymd_and_hms(2026, 11, 22, 11, 0, 0).unwrap();
    Window { from, to: at() }
}

fn backfill(
    answers: &[(u16, &str)],
    url: &str,
    cursor: Option<&Value>,
) -> (Result<Step, Error>, Vec<String>) {
    backfill_after(0, answers, url, cursor)
}

fn backfill_after(
    failures: u32,
    answers: &[(u16, &str)],
    url: &str,
    cursor: Option<&Value>,
) -> (Result<Step, Error>, Vec<String>) {
    let script = Script::new(answers, REQUIRED, None);
    let past = Past {
        baseline_at: window().from,
        last_success_at: window().from,
        failures,
        log_since: window().from,
        number: None,
    };
    let step = now(Gmail.backfill(&call(&script), &resource(url), window(), cursor, &past));
    (step, script.asked())
}

fn told(step: &Step) -> Vec<&str> {
    step.changes.iter().map(|change| change.object_id.as_str()).collect()
}

fn message(id: &str, internal_date: &str) -> String {
    MESSAGE.replace("18c1a5d1f0a1b201", id).replace("1795347600000", internal_date)
}

#[test]
fn what_came_in_within_the_window_is_told_to_be_checked() {
    let list = r#"{"messages":[{"id":"late"},{"id":"in"},{"id":"first"},{"id":"early"},{"id":"gone"}],"nextPageToken":"p2"}"#;
    let late = message("late", "1795348800000");
    let inside = message("in", "1795347600000");
    let first = message("first", "1795345200000");
    let early = message("early", "1795345199999");
    let answers = [(200, list), (200, &late), (200, &inside), (200, &first), (200, &early), (404, "{}")];
    let (step, asked) = backfill(&answers, "/changed-messages", None);
    let step = step.ok().unwrap();
    assert_eq!(told(&step), ["in", "first"]);
    assert!(step.changes.iter().all(|one| one.recheck && one.version.is_empty()));
    assert_eq!(
        asked[0],
        "http://gmail/gmail/v1/users/me/messages?maxResults=100&q=after%3A1795345199+before%3A1795348802&\
         includeSpamTrash=true&prettyPrint=false"
    );
    assert!(step.more);
    let (last, asked) = backfill(&[(200, "{}")], "/changed-messages", Some(&step.cursor));
    let last = last.ok().unwrap();
    assert!(asked[0].contains("pageToken=p2") && !last.more && last.changes.is_empty());
}

#[test]
fn a_limit_keeps_what_was_read_and_does_not_read_it_again() {
    let list = r#"{"messages":[{"id":"a"},{"id":"b"}]}"#;
    let (a, b) = (message("a", "1795347600000"), message("b", "1795347600000"));
    let (step, _) = backfill(&[(200, list), (200, &a), (429, "{}")], "/messages", None);
    let step = step.ok().unwrap();
    assert_eq!(told(&step), ["a"]);
    assert!(step.more && step.halted.is_some());
    let (step, asked) = backfill(&[(200, list), (200, &b)], "/messages", Some(&step.cursor));
    let step = step.ok().unwrap();
    assert_eq!((told(&step), asked.len(), step.more), (vec!["b"], 2, false));
}

#[test]
fn a_message_that_fails_alone_is_set_aside_after_a_few_failures() {
    let list = r#"{"messages":[{"id":"bad"}],"nextPageToken":"p2"}"#;
    let answers = [(200, list), (500, "{}")];
    for failures in 0..3 {
        let (step, _) = backfill_after(failures, &answers, "/messages", None);
        assert_eq!(step.err().map(|error| error.kind), Some(ErrorKind::Unavailable));
    }
    let (step, _) = backfill_after(3, &answers, "/messages", None);
    let step = step.ok().unwrap();
    assert_eq!((step.changes.len(), step.more, step.cursor["page"].as_str()), (0, true, Some("p2")));
    assert_eq!((step.failed[0].object_id.as_str(), step.failed[0].version.as_str()), ("bad", ""));
}

#[test]
fn what_was_read_and_is_not_told_is_not_read_again_behind_a_limit() {
    let list = r#"{"messages":[{"id":"early"},{"id":"spam"},{"id":"in"}]}"#;
    let early = message("early", "1795345199999");
    let spam = message("spam", "1795347600000").replace("INBOX", "SPAM");
    let inside = message("in", "1795347600000");
    let url = "/messages?where=labelIds='INBOX'";
    let (step, _) = backfill(&[(200, list), (200, &early), (200, &spam), (429, "{}")], url, None);
    let step = step.ok().unwrap();
    assert!(step.changes.is_empty() && step.halted.is_some());
    let (step, asked) = backfill(&[(200, list), (200, &inside)], url, Some(&step.cursor));
    assert_eq!((told(&step.ok().unwrap()), asked.len()), (vec!["in"], 2));
}

#[test]
fn a_page_that_is_refused_begins_the_listing_again_once() {
    let refusal = r#"{"error":{"code":400,"errors":[{"reason":"invalidArgument"}]}}"#;
    for (status, body) in [(400, refusal), (404, "{}")] {
        let second = json!({ "page": "p2" });
        let (step, _) = backfill(&[(status, body)], "/messages", Some(&second));
        let step = step.ok().unwrap();
        assert!(step.more && step.moved && step.changes.is_empty());
        let list = r#"{"messages":[{"id":"in"}],"nextPageToken":"p3"}"#;
        let inside = message("in", "1795347600000");
        let (again, asked) = backfill(&[(200, list), (200, &inside)], "/messages", Some(&step.cursor));
        let again = again.ok().unwrap();
        assert!(!asked[0].contains("pageToken"), "{asked:?}");
        assert_eq!((told(&again), again.cursor["page"].as_str()), (vec!["in"], Some("p3")));
        let (failed, _) = backfill(&[(status, body)], "/messages", Some(&again.cursor));
        assert!(failed.is_err(), "a second refusal is one");
    }
    let (first, _) = backfill(&[(400, refusal)], "/messages", None);
    assert_eq!(first.err().map(|error| error.kind), Some(ErrorKind::Rejected), "there is no page to be old");
}

#[test]
fn threads_that_began_within_the_window_are_told() {
    let list = r#"{"threads":[{"id":"new"},{"id":"old"}]}"#;
    let thread = |id: &str, date: &str| {
        let messages =
            json!([{ "id": id, "internalDate": date }, { "id": "2", "internalDate": "1795347600000" }]);
        json!({ "id": id, "historyId": "1", "messages": messages }).to_string()
    };
    let (new, old) = (thread("new", "1795346000000"), thread("old", "1795000000000"));
    let (step, asked) = backfill(&[(200, list), (200, &new), (200, &old)], "/threads", None);
    assert_eq!(told(&step.ok().unwrap()), ["new"]);
    assert!(asked[1].contains("/threads/new?format=minimal&fields="), "{asked:?}");
}

#[test]
fn large_threads_end_a_step_and_are_read_in_the_next() {
    let list = r#"{"threads":[{"id":"a"},{"id":"b"},{"id":"c"}]}"#;
    let large = |id: &str| {
        let text = "x".repeat(crate::STEP_BYTES_MAX / 2);
        json!({ "id": id, "messages": [{ "id": id, "internalDate": "1795347600000", "snippet": text }] })
            .to_string()
    };
    let (a, b, c) = (large("a"), large("b"), large("c"));
    let url = "/threads?format=full";
    let (step, _) = backfill(&[(200, list), (200, &a), (200, &b), (200, &c)], url, None);
    let step = step.ok().unwrap();
    assert_eq!((told(&step), step.more), (vec!["a", "b"], true));
    let (step, asked) = backfill(&[(200, list), (200, &c)], url, Some(&step.cursor));
    let step = step.ok().unwrap();
    assert_eq!((told(&step), step.more, asked.len()), (vec!["c"], false, 2));
}

/// What may be long is read one after the other, until that is enough.
#[test]
fn no_more_is_read_than_a_step_takes() {
    let ids: Vec<Value> = (0..9).map(|number| json!({ "id": number.to_string() })).collect();
    let list = json!({ "messages": ids }).to_string();
    let long = |number: usize| {
        let text = "x".repeat(crate::STEP_BYTES_MAX / 2);
        json!({ "id": number.to_string(), "internalDate": "1795347600000", "snippet": text }).to_string()
    };
    let read: Vec<String> = (0..9).map(long).collect();
    let answers = std::iter::once(list.as_str()).chain(read.iter().map(String::as_str));
    let answers: Vec<(u16, &str)> = answers.map(|body| (200, body)).collect();
    for (url, reads_count) in [("/messages?format=full", 2), ("/messages", 5)] {
        let (step, asked) = backfill(&answers, url, None);
        let step = step.ok().unwrap();
        assert_eq!((told(&step), step.more), (vec!["0", "1"], true));
        assert_eq!(asked.len(), 1 + reads_count, "the list and some of nine; headers are read four at once");
    }
}

#[test]
fn labels_and_drafts_have_no_time_to_go_by() {
    for url in ["/labels", "/drafts"] {
        assert_eq!(backfill(&[], url, None).0.err().map(|error| error.kind), Some(ErrorKind::Rejected));
    }
}
