//! Labels and drafts, by comparing all of them; and what configurations may ask of each resource.

use super::*;
use crate::{Baseline, Polling};

fn label(id: &str, name: &str) -> Value {
    json!({ "id": id, "name": name, "type": "user" })
}

fn labels(labels: &[Value]) -> String {
    json!({ "labels": labels }).to_string()
}

fn baseline(answers: &[(u16, &str)], url: &str) -> Baseline {
    let script = Script::new(answers, REQUIRED, None);
    now(Gmail.baseline(&call(&script), &resource(url))).ok().unwrap()
}

#[test]
fn labels_are_created_renamed_and_deleted() {
    let url = "/hubs/general/labels";
    let before = labels(&[label("INBOX", "INBOX"), label("Label_1", "Old"), label("Label_2", "Gone")]);
    let taken = baseline(&[(200, PROFILE), (200, &before)], url);
    assert_eq!(taken.identity.as_deref(), Some("ada@example.com"));
    let (idle, asked) = poll_at(&[(200, &before)], &taken.cursor, url);
    assert!(!idle.ok().unwrap().moved);
    assert_eq!(asked, ["http://gmail/gmail/v1/users/me/labels?prettyPrint=false"]);
    let after = labels(&[label("INBOX", "INBOX"), label("Label_1", "New"), label("Label_3", "Fresh")]);
    let (step, _) = poll_at(&[(200, &after)], &taken.cursor, url);
    let told: Vec<String> =
        step.ok().unwrap().changes.iter().map(|one| format!("{} {}", one.kind.wire(), one.record)).collect();
    expect![[r#"
        UPDATED {"id":"Label_1","name":"New","type":"user"}
        CREATED {"id":"Label_3","name":"Fresh","type":"user"}
        DELETED {"id":"Label_2"}"#]]
    .assert_eq(&told.join("\n"));
}

#[test]
fn a_label_without_a_name_in_its_id_is_left_out() {
    let taken = baseline(&[(200, PROFILE), (200, &labels(&[label("INBOX", "INBOX")]))], "/labels");
    let odd = labels(&[label("INBOX", "INBOX"), label("", "Fresh")]);
    let (step, _) = poll_at(&[(200, &odd)], &taken.cursor, "/labels");
    assert!(step.ok().unwrap().changes.is_empty());
}

#[test]
fn counts_are_no_state_of_a_label() {
    let counted = |count: u32| {
        let mut label = label("INBOX", "INBOX");
        label["messagesUnread"] = json!(count);
        labels(&[label])
    };
    let taken = baseline(&[(200, PROFILE), (200, &counted(1))], "/labels");
    let (step, _) = poll_at(&[(200, &counted(2))], &taken.cursor, "/labels");
    assert!(step.ok().unwrap().changes.is_empty());
}

#[test]
fn conditions_exclude_labels() {
    let url = "/labels?where=type='user' AND name LIKE 'x%'";
    let taken = baseline(&[(200, PROFILE), (200, &labels(&[label("Label_1", "y")]))], url);
    let after = labels(&[label("Label_1", "y"), label("Label_2", "xy"), json!({ "id": "INBOX" })]);
    let (step, _) = poll_at(&[(200, &after)], &taken.cursor, url);
    let step = step.ok().unwrap();
    assert_eq!((step.changes.len(), step.changes[0].object_id.as_str()), (1, "Label_2"));
}

#[test]
fn each_save_of_a_draft_is_an_update_and_sending_it_its_end() {
    let url = "/hubs/general/drafts";
    let drafts = |ids: &[(&str, &str)]| {
        let entry =
            |(id, message): &(&str, &str)| json!({ "id": id, "message": { "id": message, "threadId": "t" } });
        json!({ "drafts": ids.iter().map(entry).collect::<Vec<_>>(), "resultSizeEstimate": 1 }).to_string()
    };
    let taken = baseline(&[(200, PROFILE), (200, &drafts(&[("r-1", "a"), ("r-2", "b")]))], url);
    let (step, asked) = poll_at(&[(200, &drafts(&[("r-1", "c"), ("r-3", "d")]))], &taken.cursor, url);
    let told: Vec<String> =
        step.ok().unwrap().changes.iter().map(|one| format!("{} {}", one.kind.wire(), one.record)).collect();
    expect![[r#"
        UPDATED {"id":"r-1","message":{"id":"c","threadId":"t"}}
        CREATED {"id":"r-3","message":{"id":"d","threadId":"t"}}
        DELETED {"id":"r-2"}"#]]
    .assert_eq(&told.join("\n"));
    assert!(asked[0].contains("/drafts?maxResults=500"), "{asked:?}");
    let (empty, _) = poll_at(&[(200, r#"{"resultSizeEstimate":0}"#)], &taken.cursor, url);
    assert_eq!(empty.ok().unwrap().changes.len(), 2, "no drafts, no such key");
}

#[test]
fn a_list_without_any_label_is_no_list() {
    let taken = baseline(&[(200, PROFILE), (200, &labels(&[label("a", "a")]))], "/labels");
    let (step, _) = poll_at(&[(200, "{}")], &taken.cursor, "/labels");
    assert_eq!(step.err().map(|error| error.kind), Some(ErrorKind::Malformed));
}

#[test]
fn a_limit_leaves_the_position_as_it_was() {
    let taken = baseline(&[(200, PROFILE), (200, &labels(&[label("a", "a")]))], "/labels");
    let (step, _) = poll_at(&[(429, "{}")], &taken.cursor, "/labels");
    assert_eq!(step.err().map(|error| error.kind), Some(ErrorKind::RateLimited));
}

#[test]
fn each_polled_resources_own_entry_passes() {
    for one in Gmail.descriptor().resources.iter().filter(|one| one.polling != Polling::Never) {
        let entry: Value = serde_json::from_str(one.poller).unwrap();
        let config = ResourceConfig::parse("any-name", &entry).unwrap();
        assert!(Gmail.check(&config).is_ok(), "{}", one.name);
        let script = Script::new(&[(200, PROFILE), (200, &labels(&[label("a", "a")]))], REQUIRED, None);
        let taken = now(Gmail.baseline(&call(&script), &config)).ok().unwrap();
        let same = json!({ "historyId": "7301000", "labels": [label("a", "a")] }).to_string();
        let script = Script::new(&[(200, &same)], REQUIRED, None);
        let past =
            Past { baseline_at: at(), last_success_at: at(), failures: 0, log_since: at(), number: None };
        let step = now(Gmail.poll(&call(&script), &config, &taken.cursor, &past)).ok().unwrap();
        assert!(!step.moved && !step.more, "{}", one.name);
    }
}

#[test]
fn what_polls_cannot_do_is_refused_when_it_is_saved() {
    let rule = |url: &str| Gmail.check(&resource(url)).err().map(|error| error.rule).unwrap_or_default();
    expect![[r#"
        where: there is no filter on `messagesTotal`, only on id, name, messageListVisibility, labelListVisibility, type, color
        where: there is no filter on `q`, only on id, message
        `format` is for messages and threads, `drafts` are reported as they are listed
        where: Gmail's history can't be filtered by `snippet`, only by id, threadId, labelIds, and q with in:, is:, label: and after:
        `messages/a1/attachments` is not a resource that Gmail polls
        `calendars` is not a resource that Gmail polls"#]]
    .assert_eq(
        &[
            rule("/labels?where=messagesTotal > 5"),
            rule("/drafts?where=q='x'"),
            rule("/drafts?format=full"),
            rule("/threads?where=snippet LIKE '%x%'"),
            rule("/messages/a1/attachments"),
            rule("/calendars"),
        ]
        .join("\n"),
    );
}
