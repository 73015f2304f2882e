//! Recorded answers, through reads: what is asked for, and what is answered.

use crate::gmail::Gmail;
use crate::hub::{Answer, Order, PageWanted, Query, ReadError, Records};
use crate::script::{Script, now};
use crate::{Call, Connector, ErrorKind};
use chrono::{TimeZone as _, Utc};
use serde_json::{Value, json};

const LIST: &str =
    r#"{"messages":[{"id":"a","threadId":"t"},{"id":"b","threadId":"t"}],"nextPageToken":"p2"}"#;
const A: &str =
    r#"{"id":"a","threadId":"t","internalDate":"1795347600000","payload":{"mimeType":"text/plain"}}"#;
const B: &str =
    r#"{"id":"b","threadId":"t","internalDate":"1795340000000","payload":{"mimeType":"text/html"}}"#;
const LABELS: &str = r#"{"labels":[
    {"id":"INBOX","name":"INBOX","type":"system"},{"id":"Label_2","name":"beta","type":"user"},
    {"id":"Label_1","name":"Alpha","type":"user","color":{"textColor":"black"}}]}"#;

fn query(path: &str, change: impl FnOnce(&mut Query)) -> Query {
    let mut query = Query::of("x");
    query.path = path.split('/').map(str::to_owned).collect();
    change(&mut query);
    query
}

fn filter(text: &str) -> impl FnOnce(&mut Query) {
    let condition = domain::ceql::parse(text).unwrap();
    |query| query.condition = Some(condition)
}

fn read(answers: &[(u16, &str)], query: &Query) -> (Result<Answer, ReadError>, Vec<String>) {
    let script = Script::new(answers, &[("authorization", "Bearer secret")], None);
    let at = Utc.with_ymd_and_hms(2026, 11, 22, 12, 0, 0).unwrap();
    let call = Call {
        http: &script,
        api_url: "http://g",
        credential: "secret",
        now: at,
        timeout_ms: 1000,
        scratch: None,
        archive: None,
    };
    let answer = now(Gmail.read(&call, query));
    let asked = script.asked().into_iter().map(|url| {
        let url = url.trim_start_matches("http://g/gmail/v1/users/me/").replace("prettyPrint=false", "");
        url.trim_end_matches(['&', '?']).to_owned()
    });
    (answer, asked.collect())
}

#[track_caller]
fn list(answers: &[(u16, &str)], query: &Query) -> (Records, Vec<String>) {
    match read(answers, query) {
        (Ok(Answer::Many(records)), asked) => (records, asked),
        (other, _) => panic!("{other:?}"),
    }
}

#[track_caller]
fn rule(query: &Query) -> String {
    match read(&[], query).0 {
        Err(ReadError::Refused(invalid)) => invalid.to_string(),
        other => panic!("{other:?}"),
    }
}

fn ids(records: &Records) -> Vec<&str> {
    records.records.iter().map(|record| record["id"].as_str().unwrap()).collect()
}

#[test]
fn a_page_of_messages_is_listed_and_read() {
    let (page, asked) = list(&[(200, LIST), (200, A), (200, B)], &query("messages", |_| {}));
    assert_eq!(page.records, [A, B].map(|text| serde_json::from_str::<Value>(text).unwrap()));
    assert_eq!((page.next, page.total), (Some(json!({ "token": "p2", "size": 20 })), None));
    assert_eq!(asked[0], "messages?maxResults=20");
    assert!(asked[1].starts_with("messages/a?format=metadata&metadataHeaders=Subject"), "{asked:?}");
}

#[test]
fn what_is_gone_since_the_list_is_left_out() {
    let (page, _) = list(&[(200, LIST), (404, "{}"), (200, B)], &query("messages", |_| {}));
    assert_eq!(ids(&page), ["b"]);
    let failed = read(&[(200, LIST), (200, A), (503, "{}")], &query("messages", |_| {})).0;
    assert!(matches!(failed, Err(ReadError::Provider(error)) if error.kind == ErrorKind::Unavailable));
}

#[test]
fn conditions_are_searched_for() {
    let (_, asked) =
        list(&[(200, "{}")], &query("messages", filter("labelIds='INBOX' AND subject LIKE '%a b%'")));
    assert_eq!(asked, ["messages?maxResults=20&q=subject%3A%22a+b%22&labelIds=INBOX"]);
    let later = filter("internalDate >= '2026-11-22T11:30:00Z'");
    let (page, _) = list(&[(200, LIST), (200, A), (200, B)], &query("messages", later));
    assert_eq!(ids(&page), ["a"], "the search is coarser than the condition");
    assert_eq!(
        rule(&query("messages", filter("snippet LIKE '%x%'"))),
        "`where`: Gmail can't search `snippet` with `LIKE`"
    );
}

#[test]
fn changed_messages_are_those_of_the_last_day() {
    let (_, asked) = list(&[(200, "{}")], &query("changed-message", |_| {}));
    assert_eq!(asked, ["messages?maxResults=20&q=after%3A1795262400+-in%3Adrafts&includeSpamTrash=true"]);
    let (_, asked) = list(&[(200, "{}")], &query("changed-messages", filter("q='after:17 OR x'")));
    assert!(asked[0].contains("q=%28after%3A17+OR+x%29+-in%3Adrafts"), "{asked:?}");
}

#[test]
fn fields_cut_records_and_save_reads() {
    let fields = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        query("messages", |query| query.fields = names)
    };
    let (page, asked) = list(&[(200, LIST)], &fields(&["id"]));
    assert_eq!((page.records, asked.len()), (vec![json!({ "id": "a" }), json!({ "id": "b" })], 1));
    let (page, _) = list(&[(200, LIST), (200, A), (200, B)], &fields(&["id", "payload.mimeType", "none"]));
    assert_eq!(page.records[0], json!({ "id": "a", "payload": { "mimeType": "text/plain" } }));
}

#[test]
fn pages_go_by_tokens() {
    let place = json!({ "token": "p2", "size": 7 });
    let next = query("messages", |query| query.page = PageWanted::After(place));
    let (page, asked) = list(&[(200, r#"{"messages":[]}"#)], &next);
    assert_eq!((page.next, asked[0].as_str()), (None, "messages?maxResults=7&pageToken=p2"));
    let third = query("messages", |query| (query.page, query.page_size) = (PageWanted::Number(3), Some(50)));
    let tokens = [(200, r#"{"nextPageToken":"p2"}"#), (200, r#"{"nextPageToken":"p3"}"#), (200, "{}")];
    let (_, asked) = list(&tokens, &third);
    assert_eq!(
        asked,
        [
            "messages?maxResults=50&fields=nextPageToken",
            "messages?maxResults=50&pageToken=p2&fields=nextPageToken",
            "messages?maxResults=50&pageToken=p3"
        ]
    );
    let (page, asked) = list(&[(200, "{}")], &third);
    assert_eq!((page, asked.len()), (Records::default(), 1), "it lies behind the last one");
    let stale = read(&[(400, r#"{"error":{"code":400,"errors":[{"reason":"invalidArgument"}]}}"#)], &next).0;
    assert!(matches!(stale, Err(ReadError::Refused(invalid)) if invalid.key == "nextPage"));
}

#[test]
fn limits_are_named() {
    let far = query("threads", |query| query.page = PageWanted::Number(52));
    assert_eq!(rule(&far), "`page`: must be at most 51: go on with `nextPage`");
    for place in [json!(7), json!({ "token": 7 }), json!({ "token": "x".repeat(1000) })] {
        let wrong = query("messages", |query| query.page = PageWanted::After(place));
        assert_eq!(rule(&wrong), "`nextPage`: is not a page of this list");
    }
    let order = |field: &str, is_descending| {
        let order = Order { field: field.to_owned(), is_descending };
        query("messages", |query| query.order_by = vec![order])
    };
    assert_eq!(
        rule(&order("internalDate", false)),
        "`orderBy`: Gmail lists newest first: only `internalDate desc` or `date desc`"
    );
    assert!(read(&[(200, "{}")], &order("date", true)).0.is_ok());
    let format = |value: &str| {
        let parameter = ("format".to_owned(), value.to_owned());
        query("messages", |query| query.parameters = vec![parameter])
    };
    assert_eq!(rule(&format("raw")), "`format`: `format` must be `metadata`, `minimal` or `full`");
}

#[test]
fn what_can_be_no_id_is_not_asked_for() {
    for id in [".", "..", "../profile", "a/b"] {
        for below in [&[][..], &["attachments"]] {
            let mut query = Query::of("messages");
            query.path.push(id.to_owned());
            query.path.extend(below.iter().map(|&segment| segment.to_owned()));
            let (answer, asked) = read(&[], &query);
            let Err(ReadError::Provider(error)) = answer else { panic!("{answer:?}") };
            assert_eq!((error.kind, asked.len()), (ErrorKind::NotFound, 0), "{id}");
        }
    }
}

#[test]
fn one_object_is_read_whole() {
    let one = |path: &str, answer: (u16, &str)| read(&[answer], &query(path, |_| {}));
    let (answer, asked) = one("messages/a", (200, A));
    assert!(matches!(answer, Ok(Answer::One(record)) if record["id"] == "a"));
    assert_eq!(asked, ["messages/a?format=full"]);
    assert_eq!(one("changed-messages/a", (200, A)).1, ["messages/a?format=full"]);
    assert_eq!(one("threads/a", (200, A)).1, ["threads/a?format=full"]);
    assert_eq!(one("drafts/r-1", (200, A)).1, ["drafts/r-1?format=full"]);
    assert_eq!(one("labels/a&b", (200, A)).1, ["labels/a%26b"]);
    for failure in [(404, "{}"), (400, r#"{"error":{"code":400,"errors":[{"reason":"invalidArgument"}]}}"#)] {
        let (answer, _) = one("messages/nonsense", failure);
        assert!(matches!(answer, Err(ReadError::Provider(error)) if error.kind == ErrorKind::NotFound));
    }
}

#[test]
fn other_paths_lead_nowhere() {
    for path in [
        "contacts",
        "messages/a/parts",
        "labels/a/b",
        "threads/t/attachments",
        "messages/{id}/attachments/x/y",
    ] {
        let (answer, asked) = read(&[], &query(path, |_| {}));
        assert!(matches!(answer, Err(ReadError::NoResource)), "{path}: {answer:?}");
        assert!(asked.is_empty());
    }
}

#[test]
fn attachments_are_what_the_parts_say_of_them() {
    let message = json!({ "id": "a", "payload": { "partId": "", "mimeType": "multipart/mixed", "filename": "", "body": { "size": 0 }, "parts": [
        { "partId": "0", "mimeType": "text/plain", "filename": "", "body": { "size": 5, "data": "SGVsbG8" } },
        { "partId": "1", "mimeType": "multipart/related", "filename": "", "body": { "size": 0 }, "parts": [
            { "partId": "1.1", "mimeType": "image/png", "filename": "logo.png", "body": { "size": 9, "attachmentId": "ANGj" } }
        ] }
    ] } });
    let path = query("messages/a/attachments", |_| {});
    let (page, asked) = list(&[(200, &message.to_string())], &path);
    assert_eq!(
        page.records,
        [json!({
            "id": "1.1", "partId": "1.1", "attachmentId": "ANGj", "filename": "logo.png", "mimeType": "image/png",
            "size": 9
        })]
    );
    assert_eq!((page.total, asked[0].as_str()), (Some(1), "messages/a?format=full&fields=id%2Cpayload"));
    let (one, _) = read(&[(200, &message.to_string())], &query("messages/a/attachments/1.1", |_| {}));
    assert!(matches!(one, Ok(Answer::One(one)) if one == page.records[0]));
    let (none, _) = read(&[(200, &message.to_string())], &query("messages/a/attachments/1", |_| {}));
    assert!(matches!(none, Err(ReadError::Provider(error)) if error.kind == ErrorKind::NotFound));
}

#[test]
fn labels_are_filtered_sorted_and_paged_here() {
    let (page, asked) = list(&[(200, LABELS)], &query("labels", |_| {}));
    assert_eq!((ids(&page), page.total), (vec!["INBOX", "Label_2", "Label_1"], Some(3)));
    assert_eq!(asked, ["labels"]);
    let by_name = |query: &mut Query| {
        query.order_by = vec![Order { field: "name".to_owned(), is_descending: false }];
        query.page_size = Some(1);
    };
    let own = query("labels", |query| {
        filter("type='user'")(query);
        by_name(query);
    });
    let (page, _) = list(&[(200, LABELS)], &own);
    assert_eq!((ids(&page), page.total), (vec!["Label_1"], Some(2)));
    let next = query("labels", |query| {
        filter("type='user'")(query);
        by_name(query);
        query.page = PageWanted::After(page.next.unwrap());
    });
    let (page, _) = list(&[(200, LABELS)], &next);
    assert_eq!((ids(&page), &page.next), (vec!["Label_2"], &None));
    let counts = query("labels", filter("messagesTotal > 1"));
    let (answer, _) = read(&[(200, LABELS)], &counts);
    assert!(matches!(answer, Err(ReadError::Refused(invalid)) if invalid.rule.contains("`messagesTotal`")));
}

#[test]
fn threads_and_drafts_are_listed_and_read() {
    let threads = r#"{"threads":[{"id":"t","snippet":"s","historyId":"9"}],"resultSizeEstimate":1}"#;
    let (page, asked) =
        list(&[(200, threads), (200, r#"{"id":"t","messages":[]}"#)], &query("threads", |_| {}));
    assert_eq!(page.records, [json!({ "id": "t", "messages": [] })]);
    assert!(asked[1].starts_with("threads/t?format=metadata&metadataHeaders="), "{asked:?}");
    let drafts = r#"{"drafts":[{"id":"r-1","message":{"id":"m"}},{"id":"r-2","message":{"id":"n"}}]}"#;
    let both = [
        (200, drafts),
        (200, r#"{"id":"r-1","message":{"id":"m"}}"#),
        (200, r#"{"id":"r-2","message":{"id":"n"}}"#),
    ];
    let own = query("drafts", filter("message.id = 'n' AND subject='x'"));
    let (page, asked) = list(&both, &own);
    assert_eq!(ids(&page), ["r-2"]);
    assert_eq!(
        asked,
        ["drafts?maxResults=20&q=subject%3Ax", "drafts/r-1?format=metadata", "drafts/r-2?format=metadata"]
    );
}

#[test]
fn a_ping_asks_for_the_profile() {
    let script = Script::new(&[(200, r#"{"historyId":"1"}"#), (401, "{}")], &[], None);
    let at = Utc.with_ymd_and_hms(2026, 11, 22, 12, 0, 0).unwrap();
    let call = Call {
        http: &script,
        api_url: "http://g",
        credential: "secret",
        now: at,
        timeout_ms: 1000,
        scratch: None,
        archive: None,
    };
    assert!(now(Gmail.ping(&call)).is_ok());
    assert_eq!(now(Gmail.ping(&call)).err().map(|error| error.kind), Some(ErrorKind::Unauthorized));
}
