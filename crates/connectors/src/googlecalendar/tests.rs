//! Answers in order: what is asked for, and what is made of it.

use super::*;
use crate::ErrorKind;
use crate::script::{Script, now};
use chrono::Utc;
use serde_json::json;

const CALENDAR: &str = r#"{ "id": "Ada@example.com" }"#;

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn call<'a>(script: &'a Script) -> Call<'a> {
    let now = at("2026-11-22T12:00:00Z");
    Call {
        http: script,
        api_url: "http://calendar",
        credential: "token",
        now,
        timeout_ms: 1000,
        scratch: None,
        archive: None,
    }
}

fn resource() -> ResourceConfig {
    let config = json!({ "url": "/hubs/general/events", "idField": "id" });
    ResourceConfig::parse("events", &config).unwrap()
}

fn past() -> Past {
    let baseline_at = at("2026-11-22T10:00:00Z");
    Past { baseline_at, last_success_at: baseline_at, failures: 0, log_since: baseline_at, number: None }
}

fn event(id: &str, etag: &str, updated: &str) -> Value {
    json!({ "id": id, "etag": etag, "status": "confirmed", "created": updated, "updated": updated })
}

fn page(items: &[Value], next: (&str, &str)) -> (u16, String) {
    (200, json!({ "items": items, next.0: next.1 }).to_string())
}

fn script(answers: &[(u16, String)]) -> Script {
    let answers: Vec<(u16, &str)> = answers.iter().map(|(status, body)| (*status, body.as_str())).collect();
    Script::new(&answers, &[("authorization", "Bearer token")], None)
}

fn baseline(answers: &[(u16, String)]) -> Value {
    let mut all = answers.to_vec();
    all.push((200, CALENDAR.to_owned()));
    let script = script(&all);
    let taken = now(GoogleCalendar.baseline(&call(&script), &resource())).ok().unwrap();
    assert_eq!(taken.identity.as_deref(), Some("ada@example.com"));
    taken.cursor
}

fn step(answer: (u16, String), cursor: &Value) -> Result<Step, Error> {
    let script = script(&[answer]);
    now(GoogleCalendar.poll(&call(&script), &resource(), cursor, &past()))
}

fn told(step: &Step) -> Vec<String> {
    step.changes.iter().map(|one| format!("{} {}", one.kind.wire(), one.object_id)).collect()
}

const LONG_AGO: &str = "2026-01-01T00:00:00Z";
const SINCE: &str = "2026-11-22T11:00:00Z";

#[test]
fn an_event_that_can_not_be_told_apart_holds_up_no_other() {
    let cursor = baseline(&[page(&[], ("nextSyncToken", "1"))]);
    let long = "x".repeat(1_024);
    let odd = [event(&long, "1", SINCE), json!({ "etag": "1" }), json!(7), event("good", "1", SINCE)];
    let step = step(page(&odd, ("nextSyncToken", "2")), &cursor).ok().unwrap();
    assert_eq!(told(&step), ["CREATED good"]);
    assert!(step.gap.unwrap().1.starts_with("3 of the listed events"));
}

/// It would be as long again: nobody waits for three failures.
#[test]
fn a_page_that_is_too_long_is_asked_for_in_parts_at_once() {
    let cursor = baseline(&[page(&[], ("nextSyncToken", "1"))]);
    let long = event(&"x".repeat(7 * 1024 * 1024), "1", SINCE);
    let long = page(&[long], ("nextSyncToken", "2"));
    let script = script(&[long.clone(), long, page(&[event("good", "1", SINCE)], ("nextPageToken", "on"))]);
    let polled = now(GoogleCalendar.poll(&call(&script), &resource(), &cursor, &past())).ok().unwrap();
    assert_eq!(told(&polled), ["CREATED good"]);
    let asked = script.asked();
    let sizes: Vec<&str> =
        asked.iter().map(|url| url.split("maxResults=").nth(1).unwrap().split('&').next().unwrap()).collect();
    assert_eq!(sizes, ["250", "62", "15"]);
}

#[test]
fn a_large_calendar_s_baseline_goes_on_in_polls_and_tells_only_what_is_new() {
    let first: Vec<(u16, String)> = (0..8)
        .map(|number| page(&[event(&format!("old{number}"), "1", LONG_AGO)], ("nextPageToken", "more")))
        .collect();
    let cursor = baseline(&first);
    let rest = [event("older", "1", LONG_AGO), event("new", "1", SINCE)];
    let on = step(page(&rest, ("nextPageToken", "last")), &cursor).ok().unwrap();
    assert_eq!((told(&on), on.more), (vec!["CREATED new".to_owned()], true));
    let last = step(page(&[], ("nextSyncToken", "1")), &on.cursor).ok().unwrap();
    assert!(last.changes.is_empty() && !last.more);
    let changed = [event("older", "2", SINCE), json!({ "id": "old3", "status": "cancelled", "etag": "2" })];
    let changed = step(page(&changed, ("nextSyncToken", "2")), &last.cursor).ok().unwrap();
    assert_eq!(told(&changed), ["UPDATED older", "DELETED old3"]);
}

#[test]
fn after_an_expired_token_the_listing_is_compared() {
    let there = ["same", "changed", "gone"].map(|id| event(id, "1", LONG_AGO));
    let cursor = baseline(&[page(&there, ("nextSyncToken", "1"))]);
    let expired = json!({ "error": { "errors": [{ "reason": "fullSyncRequired" }] } });
    assert_eq!(step((410, expired.to_string()), &cursor).err().unwrap().kind, ErrorKind::CursorExpired);
    let nobody = script(&[]);
    let begun = now(GoogleCalendar.recover(&call(&nobody), &cursor, &past())).ok().unwrap();
    assert!(begun.gap.is_some());
    let listed = [event("same", "1", LONG_AGO), event("changed", "2", SINCE), event("new", "1", SINCE)];
    let compared = step(page(&listed, ("nextSyncToken", "2")), &begun.cursor).ok().unwrap();
    assert_eq!(told(&compared), ["UPDATED changed", "CREATED new"]);
    assert!(compared.more);
    let gone = step((500, String::new()), &compared.cursor).ok().unwrap();
    assert_eq!(told(&gone), ["DELETED gone"], "nothing is asked for it");
    let idle = step(page(&[], ("nextSyncToken", "3")), &gone.cursor).ok().unwrap();
    assert!(!idle.moved && !idle.more);
}

#[test]
fn a_window_is_read_again_as_what_is_there() {
    let window = Window { from: at("2026-11-22T10:00:00Z"), to: at("2026-11-22T11:30:00Z") };
    let items = [
        event("before", "1", LONG_AGO),
        json!({ "id": "changed", "created": LONG_AGO, "updated": SINCE, "status": "confirmed" }),
        event("made", "1", SINCE),
        json!({ "id": "cancelled", "updated": SINCE, "status": "cancelled" }),
        event("after", "1", "2026-11-22T11:45:00Z"),
    ];
    let script = script(&[page(&items, ("nextPageToken", "beyond the window"))]);
    let read = now(GoogleCalendar.backfill(&call(&script), &resource(), window, None, &past())).ok().unwrap();
    assert_eq!(told(&read), ["UPDATED changed", "CREATED made"]);
    assert!(!read.more && read.changes.iter().all(|change| change.recheck));
    let versions: Vec<&str> = read.changes.iter().map(|change| change.version.as_str()).collect();
    assert_eq!(versions, [SINCE, ""], "a creation that is logged is not told as an update");
    assert!(script.asked()[0].contains("updatedMin=2026-11-22T10%3A00%3A00.000Z"), "{:?}", script.asked());
}
