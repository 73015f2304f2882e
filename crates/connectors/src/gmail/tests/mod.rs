//! Recorded answers, through the connector: what it asks for, and what it makes of what comes.

mod backfill;
mod lag;
mod lists;
mod model;
mod odd;
mod threads;

use super::Gmail;
use crate::script::{Script, now};
use crate::{Call, Connector, Error, ErrorKind, FailedRecord, Past, Step};
use chrono::{DateTime, TimeZone as _, Utc};
use domain::event::{Change, ChangeKind};
use domain::resource::ResourceConfig;
use expect_test::{Expect, expect};
use serde_json::{Value, json};

const HISTORY: &str = include_str!("data/history.json");
const IDLE: &str = include_str!("data/history_idle.json");
const MESSAGE: &str = include_str!("data/message_metadata.json");
const PROFILE: &str = include_str!("data/profile.json");

/// Headers of every request.
const REQUIRED: &[(&str, &str)] = &[("authorization", "Bearer secret")];

fn at() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 22, 12, 0, 0).unwrap()
}

fn call(http: &Script) -> Call<'_> {
    Call {
        http,
        api_url: "http://gmail",
        credential: "secret",
        now: at(),
        timeout_ms: 1000,
        scratch: None,
        archive: None,
    }
}

fn resource(url: &str) -> ResourceConfig {
    ResourceConfig::parse("changed-messages", &json!({ "url": url, "idField": "id" })).unwrap()
}

fn poll_at(answers: &[(u16, &str)], cursor: &Value, url: &str) -> (Result<Step, Error>, Vec<String>) {
    let script = Script::new(answers, REQUIRED, None);
    let past = Past { baseline_at: at(), last_success_at: at(), failures: 0, log_since: at(), number: None };
    let step = now(Gmail.poll(&call(&script), &resource(url), cursor, &past));
    (step, script.asked())
}

fn poll(answers: &[(u16, &str)]) -> Result<Step, Error> {
    poll_at(answers, &json!({ "history_id": "7301000" }), "/hubs/general/changed-messages").0
}

fn shown(changes: &[Change]) -> String {
    let line = |one: &Change| {
        let at = one.at.map_or_else(|| "-".to_owned(), |at| at.to_rfc3339());
        format!("{} {} [{}] {at}\n  {}", one.kind.wire(), one.object_id, one.version, one.record)
    };
    changes.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn check(answers: &[(u16, &str)], expect: Expect) {
    expect.assert_eq(&shown(&poll(answers).ok().unwrap().changes));
}

#[track_caller]
fn assert_kind(answers: &[(u16, &str)], kind: ErrorKind) {
    assert_eq!(poll(answers).err().map(|error| error.kind), Some(kind));
}

#[test]
fn a_page_of_history_with_all_kinds_of_records() {
    check(
        &[(200, HISTORY), (200, MESSAGE)],
        expect![[r#"
        CREATED 18c1a5d1f0a1b201 [] 2026-11-22T11:40:00+00:00
          {"id":"18c1a5d1f0a1b201","threadId":"18c1a5d1f0a1b201","labelIds":["UNREAD","STARRED","CATEGORY_PERSONAL","INBOX"],"snippet":"The total is 42.00 EUR. Please find the details below.","payload":{"mimeType":"multipart/alternative","headers":[{"name":"Date","value":"Sun, 22 Nov 2026 11:39:58 +0000"},{"name":"Message-ID","value":"<c0ffee@mail.utilities.example>"},{"name":"Subject","value":"Invoice 4711"},{"name":"From","value":"Billing <billing@utilities.example>"},{"name":"To","value":"ada@example.com"}]},"sizeEstimate":8231,"historyId":"7301402","internalDate":"1795347600000"}
        UPDATED 18c1a0000000b202 [7301177] -
          {"id":"18c1a0000000b202","threadId":"18c1a0000000b202","labelIds":["CATEGORY_UPDATES","INBOX"]}
        UPDATED 18c1a0000000b203 [7301240] -
          {"id":"18c1a0000000b203","threadId":"18c19ffff000a111","labelIds":["TRASH"]}
        DELETED 18c1a0000000b205 [7301300] -
          {"id":"18c1a0000000b205","threadId":"18c1a0000000b205"}"#]],
    );
    let step = poll(&[(200, HISTORY), (200, MESSAGE)]).ok().unwrap();
    assert_eq!(
        step.cursor["history_id"], "7301000",
        "records may show late: it stays until it is safe to move"
    );
    assert!(step.moved && !step.more && step.failed.is_empty());
}

#[test]
fn one_request_for_history_and_one_for_each_creation() {
    let cursor = json!({ "history_id": "7301000" });
    let (step, asked) =
        poll_at(&[(200, HISTORY), (200, MESSAGE)], &cursor, "/changed-messages?format=minimal");
    assert!(step.is_ok());
    expect![[r#"
        http://gmail/gmail/v1/users/me/history?startHistoryId=7301000&maxResults=500&fields=historyId%2CnextPageToken%2Chistory%28id%2CmessagesAdded%2Fmessage%28id%2CthreadId%2ClabelIds%29%2CmessagesDeleted%2Fmessage%28id%2CthreadId%2ClabelIds%29%2ClabelsAdded%28labelIds%2Cmessage%28id%2CthreadId%2ClabelIds%29%29%2ClabelsRemoved%28labelIds%2Cmessage%28id%2CthreadId%2ClabelIds%29%29%29&prettyPrint=false
        http://gmail/gmail/v1/users/me/messages/18c1a5d1f0a1b201?format=minimal&prettyPrint=false"#]].assert_eq(&asked.join("\n"));
}

#[test]
fn an_idle_mailbox_only_moves_on() {
    let step = poll(&[(200, IDLE)]).ok().unwrap();
    assert_eq!((step.changes.len(), step.moved, step.more), (0, false, false));
    let expected = json!({
        "history_id": "7301000", "named": [{ "id": "7301455", "at": "2026-11-22T12:00:00Z" }]
    });
    assert_eq!(step.cursor, expected, "the position is noted, and taken when it is old enough");
}

#[test]
fn the_baseline_is_the_profiles_position() {
    let script = Script::new(&[(200, PROFILE)], REQUIRED, None);
    let baseline = now(Gmail.baseline(&call(&script), &resource("/changed-messages"))).ok().unwrap();
    assert_eq!(baseline.cursor, json!({ "history_id": "7301000" }));
    assert_eq!(baseline.identity.as_deref(), Some("ada@example.com"), "in one case");
}

#[test]
fn unknown_fields_are_passed_over() {
    let mut page: Value = serde_json::from_str(HISTORY).unwrap();
    page["kind"] = json!("gmail#history");
    page["history"][0]["messagesSnoozed"] = json!([{ "message": { "id": 7 } }]);
    page["history"][0]["messagesAdded"][0]["cause"] = json!({ "a": null });
    page["history"][0]["messagesAdded"][0]["message"]["labelColours"] = json!(["red"]);
    let step = poll(&[(200, &page.to_string()), (200, MESSAGE)]).ok().unwrap();
    let usual = poll(&[(200, HISTORY), (200, MESSAGE)]).ok().unwrap();
    assert_eq!(shown(&step.changes), shown(&usual.changes));
}

#[test]
fn missing_labels_are_told_by_the_message_and_hold_nothing_back() {
    let page = json!({ "history": [
        { "id": "7301001", "messagesAdded": [{ "message": { "id": "18c1a5d1f0a1b201" } }] },
        { "id": "7301002", "labelsAdded": [{ "message": { "id": "b" } }] }
    ], "historyId": "7301003" });
    let cursor = json!({ "history_id": "7301000" });
    let url = "/changed-messages?where=labelIds='INBOX'";
    let (step, _) = poll_at(&[(200, &page.to_string()), (200, MESSAGE)], &cursor, url);
    let kinds: Vec<_> = step.ok().unwrap().changes.iter().map(|one| one.kind.wire()).collect();
    assert_eq!(kinds, ["CREATED", "UPDATED"]);
}

#[test]
fn positions_may_be_numbers_and_wider_than_64_bits() {
    let page = |id: Value| {
        let record =
            json!({ "id": id, "labelsAdded": [{ "message": { "id": "m" }, "labelIds": ["STARRED"] }] });
        json!({ "history": [record], "historyId": id }).to_string()
    };
    let step = poll(&[(200, &page(json!(7_301_999)))]).ok().unwrap();
    assert_eq!(
        (&step.cursor["named"][0]["id"], step.changes[0].version.as_str()),
        (&json!("7301999"), "7301999")
    );
    let wide = "179534783098514411498";
    let step = poll(&[(200, &page(json!(wide)))]).ok().unwrap();
    assert_eq!((&step.cursor["named"][0]["id"], step.changes[0].version.as_str()), (&json!(wide), wide));
    let mut cursor = step.cursor;
    cursor["named"][0]["at"] = json!("2026-11-22T11:50:00Z");
    let (settled, _) = poll_at(&[(200, &page(json!(wide)))], &cursor, "/messages");
    let cursor = settled.ok().unwrap().cursor;
    assert_eq!(cursor, json!({ "history_id": wide }));
    let (again, asked) = poll_at(&[(200, &json!({ "historyId": wide }).to_string())], &cursor, "/messages");
    assert!(again.is_ok() && asked[0].contains(&format!("startHistoryId={wide}&")), "{asked:?}");
}

#[test]
fn a_page_with_a_token_but_no_history_leads_to_the_next() {
    let empty = r#"{"nextPageToken":"p2","historyId":"7301455"}"#;
    let cursor = json!({ "history_id": "7301000" });
    let answers = [(200, empty), (200, HISTORY), (200, MESSAGE)];
    let (step, asked) = poll_at(&answers, &cursor, "/changed-messages");
    assert_eq!(step.ok().unwrap().changes.len(), 4);
    assert!(asked[1].contains("pageToken=p2"), "{asked:?}");
}

#[test]
fn answers_that_break_off_or_are_something_else() {
    for cut in [1, HISTORY.len() / 2, HISTORY.len() - 3] {
        assert_kind(&[(200, &HISTORY[..cut])], ErrorKind::Malformed);
    }
    assert_kind(&[(200, "<html>")], ErrorKind::Malformed);
    assert_kind(&[(200, r#"{"history":[{"id":"x"}]}"#)], ErrorKind::Malformed);
    assert_kind(&[(200, r#"{"history":{}}"#)], ErrorKind::Malformed);
    assert_kind(
        &[(404, r#"{"error":{"code":404,"errors":[{"reason":"notFound"}]}}"#)],
        ErrorKind::CursorExpired,
    );
    assert_kind(&[(502, "<html>Bad Gateway</html>")], ErrorKind::Unavailable);
    assert_kind(
        &[(401, r#"{"error":{"code":401,"errors":[{"reason":"authError"}]}}"#)],
        ErrorKind::Unauthorized,
    );
    assert_kind(&[], ErrorKind::Unavailable);
}

#[test]
fn a_message_that_cannot_be_read_is_set_aside_where_others_can() {
    let page = json!({ "history": [
        { "id": "7301001", "messagesAdded": [{ "message": { "id": "18c1a5d1f0a1b201" } }] },
        { "id": "7301002", "messagesAdded": [{ "message": { "id": "bad", "threadId": "t", "labelIds": ["INBOX"] } }] },
        { "id": "7301003", "messagesAdded": [{ "message": { "id": "gone" } }] }
    ], "historyId": "7301003" });
    let gone = r#"{"error":{"code":404,"errors":[{"reason":"notFound"}]}}"#;
    let page = page.to_string();
    let step = poll(&[(200, &page), (200, MESSAGE), (200, &MESSAGE[..40]), (404, gone)]).ok().unwrap();
    assert_eq!(step.changes.len(), 1);
    let stub = json!({ "id": "bad", "threadId": "t", "labelIds": ["INBOX"] });
    let failed = FailedRecord {
        object_id: "bad".to_owned(),
        kind: ChangeKind::Created,
        version: "7301002".to_owned(),
        stub,
    };
    assert_eq!(step.failed, [failed]);
    let (again, _) = poll_at(&[(200, &page)], &step.cursor, "/messages");
    assert!(!again.ok().unwrap().moved, "it is passed by, and told no more");
    // All of them fail: that is the provider's fault, and the position stays.
    assert_kind(&[(200, &page), (502, ""), (502, ""), (502, "")], ErrorKind::Unavailable);
}

/// Otherwise a provider that refuses one request in ten would keep a burst of mail from ever arriving.
#[test]
fn what_was_read_before_a_limit_is_kept() {
    let page = json!({ "history": [
        { "id": "7301001", "messagesAdded": [{ "message": { "id": "18c1a5d1f0a1b201" } }] },
        { "id": "7301002", "messagesAdded": [{ "message": { "id": "later" } }] },
        { "id": "7301003", "labelsAdded": [{ "message": { "id": "other" }, "labelIds": ["STARRED"] }] }
    ], "historyId": "7301003" });
    let page = page.to_string();
    let step = poll(&[(200, &page), (200, MESSAGE), (429, "{}")]).ok().unwrap();
    let told: Vec<&str> = step.changes.iter().map(|change| change.object_id.as_str()).collect();
    assert_eq!(told, ["18c1a5d1f0a1b201"]);
    let later = MESSAGE.replace("18c1a5d1f0a1b201", "later");
    let (rest, _) = poll_at(&[(200, &page), (200, &later)], &step.cursor, "/messages");
    let rest: Vec<String> = rest.ok().unwrap().changes.into_iter().map(|one| one.object_id).collect();
    assert_eq!(rest, ["later", "other"], "what was not read is still to come");
    assert_eq!(step.halted.map(|error| error.kind), Some(ErrorKind::RateLimited));
    assert!(step.more);
    // Nothing before it: the limit is all there is.
    assert_kind(&[(200, &page), (429, "{}"), (200, MESSAGE)], ErrorKind::RateLimited);
}

#[test]
fn a_record_that_was_set_aside_is_read_again() {
    let record = FailedRecord {
        object_id: "18c1a5d1f0a1b201".to_owned(),
        kind: ChangeKind::Created,
        version: "7301101".to_owned(),
        stub: json!({}),
    };
    let fetch = |answers: &[(u16, &str)]| {
        let script = Script::new(answers, REQUIRED, None);
        now(Gmail.fetch(&call(&script), &resource("/changed-messages"), &record))
    };
    let change = fetch(&[(200, MESSAGE)]).ok().unwrap().unwrap();
    assert!(change.recheck, "it may have been reported in the meantime");
    assert_eq!((change.kind.wire(), change.object_id.as_str()), ("CREATED", "18c1a5d1f0a1b201"));
    assert_eq!(fetch(&[(404, "{}")]).err().map(|error| error.kind), Some(ErrorKind::NotFound), "it is gone");
    assert_eq!(
        fetch(&[(200, "{}")]).err().map(|error| error.kind),
        Some(ErrorKind::Malformed),
        "another message"
    );
}

#[test]
fn errors_tell_no_secret() {
    let error = poll(&[(400, r#"{"error":{"code":400,"message":"secret","status":"INVALID_ARGUMENT"}}"#)])
        .err()
        .unwrap();
    let text = format!("{error} {error:?}");
    assert!(!text.contains("secret") && !text.contains("http://gmail"), "{text}");
}

#[test]
fn a_listing_that_a_limit_ends_goes_on_behind_what_it_has_read() {
    let catch_up = json!({
        "lost": "1", "lost_at": "2026-11-22T11:00:00Z", "baseline_at": "2026-11-01T00:00:00Z",
        "log_complete": true, "page": null, "restarts": 0
    });
    let cursor = json!({ "history_id": "7301500", "catch_up": catch_up });
    let list = r#"{"messages":[{"id":"18c1a5d1f0a1b201"},{"id":"later"}],"nextPageToken":"more"}"#;
    let url = "/hubs/general/changed-messages";
    let (step, _) = poll_at(&[(200, list), (200, MESSAGE), (429, "{}")], &cursor, url);
    let step = step.ok().unwrap();
    assert_eq!(step.changes.len(), 1);
    assert_eq!(step.halted.map(|error| error.kind), Some(ErrorKind::RateLimited));
    let later = MESSAGE.replace("18c1a5d1f0a1b201", "later");
    let (step, asked) = poll_at(&[(200, list), (200, &later)], &step.cursor, url);
    let step = step.ok().unwrap();
    let told: Vec<&str> = step.changes.iter().map(|change| change.object_id.as_str()).collect();
    assert_eq!(told, ["later"]);
    assert!(!asked.iter().any(|url| url.contains("18c1a5d1f0a1b201")), "what was read is not read again");
    assert_eq!(step.cursor["catch_up"]["page"], "more");
}
