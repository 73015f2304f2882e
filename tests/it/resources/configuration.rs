//! Names, urls and the older form: what a poller configuration may say of a resource.

use super::{ALL, body_of, create, one, polled};
use crate::world::{GMAIL_USER, OUTLOOK_USER, World};
use chrono::Duration;
use doubles::Mail;
use serde_json::{Value, json};

fn poller(name: &str, url: &str, id_field: &str) -> Value {
    json!({ name: { "url": url, "idField": id_field } })
}

fn patch_of(poller: Value) -> Value {
    json!({ "configuration": { "event.poller.configuration": poller } })
}

/// The url says what is read; the key is only what it is called.
#[tokio::test]
async fn a_key_with_any_name_reads_what_its_url_names() {
    let world = World::new(311);
    world.microsoft.set_granted_scope(Some(ALL));
    let outlook = create(&world, "outlookemail", poller("messages", "/hubs/general/contacts", "Id")).await;
    let gmail = create(&world, "gmail", poller("my/own_tags", "/hubs/anything/labels", "id")).await;
    world.clock.advance(Duration::seconds(3));
    let contact = world.microsoft.add_contact(OUTLOOK_USER, &json!({ "displayName": "Mary" }));
    let label = world.google.create_label(GMAIL_USER, "Travel");
    world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    world.google.deliver(GMAIL_USER, Mail::default());
    for (id, name, object) in [(outlook, "messages", contact), (gmail, "my/own_tags", label)] {
        world.poll(id).await;
        let received = world.receiver.take();
        assert_eq!(received.len(), 1, "mail is not what is polled");
        let body: Value = serde_json::from_slice(&received[0].body).unwrap();
        let event = &body["message"]["events"][0];
        assert_eq!((&event["objectType"], &event["objectId"]), (&json!(name), &json!(object)));
        assert_eq!(body["message"]["raw"]["objectType"], name);
        assert_eq!(body["message"]["raw"][name].as_array().unwrap().len(), 1);
    }
}

/// A position in one resource is none in another: under the same key, the new one starts from now.
#[tokio::test]
async fn an_entry_whose_url_changes_to_another_resource_starts_from_now() {
    let world = World::new(312);
    let id = create(&world, "gmail", poller("things", "/hubs/general/labels", "id")).await;
    world.google.create_label(GMAIL_USER, "Old");
    world.google.save_draft(GMAIL_USER, None, Mail::default());
    for url in ["/hubs/general/drafts", "/hubs/general/messages", "/hubs/general/labels"] {
        world.google.deliver(GMAIL_USER, Mail::default());
        world.patch(id, &patch_of(poller("things", url, "id"))).await;
        assert_eq!(polled(&world, id).await, [], "{url}: what was there is not news");
        let new = match url.rsplit('/').next().unwrap() {
            "drafts" => world.google.save_draft(GMAIL_USER, None, Mail::default()).draft_id,
            "messages" => world.google.deliver(GMAIL_USER, Mail::default()),
            _ => world.google.create_label(GMAIL_USER, "New"),
        };
        assert_eq!(polled(&world, id).await, one("CREATED", &new), "{url}");
    }
}

/// The same resource with another condition is no other resource.
#[tokio::test]
async fn an_entry_that_changes_its_condition_goes_on_where_it_was() {
    let world = World::new(313);
    let id = create(&world, "gmail", poller("messages", "/hubs/general/messages", "id")).await;
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    let url = "/hubs/general/messages?where=labelIds='INBOX'";
    world.patch(id, &patch_of(poller("messages", url, "id"))).await;
    assert_eq!(polled(&world, id).await, one("CREATED", &mail));
}

/// A snapshot holds what its condition let through: under another one, what was there neither comes nor goes.
#[tokio::test]
async fn a_snapshot_whose_condition_changes_tells_of_nothing_that_was_there() {
    let world = World::new(316);
    let id = create(&world, "gmail", poller("labels", "/hubs/general/labels", "id")).await;
    world.google.create_label(GMAIL_USER, "Old");
    assert_eq!(polled(&world, id).await.len(), 1);
    for url in [
        "/hubs/general/labels?where=type='user'",
        "/hubs/general/labels?where=name='New'",
        "/hubs/general/labels",
    ] {
        world.patch(id, &patch_of(poller("labels", url, "id"))).await;
        assert_eq!(polled(&world, id).await, [], "{url}: nothing came or went");
    }
    let new = world.google.create_label(GMAIL_USER, "New");
    assert_eq!(polled(&world, id).await, one("CREATED", &new));
}

/// `event.poller.urls`: names alone, and lines that say everything.
#[tokio::test]
async fn the_older_form_of_a_poller_configuration_polls_as_well() {
    let world = World::new(314);
    for (connector, urls) in [
        ("gmail", "labels|changed-messages"),
        ("gmail", "labels\nchanged-messages"),
        ("gmail", "labels|/hubs/general/labels\nchanged-messages|/hubs/general/changed-messages"),
    ] {
        let mut body = body_of(&world, connector, Value::Null);
        let configuration = body["configuration"].as_object_mut().unwrap();
        configuration.remove("event.poller.configuration");
        configuration.insert("event.poller.urls".to_owned(), json!(urls));
        let id = world.create(&body).await;
        let label = world.google.create_label(GMAIL_USER, "Travel");
        let mail = world.google.deliver(GMAIL_USER, Mail::default());
        let mut arrived = polled(&world, id).await;
        arrived.sort();
        let mut expected = [one("CREATED", &label), one("CREATED", &mail)].concat();
        expected.sort();
        assert_eq!(arrived, expected, "{urls}");
        assert_eq!(world.shown(id).await["configuration"]["event.poller.urls"], urls);
        let deleted = world.call("DELETE", &format!("/instances/{id}"), &Value::Null).await;
        assert_eq!(deleted.status, 200);
        world.run_until_idle().await;
    }
    let mut body = body_of(&world, "outlookemail", Value::Null);
    let configuration = body["configuration"].as_object_mut().unwrap();
    configuration.remove("event.poller.configuration");
    let line = "contacts|/hubs/general/contacts?where=LastModifiedDateTime>='${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'|\
                |LastModifiedDateTime|yyyy-MM-dd'T'HH:mm:ss'Z'|GMT|CreatedDateTime|yyyy-MM-dd'T'HH:mm:ss'Z'|GMT";
    configuration.insert("event.poller.urls".to_owned(), json!(line));
    let id = world.create(&body).await;
    world.clock.advance(Duration::seconds(3));
    let contact = world.microsoft.add_contact(OUTLOOK_USER, &json!({ "displayName": "Mary" }));
    assert_eq!(polled(&world, id).await, one("CREATED", &contact));
}

/// A condition on a snapshot resource: what leaves it is gone, what enters it is new.
#[tokio::test]
async fn a_condition_on_labels_decides_which_ones_are_told() {
    let world = World::new(315);
    let url = "/hubs/general/labels?where=name LIKE 'Project%'";
    let id = create(&world, "gmail", poller("labels", url, "id")).await;
    let other = world.google.create_label(GMAIL_USER, "Travel");
    let wanted = world.google.create_label(GMAIL_USER, "Project A");
    assert_eq!(polled(&world, id).await, one("CREATED", &wanted));
    world.google.rename_label(GMAIL_USER, &other, "Project B");
    assert_eq!(polled(&world, id).await, one("CREATED", &other));
    world.google.rename_label(GMAIL_USER, &wanted, "Done");
    assert_eq!(polled(&world, id).await, one("DELETED", &wanted));
}
