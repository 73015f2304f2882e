//! `where` and `orderBy`, as the provider's own filter, or refused by name.

use super::{COUNT, Hubs, encoded, field};
use crate::world::{GMAIL_USER, OUTLOOK_USER};
use serde_json::Value;

async fn found(hubs: &Hubs, connector: &str, resource: &str, condition: &str) -> Vec<Value> {
    let path = format!("/hubs/general/{resource}?pageSize=100&where={}", encoded(condition));
    hubs.list(connector, &path).await
}

#[tokio::test]
async fn a_condition_finds_what_it_says() {
    let hubs = Hubs::new(561).await;
    hubs.fill();
    let messages = hubs.world.microsoft.messages(OUTLOOK_USER);
    hubs.world.microsoft.mark_read(OUTLOOK_USER, &messages[2].id);
    for (resource, condition, count) in [
        ("messages", "Subject = 'Mail 4'", 1),
        ("messages", "Subject != 'Mail 4'", COUNT - 1),
        ("messages", "Subject LIKE 'Mail 1%'", 4),
        ("messages", "Subject IN ('Mail 1', 'Mail 2', 'Mail 99')", 2),
        ("messages", "IsRead = true", 1),
        ("messages", "IsRead = false AND (Subject = 'Mail 1' OR Subject = 'Mail 2')", 1),
        ("messages", "ReceivedDateTime >= '2026-11-22T12:01:00Z'", 5),
        ("messages", "ReceivedDateTime < '2026-11-22T12:01:00Z'", COUNT - 5),
        ("contacts", "Surname = 'S1'", 4),
        ("contacts", "DisplayName LIKE 'Person 1%' AND Surname != 'S1'", 2),
        ("events", "Subject = 'Meeting 3'", 1),
    ] {
        let list = found(&hubs, "outlookemail", resource, condition).await;
        assert_eq!(list.len(), count, "{condition}: {:?}", field(&list, "Subject"));
    }
}

#[tokio::test]
async fn a_condition_on_gmail_is_a_search() {
    let hubs = Hubs::new(562).await;
    hubs.fill();
    let messages = hubs.world.google.messages(GMAIL_USER);
    let read =
        &messages.iter().find(|message| message.labels.iter().any(|label| label == "UNREAD")).unwrap().id;
    hubs.world.google.remove_label(GMAIL_USER, read, "UNREAD");
    for (resource, condition, count) in [
        ("messages", "q='is:unread'", COUNT - 1),
        ("messages", "q='in:inbox' AND labelIds = 'UNREAD'", COUNT - 1),
        ("labels", "type = 'user'", COUNT),
        ("labels", "name LIKE 'Label 1%'", 4),
        ("labels", "name IN ('Label 1', 'INBOX')", 2),
    ] {
        assert_eq!(found(&hubs, "gmail", resource, condition).await.len(), count, "{condition}");
    }
}

#[tokio::test]
async fn lists_come_in_the_asked_order() {
    let hubs = Hubs::new(563).await;
    hubs.fill();
    let sorted = async |order: &str, name: &str, resource: &str| {
        let path = format!("/hubs/general/{resource}?pageSize=100&orderBy={}", encoded(order));
        field(&hubs.list("outlookemail", &path).await, name)
    };
    let ascending = sorted("ReceivedDateTime", "ReceivedDateTime", "messages").await;
    let mut descending = sorted("ReceivedDateTime desc", "ReceivedDateTime", "messages").await;
    assert!(ascending.is_sorted() && ascending.len() == COUNT);
    descending.reverse();
    assert_eq!(descending, ascending);
    assert!(sorted("Subject asc", "Subject", "messages").await.is_sorted());
    let surnames = sorted("surname, displayName desc", "Surname", "contacts").await;
    assert!(surnames.is_sorted() && surnames.len() == COUNT);
}

#[tokio::test]
async fn what_the_provider_can_not_do_is_refused_with_field_and_operator() {
    let hubs = Hubs::new(564).await;
    hubs.fill();
    for (connector, resource, parameter, value, words) in [
        ("outlookemail", "messages", "where", "Colour = 'red'", ["Colour", "not a field"]),
        ("outlookemail", "messages", "where", "BodyPreview LIKE '%x%'", ["BodyPreview", "LIKE"]),
        ("outlookemail", "messages", "where", "IsRead > true", ["IsRead", ">"]),
        ("outlookemail", "messages", "where", "Subject =", ["where", ""]),
        ("outlookemail", "messages", "orderBy", "BodyPreview", ["orderBy", "BodyPreview"]),
        ("outlookemail", "messages", "orderBy", "Subject upwards", ["orderBy", "asc"]),
        ("gmail", "messages", "where", "colour = 'red'", ["colour", ""]),
        ("gmail", "messages", "where", "labelIds > 'INBOX'", ["labelIds", ">"]),
        ("gmail", "messages", "orderBy", "subject", ["orderBy", "internalDate"]),
        ("gmail", "labels", "where", "colour = 'red'", ["colour", "name"]),
    ] {
        hubs.world.google.clear_requests();
        hubs.world.microsoft.clear_requests();
        let path = format!("/hubs/general/{resource}?{parameter}={}", encoded(value));
        let reply = hubs.call(connector, &path).await;
        assert_eq!(reply.status, 400, "{value}: {}", reply.body);
        reply.assert_refused(400);
        let message = reply.body["message"].as_str().unwrap();
        assert!(message.contains(parameter), "{value}: {message}");
        assert!(words.iter().all(|word| message.contains(word)), "{value}: {message}");
        assert_eq!(hubs.world.microsoft.requests(), [], "{value}: the provider was asked");
    }
}
