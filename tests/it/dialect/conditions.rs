//! Conditions that could never tell anything are refused when they are saved, in the hub's words.

use crate::world::{GMAIL_USER, OUTLOOK_USER, World, body_of, gmail_body, outlook_body};
use chrono::Duration;
use doubles::{Double as _, GoogleCalendar, Mail};
use serde_json::{Value, json};

const KEY: &str = "event.poller.configuration.messages.url";

async fn saved(world: &World, mut body: Value, condition: &str) -> crate::world::Reply {
    let url = format!("/hubs/general/messages?where={condition}");
    body["configuration"]["event.poller.configuration"] = json!({ "messages": { "url": url } });
    world.call("POST", "/instances", &body).await
}

#[tokio::test]
async fn a_comparison_with_what_is_none_is_refused() {
    let world = World::new(81);
    for (condition, rule) in [
        (
            "SentDateTime>='${gmtDate:dd MMM yyyy hh:mm a}'",
            "`SentDateTime` compares to a date, as '2026-11-22T11:40:00Z'",
        ),
        ("CreatedDateTime>='${gmtDate:dd.MM.yyyy}'", "`CreatedDateTime` compares to a date"),
        ("SentDateTime>='${gmtDate:yyyyMMdd'T'HHmmss'Z'}'", "`SentDateTime` compares to a date"),
        ("ReceivedDateTime>='yesterday'", "`ReceivedDateTime` compares to a date"),
        ("IsRead=0", "`IsRead` compares to true or false"),
        ("HasAttachments='No'", "`HasAttachments` compares to true or false"),
        (
            "SentDateTime>='${dateTimeZone:Asia/Kolkata:yyyy-MM-dd'T'HH:mm:ss}'",
            "`SentDateTime` compares to a local time",
        ),
        ("ParentFolderId='Inbox'", "`ParentFolderId` compares to an id, as lists show it, and not to a name"),
        ("From='Ada'", "`From` must name one of `From.EmailAddress.Address`"),
        ("NOT From LIKE '%Ada%'", "`From` must name one of `From.EmailAddress.Address`"),
        ("ToRecipients='ada@example.com'", "`ToRecipients` has parts, and is compared by one of them"),
        ("flag='flagged'", "`flag` must name one of `Flag.FlagStatus`"),
        ("Flag.FlagStatus='yes'", "`Flag.FlagStatus` compares to one of notFlagged, flagged, complete"),
        ("Importance='Hoch'", "`Importance` compares to one of low, normal, high"),
        ("IsRead=false OR Importance IN ('high', 'Hoch')", "`Importance` compares to one of"),
    ] {
        let reply = saved(&world, outlook_body(&world.microsoft.new_code(OUTLOOK_USER)), condition).await;
        reply.assert_refused(400);
        let message = reply.body["message"].as_str().unwrap();
        assert!(message.contains(KEY) && message.contains(rule), "{condition}: {message}");
    }
    assert!(world.microsoft.requests().iter().all(|line| !line.target.contains("yesterday")));
}

/// The same for every connector and resource.
#[tokio::test]
async fn what_has_parts_or_known_words_is_compared_by_those() {
    let world = World::new(84);
    let calendar = GoogleCalendar::of(&world.google);
    let planner = "planner@example.com";
    calendar.add_account(planner);
    let outlook = || outlook_body(&world.microsoft.new_code(OUTLOOK_USER));
    let gmail = || gmail_body(&world.google.new_code(GMAIL_USER));
    let events = || body_of("googlecalendar", &calendar.new_code(planner));
    for (mut body, resource, condition, rule) in [
        (outlook(), "events", "Start>='yesterday'", "`Start` must name one of `Start.DateTime`"),
        (outlook(), "events", "Start.DateTime>='yesterday'", "`Start.DateTime` compares to a date"),
        (outlook(), "events", "ShowAs='away'", "`ShowAs` compares to one of free, tentative, busy"),
        (outlook(), "events", "Attendees='ada@example.com'", "`Attendees` has parts"),
        (outlook(), "contacts", "EmailAddresses='ada@example.com'", "must name `EmailAddresses.Address`"),
        (outlook(), "folders", "ParentFolderId='msgFolderRoot'", "compares to an id"),
        (gmail(), "labels", "type='USER'", "`type` compares to one of system, user"),
        (gmail(), "drafts", "message='18c5'", "`message` has parts"),
        (
            events(),
            "events",
            "start>='2026-11-22'",
            "`start` has parts, and is compared by one of them, as `start.dateTime`",
        ),
        (events(), "events", "Start.DateTime>='yesterday'", "`Start.DateTime` compares to a date"),
        (
            events(),
            "events",
            "status='bestätigt'",
            "`status` compares to one of confirmed, tentative, cancelled",
        ),
        (events(), "events", "locked='no'", "`locked` compares to true or false"),
    ] {
        let url = format!("/hubs/general/{resource}?where={condition}");
        body["configuration"]["event.poller.configuration"] = json!({ resource: { "url": url } });
        let reply = world.call("POST", "/instances", &body).await;
        reply.assert_refused(400);
        let message = reply.body["message"].as_str().unwrap();
        assert!(message.contains(rule), "{condition}: {message}");
    }
}

/// A rule may be newer than what is stored: whoever signs in again or renames it is not held up.
#[tokio::test]
async fn what_was_saved_before_a_rule_goes_on_and_is_changed_in_all_else() {
    let world = World::new(86);
    let id = world.create_outlook().await;
    let stored = r#"{"messages":{"url":"/hubs/general/messages?where=From='Ada'"}}"#;
    let odd = "UPDATE instances SET document =
        json_set(document, '$.configuration.\"event.poller.configuration\"', ?2) WHERE id = ?1";
    let written = world.rows().write("an old one", move |tx| tx.execute(odd, (id.get(), stored))).await;
    assert_eq!(written.unwrap(), 1);
    let code = world.microsoft.new_code(OUTLOOK_USER);
    let body = json!({ "name": "Another", "providerData": { "code": code } });
    assert_eq!(world.patch(id, &body).await["name"], "Another");
    world.clock.advance(Duration::minutes(10));
    world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    world.clock.advance(Duration::minutes(10));
    world.poll(id).await;
    assert_eq!((world.arrived().len(), &world.shown(id).await["health"]["status"]), (0, &json!("healthy")));
    let polled = json!({ "messages": { "url": "/hubs/general/messages?where=From='Bob'" } });
    let body = json!({ "configuration": { "event.poller.configuration": polled } });
    world.call("PATCH", &format!("/instances/{id}"), &body).await.assert_refused(400);
}

/// Outlook shows categories as they were first written, and takes them for the same in any case.
#[tokio::test]
async fn a_category_in_another_case_is_reported() {
    let world = World::new(85);
    let body = outlook_body(&world.microsoft.new_code(OUTLOOK_USER));
    let reply = saved(&world, body, "Categories IN ('red category', 'blue')").await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let id = reply.instance_id();
    world.clock.advance(Duration::minutes(10));
    for category in ["Red category", "Green"] {
        let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
        world.microsoft.set_categories(OUTLOOK_USER, &mail, &[category]);
    }
    world.clock.advance(Duration::minutes(10));
    world.poll(id).await;
    assert_eq!(world.arrived().len(), 1);
}

#[tokio::test]
async fn what_tells_something_is_taken() {
    let world = World::new(82);
    for condition in [
        "LastModifiedDateTime>='${gmtDate:dd MMM yyyy}' AND IsRead='false'",
        "SentDateTime>='${dateTimeZone:Asia/Kolkata:yyyy-MM-dd'T'HH:mm:ssXXX}'",
        "ReceivedDateTime>='${gmtDate:yyyy-MM-dd HH:mm:ss}' AND HasAttachments=true",
        "Importance='High' AND From.EmailAddress.Address='ada@example.com' AND From IS NOT NULL",
    ] {
        let reply = saved(&world, outlook_body(&world.microsoft.new_code(OUTLOOK_USER)), condition).await;
        assert_eq!(reply.status, 200, "{condition}: {}", reply.body);
    }
}

#[tokio::test]
async fn labels_are_named_letter_by_letter_and_have_to_be_there() {
    let world = World::new(83);
    let body = || gmail_body(&world.google.new_code(GMAIL_USER));
    let reply = saved(&world, body(), "labelIds='inbox'").await;
    reply.assert_refused(400);
    let message = reply.body["message"].as_str().unwrap();
    assert!(message.contains(KEY) && message.contains("'INBOX', not 'inbox'"), "{message}");
    let label = world.google.create_label(GMAIL_USER, "Projects");
    let fine = saved(&world, body(), &format!("labelIds IN ('INBOX', '{label}')")).await;
    assert_eq!((fine.status, &fine.body["trial"]["messages"]["lacks"]), (200, &Value::Null));
    let lacking = saved(&world, body(), "labelIds='Label_987'").await;
    assert_eq!(lacking.status, 200, "another mailbox may have it: {}", lacking.body);
    let lacks = &lacking.body["trial"]["messages"]["lacks"];
    assert_eq!(lacks, &json!(["no label of this mailbox has the id `Label_987`"]));
}
