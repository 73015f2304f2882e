//! Recorded answers, through the connector: what it asks for, and what it makes of what comes.

mod backfill;
mod growth;
mod hub;
mod odd;
mod resources;

use super::Outlook;
use crate::script::{Script, now};
use crate::{Call, Connector, Error, ErrorKind, Past, Step};
use chrono::{DateTime, TimeZone as _, Utc};
use domain::event::Change;
use domain::resource::ResourceConfig;
use expect_test::expect;
use serde_json::{Value, json};

const LIST: &str = include_str!("data/list.json");
const EMPTY: &str = include_str!("data/list_empty.json");
/// The server's clock, three seconds ahead of ours.
const DATE: &str = "Sun, 22 Nov 2026 12:00:03 GMT";

/// Headers of every request.
const REQUIRED: &[(&str, &str)] = &[("authorization", "Bearer secret"), ("prefer", "IdType=\"ImmutableId\"")];

fn at() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 22, 12, 0, 0).unwrap()
}

fn call(http: &Script) -> Call<'_> {
    Call {
        http,
        api_url: "http://graph/v1.0",
        credential: "secret",
        now: at(),
        timeout_ms: 1000,
        scratch: None,
        archive: None,
    }
}

fn resource(url: &str) -> ResourceConfig {
    ResourceConfig::parse("messages", &json!({ "url": url, "idField": "Id" })).unwrap()
}

/// The position ten minutes ago.
fn cursor() -> Value {
    json!({ "watermark": at().timestamp() - 600, "memory": [] })
}

fn poll_at(answers: &[(u16, &str)], cursor: &Value, url: &str) -> (Result<Step, Error>, Vec<String>) {
    let script = Script::new(answers, REQUIRED, Some(DATE));
    let past = Past { baseline_at: at(), last_success_at: at(), failures: 0, log_since: at(), number: None };
    let step = now(Outlook.poll(&call(&script), &resource(url), cursor, &past));
    (step, script.asked())
}

fn poll(answers: &[(u16, &str)]) -> Result<Step, Error> {
    poll_at(answers, &cursor(), "/hubs/general/messages").0
}

fn shown(changes: &[Change]) -> String {
    let line = |one: &Change| {
        let at = one.at.map_or_else(|| "-".to_owned(), |at| at.to_rfc3339());
        format!("{} {} [{}] {at}\n  {}", one.kind.wire(), one.object_id, one.version, one.record)
    };
    changes.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn assert_kind(answers: &[(u16, &str)], kind: ErrorKind) {
    assert_eq!(poll(answers).err().map(|error| error.kind), Some(kind));
}

#[test]
fn a_page_with_a_changed_a_new_and_an_unsent_message() {
    let step = poll(&[(200, LIST)]).ok().unwrap();
    expect![[r#"
        UPDATED AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0AAAAA0001 [CQAAABYAAAAx1] 2026-11-22T11:59:01+00:00
          {"Id":"AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0AAAAA0001","CreatedDateTime":"2026-11-20T08:00:00Z","LastModifiedDateTime":"2026-11-22T11:59:01Z","ChangeKey":"CQAAABYAAAAx1","Categories":["Blue category"],"ReceivedDateTime":"2026-11-20T08:00:00Z","SentDateTime":"2026-11-20T07:59:58Z","HasAttachments":false,"InternetMessageId":"<a1@mail.example>","Subject":"Lunch?","BodyPreview":"See you on Thursday.","Importance":"normal","ParentFolderId":"AAMkAGFolderInbox","ConversationId":"AAQkAGConversation1","IsRead":true,"IsDraft":false,"WebLink":"https://outlook.office365.com/owa/?ItemID=1","InferenceClassification":"focused","Sender":{"EmailAddress":{"Name":"Grace","Address":"grace@compilers.example"}},"From":{"EmailAddress":{"Name":"Grace","Address":"grace@compilers.example"}},"ToRecipients":[{"EmailAddress":{"Name":"Ada","Address":"ada@example.com"}}],"CcRecipients":[],"BccRecipients":[],"ReplyTo":[],"Flag":{"FlagStatus":"notFlagged"}}
        CREATED AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0AAAAA0002 [CQAAABYAAAAx2] 2026-11-22T11:59:31+00:00
          {"Id":"AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0AAAAA0002","CreatedDateTime":"2026-11-22T11:59:30Z","LastModifiedDateTime":"2026-11-22T11:59:31Z","ChangeKey":"CQAAABYAAAAx2","ReceivedDateTime":"2026-11-22T11:59:30Z","Subject":"Invoice 4711","ParentFolderId":"AAMkAGFolderInbox","IsRead":false,"IsDraft":false}"#]].assert_eq(&shown(&step.changes));
    assert!(step.moved && !step.more && step.failed.is_empty());
    assert_eq!(step.cursor["watermark"], at().timestamp() - 5, "the newest second that was read");
}

#[test]
fn the_next_poll_looks_back_and_knows_what_it_saw() {
    let first = poll(&[(200, LIST)]).ok().unwrap();
    let (second, asked) = poll_at(&[(200, LIST)], &first.cursor, "/hubs/general/messages");
    let second = second.ok().unwrap();
    assert_eq!((second.changes.len(), second.moved), (0, false));
    assert_eq!(second.cursor["watermark"], at().timestamp(), "up to the earlier clock all is read");
    assert_eq!(asked.len(), 1);
    expect!["http://graph/v1.0/me/messages?$filter=lastModifiedDateTime%20ge%202026-11-22T11%3A57%3A55Z&$orderby=lastModifiedDateTime&$top=100&$select=id%2CchangeKey%2ClastModifiedDateTime%2CreceivedDateTime%2CcreatedDateTime%2CparentFolderId%2CisDraft%2CsentDateTime%2Csubject%2CbodyPreview%2Cimportance%2ChasAttachments%2CinternetMessageId%2CconversationId%2Cfrom%2Csender%2CtoRecipients%2CccRecipients%2CbccRecipients%2CreplyTo%2CisRead%2Ccategories%2Cflag%2CinferenceClassification%2CwebLink"].assert_eq(&asked[0]);
}

#[test]
fn the_users_conditions_and_fields_are_part_of_the_request() {
    let url = "/messages?where=LastModifiedDateTime>='${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}' AND IsRead=false&fields=Subject,From";
    let (step, asked) = poll_at(&[(200, EMPTY)], &cursor(), url);
    assert!(step.is_ok());
    expect!["http://graph/v1.0/me/messages?$filter=lastModifiedDateTime%20ge%202026-11-22T11%3A48%3A00Z%20and%20isRead%20eq%20false&$orderby=lastModifiedDateTime&$top=100&$select=id%2CchangeKey%2ClastModifiedDateTime%2CreceivedDateTime%2CcreatedDateTime%2CparentFolderId%2CisDraft%2CisRead%2Csubject%2Cfrom"].assert_eq(&asked[0]);
}

#[test]
fn an_empty_list_without_a_clock_moves_nothing() {
    let script = Script::new(&[(200, EMPTY)], REQUIRED, None);
    let past = Past {
        baseline_at: at(),
        last_success_at: at(),
        failures: 0,
        log_since: DateTime::UNIX_EPOCH,
        number: None,
    };
    let step = now(Outlook.poll(&call(&script), &resource("/messages"), &cursor(), &past)).ok().unwrap();
    assert_eq!((step.moved, &step.cursor["watermark"]), (false, &json!(at().timestamp() - 600)));
}

#[test]
fn an_empty_list_is_idle() {
    let step = poll(&[(200, EMPTY)]).ok().unwrap();
    assert_eq!((step.changes.len(), step.moved, step.more), (0, false, false));
    assert_eq!(step.cursor, json!({ "watermark": at().timestamp(), "is_checked": true, "memory": [] }));
}

#[test]
fn unknown_and_missing_fields_hold_nothing_up() {
    let page = json!({ "@odata.count": -1, "value": [
        { "id": "a", "lastModifiedDateTime": "2026-11-22T11:59:00.1234567Z", "novelty": { "deep": [null] } },
        { "id": "b", "changeKey": "k", "lastModifiedDateTime": "yesterday", "isDraft": null },
        { "id": "c" },
        { "subject": "no id" },
        7
    ] });
    let step = poll(&[(200, &page.to_string())]).ok().unwrap();
    let ids: Vec<_> = step.changes.iter().map(|one| one.object_id.as_str()).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    assert!(step.gap.unwrap().1.starts_with("2 listed objects are left out"));
    let again = poll_at(&[(200, &page.to_string())], &step.cursor, "/messages").0.ok().unwrap();
    assert!(again.changes.iter().all(|one| one.object_id != "a"), "{}", shown(&again.changes));
}

#[test]
fn mail_that_becomes_readable_within_the_poll_delay_is_told() {
    let entry = json!({ "url": "/messages", "pollDelay": 1800 });
    let resource = ResourceConfig::parse("messages", &entry).unwrap();
    let mail = |id: &str, time: &str| json!({ "id": id, "changeKey": "k", "receivedDateTime": time, "lastModifiedDateTime": time });
    let list = |rows: &[Value]| json!({ "value": rows }).to_string();
    let known = mail("known", "2026-11-22T11:45:00Z");
    let before = list(std::slice::from_ref(&known));
    let script = Script::new(&[(200, &before), (200, r#"{"id":"inbox"}"#)], REQUIRED, Some(DATE));
    let baseline = now(Outlook.baseline(&call(&script), &resource)).ok().unwrap();
    assert!(script.asked()[0].contains("ge%202026-11-22T11%3A30%3A00Z&"), "{:?}", script.asked());
    let late = list(&[mail("late", "2026-11-22T11:40:00Z"), known]);
    let past = Past { baseline_at: at(), last_success_at: at(), failures: 0, log_since: at(), number: None };
    let poll = |cursor: &Value| {
        let script = Script::new(&[(200, &late)], REQUIRED, Some(DATE));
        let step = now(Outlook.poll(&call(&script), &resource, cursor, &past)).ok().unwrap();
        assert!(script.asked()[0].contains("ge%202026-11-22T11%3A30%3A00Z&"), "{:?}", script.asked());
        step
    };
    let step = poll(&baseline.cursor);
    assert_eq!((step.changes[0].kind.wire(), step.changes[0].object_id.as_str()), ("CREATED", "late"));
    assert_eq!(step.changes.len(), 1, "what was there at the baseline is known");
    assert!(!step.changes[0].recheck);
    assert!(poll(&step.cursor).changes.is_empty());
}

#[test]
fn a_next_link_is_not_followed() {
    let row = |n: usize| json!({ "id": format!("m{n}"), "changeKey": "k", "lastModifiedDateTime": "2026-11-22T11:50:00Z" });
    let rows: Vec<Value> = (0..1000).map(row).collect();
    let page =
        |link: &str, count: usize| json!({ "value": rows[..count], "@odata.nextLink": link }).to_string();
    let full = page("http://elsewhere/v1.0/me/messages?$skip=100", 100);
    let crowded = page("http://elsewhere/v1.0/me/messages?$skip=1000", 1000);
    let mut position = cursor();
    let mut counts = Vec::new();
    for _ in 0..5 {
        let (step, asked) = poll_at(&[(200, &full), (200, &crowded)], &position, "/messages");
        assert!(asked.iter().all(|url| url.starts_with("http://graph/")), "{asked:?}");
        let step = step.ok().unwrap();
        counts.push(step.changes.len());
        position = step.cursor;
    }
    assert_eq!(counts, [100, 250, 250, 250, 150]);
}

#[test]
fn a_step_of_large_messages_ends_early_and_the_next_goes_on() {
    let body = "x".repeat(100_000);
    let row = |n: usize| {
        json!({ "id": format!("m{n}"), "changeKey": "k", "body": body,
        "lastModifiedDateTime": "2026-11-22T11:50:00Z" })
    };
    let page = json!({ "value": (0..50).map(row).collect::<Vec<_>>() }).to_string();
    let mut position = cursor();
    let mut counts = Vec::new();
    for _ in 0..2 {
        let step = poll_at(&[(200, &page)], &position, "/messages").0.ok().unwrap();
        counts.push((step.changes.len(), step.more));
        position = step.cursor;
    }
    assert_eq!(counts, [(30, true), (20, false)], "three million bytes a step");
}

#[test]
fn answers_that_break_off_or_are_something_else() {
    for cut in [1, LIST.len() / 2, LIST.len() - 3] {
        assert_kind(&[(200, &LIST[..cut])], ErrorKind::Malformed);
    }
    assert_kind(&[(200, "<html>")], ErrorKind::Malformed);
    assert_kind(&[(200, "{}")], ErrorKind::Malformed);
    assert_kind(&[(401, r#"{"error":{"code":"InvalidAuthenticationToken"}}"#)], ErrorKind::Unauthorized);
    assert_kind(&[(429, r#"{"error":{"code":"ApplicationThrottled"}}"#)], ErrorKind::RateLimited);
    assert_kind(&[(502, "<html>Bad Gateway</html>")], ErrorKind::Unavailable);
    assert_kind(&[(400, r#"{"error":{"code":"InefficientFilter"}}"#)], ErrorKind::Rejected);
    assert_kind(&[], ErrorKind::Unavailable);
}

#[test]
fn the_baseline_is_the_present_and_reports_nothing() {
    let inbox = r#"{"id":"AAMkAGFolderInbox"}"#;
    let script = Script::new(&[(200, LIST), (200, inbox)], REQUIRED, Some(DATE));
    let baseline = now(Outlook.baseline(&call(&script), &resource("/messages"))).ok().unwrap();
    assert_eq!(baseline.identity.as_deref(), Some("AAMkAGFolderInbox"));
    assert_eq!(baseline.cursor["watermark"], at().timestamp(), "by the earlier clock");
    let next = poll_at(&[(200, LIST)], &baseline.cursor, "/messages").0.ok().unwrap();
    assert_eq!(next.changes.len(), 0, "what was there before is not news");
}
