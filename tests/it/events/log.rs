//! What is in the log, by what is asked of it.

use super::{TwoLogs, assert_bad, dates, ids, instance_ids, iso, kinds, paged, told};
use crate::world::{GMAIL_USER, World};
use app::ports::{EventLog as _, LogPage, NewNotification, PollCommit, Polls as _, Written};
use chrono::{DateTime, Duration, SecondsFormat};
use domain::ids::{EventId, InstanceId, NotificationName, Sequence};
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
        ("status=CONSUMED".to_owned(), 0, 0),
        (format!("objectId={mail}&status=queued"), 0, 0),
        ("subject=nowhere".to_owned(), 0, 0),
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

/// No index leads to a subject: a request reads so many of the newest, says how far it came, and its token goes on.
#[tokio::test]
async fn a_search_by_subject_says_how_far_it_looked_and_goes_on() {
    let world = World::new(478);
    let id = world.create_gmail().await;
    world.google.deliver(GMAIL_USER, Mail { subject: "Größe \"needle\"".to_owned(), ..Mail::default() });
    world.poll(id).await;
    let wanted = ids(&world.get("/instances/events").await);
    let began = sequence_after(&world, id).await;
    hay(&world, id, began, 5_200).await;
    for list in ["/instances/events".to_owned(), format!("/instances/{id}/events")] {
        let path = format!("{list}?subject=gr%C3%B6%C3%9Fe%20%22need");
        let first = world.call("GET", &path, &Value::Null).await;
        assert_eq!((first.status, first.body.as_array().unwrap().len()), (200, 0), "{list}");
        let searched_to = first.headers["elements-searched-to"].to_str().unwrap();
        // The hay is a microsecond apart: 5,200 less the 5,000 that were looked at.
        assert_eq!(searched_to, millis(began + 200), "{list}");
        let token = first.headers["elements-next-page-token"].to_str().unwrap();
        let second = world.call("GET", &format!("{path}&nextPage={token}"), &Value::Null).await;
        assert_eq!(ids(&second.body), wanted, "{list}");
        assert_eq!(second.body[0]["subject"], "Größe \"needle\"");
        assert!(!second.headers.contains_key("elements-searched-to"), "all was looked at");
    }
}

/// What an index leads to is found behind however much of what is not wanted, in one request.
#[tokio::test]
async fn a_search_by_status_or_object_finds_what_is_behind_thousands() {
    let world = World::new(479);
    let id = world.create_gmail().await;
    world.receiver.set_default(410);
    let object = world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(id).await;
    world.pass(Duration::seconds(20)).await;
    let wanted = ids(&world.get("/instances/events").await);
    hay(&world, id, sequence_after(&world, id).await, 6_000).await;
    for list in ["/instances/events".to_owned(), format!("/instances/{id}/events")] {
        for filter in ["status=queued".to_owned(), "status=RECEIVED".to_owned(), format!("objectId={object}")]
        {
            assert_eq!(ids(&world.get(&format!("{list}?{filter}")).await), wanted, "{list}?{filter}");
        }
        let logged = paged(&world, &format!("{list}?status=CONSUMED"), 200).await;
        assert_eq!(logged.len(), 6_000);
    }
    let life = world.get(&format!("/instances/{id}/objects/{object}/life")).await;
    assert_eq!(life.as_array().unwrap().len(), 1, "{life}");
}

async fn sequence_after(world: &World, id: InstanceId) -> u64 {
    let page = LogPage { before: None, limit: 1, pending_only: false };
    world.store.notifications(id, page).await.unwrap().rows[0].sequence.0 + 1
}

/// So many notifications that are only logged.
async fn hay(world: &World, id: InstanceId, first: u64, count: u64) {
    let mut state = world.store.mailbox(id).await.unwrap().unwrap().resources.remove(0).state;
    state.version += 1;
    let one = |sequence: u64| {
        let events = vec![EventId::of_creation(id, "hay", &sequence.to_string())];
        let record = json!({ "payload": { "headers": [{ "name": "Subject", "value": "Hay" }] } });
        let event = json!({ "elementKey": "gmail", "objectId": "hay", "eventType": "CREATED" });
        NewNotification {
            sequence: Sequence(sequence),
            name: NotificationName::of(id, &events),
            resource: state.resource.clone(),
            events,
            objects: vec!["hay".to_owned()],
            gist: None,
            body: json!({ "message": { "events": [event], "raw": { "hay": [record] } } }).to_string(),
            created_at: world.now(),
            sighting: None,
            deliver: false,
            expires_at: Some(world.now() + Duration::days(40)),
            claimed_until: None,
        }
    };
    let notifications = (first..first + count).map(one).collect();
    let commit = PollCommit {
        instance: id,
        organization_id: 1,
        state: state.clone(),
        notifications,
        annex: Vec::new(),
        told: Vec::new(),
    };
    assert_eq!(world.store.commit_poll(&commit).await.unwrap(), Written::Done);
}

fn millis(sequence: u64) -> String {
    let at = DateTime::from_timestamp_micros(i64::try_from(sequence).unwrap()).unwrap();
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
