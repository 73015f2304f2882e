//! Delivering again, and releasing, by filter and time.

use super::{assert_counts, done, several};
use crate::world::{OUTLOOK_USER, World};
use chrono::{DateTime, Duration, Utc};
use doubles::Mail;
use serde_json::json;

async fn mail(world: &World, ids: &[domain::ids::InstanceId]) {
    world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    for id in ids {
        world.poll(*id).await;
    }
}

fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339()
}

#[tokio::test]
async fn what_was_delivered_within_a_time_is_delivered_again_and_nothing_else() {
    let world = World::new(511);
    let ours = several(&world, 2, "ours").await;
    let others = several(&world, 1, "others").await;
    let all = [ours.clone(), others].concat();
    mail(&world, &all).await;
    world.pass(Duration::minutes(10)).await;
    let from = world.now();
    mail(&world, &all).await;
    mail(&world, &all).await;
    world.pass(Duration::minutes(10)).await;
    let to = world.now();
    mail(&world, &all).await;
    world.receiver.take();
    let retry =
        json!({ "action": "retry", "filter": { "tags": ["ours"] }, "from": text(from), "to": text(to) });
    let preview = world.call("POST", "/instances/bulk/preview", &retry).await.body;
    assert_eq!(
        (&preview["unit"], &preview["affected"], &preview["instances"]),
        (&json!("notifications"), &json!(4), &json!(2)),
        "{preview}"
    );
    let bulk = done(&world, retry.clone()).await;
    assert_eq!((&bulk["unit"], &bulk["finished"]), (&json!("notifications"), &json!(2)));
    assert_counts(&bulk, (2, 4, 0, 0));
    assert_eq!(world.arrived().len(), 4);
    let mut undelivered = retry;
    undelivered["deliveries"] = json!(["undelivered"]);
    assert_counts(&done(&world, undelivered).await, (2, 0, 0, 0));
    assert_eq!(world.arrived(), []);
}

#[tokio::test]
async fn what_waits_for_its_next_try_is_tried_at_once() {
    let world = World::new(512);
    let ours = several(&world, 1, "ours").await;
    let from = world.now();
    for _ in 0..4 {
        world.receiver.answer_next(500);
    }
    world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    world.poll(ours[0]).await;
    world.pass(Duration::minutes(2)).await;
    assert_eq!(world.arrived(), []);
    let retry = json!({ "action": "retry", "filter": {}, "from": text(from), "deliveries": ["undelivered"] });
    let id = super::begin(&world, retry).await;
    world.run_until_idle().await;
    let bulk = world.get(&format!("/instances/bulk/{id}")).await;
    assert_counts(&bulk, (1, 1, 0, 0));
    world.pass(Duration::minutes(1)).await;
    assert_eq!(world.arrived().len(), 1);
}

#[tokio::test]
async fn what_is_queued_is_released_where_something_of_the_time_waits() {
    let world = World::new(513);
    let ours = several(&world, 3, "ours").await;
    let mut times = vec![world.now()];
    for id in &ours[..2] {
        world.receiver.answer_next(410);
        mail(&world, &[*id]).await;
        times.push(world.now() + Duration::seconds(1));
        world.pass(Duration::minutes(20)).await;
    }
    let healthy = json!({ "action": "release", "filter": { "status": "healthy" } });
    let preview = world.call("POST", "/instances/bulk/preview", &healthy).await.body;
    assert_eq!(
        (&preview["affected"], &preview["reasons"][0]["reason"]),
        (&json!(0), &json!("nothing is queued"))
    );
    let early = json!({ "action": "release", "filter": {}, "from": text(times[0]), "to": text(times[1]) });
    let retry = json!({ "action": "retry", "filter": {}, "from": text(times[0]) });
    assert_eq!(world.call("POST", "/instances/bulk/preview", &early).await.body["affected"], 1);
    let bulk = done(&world, retry).await;
    assert_eq!(bulk["reasons"][0]["reason"], "it is queued: release it", "{bulk}");
    world.receiver.take();
    assert_counts(&done(&world, early).await, (3, 1, 2, 0));
    assert!(!world.arrived().is_empty());
    let status = async |id| world.shown(id).await["health"]["status"].clone();
    assert_eq!((status(ours[0]).await, status(ours[1]).await), (json!("healthy"), json!("suspended")));
    assert_counts(&done(&world, json!({ "action": "release", "filter": {} })).await, (3, 1, 2, 0));
    assert_eq!(status(ours[1]).await, "healthy");
    assert_eq!(world.get("/instances/counts").await["queued"]["count"], json!(0), "nothing is left");
}
