//! Conditions that could never tell anything are refused when they are saved, in the hub's words.

use crate::world::{GMAIL_USER, OUTLOOK_USER, World, gmail_body, outlook_body};
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
    ] {
        let reply = saved(&world, outlook_body(&world.microsoft.new_code(OUTLOOK_USER)), condition).await;
        reply.assert_refused(400);
        let message = reply.body["message"].as_str().unwrap();
        assert!(message.contains(KEY) && message.contains(rule), "{condition}: {message}");
    }
    assert!(world.microsoft.requests().iter().all(|line| !line.target.contains("yesterday")));
}

#[tokio::test]
async fn what_tells_something_is_taken() {
    let world = World::new(82);
    for condition in [
        "LastModifiedDateTime>='${gmtDate:dd MMM yyyy}' AND IsRead='false'",
        "SentDateTime>='${dateTimeZone:Asia/Kolkata:yyyy-MM-dd'T'HH:mm:ssXXX}'",
        "ReceivedDateTime>='${gmtDate:yyyy-MM-dd HH:mm:ss}' AND HasAttachments=true",
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
