use std::sync::Arc;

use super::super::item::Message;
use super::*;
use crate::mail::Mail;

fn message() -> Message {
    Message {
        immutable_id: "i".to_owned(),
        id: "d".to_owned(),
        folder: 0,
        change_key: "c".to_owned(),
        created_us: 0,
        modified_us: 1_795_347_600_500_000, // 11:40:00.5
        received_us: 1_795_347_600_000_000,
        sent_us: 0,
        is_read: false,
        is_draft: false,
        is_flagged: true,
        categories: vec!["Red".to_owned()],
        attachments: Vec::new(),
        conversation_id: "AAQk".to_owned(),
        mail: Arc::new(Mail {
            subject: "It's (nearly) noon".to_owned(),
            from: "Bo <Bo@else.example>".to_owned(),
            ..Mail::default()
        }),
    }
}

#[track_caller]
fn check(filter: &str, expected: bool) {
    assert_eq!(
        Filter::parse(Type::Message, filter).unwrap().matches(&Row::Message(&message())),
        expected,
        "{filter}"
    );
}

#[track_caller]
fn check_mistake(filter: &str, expected: &str) {
    assert_eq!(format!("{:?}", Filter::parse(Type::Message, filter).unwrap_err()), expected, "{filter}");
}

#[test]
fn dates_compare_finer_than_they_show() {
    check("lastModifiedDateTime ge 2026-11-22T11:40:00Z", true);
    check("lastModifiedDateTime gt 2026-11-22T11:40:00Z", true);
    check("lastModifiedDateTime le 2026-11-22T11:40:00Z", false);
    check("lastModifiedDateTime eq 2026-11-22T11:40:00.5Z", true);
    check("lastModifiedDateTime lt 2026-11-22T11:40:01Z", true);
    check("receivedDateTime gt 2026-11-22T11:40:00Z", false);
    check("receivedDateTime ge 2026-11-22 and receivedDateTime lt 2026-11-23", true);
}

#[test]
fn texts_flags_and_null_compare() {
    check("isRead eq false and isDraft ne true", true);
    check("subject eq 'IT''S (nearly) noon'", true);
    check("contains(subject, 'NEARLY')", true);
    check("startswith(subject,'noon')", false);
    check("from/emailAddress/address eq 'bo@else.example'", true);
    check("sender/emailAddress/name ne 'bo'", false);
    check("from/emailAddress/address eq null", false);
    check("subject ne null", true);
    check("subject gt null", false);
    check("flag/flagStatus eq 'flagged'", true);
    check("categories/any(c:c eq 'red')", true);
    check("categories/any(c:c eq 'blue')", false);
}

#[test]
fn and_binds_closer_than_or_and_not_closest() {
    check("isRead eq false or isRead eq true and isRead eq true", true);
    check("(isRead eq false or isRead eq true) and isRead eq true", false);
    check("not isRead eq true and isDraft eq false", true);
    check("not (isRead eq false and isDraft eq false)", false);
    check("not contains(subject,'midnight')", true);
}

#[test]
fn properties_come_in_order_of_appearance() {
    let filter = "(isRead eq true and subject ne null) or contains(subject,'x') and isRead ne null";
    assert_eq!(
        Filter::parse(Type::Message, filter).unwrap().properties(),
        [Property::IsRead, Property::Subject]
    );
}

#[test]
fn mistakes_are_told_apart() {
    check_mistake("isread eq true", "Property(\"isread\")");
    check_mistake("parentFolderId eq 'x'", "Property(\"parentFolderId\")");
    check_mistake("isRead is true", "Syntax(\"is\")");
    check_mistake("isRead eq", "Syntax(\"\")");
    check_mistake("isRead eq true isRead", "Syntax(\"isRead\")");
    check_mistake("(isRead eq true", "Syntax(\") expected\")");
    check_mistake("subject eq 'open", "Syntax(\"'open\")");
    check_mistake("receivedDateTime ge yesterday", "Syntax(\"yesterday\")");
    check_mistake("receivedDateTime ge '2026-11-22T11:40:00Z'", "Type(\"receivedDateTime\")");
    check_mistake("contains(isRead,'x')", "Type(\"isRead\")");
    check_mistake("subject/any(x:x eq 'y')", "Property(\"subject\")");
    check_mistake("categories/any(x:y eq 'y')", "Syntax(\"x:y\")");
    check_mistake("", "Syntax(\"\")");
    check_mistake(&format!("{}isRead eq true", "not ".repeat(50)), "Syntax(\"too deep\")");
    check_mistake(&"(".repeat(9_000), "Syntax(\"too long\")");
}
