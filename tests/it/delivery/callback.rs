//! What goes with a callback: its owner's headers, and signatures by one key or two.

use super::{notify, webhook_id};
use crate::world::{GMAIL_USER, OUTLOOK_USER, SIGNATURE_KEY, World, gmail_body, outlook_body};
use chrono::Duration;
use domain::ids::InstanceId;
use domain::signature::{sign, sign_standard};
use doubles::{Mail, Received};
use serde_json::{Value, json};

const KEY: &str = "event.notification.signature.key";
const UNTIL: &str = "event.notification.signature.previous.until";

fn header<'a>(received: &'a Received, name: &str) -> &'a str {
    received.headers[name].to_str().unwrap()
}

/// Signed by these keys, in this order, at the time it was sent.
#[track_caller]
fn assert_signed(received: &Received, keys: &[&str]) {
    let id = webhook_id(received);
    assert_eq!(header(received, "webhook-id"), id);
    let timestamp_s: i64 = header(received, "webhook-timestamp").parse().unwrap();
    assert!((timestamp_s - received.at_us / 1_000_000).abs() <= 1, "{timestamp_s} is not the attempt's time");
    let expected = sign_standard(keys, id, timestamp_s, &received.body);
    assert_eq!(header(received, "webhook-signature"), expected);
    assert_eq!(header(received, "elements-webhook-signature"), sign(keys[0], &received.body));
}

#[tokio::test]
async fn a_key_that_is_replaced_signs_too_for_a_day_or_as_long_as_its_owner_says() {
    let world = World::new(222);
    let id = world.create_gmail().await;
    let shown = world.patch(id, &json!({ "configuration": { KEY: "second" } })).await;
    assert_eq!(shown["configuration"]["event.notification.signature.previous.key"], "********");
    notify(&world, id, 1).await;
    assert_signed(&world.receiver.take()[0], &["second", SIGNATURE_KEY]);
    world.pass(Duration::hours(25)).await;
    world.receiver.take();
    notify(&world, id, 1).await;
    assert_signed(&world.receiver.take()[0], &["second"]);

    world.patch(id, &json!({ "configuration": { KEY: "third" } })).await;
    world.patch(id, &json!({ "configuration": { KEY: "********" } })).await;
    notify(&world, id, 1).await;
    assert_signed(&world.receiver.take()[0], &["third", "second"]);
    // Whoever sends everything back, without the time, ends nothing.
    let mut whole = world.shown(id).await["configuration"].clone();
    whole.as_object_mut().unwrap().remove(UNTIL);
    let path = format!("/instances/{id}");
    assert_eq!(world.call("PUT", &path, &json!({ "configuration": whole })).await.status, 200);
    notify(&world, id, 1).await;
    assert_signed(&world.receiver.take()[0], &["third", "second"]);
    world.patch(id, &json!({ "configuration": { UNTIL: "2026-11-22T00:00:00Z" } })).await;
    notify(&world, id, 1).await;
    assert_signed(&world.receiver.take()[0], &["third"]);
}

#[tokio::test]
async fn the_owners_headers_and_password_go_along_and_are_shown_to_nobody() {
    let world = World::new(223);
    let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
    let configuration = body["configuration"].as_object_mut().unwrap();
    configuration.remove(KEY);
    configuration.insert("event.notification.basic.username".into(), json!("Aladdin"));
    configuration.insert("event.notification.basic.password".into(), json!("open sesame"));
    let headers = json!({ "X-Tenant": "tenant seven", "User-Agent": "ours/1" });
    configuration.insert("event.notification.callback.headers".into(), headers);
    let id = world.create(&body).await;
    notify(&world, id, 1).await;
    let received = world.receiver.take();
    assert_eq!(header(&received[0], "authorization"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert_eq!(header(&received[0], "x-tenant"), "tenant seven");
    assert_eq!(received[0].headers.get_all("user-agent").iter().collect::<Vec<_>>(), ["ours/1"]);
    let shown = world.shown(id).await.to_string() + &world.dump();
    assert!(!shown.contains("tenant seven") && !shown.contains("open sesame"));

    let path = format!("/instances/{id}");
    let reply = world
        .call(
            "PATCH",
            &path,
            &json!({ "configuration": { "event.notification.callback.headers": "Host: x" } }),
        )
        .await;
    reply.assert_refused(400);
    assert!(reply.body["message"].as_str().unwrap().contains("`host`"), "{}", reply.body);
}

/// What receivers take that were told nothing: Express's limit is 100 KiB.
/// What a cut record says that it is the beginning of, read with its instance's token.
async fn whole(world: &World, id: InstanceId, cut: &Value) -> Value {
    let token = world.shown(id).await["token"].as_str().unwrap().to_owned();
    let address = cut["carillonRecordAddress"].as_str().unwrap();
    let reply = world.call_as(&format!("User world-user, Element {token}"), "GET", address, "").await;
    assert_eq!(reply.status, 200, "{address}: {}", reply.body);
    reply.body
}

#[tokio::test]
async fn a_cut_record_leads_to_the_whole_with_the_fields_that_are_polled() {
    let world = World::new(388);
    let mut body = outlook_body(&world.microsoft.new_code(OUTLOOK_USER));
    body["configuration"]["event.poller.configuration"] = json!({
        "messages": { "url": "/hubs/general/messages?fields=Id,Subject,Body", "idField": "Id" },
    });
    let id = world.create(&body).await;
    world.microsoft.deliver(OUTLOOK_USER, Mail { body: "x".repeat(150_000), ..Mail::default() });
    world.clock.advance(Duration::minutes(1));
    world.poll(id).await;
    let received = world.receiver.take();
    let body: Value = serde_json::from_slice(&received[0].body).unwrap();
    let cut = &body["message"]["raw"]["messages"][0];
    assert_eq!((&cut["carillonRecordOmitted"], cut["Body"].get("Content")), (&json!(true), None));
    let whole = whole(&world, id, cut).await;
    assert_eq!(whole["Id"], cut["Id"]);
    assert!(whole["Body"]["Content"].as_str().is_some_and(|content| content.len() > 150_000));
}

#[tokio::test]
async fn bodies_stay_below_what_receivers_take_by_default() {
    let world = World::new(389);
    let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
    body["configuration"]["event.poller.configuration"] = json!({
        "changed-messages": { "url": "/hubs/general/changed-messages?format=full", "idField": "id" },
    });
    let id = world.create(&body).await;
    let mail = |bytes: usize| Mail { body: "x".repeat(bytes), ..Mail::default() };
    let small: Vec<String> = (0..10).map(|_| world.google.deliver(GMAIL_USER, mail(30_000))).collect();
    let large = world.google.deliver(GMAIL_USER, mail(150_000));
    world.poll(id).await;
    let received = world.receiver.take();
    let lengths: Vec<usize> = received.iter().map(|one| one.body.len()).collect();
    assert!(lengths.len() > 3 && lengths.iter().all(|bytes| *bytes <= 100_000), "{lengths:?}");
    let bodies: Vec<Value> = received.iter().map(|one| serde_json::from_slice(&one.body).unwrap()).collect();
    let records: Vec<&Value> = bodies
        .iter()
        .flat_map(|body| body["message"]["raw"]["changed-messages"].as_array().unwrap())
        .collect();
    let is_cut = |record: &&&Value| record["carillonRecordOmitted"] == true;
    let cut: Vec<&Value> = records.iter().filter(is_cut).copied().collect();
    assert_eq!((records.len(), cut.len(), &cut[0]["id"]), (small.len() + 1, 1, &json!(large)));
    let whole = whole(&world, id, cut[0]).await;
    let bytes = whole["payload"]["body"]["size"].as_u64();
    assert_eq!((&whole["id"], bytes), (&json!(large), Some(150_000)));

    let setting = "event.notification.callback.kilobytes";
    world.patch(id, &json!({ "configuration": { setting: 300 } })).await;
    world.google.deliver(GMAIL_USER, mail(150_000));
    world.poll(id).await;
    let received = world.receiver.take();
    assert!(received.len() == 1 && received[0].body.len() > 150_000);
    for wrong in [json!(49), json!(301), json!("many")] {
        let body = json!({ "configuration": { setting: wrong } });
        let reply = world.call("PATCH", &format!("/instances/{id}"), &body).await;
        reply.assert_refused(400);
        assert!(reply.body["message"].as_str().unwrap().contains(setting), "{}", reply.body);
    }
}
