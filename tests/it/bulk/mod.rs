//! One action on many instances: to what was named, each by the use case of the single call, whoever dies.

mod deaths;
mod deliveries;
mod running;

use crate::world::{AUTHORIZATION, OUTLOOK_USER, World, outlook_body};
use chrono::Duration;
use domain::ids::InstanceId;
use serde_json::{Value, json};

/// A few mailboxes of a tag, by id.
async fn several(world: &World, count: usize, tag: &str) -> Vec<InstanceId> {
    let mut made = Vec::new();
    for number in 0..count {
        let mut body = outlook_body(&world.microsoft.new_code(OUTLOOK_USER));
        body["name"] = json!(format!("{tag} {number}"));
        body["tags"] = json!([tag]);
        made.push(world.create(&body).await);
    }
    made.sort();
    made
}

/// Begins one that must be accepted; its id.
async fn begin(world: &World, body: Value) -> String {
    let reply = world.call("POST", "/instances/bulk", &body).await;
    assert_eq!(reply.status, 202, "{}", reply.body);
    assert_eq!(reply.body["status"], "running");
    reply.body["id"].as_str().unwrap().to_owned()
}

/// How it ended.
async fn ended(world: &World, id: &str) -> Value {
    world.pass(Duration::minutes(5)).await;
    let bulk = world.get(&format!("/instances/bulk/{id}")).await;
    assert_ne!(bulk["status"], "running", "{bulk}");
    bulk
}

async fn done(world: &World, body: Value) -> Value {
    let id = begin(world, body).await;
    let bulk = ended(world, &id).await;
    assert_eq!((&bulk["status"], &bulk["finished"]), (&json!("done"), &bulk["instances"]), "{bulk}");
    bulk
}

#[track_caller]
fn assert_counts(bulk: &Value, (selected, done, skipped, failed): (u64, u64, u64, u64)) {
    let counts = ["selected", "done", "skipped", "failed"].map(|name| bulk[name].as_u64().unwrap());
    assert_eq!(counts, [selected, done, skipped, failed], "{bulk}");
    let reasons: u64 =
        bulk["reasons"].as_array().unwrap().iter().map(|one| one["count"].as_u64().unwrap()).sum();
    assert_eq!(reasons, skipped + failed, "{bulk}");
}

async fn is_disabled(world: &World, id: InstanceId) -> bool {
    world.shown(id).await["disabled"].as_bool().unwrap()
}

#[tokio::test]
async fn what_was_named_is_switched_off_and_on_and_each_is_counted() {
    let world = World::new(501);
    let (ours, others) = (several(&world, 5, "ours").await, several(&world, 2, "others").await);
    world.call("DELETE", &format!("/instances/{}/enabled", ours[0]), &Value::Null).await;
    let off = json!({ "action": "disable", "filter": { "tags": ["ours"] } });
    let preview = world.call("POST", "/instances/bulk/preview", &off).await.body;
    assert_eq!((&preview["selected"], &preview["affected"]), (&json!(5), &json!(4)), "{preview}");
    assert_eq!(preview["reasons"][0]["reason"], "it is disabled already");
    assert!(!is_disabled(&world, ours[1]).await, "a preview does nothing");
    let id = begin(&world, off).await;
    let later = several(&world, 1, "ours").await;
    let bulk = ended(&world, &id).await;
    assert_counts(&bulk, (5, 4, 1, 0));
    assert_eq!(bulk["notes"][0]["instanceId"], ours[0].get());
    for id in &ours {
        assert!(is_disabled(&world, *id).await);
    }
    assert!(!is_disabled(&world, later[0]).await, "it came later");
    assert!(!is_disabled(&world, others[0]).await);
    let on = json!({ "action": "enable", "ids": [ours[0].get(), ours[1].get(), others[0].get(), 77] });
    let bulk = done(&world, on).await;
    assert_counts(&bulk, (4, 2, 2, 0));
    assert!(!is_disabled(&world, ours[0]).await && is_disabled(&world, ours[2]).await);
}

#[tokio::test]
async fn tags_come_and_go_and_the_others_stay() {
    let world = World::new(502);
    let ours = several(&world, 3, "ours").await;
    let tag =
        json!({ "action": "tag", "filter": {}, "addTags": ["new", "<b>ours</b>"], "removeTags": ["gone"] });
    assert_counts(&done(&world, tag.clone()).await, (3, 3, 0, 0));
    assert_eq!(world.shown(ours[0]).await["tags"], json!(["ours", "new"]));
    assert_counts(&done(&world, tag).await, (3, 0, 3, 0));
    let untag = json!({ "action": "tag", "filter": { "searchText": "ours 1" }, "removeTags": ["new"] });
    assert_counts(&done(&world, untag).await, (1, 1, 0, 0));
    let many: Vec<String> = (0..49).map(|number| format!("tag {number}")).collect();
    let full = done(&world, json!({ "action": "tag", "filter": {}, "addTags": many })).await;
    assert_counts(&full, (3, 1, 0, 2));
}

#[tokio::test]
async fn what_is_deleted_is_gone_with_all_it_had() {
    let world = World::new(503);
    let (ours, others) = (several(&world, 3, "ours").await, several(&world, 1, "others").await);
    let id = begin(&world, json!({ "action": "delete", "filter": { "tags": ["ours"] } })).await;
    // Somebody is faster with one of them.
    world.call("DELETE", &format!("/instances/{}", ours[1]), &Value::Null).await;
    assert_counts(&ended(&world, &id).await, (3, 3, 0, 0));
    let left = world.get("/instances").await;
    assert_eq!(left.as_array().unwrap().len(), 1);
    assert_eq!(left[0]["id"], others[0].get());
}

#[tokio::test]
async fn a_window_is_read_again_in_each_that_is_polled() {
    let world = World::new(504);
    let ours = several(&world, 3, "ours").await;
    world.call("DELETE", &format!("/instances/{}/enabled", ours[0]), &Value::Null).await;
    world.pass(Duration::minutes(30)).await;
    let from = (world.now() - Duration::hours(1)).to_rfc3339();
    let bulk = done(&world, json!({ "action": "backfill", "filter": {}, "from": from })).await;
    assert_counts(&bulk, (3, 2, 1, 0));
    let backfills = world.get(&format!("/instances/{}/backfill", ours[1])).await;
    assert_eq!(backfills[0]["status"], "done", "{backfills}");
    assert_eq!(world.get(&format!("/instances/{}/backfill", ours[0])).await, json!([]));
    // What the single call would refuse is told for each.
    let old = (world.now() - Duration::days(60)).to_rfc3339();
    let bulk = done(&world, json!({ "action": "backfill", "filter": {}, "from": old })).await;
    assert_counts(&bulk, (3, 0, 1, 2));
    assert!(bulk["reasons"][1]["reason"].as_str().unwrap().contains("must not be before"), "{bulk}");
}

#[tokio::test]
async fn what_is_not_as_it_was_shown_is_not_begun() {
    let world = World::new(505);
    several(&world, 3, "ours").await;
    let with = |expected: u64| json!({ "action": "disable", "filter": {}, "expected": expected });
    world.call("POST", "/instances/bulk", &with(2)).await.assert_refused(409);
    assert_eq!(world.get("/instances/bulk").await, json!([]));
    assert_counts(&done(&world, with(3)).await, (3, 3, 0, 0));
    for wrong in [
        json!({ "action": "disable" }),
        json!({ "action": "disable", "filter": {}, "ids": [1] }),
        json!({ "action": "disable", "ids": [] }),
        json!({ "action": "disable", "filter": { "colour": "red" } }),
        json!({ "action": "disable", "filter": { "status": "well" } }),
        json!({ "action": "explode", "filter": {} }),
        json!({ "action": "tag", "filter": {} }),
        json!({ "action": "retry", "filter": {} }),
        json!({ "action": "retry", "filter": {}, "from": "2999-01-01T00:00:00Z" }),
        json!({ "action": "retry", "filter": {}, "from": "2026-01-01T00:00:00Z", "deliveries": ["lost"] }),
    ] {
        world.call("POST", "/instances/bulk", &wrong).await.assert_refused(400);
        world.call("POST", "/instances/bulk/preview", &wrong).await.assert_refused(400);
    }
}

#[tokio::test]
async fn each_item_is_in_the_audit_record_under_the_bulks_name() {
    let world = World::new(506);
    let ours = several(&world, 3, "ours").await;
    let bulk = done(&world, json!({ "action": "disable", "filter": {} })).await;
    let id = bulk["id"].as_str().unwrap();
    let record = world.get("/organizations/1/audit?pageSize=200").await;
    let record = record.as_array().unwrap();
    let of = |action: &str| record.iter().filter(|one| one["action"] == action).collect::<Vec<_>>();
    let begun = of("bulk.begun");
    assert_eq!((begun.len(), &begun[0]["subject"]), (1, &json!(format!("bulk/{id}"))));
    let items = of("instance.disabled");
    assert_eq!(items.len(), ours.len());
    assert!(items.iter().all(|one| one["id"].as_str().unwrap().starts_with(id)), "{items:?}");
}

/// A user of the first organization who sees their own instances alone.
async fn member(world: &World) -> String {
    let body = json!({ "seesAll": false }).to_string();
    let admin = format!("Admin {}", crate::world::ADMIN_KEY);
    let reply = world.call_as(&admin, "POST", "/organizations/1/users", &body).await;
    format!("User {}, Organization world-organization", reply.body["userSecret"].as_str().unwrap())
}

#[tokio::test]
async fn nobody_does_to_many_what_they_may_not_do_to_one() {
    let world = World::new(507);
    let ours = several(&world, 2, "ours").await;
    let member = member(&world).await;
    let mut body = outlook_body(&world.microsoft.new_code(OUTLOOK_USER));
    body["name"] = json!("theirs");
    let theirs = world.call_as(&member, "POST", "/instances", &body.to_string()).await.instance_id();
    let all = json!({ "action": "disable", "filter": {} }).to_string();
    let reply = world.call_as(&member, "POST", "/instances/bulk", &all).await;
    assert_eq!((reply.status, &reply.body["selected"]), (202, &json!(1)), "{}", reply.body);
    let own_id = reply.body["id"].as_str().unwrap().to_owned();
    ended(&world, &own_id).await;
    assert!(is_disabled(&world, theirs).await && !is_disabled(&world, ours[0]).await);
    let named = json!({ "action": "delete", "ids": [ours[0].get()] }).to_string();
    let reply = world.call_as(&member, "POST", "/instances/bulk", &named).await;
    assert_eq!((&reply.body["instances"], &reply.body["skipped"]), (&json!(0), &json!(1)), "{}", reply.body);
    world.run_until_idle().await;
    // Nor does anybody see what they may not see.
    let bulk = done(&world, json!({ "action": "tag", "filter": {}, "addTags": ["x"] })).await;
    let path = format!("/instances/bulk/{}", bulk["id"].as_str().unwrap());
    world.call_as(&member, "GET", &path, "").await.assert_refused(404);
    world.call_as(&member, "DELETE", &path, "").await.assert_refused(404);
    let listed = world.call_as(&member, "GET", "/instances/bulk", "").await.body;
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!(world.get("/instances/bulk").await.as_array().unwrap().len(), 3);
    world.admit_another("stranger", "strangers").await;
    let stranger = "User stranger, Organization strangers";
    world.call_as(stranger, "GET", &path, "").await.assert_refused(404);
    assert_eq!(world.call_as(stranger, "GET", "/instances/bulk", "").await.body, json!([]));
    // A token is for its own instance.
    let token = world.shown(ours[0]).await["token"].as_str().unwrap().to_owned();
    let user = AUTHORIZATION.split(',').next().unwrap();
    let own = format!("{user}, Element {token}");
    world.call_as(&own, "POST", "/instances/bulk", &all).await.assert_refused(403);
    world.call_as(&own, "GET", "/instances/bulk", "").await.assert_refused(403);
}
