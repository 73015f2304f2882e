//! How a bulk action runs: a bounded step at a time, stopped when somebody stops it, and not held up by one bad instance.

use super::{assert_counts, begin, done, ended, is_disabled, several};
use crate::world::{Gate, OutageEffect, World};
use app::ports::{Bulks as _, Job};
use chrono::Duration;
use domain::bulk::BulkId;
use serde_json::{Value, json};

/// More than one step has.
const MANY: usize = 130;
const STEP: u64 = 100;
/// Before and after each call of a worker who finds that another was first: to read, to write, to read again, to come
/// back later.
const GIVES_UP_WITHIN: u64 = 12;

fn job(id: &str) -> Job {
    Job::Bulk { organization_id: 1, id: BulkId::parse(id).unwrap() }
}

async fn shown(world: &World, id: &str) -> Value {
    world.get(&format!("/instances/bulk/{id}")).await
}

#[tokio::test]
async fn a_step_is_bounded_and_what_is_stopped_stays_as_far_as_it_came() {
    let world = World::new(521);
    let ours = several(&world, MANY, "ours").await;
    let id = begin(&world, json!({ "action": "disable", "filter": {} })).await;
    world.app.run(job(&id), world.now() + Duration::seconds(60)).await.unwrap();
    let under_way = shown(&world, &id).await;
    assert_eq!((&under_way["status"], &under_way["finished"]), (&json!("running"), &json!(STEP)));
    let stopped = world.call("DELETE", &format!("/instances/bulk/{id}"), &Value::Null).await;
    assert_eq!((stopped.status, &stopped.body["status"]), (200, &json!("cancelled")));
    let bulk = ended(&world, &id).await;
    assert_eq!((&bulk["finished"], &bulk["done"]), (&json!(STEP), &json!(STEP)));
    let count = world.get("/instances/counts?status=disabled").await["total"].as_u64();
    assert_eq!(count, Some(STEP));
    assert!(!is_disabled(&world, ours[MANY - 1]).await);
    let again = world.call("DELETE", &format!("/instances/bulk/{id}"), &Value::Null).await;
    assert_eq!(again.body["status"], "cancelled", "to stop it again changes nothing");
    assert_eq!(again.body["endedDate"], bulk["endedDate"]);
}

#[tokio::test]
async fn what_a_worker_does_until_it_hears_of_the_stop_is_counted() {
    let world = World::new(522);
    several(&world, 60, "ours").await;
    let id = begin(&world, json!({ "action": "disable", "filter": {} })).await;
    let worker = world.another_process_behind(&Gate::slow(3));
    let stop = async {
        while shown(&world, &id).await["finished"].as_u64().unwrap() < 20 {
            tokio::task::yield_now().await;
        }
        world.call("DELETE", &format!("/instances/bulk/{id}"), &Value::Null).await.status
    };
    let deadline = world.now() + Duration::seconds(60);
    let (ran, stopped) = tokio::join!(worker.run(job(&id), deadline), stop);
    assert!(ran.is_ok());
    assert_eq!(stopped, 200);
    let bulk = ended(&world, &id).await;
    let count = world.get("/instances/counts?status=disabled").await["total"].as_u64().unwrap();
    assert!((20..60).contains(&count), "{count}");
    assert_eq!((&bulk["status"], &bulk["done"]), (&json!("cancelled"), &json!(count)));
}

#[tokio::test]
async fn two_workers_do_each_once() {
    let world = World::new(523);
    let ours = several(&world, 30, "ours").await;
    let id = begin(&world, json!({ "action": "disable", "filter": {} })).await;
    let gates = [Gate::slow(1), Gate::slow(2)];
    let [one, other] = gates.each_ref().map(|gate| world.another_process_behind(gate));
    gates.iter().for_each(|gate| gate.count());
    let deadline = world.now() + Duration::seconds(60);
    let (first, second) = tokio::join!(one.run(job(&id), deadline), other.run(job(&id), deadline));
    assert!(first.is_ok() && second.is_ok());
    // Both read the row before either wrote it. What is done twice leaves no trace, as each item is repeatable.
    let mut passed = gates.map(|gate| gate.passed());
    passed.sort_unstable();
    let [fewer, more] = passed;
    assert!(fewer < GIVES_UP_WITHIN && more > GIVES_UP_WITHIN, "{fewer} and {more} calls");
    let bulk = ended(&world, &id).await;
    assert_counts(&bulk, (30, 30, 0, 0));
    let record = world.get("/organizations/1/audit?pageSize=200").await;
    let off = record.as_array().unwrap().iter().filter(|one| one["action"] == "instance.disabled");
    assert_eq!(off.count(), ours.len());
}

/// The lease, and not the worker, says when another may go on: the first may be slow only.
#[tokio::test]
async fn a_second_worker_does_nothing_until_the_lease_of_the_first_is_over() {
    let world = World::new(529);
    several(&world, 30, "ours").await;
    let id = begin(&world, json!({ "action": "disable", "filter": {} })).await;
    let gate = std::sync::Arc::new(Gate::default());
    let first = world.another_process_behind(&gate);
    let deadline = world.now() + Duration::seconds(60);
    gate.die_after(80);
    assert!(gate.run(first.run(job(&id), deadline)).await.is_none(), "it was to die at its work");
    let disabled = async || world.get("/instances/counts?status=disabled").await["total"].as_u64().unwrap();
    let count = disabled().await;
    assert!((1..30).contains(&count), "{count}");
    world.another_process().run(job(&id), deadline).await.unwrap();
    assert_eq!(disabled().await, count, "the first may still be at it");
    assert_counts(&ended(&world, &id).await, (30, 30, 0, 0));
}

#[tokio::test]
async fn one_that_can_not_be_read_holds_up_no_other() {
    let mut world = World::new(524);
    world.check_at_end = false;
    let ours = several(&world, 3, "ours").await;
    let id = begin(&world, json!({ "action": "tag", "filter": {}, "addTags": ["new"] })).await;
    let broken = ours[1].get();
    world
        .rows()
        .write("break one", move |tx| {
            let statement =
                "UPDATE instances SET document = replace(document, 'outlookemail', 'fax') WHERE id = ?1";
            tx.execute(statement, [broken])
        })
        .await
        .unwrap();
    let bulk = ended(&world, &id).await;
    assert_counts(&bulk, (3, 2, 0, 1));
    assert_eq!(bulk["notes"][0]["instanceId"], broken);
    assert_eq!(bulk["notes"][0]["outcome"], "failed");
}

/// What can't be promised is not begun: its row would stand there, and nobody would work on it.
#[tokio::test]
async fn nothing_is_begun_that_no_job_is_promised_for() {
    let world = World::new(530);
    let ours = several(&world, 1, "ours").await;
    world.queue.begin(OutageEffect::Before, 0);
    let body = json!({ "action": "disable", "filter": {} });
    let refused = world.call("POST", "/instances/bulk", &body).await;
    assert!(refused.status >= 500, "{}", refused.body);
    assert_eq!(world.get("/instances/bulk").await, json!([]));
    world.queue.end();
    world.pass(Duration::minutes(5)).await;
    assert!(!is_disabled(&world, ours[0]).await);
    assert_counts(&done(&world, body).await, (1, 1, 0, 0));
}

#[tokio::test]
async fn while_the_queue_fails_it_waits_and_then_goes_on() {
    let world = World::new(525);
    several(&world, MANY, "ours").await;
    // The promise alone is kept; what follows from it is not.
    world.queue.begin(OutageEffect::Before, 1);
    let id = begin(&world, json!({ "action": "disable", "filter": {} })).await;
    world.run_until_idle().await;
    assert_eq!(shown(&world, &id).await["finished"], 0, "its job is the promised one");
    // Now it came: nothing can be done without the queue, nor can the next step be enqueued.
    world.pass(Duration::seconds(121)).await;
    let tried = shown(&world, &id).await;
    assert_eq!((&tried["status"], &tried["finished"]), (&json!("running"), &json!(0)));
    assert_ne!(tried["updatedDate"], tried["requestedDate"], "a step was tried");
    world.queue.end();
    let bulk = ended(&world, &id).await;
    assert_eq!((&bulk["status"], &bulk["done"], &bulk["failed"]), (&json!("done"), &json!(MANY), &json!(0)));
}

#[tokio::test]
async fn so_many_run_in_an_organization_and_they_end() {
    let world = World::new(526);
    several(&world, 1, "ours").await;
    let body = json!({ "action": "disable", "filter": {} });
    for _ in 0..5 {
        begin(&world, body.clone()).await;
    }
    world.call("POST", "/instances/bulk", &body).await.assert_refused(409);
    world.admit_another("stranger", "strangers").await;
    let stranger = "User stranger, Organization strangers";
    assert_eq!(world.call_as(stranger, "POST", "/instances/bulk", &body.to_string()).await.status, 202);
    world.run_until_idle().await;
    done(&world, body).await;
}

#[tokio::test]
async fn one_that_does_not_end_is_given_up_and_one_that_ended_goes_after_a_week() {
    let mut world = World::new(527);
    several(&world, 1, "ours").await;
    let id = begin(&world, json!({ "action": "disable", "filter": {} })).await;
    world.lose_jobs_of("Bulk").await;
    world.pass(Duration::hours(25)).await;
    assert_eq!(shown(&world, &id).await["status"], "running", "nobody looks");
    world.app.run(job(&id), world.now() + Duration::seconds(60)).await.unwrap();
    assert_eq!(shown(&world, &id).await["status"], "givenUp");
    let kept = async |world: &World| {
        world.store.retention(world.now(), 1_000).await.unwrap();
        world.store.bulks(1, None, 10).await.unwrap().rows.len()
    };
    world.pass(Duration::days(7) - Duration::minutes(1)).await;
    assert_eq!(kept(&world).await, 1);
    world.pass(Duration::minutes(2)).await;
    assert_eq!(kept(&world).await, 0);
}

#[tokio::test]
async fn they_are_listed_newest_first_by_pages() {
    let world = World::new(528);
    several(&world, 1, "ours").await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let body = json!({ "action": "tag", "filter": {}, "addTags": [format!("tag {number}")] });
        ids.insert(0, done(&world, body).await["id"].as_str().unwrap().to_owned());
    }
    let (mut listed, mut next) = (Vec::new(), String::new());
    loop {
        let reply =
            world.call("GET", &format!("/instances/bulk?pageSize=2&nextPage={next}"), &Value::Null).await;
        let page = reply.body.as_array().unwrap();
        listed.extend(page.iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        match reply.headers.get("elements-next-page-token") {
            Some(token) => next = token.to_str().unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!(listed, ids);
}
