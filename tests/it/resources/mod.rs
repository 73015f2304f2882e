//! Polling any resource: configuration, poll, callback.

mod configuration;
mod failures;
mod large;
mod lives;
mod long_lists;

use crate::world::{GMAIL_USER, OUTLOOK_USER, World, gmail_body, outlook_body};
use domain::ids::InstanceId;
use doubles::Mail;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A scope that shows everything that Outlook polls.
const ALL: &str = "offline_access Mail.Read Contacts.Read Calendars.Read";

/// How objects of a resource come, change and go.
struct Case {
    connector: &'static str,
    resource: &'static str,
    /// Gives the id.
    add: fn(&World) -> String,
    change: fn(&World, &str),
    remove: fn(&World, &str),
    /// The mechanism sees that an object is gone.
    tells_deletions: bool,
}

/// A mail that came in, and its thread.
fn thread(world: &World) -> String {
    let id = world.google.deliver(GMAIL_USER, Mail::default());
    let messages = world.google.messages(GMAIL_USER);
    messages.into_iter().find(|message| message.id == id).unwrap().thread_id
}

fn of_thread(world: &World, thread: &str) -> String {
    let messages = world.google.messages(GMAIL_USER);
    messages.into_iter().find(|message| message.thread_id == thread).unwrap().id
}

const CASES: [Case; 7] = [
    Case {
        connector: "gmail",
        resource: "threads",
        add: thread,
        change: |world, id| {
            world.google.add_label(GMAIL_USER, &of_thread(world, id), "STARRED");
        },
        remove: |world, id| {
            world.google.purge(GMAIL_USER, &of_thread(world, id));
        },
        tells_deletions: true,
    },
    Case {
        connector: "gmail",
        resource: "labels",
        add: |world| world.google.create_label(GMAIL_USER, "Travel"),
        change: |world, id| {
            world.google.rename_label(GMAIL_USER, id, "Journeys");
        },
        remove: |world, id| {
            world.google.delete_label(GMAIL_USER, id);
        },
        tells_deletions: true,
    },
    Case {
        connector: "gmail",
        resource: "drafts",
        add: |world| world.google.save_draft(GMAIL_USER, None, Mail::default()).draft_id,
        change: |world, id| {
            world.google.save_draft(GMAIL_USER, Some(id), Mail::default());
        },
        remove: |world, id| {
            world.google.delete_draft(GMAIL_USER, id);
        },
        tells_deletions: true,
    },
    Case {
        connector: "outlookemail",
        resource: "contacts",
        add: |world| world.microsoft.add_contact(OUTLOOK_USER, &json!({ "displayName": "Mary" })),
        change: |world, id| {
            world.microsoft.change_record(OUTLOOK_USER, id, &json!({ "displayName": "Maria" }));
        },
        remove: delete_record,
        tells_deletions: false,
    },
    Case {
        connector: "outlookemail",
        resource: "events",
        add: |world| {
            let at = json!({ "dateTime": "2026-11-24T12:00:00", "timeZone": "UTC" });
            let lunch = json!({ "subject": "Lunch", "start": at, "end": at });
            world.microsoft.add_event(OUTLOOK_USER, None, &lunch)
        },
        change: |world, id| {
            world.microsoft.change_record(OUTLOOK_USER, id, &json!({ "subject": "Dinner" }));
        },
        remove: delete_record,
        tells_deletions: false,
    },
    Case {
        connector: "outlookemail",
        resource: "folders",
        add: |world| world.microsoft.add_folder(OUTLOOK_USER, "Projects"),
        change: |world, id| {
            world.microsoft.rename_folder(OUTLOOK_USER, id, "Archive of projects");
        },
        remove: |world, id| {
            world.microsoft.delete_folder(OUTLOOK_USER, id);
        },
        tells_deletions: true,
    },
    Case {
        connector: "outlookemail",
        resource: "calendars",
        add: |world| world.microsoft.add_calendar(OUTLOOK_USER, "Team"),
        change: |world, id| {
            world.microsoft.change_record(OUTLOOK_USER, id, &json!({ "name": "Family" }));
        },
        remove: delete_record,
        tells_deletions: true,
    },
];

fn delete_record(world: &World, id: &str) {
    world.microsoft.delete_record(OUTLOOK_USER, id);
}

/// What creates an instance of this connector that polls this.
fn body_of(world: &World, connector: &str, poller: Value) -> Value {
    world.microsoft.set_granted_scope(Some(ALL));
    let mut body = match connector {
        "gmail" => gmail_body(&world.google.new_code(GMAIL_USER)),
        _ => outlook_body(&world.microsoft.new_code(OUTLOOK_USER)),
    };
    body["configuration"]["event.poller.configuration"] = poller;
    body
}

async fn create(world: &World, connector: &str, poller: Value) -> InstanceId {
    world.create(&body_of(world, connector, poller)).await
}

/// An entry as the connector's metadata shows it, under the resource's own name.
async fn entry(world: &World, connector: &str, resource: &str) -> Value {
    let metadata = world.get(&format!("/elements/{connector}/metadata")).await;
    let entry = metadata["events"]["polling"]["resources"][resource].clone();
    assert!(entry["url"].is_string(), "{metadata}");
    entry
}

async fn polled(world: &World, id: InstanceId) -> Vec<(String, String)> {
    world.poll(id).await;
    world.arrived()
}

fn one(kind: &str, id: &str) -> Vec<(String, String)> {
    vec![(kind.to_owned(), id.to_owned())]
}

/// Every event that arrived, by type and object: the ids it came under.
pub(crate) fn event_ids(world: &World) -> BTreeMap<(String, String), BTreeSet<String>> {
    let mut ids: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for received in world.receiver.take() {
        let body: Value = serde_json::from_slice(&received.body).unwrap();
        for event in body["message"]["events"].as_array().unwrap() {
            let text = |key: &str| event[key].as_str().unwrap().to_owned();
            ids.entry((text("eventType"), text("objectId"))).or_default().insert(text("id"));
        }
    }
    ids
}
