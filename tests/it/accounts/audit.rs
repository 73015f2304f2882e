//! Every change leaves a line: who, what, when, and what stood there before and after.

use super::{admin, another_user};
use crate::world::{GMAIL_USER, SIGNATURE_KEY, World, gmail_body};
use chrono::Duration;
use doubles::{CLIENT_SECRET, Mail};
use serde_json::{Value, json};

async fn entries(world: &World) -> Vec<Value> {
    let reply = world.call("GET", "/organizations/1/audit?pageSize=200", &Value::Null).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.body.as_array().unwrap().clone()
}

/// One call after the other, each of which changes something.
async fn change_everything(world: &World) -> String {
    let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
    body["configuration"]["event.notification.basic.username"] = json!("bell");
    body["configuration"]["event.notification.basic.password"] = json!("secret-basic-password");
    body["configuration"]["event.notification.callback.headers"] = json!("X-Key: secret-header-value");
    let id = world.create(&body).await;
    world.clock.advance(Duration::milliseconds(1));
    world.patch(id, &json!({ "name": "Renamed" })).await;
    world.clock.advance(Duration::milliseconds(1));
    let new_key = json!({ "configuration": { "event.notification.signature.key": "secret-second-key" } });
    world.patch(id, &new_key).await;
    // Entries of one instant have no order.
    world.clock.advance(Duration::milliseconds(1));
    let path = format!("/instances/{id}");
    let call = async |method: &str, path: String, body: Value| {
        let reply = world.call(method, &path, &body).await;
        assert!((200..300).contains(&reply.status), "{method} {path}: {}", reply.body);
        world.run_until_idle().await;
        world.clock.advance(Duration::milliseconds(1));
        reply.body
    };
    let interval = format!("{path}/configuration/event.poller.refresh_interval");
    call("PATCH", interval, json!({ "propertyValue": "30" })).await;
    call("DELETE", format!("{path}/enabled"), Value::Null).await;
    call("PUT", format!("{path}/enabled"), Value::Null).await;
    call("PATCH", "/accounts/settings".to_owned(), json!({ "notification.webhook.failure.policy": "queue" }))
        .await;
    world.receiver.answer_next(500);
    world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(id).await;
    call("PUT", "/notifications/subscriptions/deliveries".to_owned(), Value::Null).await;
    let log = world.get(&format!("{path}/events")).await;
    let event = log[0]["id"].as_str().unwrap();
    call("POST", format!("{path}/events/{event}/retry"), Value::Null).await;
    call("POST", format!("{path}/resume"), Value::Null).await;
    call("POST", format!("{path}/backfill"), json!({ "from": "2026-11-22T11:00:00Z" })).await;
    id.to_string()
}

/// What the record has of it by then, before its row is gone and after.
async fn deleted(world: &World, id: &str) -> Vec<Value> {
    assert_eq!(world.call("DELETE", &format!("/instances/{id}"), &Value::Null).await.status, 200);
    let at_once = entries(world).await;
    world.run_until_idle().await;
    assert_eq!(entries(world).await, at_once);
    at_once
}

#[tokio::test]
async fn each_change_is_recorded_with_who_and_what() {
    let world = World::new(461);
    let id = change_everything(&world).await;
    let told = entries(&world).await;
    let entries = deleted(&world, &id).await;
    let actions: Vec<&str> = entries.iter().rev().map(|entry| entry["action"].as_str().unwrap()).collect();
    let expected = [
        "instance.created",
        "instance.changed",
        "instance.changed",
        "instance.changed",
        "instance.disabled",
        "instance.enabled",
        "account.changed",
        "subscription.released",
        "event.retried",
        "instance.resumed",
        "instance.backfill",
        "instance.deleted",
    ];
    assert_eq!(actions, expected, "oldest first here, newest first in the reply");
    for entry in &entries {
        assert_eq!(entry["actor"], json!({ "type": "user", "userId": 1 }), "{entry}");
        assert_eq!((&entry["organizationId"], entry["id"].as_str().unwrap().len()), (&json!(1), 24));
        assert!(entry["at"].as_str().unwrap().starts_with("2026-11-22T12:"), "{entry}");
        let subject = entry["subject"].as_str().unwrap();
        assert!(
            subject.starts_with(&format!("instances/{id}")) || subject == "accounts/1/settings",
            "{entry}"
        );
    }
    let of = |index: usize| &told[told.len() - 1 - index];
    assert_eq!(
        (&of(0)["before"], &of(0)["after"]["name"]),
        (&Value::Null, &json!("API Instance with Polling"))
    );
    assert_eq!(
        (&of(1)["before"]["name"], &of(1)["after"]["name"]),
        (&of(0)["after"]["name"], &json!("Renamed"))
    );
    let versions = (&of(2)["before"]["secretsVersion"], &of(2)["after"]["secretsVersion"]);
    assert_eq!(versions, (&json!(1), &json!(2)), "that a secret changed is told, what it is is not");
    let interval = |document: &Value| document["configuration"]["event.poller.refresh_interval"].clone();
    assert_eq!((interval(&of(3)["before"]), interval(&of(3)["after"])), (json!("15"), json!("30")));
    assert_eq!((&of(4)["before"]["disabled"], &of(4)["after"]["disabled"]), (&json!(false), &json!(true)));
    assert_eq!(of(6)["after"]["notification.webhook.failure.policy"], "queue");
    let fields = |index: usize| &of(index)["fields"];
    assert!(fields(0).as_array().unwrap().contains(&json!("configuration.event.notification.callback.url")));
    let previous = "configuration.event.notification.signature.previous";
    let expected = json!([format!("{previous}.key"), format!("{previous}.until"), "secretsVersion"]);
    assert_eq!((fields(1), fields(2)), (&json!(["name"]), &expected));
    assert_eq!(fields(3), &json!(["configuration.event.poller.refresh_interval"]));
    assert_eq!((fields(4), fields(6)), (&json!(["disabled"]), &Value::Null));
}

/// The values are those of a mailbox, and end with it. Of what is none's there is as much as before.
#[tokio::test]
async fn of_a_deleted_instance_the_record_has_who_when_and_which_fields() {
    let world = World::new(466);
    let id = change_everything(&world).await;
    let told = entries(&world).await;
    let kept = world.create_gmail().await;
    let entries = deleted(&world, &id).await;
    let (of_kept, of_deleted) = (&entries[1], &entries[2..]);
    assert_eq!(of_kept["subject"], format!("instances/{kept}"));
    assert_eq!(of_kept["after"]["name"], "API Instance with Polling");
    let mut expected = told;
    for entry in &mut expected {
        if entry["after"]["element"].is_string() {
            (entry["before"], entry["after"]) = (Value::Null, Value::Null);
        }
    }
    assert_eq!(of_deleted, expected);
    let deletion = &entries[0];
    assert_eq!((&deletion["action"], &deletion["before"]), (&json!("instance.deleted"), &Value::Null));
}

#[tokio::test]
async fn no_secret_is_in_the_record() {
    let world = World::new(462);
    change_everything(&world).await;
    let text = json!(entries(&world).await).to_string();
    for secret in [
        CLIENT_SECRET,
        SIGNATURE_KEY,
        "secret-second-key",
        "secret-basic-password",
        "secret-header-value",
        "world-user",
    ] {
        assert!(!text.contains(secret), "`{secret}` is in the record");
    }
    assert!(text.contains("********"));
}

/// A request that failed changed nothing, and an entry has the request's id.
#[tokio::test]
async fn an_entry_is_named_by_its_request_and_refused_requests_have_none() {
    let world = World::new(463);
    let id = world.create_gmail().await;
    let reply = world.call("PATCH", &format!("/instances/{id}"), &json!({ "name": "Renamed" })).await;
    let request_id = reply.headers["elements-request-id"].to_str().unwrap().to_owned();
    let broken = json!({ "configuration": { "event.poller.refresh_interval": "never" } });
    world.call("PATCH", &format!("/instances/{id}"), &broken).await.assert_refused(400);
    let entries = entries(&world).await;
    assert_eq!((entries.len(), &entries[0]["id"]), (2, &json!(request_id)));
}

#[tokio::test]
async fn what_the_administrator_and_carillon_do_is_recorded_as_theirs() {
    let world = World::new(464);
    let member = another_user(&world, false).await;
    let path = format!("/organizations/1/users/{}", member.user_id);
    world.clock.advance(Duration::milliseconds(1));
    admin(&world, "PUT", &format!("{path}/secret"), &Value::Null).await;
    world.clock.advance(Duration::milliseconds(1));
    admin(&world, "DELETE", &path, &Value::Null).await;
    world.create_gmail().await;
    world.google.revoke(GMAIL_USER);
    world.pass(Duration::hours(2)).await;
    let entries = entries(&world).await;
    let told: Vec<(&str, &str)> = entries
        .iter()
        .rev()
        .map(|entry| (entry["action"].as_str().unwrap(), entry["actor"]["type"].as_str().unwrap()))
        .collect();
    let expected = [
        ("user.created", "administrator"),
        ("user.secret_replaced", "administrator"),
        ("user.removed", "administrator"),
        ("instance.created", "user"),
        ("instance.needs_sign_in", "carillon"),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn the_record_is_paged_newest_first() {
    let world = World::new(465);
    let id = world.create_gmail().await;
    for number in 0..6 {
        world.clock.advance(Duration::milliseconds(1));
        world.patch(id, &json!({ "name": format!("n{number}") })).await;
    }
    let mut names = Vec::new();
    let mut path = "/organizations/1/audit?pageSize=3".to_owned();
    loop {
        let reply = world.call("GET", &path, &Value::Null).await;
        let page = reply.body.as_array().unwrap();
        names.extend(page.iter().map(|entry| entry["after"]["name"].as_str().unwrap().to_owned()));
        let Some(token) = reply.headers.get("elements-next-page-token") else { break };
        path = format!("/organizations/1/audit?pageSize=3&nextPage={}", token.to_str().unwrap());
    }
    assert_eq!(names, ["n5", "n4", "n3", "n2", "n1", "n0", "API Instance with Polling"]);
}

/// Whoever reads a mailbox in a browser is noted before, with what kind of thing it was; an application is not.
#[tokio::test]
async fn a_person_who_reads_a_mailbox_is_recorded_and_an_application_is_not() {
    let world = World::new(479);
    let id = world.create_gmail().await;
    let mail = world.google.deliver(GMAIL_USER, Mail::default());
    let session = world.call("POST", "/sessions", &Value::Null).await.body;
    let token = world.shown(id).await["token"].as_str().unwrap().to_owned();
    let person = format!("Session {}, Element {token}", session["sessionToken"].as_str().unwrap());
    let application = format!("User world-user, Organization world-organization, Element {token}");
    let path = format!("/hubs/general/messages/{mail}");
    let reads = async || {
        let all = entries(&world).await;
        let reads = all.iter().rev().filter(|one| one["action"] == "mailbox.read");
        reads.map(|one| one["after"].clone()).collect::<Vec<_>>()
    };
    for who in [&application, &person] {
        for what in ["", "/attachments", "/attachments/none/content"] {
            world.call_as(who, "GET", &format!("{path}{what}"), "").await;
            // Entries of one instant have no order.
            world.clock.advance(Duration::milliseconds(1));
        }
        let expected = if who == &person { vec!["records", "records", "content"] } else { Vec::new() };
        let expected: Vec<Value> = expected.into_iter().map(|what| json!({ "read": what })).collect();
        assert_eq!(reads().await, expected);
    }
    let all = entries(&world).await;
    assert_eq!(
        (&all[0]["subject"], &all[0]["actor"]["userId"]),
        (&json!(format!("instances/{id}")), &json!(1))
    );
    assert!(!all[0].to_string().contains(&mail), "not which message");
}
