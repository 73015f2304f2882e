//! A configuration is tried before it is stored: what would be done is told, what is broken is refused.

use crate::world::{AUTHORIZATION, GMAIL_USER, OUTLOOK_USER, World, gmail_body, outlook_body};
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::{Fault, FaultKind, Mail, Route};
use serde_json::{Value, json};

fn poller(value: Value) -> Value {
    json!({ "configuration": { "event.poller.configuration": value } })
}

/// The sample's entry of Outlook's messages, with this in the place of what it has there.
fn messages(change: impl FnOnce(&mut Value)) -> Value {
    let mut entry = json!({
        "url": "/hubs/general/messages?where=LastModifiedDateTime>='${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'",
        "idField": "Id",
        "datesConfiguration": {
            "updatedDateField": "LastModifiedDateTime", "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
            "createdDateField": "ReceivedDateTime", "createdDateFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
        },
    });
    change(&mut entry);
    json!({ "messages": entry })
}

/// Mailboxes with something in them, and an instance of each.
async fn world(seed: u64) -> (World, InstanceId, InstanceId) {
    let world = World::new(seed);
    for _ in 0..3 {
        world.google.deliver(GMAIL_USER, Mail::default());
        world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    }
    world.microsoft.add_contact(OUTLOOK_USER, &json!({ "displayName": "Mary" }));
    let (gmail, outlook) = (world.create_gmail().await, world.create_outlook().await);
    (world, gmail, outlook)
}

#[tokio::test]
async fn a_dry_run_tells_what_each_resource_would_do_and_stores_nothing() {
    let (world, gmail, outlook) = world(401).await;
    let gmail_poller = json!({
        "changed-messages": { "url": "/hubs/general/changed-messages", "idField": "id" },
        "tags": { "url": "/hubs/general/labels", "idField": "id" },
    });
    let before = world.dump();
    for method in ["PATCH", "PUT"] {
        let mut body = gmail_body("");
        body.as_object_mut().unwrap().remove("providerData");
        body["configuration"]["event.poller.configuration"] = gmail_poller.clone();
        let reply = world.call(method, &format!("/instances/{gmail}?dryRun=true"), &body).await;
        assert_eq!((reply.status, &reply.body["dryRun"]), (200, &json!(true)), "{}", reply.body);
        let resources = &reply.body["resources"];
        assert_eq!(resources["changed-messages"]["method"], "changes");
        assert_eq!(resources["changed-messages"]["records"], 3);
        assert_eq!(
            (&resources["tags"]["reads"], &resources["tags"]["method"]),
            (&json!("labels"), &json!("snapshots"))
        );
        assert_eq!(resources["tags"]["records"], resources["tags"]["withId"]);
        let body = poller(messages(|_| {}));
        let reply =
            world.call(method, &format!("/instances/{outlook}?dryRun=true"), &with_rest(method, body)).await;
        if method == "PATCH" {
            let tried =
                world.call("POST", &format!("/instances/{outlook}/trial"), &poller(messages(|_| {}))).await;
            assert_eq!((tried.status, &tried.body), (200, &reply.body), "a trial has a call of its own");
        }
        let told = &reply.body["resources"]["messages"];
        assert_eq!((reply.status, &told["method"]), (200, &json!("dates")), "{}", reply.body);
        assert_eq!((&told["withUpdatedDate"], &told["withCreatedDate"]), (&json!(3), &json!(3)));
        assert!(told["where"].as_str().unwrap().contains("LastModifiedDateTime >= '2026-11-22T"), "{told}");
    }
    world.run_until_idle().await;
    assert_eq!(world.dump(), before);
}

/// A replacement has to be whole.
fn with_rest(method: &str, patch: Value) -> Value {
    if method == "PATCH" {
        return patch;
    }
    let mut body = outlook_body("");
    body.as_object_mut().unwrap().remove("providerData");
    body["configuration"]["event.poller.configuration"] =
        patch["configuration"]["event.poller.configuration"].clone();
    body
}

/// A code works once: a dry run leaves it for the creation that follows.
#[tokio::test]
async fn a_dry_run_of_a_creation_stores_nothing_and_keeps_the_code() {
    let world = World::new(402);
    let body = gmail_body(&world.google.new_code(GMAIL_USER));
    let before = world.dump();
    for path in ["/instances/trial", "/instances?dryRun=true", "/elements/gmail/instances?dryRun=true"] {
        let reply = world.call("POST", path, &body).await;
        assert_eq!((reply.status, &reply.body["dryRun"]), (200, &json!(true)), "{}", reply.body);
        let told = &reply.body["resources"]["changed-messages"];
        assert_eq!(told["method"], "changes");
        assert!(told["notRead"].is_string(), "{told}");
    }
    world.run_until_idle().await;
    assert_eq!((world.dump(), world.get("/instances").await), (before, json!([])));
    world.create(&body).await;
}

#[tokio::test]
async fn a_dry_run_must_say_yes_or_no() {
    let (world, gmail, _) = world(403).await;
    let reply =
        world.call("PATCH", &format!("/instances/{gmail}?dryRun=maybe"), &json!({ "name": "x" })).await;
    reply.assert_refused(400);
    assert!(reply.body["message"].as_str().unwrap().contains("dryRun"));
    assert_ne!(world.shown(gmail).await["name"], "x");
}

/// Each broken entry, and what its refusal has to say.
fn broken_of_outlook() -> Vec<(Value, &'static [&'static str])> {
    let dates = |name: &'static str, value: &'static str| {
        messages(|entry| entry["datesConfiguration"][name] = json!(value))
    };
    vec![
        (messages(|entry| entry["idField"] = json!("Number")), &["messages", "Number"]),
        (
            messages(|entry| entry["idField"] = json!("From.Number")),
            &["messages.idField", "none of the records"],
        ),
        (dates("updatedDateField", "Changed"), &["messages", "Changed"]),
        (dates("updatedDateField", "From.Changed"), &["updatedDateField", "none of the records"]),
        (dates("updatedDateField", "ChangeKey"), &["updatedDateFormat", "reads no date"]),
        (dates("createdDateField", "ChangeKey"), &["createdDateFormat", "reads no date"]),
        (dates("createdDateFormat", "QQQ"), &["createdDateFormat"]),
        (messages(|entry| entry["url"] = json!("/hubs/general/tasks")), &["messages.url", "tasks"]),
        (
            messages(|entry| entry["url"] = json!("/hubs/general/messages?where=Colour='red'")),
            &["messages.url", "Colour"],
        ),
        // Allowed was mail alone.
        (
            json!({ "contacts": { "url": "/hubs/general/contacts", "idField": "Id" } }),
            &["contacts", "refuses"],
        ),
    ]
}

fn broken_of_gmail() -> Vec<(Value, &'static [&'static str])> {
    let entry = |url: &str, id_field: &str| json!({ "messages": { "url": url, "idField": id_field } });
    let mut dated = entry("/hubs/general/messages", "id");
    dated["messages"]["datesConfiguration"] =
        json!({ "updatedDateField": "labelIds", "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'" });
    vec![
        (entry("/hubs/general/messages", "number"), &["messages.idField", "none of the records"]),
        (dated, &["messages.datesConfiguration.updatedDateFormat", "reads no date"]),
        (entry("/hubs/general/tasks", "id"), &["messages.url", "tasks"]),
        (entry("/hubs/general/messages?where=snippet LIKE '%x%'", "id"), &["messages.url", "snippet"]),
        (entry("/hubs/general/labels?where=colour='red'", "id"), &["messages.url", "colour"]),
        (entry("/hubs/general/messages?where=q='subject:x'", "id"), &["messages.url", "subject:x"]),
    ]
}

#[tokio::test]
async fn what_is_broken_is_refused_by_name_and_changes_nothing() {
    let (world, gmail, outlook) = world(404).await;
    let of = |id, broken: Vec<(Value, &'static [&'static str])>| broken.into_iter().map(move |one| (id, one));
    let all = of(gmail, broken_of_gmail()).chain(of(outlook, broken_of_outlook()));
    let before = world.dump();
    for (id, (entry, words)) in all {
        for path in [format!("/instances/{id}?dryRun=true"), format!("/instances/{id}")] {
            let reply = world.call("PATCH", &path, &poller(entry.clone())).await;
            assert_eq!(reply.status, 400, "{entry}: {}", reply.body);
            reply.assert_refused(400);
            let message = reply.body["message"].as_str().unwrap();
            for word in words.iter().chain(&["event.poller.configuration"]) {
                assert!(message.contains(word), "{word} is not in: {message}");
            }
        }
    }
    world.run_until_idle().await;
    assert_eq!(world.dump(), before);
}

/// Dates in the common form are read whatever the format says; milliseconds by the format `milliseconds`.
#[tokio::test]
async fn a_format_that_reads_the_dates_is_taken() {
    let (world, gmail, outlook) = world(409).await;
    let milliseconds = json!({ "updatedDateField": "internalDate", "updatedDateFormat": "milliseconds" });
    let gmail_entry = json!({ "messages": {
        "url": "/hubs/general/messages", "idField": "id", "datesConfiguration": milliseconds,
    } });
    let outlook_entry =
        messages(|entry| entry["datesConfiguration"]["updatedDateFormat"] = json!("yyyy-MM-dd"));
    for (id, entry) in [(gmail, gmail_entry), (outlook, outlook_entry)] {
        let reply = world.call("PATCH", &format!("/instances/{id}?dryRun=true"), &poller(entry)).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert_eq!(reply.body["resources"]["messages"]["withUpdatedDate"], 3);
    }
}

/// All that is wrong is told at once, whichever resource it is in.
#[tokio::test]
async fn every_broken_resource_is_named_in_one_refusal() {
    let (world, gmail, _) = world(405).await;
    let entry = json!({
        "messages": { "url": "/hubs/general/messages", "idField": "number" },
        "labels": { "url": "/hubs/general/labels", "idField": "key" },
        "threads": { "url": "/hubs/general/threads", "idField": "id" },
    });
    let reply = world.call("PATCH", &format!("/instances/{gmail}"), &poller(entry)).await;
    reply.assert_refused(400);
    let message = reply.body["message"].as_str().unwrap();
    assert!(message.contains("messages.idField") && message.contains("labels.idField"), "{message}");
    assert!(!message.contains("threads"), "{message}");
}

#[tokio::test]
async fn a_provider_that_fails_for_now_refuses_no_configuration() {
    let (world, gmail, _) = world(406).await;
    let fault = Fault { on: Route::Other, kind: FaultKind::ServerError { status: 503 }, times: 20 };
    world.google.push_fault(fault);
    let entry = json!({ "labels": { "url": "/hubs/general/labels", "idField": "id" } });
    let reply = world.call("PATCH", &format!("/instances/{gmail}"), &poller(entry)).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert!(reply.body["trial"]["labels"]["notRead"].is_string(), "{}", reply.body["trial"]);
    world.google.clear_faults();
    world.pass(Duration::hours(1)).await;
    let label = world.google.create_label(GMAIL_USER, "Travel");
    world.pass(Duration::minutes(16)).await;
    assert_eq!(world.arrived(), [("CREATED".to_owned(), label)]);
}

/// Requests of nine seconds: two of them come to their end in the twenty seconds, and the third is cut short.
#[tokio::test]
async fn a_trial_ends_after_twenty_seconds() {
    let (world, gmail, _) = world(407).await;
    let entry = |name: &str| json!({ "url": format!("/hubs/general/{name}"), "idField": "id" });
    let poller = poller(
        json!({ "a": entry("labels"), "b": entry("labels"), "c": entry("labels"), "d": entry("labels") }),
    );
    world.wire.set_pace_ms(9_000);
    world.google.clear_requests();
    let begun = world.now();
    let reply = world.call("PATCH", &format!("/instances/{gmail}?dryRun=true"), &poller).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let resources = reply.body["resources"].as_object().unwrap();
    let unread = resources.values().filter(|told| told["notRead"].is_string()).count();
    assert_eq!((resources.len(), unread, world.google.requests().len()), (4, 2, 2), "{resources:?}");
    assert!(world.now() - begun < Duration::seconds(21));
}

/// A sample body in which nothing is configured to be polled: events are off, nothing is tried.
#[tokio::test]
async fn without_events_nothing_is_tried() {
    let (world, gmail, _) = world(408).await;
    world.google.clear_requests();
    let body = r#"{"configuration":{"event.notification.enabled":"false"}}"#;
    let reply = world.call_as(AUTHORIZATION, "PATCH", &format!("/instances/{gmail}"), body).await;
    assert_eq!((reply.status, world.google.requests()), (200, vec![]), "{}", reply.body);
}
