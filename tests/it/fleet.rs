//! Many instances: lists by status, counts, order, and pages that miss none.

use crate::world::{World, outlook_body};
use chrono::Duration;
use domain::ids::InstanceId;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// More than any page has.
const MANY: usize = 230;

async fn create_many(world: &World) -> Vec<InstanceId> {
    let mut made = Vec::new();
    for number in 0..MANY {
        let code = world.microsoft.new_code(crate::world::OUTLOOK_USER);
        let mut body = outlook_body(&code);
        body["name"] = json!(format!("mailbox {number}"));
        body["tags"] = json!([format!("team {}", number % 3)]);
        made.push(world.create(&body).await);
    }
    made.sort();
    made
}

/// The ids of all pages of a list.
async fn all_pages(world: &World, list: &str) -> Vec<u64> {
    let (mut ids, mut next) = (Vec::new(), String::new());
    for _ in 0..MANY {
        let reply = world.call("GET", &format!("{list}&nextPage={next}"), &Value::Null).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        ids.extend(reply.body.as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap()));
        match reply.headers.get("elements-next-page-token") {
            Some(token) => next = token.to_str().unwrap().to_owned(),
            None => return ids,
        }
    }
    panic!("the pages have no end")
}

#[tokio::test]
async fn a_fleet_is_counted_whole_and_each_number_leads_to_its_list() {
    let world = World::new(131);
    let made = create_many(&world).await;
    world.pass(Duration::minutes(16)).await;
    let off = &made[MANY - 3..];
    for id in off {
        world.call("DELETE", &format!("/instances/{}/enabled", id.get()), &Value::Null).await;
    }
    let counts = world.get("/instances/counts").await;
    assert_eq!(counts["total"], MANY);
    assert_eq!(counts["byStatus"], json!({ "disabled": 3, "healthy": MANY - 3 }));
    assert_eq!(counts["byConnector"], json!({ "outlookemail": MANY }));
    assert_eq!(counts["byTag"][0], json!({ "tag": "team 0", "count": 77 }));
    for (status, count) in counts["byStatus"].as_object().unwrap() {
        let listed = all_pages(&world, &format!("/instances?status={status}&pageSize=50")).await;
        assert_eq!(listed.len() as u64, count.as_u64().unwrap(), "{status}");
    }
    let listed = all_pages(&world, "/instances?status=disabled&pageSize=2").await;
    assert_eq!(listed, off.iter().map(|id| u64::from(id.get())).collect::<Vec<_>>());
    let counts = world.get("/instances/counts?tags[]=team%201&status=healthy,disabled").await;
    assert_eq!(counts["total"], 77);
    let refused = world.call("GET", "/instances?status=well", &Value::Null).await;
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn every_row_of_every_page_has_its_true_status() {
    let world = World::new(132);
    let made = create_many(&world).await;
    world.pass(Duration::minutes(16)).await;
    let expected: Vec<u64> = made.iter().map(|id| u64::from(id.get())).collect();
    assert_eq!(all_pages(&world, "/instances?withHealth=true&pageSize=50").await, expected);
    let last = world.get("/instances?withHealth=true&pageSize=200").await;
    for row in last.as_array().unwrap() {
        assert_eq!(row["health"]["status"], "healthy", "{row}");
    }
    let oldest = all_pages(&world, "/instances?orderBy=lastSuccess&pageSize=50").await;
    assert_eq!(oldest.len(), MANY);
    assert_eq!(oldest.iter().collect::<BTreeSet<_>>(), expected.iter().collect::<BTreeSet<_>>());
}

#[tokio::test]
async fn a_token_of_one_list_is_refused_by_another() {
    let world = World::new(133);
    for _ in 0..3 {
        world.create_outlook().await;
    }
    let reply = world.call("GET", "/instances?orderBy=lastSuccess&pageSize=1", &Value::Null).await;
    let token = reply.headers["elements-next-page-token"].to_str().unwrap();
    for other in
        ["/instances?", "/instances/event-poller-records?", "/instances/events?", "/instances?withHealth=1&"]
    {
        let refused = world.call("GET", &format!("{other}nextPage={token}"), &Value::Null).await;
        assert_eq!(refused.status, 400, "{other}");
    }
}

#[tokio::test]
async fn a_suspended_callback_is_not_healthy() {
    let world = World::new(134);
    let id = world.create_outlook().await;
    world.receiver.set_default(410);
    world.microsoft.deliver(crate::world::OUTLOOK_USER, doubles::Mail::default());
    world.pass(Duration::minutes(16)).await;
    let health = world.shown(id).await["health"].clone();
    assert_eq!(health["status"], "suspended");
    assert!(health["reason"].as_str().unwrap().contains("410"), "{health}");
    let counts = world.get("/instances/counts").await;
    assert_eq!((&counts["byStatus"], &counts["needSomebody"]), (&json!({ "suspended": 1 }), &json!(1)));
}

#[tokio::test]
async fn the_last_poll_is_told_to_the_minute_although_nothing_is_stored() {
    let mut world = World::new(135);
    let mut body = outlook_body(&world.microsoft.new_code(crate::world::OUTLOOK_USER));
    body["configuration"]["event.poller.refresh_interval"] = json!("1");
    let id = world.create(&body).await;
    let age = async |world: &World| {
        let shown = world.shown(id).await;
        let within = shown["health"]["lastPollWithinSeconds"].as_i64().unwrap();
        (shown["resources"][0]["lastPollAgeSeconds"].as_i64().unwrap(), within)
    };
    for minutes in [5, 3, 4] {
        world.pass(Duration::minutes(minutes)).await;
        let (age_s, within_s) = age(&world).await;
        assert!(age_s <= 60, "polled every minute, said {age_s} s ago");
        assert_eq!(within_s, 0);
    }
    world.restart();
    assert_eq!(age(&world).await.1, 600, "another process knows what is stored, and says so");
}

/// Of what waits there may be little, behind much that was delivered since.
#[tokio::test]
async fn what_is_queued_is_found_behind_a_thousand_delivered() {
    let world = World::new(136);
    let (quiet, busy) = (world.create_outlook().await, world.create_gmail().await);
    world.receiver.set_default(410);
    let queued = world.microsoft.deliver(crate::world::OUTLOOK_USER, doubles::Mail::default());
    world.pass(Duration::minutes(16)).await;
    assert_eq!(world.shown(quiet).await["health"]["status"], "suspended");
    world.receiver.set_default(200);
    for _ in 0..1_050 {
        world.google.deliver(crate::world::GMAIL_USER, doubles::Mail::default());
        world.poll(busy).await;
    }
    let found = world.get("/instances/events?status=queued").await;
    let found = found.as_array().unwrap();
    assert_eq!(found.len(), 1, "on the first page");
    assert!(found[0]["providerData"].as_str().unwrap().contains(&queued));
}

#[tokio::test]
async fn what_waits_is_counted_as_it_is_listed() {
    let world = World::new(137);
    let (suspended, tried) = (world.create_outlook().await, world.create_gmail().await);
    world.receiver.set_default(410);
    world.microsoft.deliver(crate::world::OUTLOOK_USER, doubles::Mail::default());
    world.poll(suspended).await;
    world.receiver.set_default(503);
    let tried_mail = world.google.deliver(crate::world::GMAIL_USER, doubles::Mail::default());
    world.poll(tried).await;
    let counts = world.get("/instances/counts").await;
    for status in ["queued", "onTheWay"] {
        let listed = world.get(&format!("/instances/events?status={status}")).await;
        assert_eq!(listed.as_array().unwrap().len(), 1, "{status}");
        assert_eq!(counts[status], json!({ "count": 1, "atLeast": false }), "{status}");
    }
    let retried = world.get("/instances/events?status=onTheWay").await;
    assert!(retried[0]["providerData"].as_str().unwrap().contains(&tried_mail));
    // So is what was committed and not tried yet.
    world.google.deliver(crate::world::GMAIL_USER, doubles::Mail::default());
    world.app.poll(tried, world.now() + Duration::seconds(20)).await.unwrap();
    let listed = world.get("/instances/events?status=onTheWay").await;
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!(world.get("/instances/counts").await["onTheWay"]["count"], 2);
    world.run_until_idle().await;
}

/// Trying again is what is done: it never stopped.
#[tokio::test]
async fn what_is_tried_again_is_failing_and_says_since_when() {
    let world = World::new(138);
    let mut body = outlook_body(&world.microsoft.new_code(crate::world::OUTLOOK_USER));
    body["configuration"]["event.poller.refresh_interval"] = json!("1");
    let id = world.create(&body).await;
    world.pass(Duration::minutes(3)).await;
    let on = doubles::Route::Any;
    let kind = doubles::FaultKind::ServerError { status: 503 };
    world.microsoft.push_fault(doubles::Fault { on, kind, times: u32::MAX });
    world.pass(Duration::hours(3)).await;
    let health = world.shown(id).await["health"].clone();
    assert_eq!(health["status"], "failing", "{health}");
    assert!(health["reason"].as_str().unwrap().contains("Failing since 20"), "{health}");
    assert!(health["nextPoll"].is_string(), "{health}");
}
