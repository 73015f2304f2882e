//! Records of history that nobody meant.

use super::*;

const START: &str = "7301000";

/// A page with these records.
fn page(records: &[Value]) -> String {
    json!({ "history": records, "historyId": "7301009" }).to_string()
}

fn deleted(record: &str, id: Value) -> Value {
    json!({ "id": record, "messagesDeleted": [{ "message": { "id": id } }] })
}

/// What is told of two polls of the same page: objects, and gaps in words.
fn told(page: &str) -> (Vec<String>, Vec<String>) {
    let (mut objects, mut gaps) = (Vec::new(), Vec::new());
    let mut cursor = json!({ "history_id": START });
    for _ in 0..2 {
        let step = poll_at(&[(200, page)], &cursor, "/changed-messages").0.ok().unwrap();
        assert!(!step.more);
        objects.extend(step.changes.into_iter().map(|change| change.object_id));
        gaps.extend(step.gap.map(|(from, words)| {
            assert_eq!(from, at());
            words
        }));
        if step.moved {
            cursor = step.cursor;
        }
    }
    (objects, gaps)
}

#[track_caller]
fn check(records: &[Value], objects: &[&str], odd_count: usize) {
    let (told, gaps) = told(&page(records));
    assert_eq!(told, objects, "{records:?}");
    let words = format!("{odd_count} history entries are left out: they have no readable id");
    let expected = if odd_count == 0 { vec![] } else { vec![words] };
    assert_eq!(gaps, expected, "told once: {records:?}");
}

/// One odd record failed its page, each time, and stopped its mailbox.
#[test]
fn an_odd_record_is_told_of_once_and_holds_up_nothing() {
    let (one, two) = (deleted("7301001", json!("a")), deleted("7301003", json!("b")));
    for odd in [
        json!({ "id": "7301002", "messagesDeleted": [{ "message": { "id": 7 } }] }),
        json!({ "id": "7301002", "messagesDeleted": [{ "message": "x" }] }),
        json!({ "id": "7301002", "labelsAdded": "none" }),
        deleted("7301002", json!("")),
        deleted("seven", json!("x")),
        json!({ "id": null, "messagesAdded": [] }),
        json!("a record"),
        json!(null),
    ] {
        check(&[one.clone(), odd.clone(), two.clone()], &["a", "b"], 1);
        check(&[odd.clone(), one.clone()], &["a"], 1);
        check(&[one.clone(), odd.clone()], &["a"], 1);
        check(std::slice::from_ref(&odd), &[], 1);
    }
    check(&[one, two], &["a", "b"], 0);
}

#[test]
fn an_odd_entry_takes_nothing_of_its_record_along() {
    let entries = json!([{ "message": { "id": "a" } }, { "message": {} }, 7, { "message": { "id": "b" } }]);
    check(&[json!({ "id": "7301001", "messagesDeleted": entries })], &["a", "b"], 2);
}

/// What a message is told with may be odd: it is told without that.
#[test]
fn an_odd_property_takes_nothing_along() {
    let message = json!({ "id": "a", "threadId": 7, "labelIds": "INBOX" });
    let record = json!({ "id": "7301001", "labelsAdded": [{ "message": message, "labelIds": null }] });
    check(&[record], &["a"], 0);
}

/// Nothing may be skipped for what has no place: where more pages follow, the end that they name is not here.
#[test]
fn an_odd_record_moves_no_position_past_pages_that_follow() {
    let first = json!({ "history": [deleted("7301001", json!("a")), 7], "historyId": "7301009", "nextPageToken": "t" });
    let cursor = json!({ "history_id": START });
    let answers = [(200, first.to_string()), (503, "{}".to_owned())];
    let answers: Vec<(u16, &str)> = answers.iter().map(|(status, body)| (*status, body.as_str())).collect();
    assert!(poll_at(&answers, &cursor, "/changed-messages").0.is_err(), "pages of one read come together");
    let nothing = json!({ "history": [7], "historyId": "7301009", "nextPageToken": "t" }).to_string();
    assert_kind(&[(200, &nothing)], ErrorKind::Malformed);
}
