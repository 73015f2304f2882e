//! A window of the past is read again: what the event log lacks is delivered, once.

use crate::world::{GMAIL_USER, OUTLOOK_USER, World};
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use domain::ids::InstanceId;
use doubles::Mail;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn iso(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

async fn begin(world: &World, id: InstanceId, body: &Value) -> crate::world::Reply {
    world.call("POST", &format!("/instances/{id}/backfill"), body).await
}

/// Begins one that must be taken; gives the path of its status.
async fn begun(world: &World, id: InstanceId, body: &Value) -> String {
    let reply = begin(world, id, body).await;
    assert_eq!(reply.status, 202, "{}", reply.body);
    format!("/instances/{id}/backfill/{}", reply.body["id"].as_str().unwrap())
}

fn deliver(world: &World, is_gmail: bool) -> String {
    match is_gmail {
        true => world.google.deliver(GMAIL_USER, Mail::default()),
        false => world.microsoft.deliver(OUTLOOK_USER, Mail::default()),
    }
}

async fn create(world: &World, is_gmail: bool) -> InstanceId {
    if is_gmail { world.create_gmail().await } else { world.create_outlook().await }
}

async fn switch_events(world: &World, id: InstanceId, on: bool) {
    world.patch(id, &json!({ "configuration": { "event.notification.enabled": on } })).await;
}

/// Mail from before the creation, mail that was told, and mail that came while events were off.
async fn missed(world: &World, is_gmail: bool, count: usize) -> (InstanceId, BTreeSet<String>) {
    let mut missed: BTreeSet<String> = (0..count).map(|_| deliver(world, is_gmail)).collect();
    world.clock.advance(Duration::minutes(10));
    let id = create(world, is_gmail).await;
    world.clock.advance(Duration::minutes(10));
    let told = deliver(world, is_gmail);
    world.poll(id).await;
    assert_eq!(world.arrived(), [("CREATED".to_owned(), told)]);
    switch_events(world, id, false).await;
    world.clock.advance(Duration::minutes(10));
    missed.extend((0..count).map(|_| deliver(world, is_gmail)));
    world.clock.advance(Duration::minutes(10));
    switch_events(world, id, true).await;
    world.poll(id).await;
    assert_eq!(world.arrived(), [], "polls start from now");
    (id, missed)
}

#[tokio::test]
async fn a_window_delivers_exactly_what_the_log_lacks() {
    for is_gmail in [true, false] {
        let world = World::new(421);
        let from = iso(world.now() - Duration::hours(1));
        let (id, missed) = missed(&world, is_gmail, 7).await;
        let status = begun(&world, id, &json!({ "from": from })).await;
        assert_eq!(world.get(&status).await["status"], "running");
        world.run_until_idle().await;
        let arrived = world.arrived();
        assert!(arrived.iter().all(|(kind, _)| kind == "CREATED"), "{arrived:?}");
        assert_eq!(arrived.len(), missed.len(), "nothing twice");
        assert_eq!(arrived.into_iter().map(|(_, id)| id).collect::<BTreeSet<_>>(), missed);
        let done = world.get(&status).await;
        assert_eq!((&done["status"], &done["instanceId"]), (&json!("done"), &json!(id.get())), "{done}");
        let resource = done["resources"].as_object().unwrap().values().next().unwrap();
        assert_eq!((&resource["events"], &resource["from"]), (&json!(14), &json!(from)), "{done}");
        let listed = world.get(&format!("/instances/{id}/backfill")).await;
        assert_eq!(listed, json!([done]));
        // All of it is in the log now.
        let again = begun(&world, id, &json!({ "from": from })).await;
        world.run_until_idle().await;
        assert_eq!((world.arrived(), &world.get(&again).await["status"]), (vec![], &json!("done")));
        let mail = deliver(&world, is_gmail);
        world.pass(Duration::minutes(16)).await;
        assert_eq!(world.arrived(), [("CREATED".to_owned(), mail)], "polls go on");
    }
}

/// A window that ends before some of it.
#[tokio::test]
async fn what_lies_outside_the_window_stays_untold() {
    for is_gmail in [true, false] {
        let world = World::new(422);
        let before = deliver(&world, is_gmail);
        world.clock.advance(Duration::minutes(10));
        let from = world.now() - Duration::seconds(5);
        let inside = deliver(&world, is_gmail);
        world.clock.advance(Duration::minutes(10));
        let to = world.now() - Duration::seconds(5);
        let after = deliver(&world, is_gmail);
        world.clock.advance(Duration::minutes(10));
        let id = create(&world, is_gmail).await;
        begun(&world, id, &json!({ "from": iso(from), "to": iso(to) })).await;
        world.run_until_idle().await;
        let arrived = world.arrived();
        assert_eq!(arrived, [("CREATED".to_owned(), inside)], "neither {before} nor {after}");
    }
}

#[tokio::test]
async fn a_backfill_survives_a_crash_at_any_point() {
    for is_gmail in [true, false] {
        let mut deaths_count = 0;
        for passages in (1..90).step_by(8) {
            let mut world = World::new(423);
            let from = iso(world.now() - Duration::hours(1));
            let (id, missed) = missed(&world, is_gmail, 30).await;
            let status = begun(&world, id, &json!({ "from": from })).await;
            world.gate.die_after(passages);
            deaths_count += usize::from(world.gate.run(world.run_until_idle()).await.is_none());
            world.restart();
            world.pass(Duration::minutes(31)).await;
            assert_eq!(world.get(&status).await["status"], "done", "after {passages} passages");
            let told = told(&world);
            assert_eq!(told.keys().cloned().collect::<BTreeSet<_>>(), missed, "after {passages} passages");
            assert!(told.values().all(|ids| ids.len() == 1), "the same mail has the same event id");
        }
        assert!(deaths_count >= 6, "it died only {deaths_count} times");
    }
}

/// What was delivered, each object with the ids of its events: a callback may come twice over a crash, with the same.
fn told(world: &World) -> BTreeMap<String, BTreeSet<String>> {
    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for received in world.receiver.take() {
        let body: Value = serde_json::from_slice(&received.body).unwrap();
        for event in body["message"]["events"].as_array().unwrap() {
            let text = |key: &str| event[key].as_str().unwrap().to_owned();
            told.entry(text("objectId")).or_default().insert(text("id"));
        }
    }
    told
}

#[tokio::test]
async fn a_provider_that_fails_meanwhile_delays_a_backfill() {
    let world = World::new(424);
    let (id, missed) = missed(&world, true, 7).await;
    let fault = |on| doubles::Fault { on, kind: doubles::FaultKind::ServerError { status: 503 }, times: 3 };
    world.google.push_fault(fault(doubles::Route::List));
    let status = begun(&world, id, &json!({ "from": iso(world.now() - Duration::hours(2)) })).await;
    world.run_until_idle().await;
    let failing = world.get(&status).await;
    let resource = &failing["resources"]["changed-messages"];
    assert_eq!((&failing["status"], world.arrived()), (&json!("running"), vec![]));
    assert!(resource["error"].is_string() && resource["retryAt"].is_string(), "{failing}");
    world.pass(Duration::hours(1)).await;
    assert_eq!(world.get(&status).await["status"], "done");
    assert_eq!(world.arrived().len(), missed.len());
}

#[tokio::test]
async fn what_can_not_be_read_again_is_refused_by_name() {
    let world = World::new(425);
    let mut body = crate::world::gmail_body(&world.google.new_code(GMAIL_USER));
    body["configuration"]["event.poller.configuration"] = json!({
        "changed-messages": { "url": "/hubs/general/changed-messages", "idField": "id" },
        "tags": { "url": "/hubs/general/labels", "idField": "id" },
    });
    let id = world.create(&body).await;
    let at = |hours: i64| iso(world.now() - Duration::hours(hours));
    let before = world.dump();
    for (body, words) in [
        (json!({}), ["from", "required"]),
        (json!({ "from": at(24 * 7 + 1) }), ["from", "event log"]),
        (json!({ "from": at(1), "to": at(2) }), ["to", "after"]),
        (json!({ "from": "yesterday" }), ["from", "time"]),
        (json!({ "from": at(1), "resources": ["tags"] }), ["tags", "by time"]),
        (json!({ "from": at(1), "resources": ["contacts"] }), ["contacts", "not polled"]),
        (json!({ "from": at(1), "resources": "changed-messages" }), ["resources", "list"]),
    ] {
        let reply = begin(&world, id, &body).await;
        reply.assert_refused(400);
        let message = reply.body["message"].as_str().unwrap();
        assert!(words.iter().all(|word| message.contains(word)), "{body}: {message}");
    }
    assert_eq!(world.dump(), before);
    let missing =
        world.call("GET", &format!("/instances/{id}/backfill/0123456789abcdef"), &Value::Null).await;
    missing.assert_refused(404);
    // All that can be read by time: labels are left out without a word.
    let status = begun(&world, id, &json!({ "from": at(1) })).await;
    world.run_until_idle().await;
    let done = world.get(&status).await;
    assert_eq!(done["resources"].as_object().unwrap().keys().collect::<Vec<_>>(), ["changed-messages"]);
}

#[tokio::test]
async fn a_second_backfill_waits_for_the_first_and_a_disabled_instance_has_none() {
    let world = World::new(426);
    let id = world.create_gmail().await;
    let body = json!({ "from": iso(world.now() - Duration::hours(1)) });
    begun(&world, id, &body).await;
    let second = begin(&world, id, &body).await;
    second.assert_refused(409);
    assert!(second.body["message"].as_str().unwrap().contains("under way"), "{}", second.body);
    world.run_until_idle().await;
    begun(&world, id, &body).await;
    world.run_until_idle().await;
    let disabled = world.call("DELETE", &format!("/instances/{id}/enabled"), &Value::Null).await;
    assert_eq!(disabled.status, 200);
    begin(&world, id, &body).await.assert_refused(409);
    world.run_until_idle().await;
}

/// What a backfill told, the walk of its resource may come to later, also when another resource was read again since.
#[tokio::test]
async fn a_backfill_is_borne_in_mind_beside_one_of_another_resource() {
    let world = World::new(428);
    let mut body = crate::world::gmail_body(&world.google.new_code(GMAIL_USER));
    body["configuration"]["event.poller.configuration"] = json!({
        "mail": { "url": "/hubs/general/messages", "idField": "id" },
        "threads": { "url": "/hubs/general/threads", "idField": "id" },
    });
    let id = world.create(&body).await;
    world.pass(Duration::hours(2)).await;
    // Lists show it at once, history only later.
    world.google.set_history_lag(60_000_000, 60_000_000, true);
    let date_us = Some((world.now() - Duration::minutes(30)).timestamp_micros());
    let mail = world.google.import_old(GMAIL_USER, Mail { date_us, ..Mail::default() });
    let window = |resource: &str| {
        let from = iso(world.now() - Duration::hours(1));
        json!({ "from": from, "resources": [resource] })
    };
    let first = begun(&world, id, &window("mail")).await;
    world.run_until_idle().await;
    assert_eq!(world.arrived(), [("CREATED".to_owned(), mail.clone())]);
    let second = begun(&world, id, &window("threads")).await;
    world.run_until_idle().await;
    world.arrived();
    assert_eq!(world.get(&second).await["status"], "done");
    world.pass(Duration::minutes(31)).await;
    let again = world.arrived();
    assert!(!again.contains(&("CREATED".to_owned(), mail)), "told twice: {again:?}");
    assert_eq!(world.get(&first).await["status"], "done", "it is kept");
}

/// How many came and how many of them were told, as the provider shows it; nothing is begun or kept.
#[tokio::test]
async fn a_preview_counts_what_came_and_what_was_told() {
    for is_gmail in [true, false] {
        let world = World::new(471);
        let (id, missed) = missed(&world, is_gmail, 120).await;
        let body = json!({ "from": iso(world.now() - Duration::hours(2)) });
        let path = format!("/instances/{id}/backfill/preview");
        let before = world.dump_beside_audit();
        let reply = world.call("POST", &path, &body).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        let (_, counted) = reply.body["resources"].as_object().unwrap().iter().next().unwrap();
        let expected =
            json!({ "records": missed.len() + 1, "reported": 1, "atLeast": false, "notRead": null });
        assert_eq!(*counted, expected, "{is_gmail}: {}", reply.body);
        assert_eq!(world.dump_beside_audit(), before);
        assert_eq!(world.get(&format!("/instances/{id}/backfill")).await, json!([]));
        // It tells the truth of what follows.
        begun(&world, id, &body).await;
        world.pass(Duration::minutes(10)).await;
        assert_eq!(world.arrived().len(), missed.len());
        let old = json!({ "from": iso(world.now() - Duration::days(60)) });
        world.call("POST", &path, &old).await.assert_refused(400);
    }
}
