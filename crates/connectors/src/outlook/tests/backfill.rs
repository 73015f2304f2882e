//! Windows that are read again.

use super::*;
use crate::{Step, Window};

const EVENTS: &str = include_str!("data/events.json");

fn window() -> Window {
    Window { from: at() - chrono::Duration::hours(2), to: at() + chrono::Duration::milliseconds(1) }
}

fn stretch(
    answers: &[(u16, &str)],
    name: &str,
    cursor: Option<&Value>,
) -> (Result<Step, Error>, Vec<String>) {
    let script = Script::new(answers, REQUIRED, Some(DATE));
    let resource = ResourceConfig::parse(name, &json!({ "url": format!("/{name}") })).unwrap();
    let past = Past {
        baseline_at: window().from,
        last_success_at: window().from,
        failures: 0,
        log_since: window().from,
        number: None,
    };
    let step = now(Outlook.backfill(&call(&script), &resource, window(), cursor, &past));
    (step, script.asked())
}

fn mails(numbers: std::ops::Range<usize>, second: impl Fn(usize) -> usize) -> String {
    let row = |n: usize| {
        json!({ "id": format!("m{n}"), "changeKey": "k", "lastModifiedDateTime": "2026-11-22T13:00:00Z",
        "receivedDateTime": format!("2026-11-22T10:{:02}:{:02}Z", second(n) / 60, second(n) % 60) })
    };
    json!({ "value": numbers.map(row).collect::<Vec<_>>() }).to_string()
}

fn ids(step: &Step) -> Vec<&str> {
    step.changes.iter().map(|one| one.object_id.as_str()).collect()
}

#[test]
fn mail_is_read_again_by_the_time_it_was_received() {
    let (first, asked) = stretch(&[(200, &mails(0..100, |n| n))], "messages", None);
    let first = first.ok().unwrap();
    assert!(
        asked[0].starts_with("http://graph/v1.0/me/messages?$filter=receivedDateTime%20ge%202026-11-22T10%3A00%3A00Z%20and%20receivedDateTime%20lt%202026-11-22T12%3A00%3A01Z&$orderby=receivedDateTime&$top=100&$select="),
        "{}",
        asked[0]
    );
    assert_eq!((first.changes.len(), first.more, first.moved), (100, true, true));
    let change = &first.changes[0];
    assert_eq!((change.kind.wire(), change.version.as_str(), change.recheck), ("CREATED", "", true));
    let (second, asked) = stretch(&[(200, &mails(99..110, |n| n))], "messages", Some(&first.cursor));
    let second = second.ok().unwrap();
    assert!(
        asked[0].contains("ge%202026-11-22T10%3A01%3A39Z%20and"),
        "from the last second on: {}",
        asked[0]
    );
    assert_eq!((ids(&second)[0], second.changes.len(), second.more), ("m100", 10, false));
}

#[test]
fn a_stretch_ends_at_its_limit_and_the_next_goes_on_within_the_second() {
    let body = "x".repeat(200_000);
    let row = |n: usize| {
        json!({ "id": format!("m{n}"), "changeKey": "k", "body": body,
        "receivedDateTime": "2026-11-22T10:00:00Z" })
    };
    let page = json!({ "value": (0..20).map(row).collect::<Vec<_>>() }).to_string();
    let (first, _) = stretch(&[(200, &page)], "messages", None);
    let first = first.ok().unwrap();
    assert_eq!((first.changes.len(), first.more), (15, true));
    let (second, _) = stretch(&[(200, &page)], "messages", Some(&first.cursor));
    let second = second.ok().unwrap();
    assert_eq!((ids(&second), second.more), (vec!["m15", "m16", "m17", "m18", "m19"], false));
    let (third, _) = stretch(&[(200, &page)], "messages", Some(&second.cursor));
    assert_eq!(third.ok().map(|step| (step.changes.len(), step.more)), Some((0, false)));
}

#[test]
fn drafts_are_not_among_it() {
    let page = json!({ "value": [{ "id": "d", "changeKey": "k", "isDraft": true, "receivedDateTime": "2026-11-22T10:00:00Z" }] });
    let (step, _) = stretch(&[(200, &page.to_string())], "messages", None);
    assert_eq!(step.ok().map(|step| (step.changes.len(), step.more)), Some((0, false)));
}

#[test]
fn events_are_read_again_by_their_modification() {
    let (step, asked) = stretch(&[(200, EVENTS)], "events", None);
    let step = step.ok().unwrap();
    assert!(asked[0].contains("/me/events?$filter=lastModifiedDateTime%20ge%202026-11-22T10%3A00%3A00Z%20and%20lastModifiedDateTime%20lt"), "{}", asked[0]);
    let shown: Vec<_> =
        step.changes.iter().map(|one| (one.kind.wire(), one.version.as_str(), one.recheck)).collect();
    assert_eq!(shown, [("UPDATED", "DwAAABYAAAAe1", true), ("CREATED", "", true)]);
}

#[test]
fn what_has_no_dates_cannot_be_read_again() {
    let (step, asked) = stretch(&[], "folders", None);
    let error = step.err().unwrap();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Rejected, "`folders` can't be read again by time")
    );
    assert!(asked.is_empty());
}
