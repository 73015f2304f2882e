//! What is watched is what is polled: contacts, events, one folder, some labels.

use super::gmail::{by_push, signed, with};
use super::{assert_active, forget_requests, polls, push_of, pushed};
use crate::defects::assert_created;
use crate::world::{GMAIL_USER, OUTLOOK_USER, World, outlook_body};
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::Mail;
use serde_json::{Value, json};

fn resources(world: &World) -> Vec<String> {
    let subscriptions = world.microsoft.subscriptions_of(OUTLOOK_USER);
    subscriptions.iter().map(|one| one["resource"].as_str().unwrap().to_owned()).collect()
}

/// An Outlook mailbox that polls these, and a poll every hour.
async fn polling(world: &World, poller: &Value) -> InstanceId {
    let scope = "offline_access Mail.Read Contacts.Read Calendars.Read";
    world.microsoft.set_granted_scope(Some(scope));
    let body = outlook_body(&world.microsoft.new_code(OUTLOOK_USER));
    world.create(&pushed(body, &json!({ "event.poller.configuration": poller.to_string() }))).await
}

/// What a change leads to within seconds.
async fn rung(world: &World) -> Vec<(String, String)> {
    world.pass(Duration::seconds(3)).await;
    let arrived = world.arrived();
    // Dates of Graph count seconds: another change is another second's.
    world.pass(Duration::minutes(5)).await;
    assert_eq!(world.arrived(), [], "it came again");
    arrived
}

#[tokio::test]
async fn contacts_and_events_ring_within_seconds() {
    let world = World::reachable(121);
    let poller = json!({
        "contacts": { "url": "/hubs/general/contacts", "idField": "Id" },
        "events": { "url": "/hubs/general/events", "idField": "Id" },
    });
    let id = polling(&world, &poller).await;
    assert_eq!(resources(&world), ["me/contacts", "me/events"]);
    assert_active(&push_of(&world, id).await);
    world.pass(Duration::minutes(5)).await;
    let microsoft = &world.microsoft;
    let contact = microsoft.add_contact(OUTLOOK_USER, &json!({ "displayName": "Mary" }));
    assert_eq!(rung(&world).await, [("CREATED".to_owned(), contact.clone())]);
    let event = microsoft.add_event(OUTLOOK_USER, None, &json!({ "subject": "Lunch" }));
    assert_eq!(rung(&world).await, [("CREATED".to_owned(), event.clone())]);
    microsoft.change_record(OUTLOOK_USER, &contact, &json!({ "displayName": "Maria" }));
    assert_eq!(rung(&world).await, [("UPDATED".to_owned(), contact)]);
    microsoft.change_record(OUTLOOK_USER, &event, &json!({ "subject": "Dinner" }));
    assert_eq!(rung(&world).await, [("UPDATED".to_owned(), event)]);
    forget_requests(&world);
    microsoft.deliver(OUTLOOK_USER, Mail::default());
    assert_eq!(rung(&world).await, [], "nobody polls mail");
    assert_eq!(microsoft.requests().len(), 0);
}

/// Their watches live as those of mail do, and end with the instance.
#[tokio::test]
async fn watches_of_contacts_and_events_are_renewed_made_anew_and_ended() {
    let world = World::reachable(122);
    let poller = json!({
        "contacts": { "url": "/hubs/general/contacts", "idField": "Id" },
        "events": { "url": "/hubs/general/events", "idField": "Id" },
        "messages": { "url": "/hubs/general/messages", "idField": "Id" },
    });
    let id = polling(&world, &poller).await;
    world.pass(Duration::days(8)).await;
    assert_active(&push_of(&world, id).await);
    world.microsoft.remove_subscriptions(OUTLOOK_USER, true);
    world.pass(Duration::seconds(10)).await;
    assert_eq!(resources(&world), ["me/contacts", "me/events", "me/messages"]);
    let event = world.microsoft.add_event(OUTLOOK_USER, None, &json!({ "subject": "Lunch" }));
    assert_eq!(rung(&world).await, [("CREATED".to_owned(), event)]);
    world.call("DELETE", &format!("/instances/{id}"), &Value::Null).await;
    world.run_until_idle().await;
    assert_eq!(resources(&world), [""; 0]);
    assert_eq!(world.push_states().await, 0);
}

/// A condition names a folder: Graph watches that one, and mail elsewhere costs nothing.
#[tokio::test]
async fn a_folder_that_a_condition_names_is_watched_alone() {
    let world = World::reachable(123);
    let folder = world.microsoft.add_folder(OUTLOOK_USER, "Orders");
    let url = format!("/hubs/general/messages?where=ParentFolderId='{folder}'");
    let id = polling(&world, &json!({ "messages": { "url": url, "idField": "Id" } })).await;
    assert_eq!(resources(&world), [format!("me/mailFolders('{folder}')/messages")]);
    assert_active(&push_of(&world, id).await);
    world.pass(Duration::minutes(5)).await;
    forget_requests(&world);
    let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    assert_eq!(rung(&world).await, []);
    assert_eq!(polls(&world), 0, "mail of another folder rings");
    assert!(world.microsoft.move_to(OUTLOOK_USER, &mail, &folder));
    let told = rung(&world).await;
    assert_eq!(told.len(), 1, "{told:?}");
}

/// One watch serves all: it reports the labels of all their conditions, and no other.
#[tokio::test]
async fn labels_of_all_conditions_are_watched_together() {
    let (world, id) = signed(124).await;
    let labelled = |label: &str| {
        let url = format!("/hubs/general/messages?where=LabelIds='{label}'");
        let mut items = by_push();
        items["event.poller.configuration"] =
            json!({ "messages": { "url": url, "idField": "Id" } }).to_string().into();
        items
    };
    world.patch(id, &json!({ "configuration": labelled("INBOX") })).await;
    world.pass(Duration::minutes(61)).await;
    forget_requests(&world);
    world.google.send(GMAIL_USER, Mail::default());
    world.pass(Duration::minutes(2)).await;
    assert_eq!(polls(&world), 0, "what was sent has no such label");
    with(&world, &labelled("SENT")).await;
    world.pass(Duration::minutes(5)).await;
    world.arrived();
    let sent = vec![world.google.send(GMAIL_USER, Mail::default())];
    world.pass(Duration::seconds(3)).await;
    assert_created(&world.arrived(), &sent);
    let received = vec![world.google.deliver(GMAIL_USER, Mail::default())];
    world.pass(Duration::seconds(3)).await;
    assert_created(&world.arrived(), &received);
}
