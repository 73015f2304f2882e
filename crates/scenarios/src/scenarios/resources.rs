//! Polling other resources than messages, with the configuration that the connector itself shows.

use crate::sign_in::sign_in;
use crate::{Callback, Client, Mailbox, Organization, Platform, ReceivedEvent, body, until};
use doubles::Google;
use serde_json::{Map, Value, json};

/// Connects a mailbox that is polled for these resources alone.
async fn polled(client: &Client, mailbox: &Mailbox, callback: &Callback, names: &[&str], scope: &str) -> u64 {
    let metadata = client.get(&format!("/elements/{}/metadata", mailbox.connector())).await;
    let shown = metadata["events"]["polling"]["resources"].as_object().unwrap();
    let of = |name: &&str| ((*name).to_owned(), shown[*name].clone());
    let mut wanted = body(mailbox, callback);
    wanted["configuration"]["event.poller.configuration"] =
        names.iter().map(of).collect::<Map<_, _>>().into();
    wanted["providerData"]["code"] = sign_in(client, mailbox, scope).await.into();
    client.create(&wanted).await.id
}

/// Polls until each of these was told: what is missing from a list counts as deleted at the second look.
async fn polls_tell(client: &Client, id: u64, callback: &Callback, wanted: &[ReceivedEvent]) {
    until(&format!("{wanted:?} is told"), async || {
        client.poll_well(id).await;
        let told = callback.told();
        wanted.iter().all(|one| told.contains(one)).then_some(())
    })
    .await;
}

fn told(kind: &str, object: &str) -> ReceivedEvent {
    ReceivedEvent::new(kind, object)
}

/// Contacts and calendar events of Outlook.
pub async fn what_has_dates_is_told_by_its_dates(platform: &dyn Platform) {
    let outside = platform.outside();
    let client = Organization::new(platform).await.client;
    let (mailbox, callback) = (Mailbox::outlook(outside, "dated"), Callback::new(outside, "dated"));
    let (user, microsoft) = (mailbox.address(), &outside.providers.microsoft);
    microsoft.add_contact(user, &json!({ "displayName": "Known before" }));
    let scope = "offline_access https://graph.microsoft.com/Contacts.Read \
        https://graph.microsoft.com/Calendars.Read https://graph.microsoft.com/Mail.Read";
    let id = polled(&client, &mailbox, &callback, &["contacts", "events"], scope).await;
    let contact = microsoft.add_contact(user, &json!({ "displayName": "Ada Lovelace" }));
    let event = microsoft.add_event(user, None, &json!({ "subject": "Lunch" }));
    let created = [told("CREATED", &contact), told("CREATED", &event)];
    polls_tell(&client, id, &callback, &created).await;
    microsoft.change_record(user, &contact, &json!({ "companyName": "Engines" }));
    microsoft.change_record(user, &event, &json!({ "subject": "Late lunch" }));
    mailbox.deliver();
    let updated = [told("UPDATED", &contact), told("UPDATED", &event)];
    polls_tell(&client, id, &callback, &updated).await;
    callback.assert_told(&[created, updated].concat());
}

/// Labels and drafts of Gmail, folders and calendars of Outlook.
pub async fn what_has_no_dates_is_told_by_comparing(platform: &dyn Platform) {
    let outside = platform.outside();
    let client = Organization::new(platform).await.client;
    let (mailbox, callback) = (Mailbox::gmail(outside, "compared"), Callback::new(outside, "compared"));
    let (user, google): (&str, &Google) = (mailbox.address(), &outside.providers.google);
    let known = google.create_label(user, "Known before");
    let scope = "https://www.googleapis.com/auth/gmail.readonly";
    let id = polled(&client, &mailbox, &callback, &["labels", "drafts"], scope).await;
    let label = google.create_label(user, "Receipts");
    let draft = google.save_draft(user, None, mailbox.mail()).draft_id;
    let mut wanted = vec![told("CREATED", &label), told("CREATED", &draft)];
    polls_tell(&client, id, &callback, &wanted).await;
    google.rename_label(user, &label, "Invoices");
    google.save_draft(user, Some(&draft), mailbox.mail());
    wanted.extend([told("UPDATED", &label), told("UPDATED", &draft)]);
    polls_tell(&client, id, &callback, &wanted).await;
    google.delete_label(user, &known);
    google.send_draft(user, &draft);
    wanted.extend([told("DELETED", &known), told("DELETED", &draft)]);
    polls_tell(&client, id, &callback, &wanted).await;
    callback.assert_told(&wanted);
}

pub async fn folders_and_calendars_are_told_by_comparing(platform: &dyn Platform) {
    let outside = platform.outside();
    let client = Organization::new(platform).await.client;
    let (mailbox, callback) = (Mailbox::outlook(outside, "compared"), Callback::new(outside, "filed"));
    let (user, microsoft) = (mailbox.address(), &outside.providers.microsoft);
    let scope =
        "offline_access https://graph.microsoft.com/Mail.Read https://graph.microsoft.com/Calendars.Read";
    let id = polled(&client, &mailbox, &callback, &["folders", "calendars"], scope).await;
    let folder = microsoft.add_folder(user, "Receipts");
    let child = microsoft.add_child_folder(user, &folder, "Travel").unwrap();
    let calendar = microsoft.add_calendar(user, "Holidays");
    let mut wanted = vec![told("CREATED", &folder), told("CREATED", &child), told("CREATED", &calendar)];
    polls_tell(&client, id, &callback, &wanted).await;
    microsoft.rename_folder(user, &child, "Journeys");
    microsoft.change_record(user, &calendar, &json!({ "name": "Days off" }));
    mailbox.deliver();
    wanted.extend([told("UPDATED", &child), told("UPDATED", &calendar)]);
    polls_tell(&client, id, &callback, &wanted).await;
    microsoft.delete_folder(user, &child);
    microsoft.delete_record(user, &calendar);
    wanted.extend([told("DELETED", &child), told("DELETED", &calendar)]);
    polls_tell(&client, id, &callback, &wanted).await;
    callback.assert_told(&wanted);
}

/// The older form of what is polled: names by lines, the rest as the connector has it.
pub async fn the_older_list_of_urls_is_polled_too(platform: &dyn Platform) {
    let (client, outside) = (platform.client(), platform.outside());
    let (mailbox, callback) = (Mailbox::gmail(outside, "older"), Callback::new(outside, "older"));
    let mut wanted = body(&mailbox, &callback);
    let configuration = wanted["configuration"].as_object_mut().unwrap();
    configuration.remove("event.poller.configuration");
    configuration.insert("event.poller.urls".to_owned(), "messages\nlabels|/hubs/general/labels".into());
    let id = client.create(&wanted).await.id;
    let label = outside.providers.google.create_label(mailbox.address(), "Receipts");
    let wanted = [mailbox.deliver(), told("CREATED", &label)];
    client.poll_well(id).await;
    callback.wait_for(&wanted).await;
    callback.assert_told(&wanted);
}

/// Threads beside messages: each under its own name, with its own state.
pub async fn each_resource_has_a_state_of_its_own(platform: &dyn Platform) {
    let outside = platform.outside();
    let client = Organization::new(platform).await.client;
    let (mailbox, callback) = (Mailbox::gmail(outside, "side"), Callback::new(outside, "side"));
    let scope = "https://www.googleapis.com/auth/gmail.readonly";
    let id = polled(&client, &mailbox, &callback, &["threads", "messages", "labels"], scope).await;
    let message = mailbox.deliver();
    polls_tell(&client, id, &callback, std::slice::from_ref(&message)).await;
    until("the thread is told too", async || (callback.told().len() == 2).then_some(())).await;
    for name in ["threads", "messages", "labels"] {
        // Between two reads the timetable may poll it.
        let state = until("the instance and its records say the same", async || {
            let instance = client.get(&format!("/instances/{id}")).await;
            let records = client.list("/instances/event-poller-records").await;
            let of = |all: &[Value], key: &str| all.iter().find(|one| one[key] == name).unwrap().clone();
            let state = of(instance["resources"].as_array().unwrap(), "name");
            (of(&records, "objectType")["lastPoll"] == state["lastPoll"]).then_some(state)
        });
        let state = state.await;
        assert!(state["lastPoll"].is_string() && state["failures"] == 0, "{state}");
        assert_eq!(state["lastChange"].is_string(), name != "labels", "{state}");
    }
    let kinds: Vec<Value> = client.list(&format!("/instances/{id}/events")).await;
    let mut kinds: Vec<&str> = kinds.iter().map(|one| one["objectType"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["messages", "threads"]);
}
