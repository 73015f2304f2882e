//! A resource that fails: what it does to others, where it is shown, and how it comes back.

use super::{create, one, polled};
use crate::world::{GMAIL_USER, World};
use chrono::{DateTime, Duration};
use domain::ids::InstanceId;
use doubles::{Fault, FaultKind, Mail, Route};
use serde_json::{Value, json};

async fn create_two(world: &World) -> InstanceId {
    let poller = json!({
        "changed-messages": { "url": "/hubs/general/changed-messages", "idField": "id" },
        "labels": { "url": "/hubs/general/labels", "idField": "id" },
    });
    create(world, "gmail", poller).await
}

fn break_labels(world: &World, kind: FaultKind) {
    world.google.push_fault(Fault { on: Route::Other, kind, times: 1_000_000 });
}

/// The record of one resource.
async fn record(world: &World, resource: &str) -> Value {
    let records = world.get("/instances/event-poller-records").await;
    records.as_array().unwrap().iter().find(|one| one["objectType"] == resource).unwrap().clone()
}

#[tokio::test]
async fn a_broken_resource_stops_no_other_and_comes_back_by_itself() {
    for kind in [FaultKind::Forbidden, FaultKind::ServerError { status: 500 }, FaultKind::BadGatewayHtml] {
        let world = World::new(321);
        let id = create_two(&world).await;
        break_labels(&world, kind);
        let label = world.google.create_label(GMAIL_USER, "Travel");
        for _ in 0..4 {
            let mail = world.google.deliver(GMAIL_USER, Mail::default());
            world.pass(Duration::minutes(15)).await;
            assert_eq!(world.arrived(), one("CREATED", &mail), "{kind:?}");
        }
        let (well, broken) = (record(&world, "changed-messages").await, record(&world, "labels").await);
        assert_eq!(
            (&well["failures"], &well["error"], &well["retryAt"]),
            (&json!(0), &Value::Null, &Value::Null)
        );
        assert!(broken["failures"].as_u64().unwrap() >= 3, "{broken}");
        assert!(!broken["error"].as_str().unwrap().is_empty());
        let retry_at: DateTime<chrono::Utc> = broken["retryAt"].as_str().unwrap().parse().unwrap();
        assert!(retry_at > world.now() - Duration::seconds(1), "{broken}");
        assert_eq!((&broken["instanceId"], &broken["frozen"]), (&json!(id.get()), &json!(true)));
        assert_eq!(well["frozen"], false);
        world.google.clear_faults();
        world.pass(Duration::hours(2)).await;
        assert_eq!(world.arrived(), one("CREATED", &label), "{kind:?}: nothing was lost meanwhile");
        let back = record(&world, "labels").await;
        assert_eq!((&back["failures"], &back["frozen"]), (&json!(0), &json!(false)));
    }
}

/// While it backs off, the provider is not asked for it, and failures grow the back-off.
#[tokio::test]
async fn a_broken_resource_is_asked_for_less_and_less() {
    let world = World::new(322);
    create_two(&world).await;
    break_labels(&world, FaultKind::ServerError { status: 503 });
    let asked = async |time: Duration| {
        world.google.clear_requests();
        world.pass(time).await;
        world.google.requests().iter().filter(|line| line.target.contains("/labels")).count()
    };
    let first = asked(Duration::hours(1)).await;
    let second = asked(Duration::hours(1)).await;
    assert!(second < first && second >= 1, "{first} in the first hour, {second} in the second");
}

#[tokio::test]
async fn stopped_instances_are_listed_with_their_reason() {
    let world = World::new(323);
    let frozen = create_two(&world).await;
    let other = "second@example.com";
    world.google.add_account(other);
    let mut body = crate::world::gmail_body(&world.google.new_code(other));
    body["name"] = json!("Signed out");
    let signed_out = world.create(&body).await;
    let path = "/instances/polling-disabled";
    assert_eq!(world.get(path).await, json!([]), "nothing stopped yet");
    break_labels(&world, FaultKind::Forbidden);
    world.google.revoke(other);
    world.pass(Duration::hours(2)).await;
    let listed = world.get(path).await;
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    let of = |id: InstanceId| listed.as_array().unwrap().iter().find(|one| one["id"] == id.get()).unwrap();
    let resources = of(frozen)["resources"].as_array().unwrap();
    assert_eq!((resources.len(), &resources[0]["objectType"]), (1, &json!("labels")), "only what stopped");
    assert!(!resources[0]["error"].as_str().unwrap().is_empty());
    assert!(of(frozen)["reason"].as_str().unwrap().contains("labels"), "{listed}");
    assert!(of(signed_out)["reason"].as_str().unwrap().contains("sign in again"), "{listed}");
}

/// No time passes between the call and the poll.
#[tokio::test]
async fn one_call_resumes_what_had_stopped() {
    let world = World::new(324);
    let id = create_two(&world).await;
    break_labels(&world, FaultKind::Forbidden);
    let label = world.google.create_label(GMAIL_USER, "Travel");
    world.pass(Duration::hours(6)).await;
    world.google.clear_faults();
    assert_eq!(polled(&world, id).await, [], "its back-off holds");
    let before = world.now();
    let reply = world.call("POST", &format!("/instances/{id}/resume"), &Value::Null).await;
    assert_eq!(reply.status, 202, "{}", reply.body);
    world.run_until_idle().await;
    assert_eq!(world.arrived(), one("CREATED", &label));
    assert!(world.now() - before < Duration::seconds(1), "at once");
    assert_eq!(world.get("/instances/polling-disabled").await, json!([]));
}

/// Resuming asks again; a grant that is dead is found dead.
#[tokio::test]
async fn resuming_without_a_grant_says_again_that_a_person_is_needed() {
    let world = World::new(325);
    let id = create_two(&world).await;
    world.google.revoke(GMAIL_USER);
    world.pass(Duration::minutes(31)).await;
    assert_eq!(world.shown(id).await["valid"], false);
    let reply = world.call("POST", &format!("/instances/{id}/resume"), &Value::Null).await;
    assert_eq!((reply.status, &reply.body["valid"]), (202, &json!(true)));
    world.run_until_idle().await;
    assert_eq!(world.shown(id).await["valid"], false);
    assert_eq!(world.get("/instances/polling-disabled").await.as_array().unwrap().len(), 1);
}
