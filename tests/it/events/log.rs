//! What is in the log, by what is asked of it.

use super::{TwoLogs, assert_bad, dates, ids, instance_ids, iso, kinds, paged, told};
use crate::world::{GMAIL_USER, World};
use chrono::Duration;
use doubles::Mail;
use serde_json::{Value, json};

async fn count(world: &World, path: &str) -> usize {
    world.get(path).await.as_array().unwrap().len()
}

#[tokio::test]
async fn each_filter_leaves_out_what_does_not_pass() {
    let world = World::new(471);
    let TwoLogs { gmail, outlook, mail, began_at } = told(&world).await;
    let at = |seconds: i64| iso(began_at + Duration::seconds(seconds));
    let outlook_object = object(&world, &format!("/instances/{outlook}/events")).await;
    for (filter, all, own) in [
        (String::new(), 6, 3),
        (format!("from={}", at(90)), 4, 2),
        (format!("to={}", at(90)), 2, 1),
        (format!("from={}&to={}", at(90), at(150)), 2, 1),
        (format!("from={}", (began_at + Duration::seconds(90)).timestamp_millis()), 4, 2),
        (format!("from={}", at(600)), 0, 0),
        ("objectType=changed-messages".to_owned(), 3, 3),
        ("objectType=messages".to_owned(), 3, 0),
        ("objectType=contacts".to_owned(), 0, 0),
        ("eventType=CREATED".to_owned(), 2, 1),
        ("eventType=DELETED".to_owned(), 1, 1),
        (format!("objectId={mail}"), 3, 3),
        (format!("objectId={outlook_object}"), 3, 0),
        (format!("objectId={mail}&eventType=UPDATED"), 1, 1),
        ("status=NOTIFIED".to_owned(), 6, 3),
        ("status=delivered".to_owned(), 6, 3),
        ("status=queued".to_owned(), 0, 0),
        ("status=RECEIVED".to_owned(), 0, 0),
    ] {
        assert_eq!(count(&world, &format!("/instances/events?{filter}")).await, all, "{filter}");
        assert_eq!(count(&world, &format!("/instances/{gmail}/events?{filter}")).await, own, "{filter}");
        assert_eq!(count(&world, &format!("/instances/events/dispositions?{filter}")).await, all, "{filter}");
    }
}

async fn object(world: &World, path: &str) -> String {
    let log = world.get(path).await;
    let body: Value = serde_json::from_str(log[0]["providerData"].as_str().unwrap()).unwrap();
    body["message"]["events"][0]["objectId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_no_filter_knows_is_refused() {
    let world = World::new(472);
    let id = world.create_gmail().await;
    for path in ["/instances/events".to_owned(), format!("/instances/{id}/events")] {
        for (filter, words) in [
            ("status=lost", ["status", "one of"]),
            ("eventType=MOVED", ["eventType", "one of"]),
            ("from=yesterday", ["from", "time"]),
            ("from=2026-11-22T12:00:00Z&to=2026-11-22T11:00:00Z", ["to", "before"]),
            ("pageSize=0", ["pageSize", "from 1"]),
            ("pageSize=201", ["pageSize", "200"]),
            ("nextPage=nonsense", ["nextPage", "token"]),
            ("status=queued&status=retry", ["status", "more than once"]),
        ] {
            assert_bad(&world, &format!("{path}?{filter}"), &words).await;
        }
    }
}

#[tokio::test]
async fn pages_over_several_instances_are_newest_first_and_miss_nothing() {
    let world = World::new(473);
    let TwoLogs { gmail, outlook, .. } = told(&world).await;
    let whole = world.get("/instances/events").await;
    let whole = whole.as_array().unwrap();
    let mut sorted = dates(whole);
    sorted.sort_by(|one, other| other.as_str().cmp(&one.as_str()));
    assert_eq!(dates(whole), sorted, "newest first");
    let (gmail, outlook) = (json!(gmail.get()), json!(outlook.get()));
    let expected: Vec<Value> = (0..3).flat_map(|_| [outlook.clone(), gmail.clone()]).collect();
    assert_eq!(instance_ids(whole), expected, "one after the other, whosever they are");
    for size in 1..=7 {
        assert_eq!(&paged(&world, "/instances/events", size).await, whole, "in pages of {size}");
        let created = paged(&world, "/instances/events?eventType=CREATED", size).await;
        assert_eq!(created.iter().flat_map(kinds).collect::<Vec<_>>(), ["CREATED", "CREATED"]);
        let own = paged(&world, &format!("/instances/{gmail}/events"), size).await;
        assert_eq!(own.iter().flat_map(kinds).collect::<Vec<_>>(), ["DELETED", "UPDATED", "CREATED"]);
    }
}

/// What comes in while somebody reads page after page is no part of what they read, and moves nothing.
#[tokio::test]
async fn pages_stay_whole_while_events_come_in() {
    let world = World::new(474);
    let TwoLogs { gmail, .. } = told(&world).await;
    let whole = ids(&world.get("/instances/events").await);
    let first = world.call("GET", "/instances/events?pageSize=3", &Value::Null).await;
    world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(gmail).await;
    let token = first.headers["elements-next-page-token"].to_str().unwrap();
    let second = world.get(&format!("/instances/events?pageSize=3&nextPage={token}")).await;
    assert_eq!([ids(&first.body), ids(&second)].concat(), whole);
}

#[tokio::test]
async fn one_event_is_found_with_its_instance_and_without() {
    let world = World::new(475);
    let TwoLogs { gmail, outlook, .. } = told(&world).await;
    let listed = world.get(&format!("/instances/{gmail}/events")).await;
    let event = listed[0]["id"].as_str().unwrap();
    let mut whole = world.get(&format!("/instances/{gmail}/events/{event}")).await;
    assert_eq!(world.get(&format!("/instances/events/{event}")).await, whole);
    assert!(whole.as_object_mut().unwrap().remove("lives").is_some(), "a list has no room for it");
    assert_eq!(whole, listed[0]);
    for path in [
        format!("/instances/{outlook}/events/{event}"),
        format!("/instances/{gmail}/events/AAAAAAAAAAAAAAAAAAAA"),
        "/instances/events/AAAAAAAAAAAAAAAAAAAA".to_owned(),
    ] {
        world.call("GET", &path, &Value::Null).await.assert_refused(404);
    }
    let token = world.shown(outlook).await["token"].as_str().unwrap().to_owned();
    let own = format!("User world-user, Element {token}");
    assert_eq!(world.call_as(&own, "GET", &format!("/instances/events/{event}"), "").await.status, 404);
    let log = world.call_as(&own, "GET", "/instances/events", "").await;
    assert_eq!(log.body.as_array().unwrap().len(), 3, "an Element token sees its own instance's");
}

#[tokio::test]
async fn dispositions_tell_what_became_of_each_event() {
    let world = World::new(476);
    let id = world.create_gmail().await;
    world.receiver.answer_next(500);
    world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(id).await;
    world.pass(Duration::seconds(20)).await;
    let told = world.get("/instances/events/dispositions").await;
    assert_eq!(told.as_array().unwrap().len(), 1);
    let event = &world.get("/instances/events").await[0]["id"];
    assert_eq!((&told[0]["eventId"], &told[0]["elementInstanceId"]), (event, &json!(id.get())));
    let attempts = told[0]["notificationData"].as_array().unwrap();
    let messages: Vec<&str> = attempts.iter().map(|one| one["message"].as_str().unwrap()).collect();
    assert_eq!(messages.len(), 2);
    assert!(messages[0].starts_with("Error delivering event") && messages[0].contains("500"), "{messages:?}");
    assert!(messages[1].starts_with("Delivered event"), "{messages:?}");
}

/// A deleted instance's events go with it, also from what is listed over all.
#[tokio::test]
async fn the_log_of_a_deleted_instance_is_gone() {
    let world = World::new(477);
    let TwoLogs { gmail, .. } = told(&world).await;
    let event = ids(&world.get(&format!("/instances/{gmail}/events")).await).remove(0);
    assert_eq!(world.call("DELETE", &format!("/instances/{gmail}"), &Value::Null).await.status, 200);
    assert_eq!(count(&world, "/instances/events").await, 3, "at once");
    world.run_until_idle().await;
    assert_eq!(count(&world, "/instances/events").await, 3);
    world.call("GET", &format!("/instances/events/{event}"), &Value::Null).await.assert_refused(404);
}
