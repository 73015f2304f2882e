//! What a record shows.

use super::{Hubs, encoded, field};
use crate::world::{GMAIL_USER, OUTLOOK_USER};
use doubles::{Attachment, Mail};
use serde_json::{Value, json};

fn keys(record: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = record.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// Whether a value somewhere in it is null.
fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(object) => object.values().any(has_null),
        Value::Array(items) => items.iter().any(has_null),
        _ => false,
    }
}

#[tokio::test]
async fn fields_without_a_value_are_left_out_unless_they_are_kept() {
    let dropping = Hubs::new(551).await;
    let keeping = Hubs::with(551, json!({ "filter.response.nulls": "false" })).await;
    for (hubs, keeps) in [(&dropping, false), (&keeping, true)] {
        hubs.fill();
        let contacts = hubs.list("outlookemail", "/hubs/general/contacts").await;
        assert_eq!(contacts.iter().any(has_null), keeps);
        let id = contacts[0]["Id"].as_str().unwrap();
        let contact = hubs.call("outlookemail", &format!("/hubs/general/contacts/{id}")).await.body;
        assert_eq!((has_null(&contact), contact.get("MiddleName").is_some()), (keeps, keeps), "{contact}");
    }
}

#[tokio::test]
async fn each_object_of_a_list_is_read_by_its_id() {
    let hubs = Hubs::new(552).await;
    hubs.fill();
    for (connector, resource, id) in [
        ("gmail", "messages", "id"),
        ("gmail", "threads", "id"),
        ("gmail", "drafts", "id"),
        ("gmail", "labels", "id"),
        ("outlookemail", "messages", "Id"),
        ("outlookemail", "contacts", "Id"),
        ("outlookemail", "events", "Id"),
        ("outlookemail", "folders", "Id"),
        ("outlookemail", "calendars", "Id"),
    ] {
        let listed = hubs.list(connector, &format!("/hubs/anything/{resource}?pageSize=2")).await;
        for one in &listed {
            let path = format!("/hubs/general/{resource}/{}", encoded(one[id].as_str().unwrap()));
            let read = hubs.call(connector, &path).await;
            assert_eq!((read.status, &read.body[id]), (200, &one[id]), "{path}: {}", read.body);
        }
        for missing in ["AAAA", "0123456789abcdef"] {
            let reply = hubs.call(connector, &format!("/hubs/general/{resource}/{missing}")).await;
            assert_eq!(reply.status, 404, "{resource}: {}", reply.body);
            reply.assert_refused(404);
        }
    }
    for connector in ["gmail", "outlookemail"] {
        hubs.call(connector, "/hubs/general/tasks").await.assert_refused(404);
        hubs.call(connector, "/hubs/general/tasks/1").await.assert_refused(404);
    }
}

#[tokio::test]
async fn only_the_fields_that_are_asked_for_are_shown() {
    let hubs = Hubs::new(553).await;
    hubs.fill();
    for (connector, path, expected) in [
        ("outlookemail", "messages?fields=Subject,Id&pageSize=3", vec!["Id", "Subject"]),
        ("outlookemail", "contacts?fields=displayName&pageSize=3", vec!["DisplayName"]),
        ("gmail", "messages?fields=id&pageSize=3", vec!["id"]),
        ("gmail", "labels?fields=id,name", vec!["id", "name"]),
        ("gmail", "messages?fields=id,snippet&pageSize=3", vec!["id", "snippet"]),
    ] {
        for record in hubs.list(connector, &format!("/hubs/general/{path}")).await {
            assert_eq!(keys(&record), expected, "{path}");
        }
    }
    let unknown = hubs.call("outlookemail", "/hubs/general/messages?fields=Colour").await;
    unknown.assert_refused(400);
    let message = unknown.body["message"].as_str().unwrap();
    assert!(message.contains("fields") && message.contains("Colour"), "{message}");
}

/// What comes with a message is told; what is in it is not.
#[tokio::test]
async fn attachments_are_told_without_their_content() {
    let hubs = Hubs::new(554).await;
    let world = &hubs.world;
    let file = Attachment {
        name: "plan.pdf".to_owned(),
        content_type: "application/pdf".to_owned(),
        size_bytes: 4711,
        is_inline: false,
        kind: doubles::AttachmentKind::File,
    };
    let outlook = world.microsoft.deliver_with(OUTLOOK_USER, Mail::default(), vec![file.clone()]);
    let event = world.microsoft.add_event(OUTLOOK_USER, None, &json!({ "subject": "Lunch" }));
    world.microsoft.attach(OUTLOOK_USER, &event, file);
    let gmail = world.google.deliver(GMAIL_USER, Mail::default());
    world.google.attach(GMAIL_USER, &gmail, "plan.pdf", "application/pdf", 4711);
    for (connector, path, name, size, kind) in [
        ("gmail", format!("messages/{gmail}"), "filename", "size", "mimeType"),
        ("outlookemail", format!("messages/{}", encoded(&outlook)), "Name", "Size", "ContentType"),
        ("outlookemail", format!("events/{}", encoded(&event)), "Name", "Size", "ContentType"),
    ] {
        let listed = hubs.list(connector, &format!("/hubs/general/{path}/attachments")).await;
        assert_eq!(listed.len(), 1, "{path}");
        let shown = (&listed[0][name], &listed[0][size], &listed[0][kind]);
        assert_eq!(shown, (&json!("plan.pdf"), &json!(4711), &json!("application/pdf")), "{path}");
        let text = listed[0].to_string();
        assert!(!text.contains("contentBytes") && !text.contains("ContentBytes"), "{text}");
    }
    let other = world.google.deliver(GMAIL_USER, Mail::default());
    assert!(hubs.list("gmail", &format!("/hubs/general/messages/{other}/attachments")).await.is_empty());
    hubs.call("gmail", "/hubs/general/messages/0123456789abcdef/attachments").await.assert_refused(404);
}

#[tokio::test]
async fn what_is_below_an_object_is_listed_with_it() {
    let hubs = Hubs::new(555).await;
    hubs.fill();
    let world = &hubs.world;
    let calendar = world.microsoft.add_calendar(OUTLOOK_USER, "Team");
    world.microsoft.add_event(OUTLOOK_USER, Some(&calendar), &json!({ "subject": "Stand-up" }));
    let folder = world.microsoft.add_folder(OUTLOOK_USER, "Above");
    world.microsoft.add_child_folder(OUTLOOK_USER, &folder, "Below");
    let path = format!("/hubs/general/calendars/{}/events", encoded(&calendar));
    assert_eq!(field(&hubs.list("outlookemail", &path).await, "Subject"), ["Stand-up"]);
    let path = format!("/hubs/general/folders/{}/folders", encoded(&folder));
    assert_eq!(field(&hubs.list("outlookemail", &path).await, "DisplayName"), ["Below"]);
    let path = format!("/hubs/general/folders/{}/messages", encoded(&folder));
    assert!(hubs.list("outlookemail", &path).await.is_empty());
}
