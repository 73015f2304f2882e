//! What one request asks of the store and puts into its answer has limits, and says where it goes on.

use crate::world::{GMAIL_USER, Reply, World, gmail_body};
use app::ports::{Instances as _, NewInstance, NewNotification, PollCommit, Polls as _, Written};
use chrono::Duration;
use domain::ids::{EventId, InstanceId, NotificationName, Sequence};
use domain::token::Session;
use doubles::Mail;
use serde_json::{Value, json};

const DELIVERIES: &str = "/notifications/subscriptions/deliveries";

/// The list in its pages, each with its rows; every page is asked for with the token of the one before.
async fn pages(world: &World, method: &str, path: &str) -> Vec<Vec<Value>> {
    let mut all = Vec::new();
    let sign = if path.contains('?') { '&' } else { '?' };
    let mut next = path.to_owned();
    for _ in 0..100 {
        let reply = world.call(method, &next, &Value::Null).await;
        assert_eq!(reply.status, 200, "{next}: {}", reply.body);
        all.push(reply.body.as_array().unwrap().clone());
        assert_eq!(reply.headers["elements-returned-count"], all[all.len() - 1].len().to_string());
        let Some(token) = token_of(&reply) else { return all };
        next = format!("{path}{sign}nextPage={token}");
    }
    panic!("{path} has no last page");
}

fn token_of(reply: &Reply) -> Option<&str> {
    Some(reply.headers.get("elements-next-page-token")?.to_str().unwrap())
}

fn sizes(pages: &[Vec<Value>]) -> Vec<usize> {
    pages.iter().map(Vec::len).collect()
}

/// Instances whose callbacks are gone, with two notifications waiting each.
async fn suspended(world: &World, count: usize) {
    world.receiver.set_default(410);
    for _ in 0..count {
        let id = world.create_gmail().await;
        for _ in 0..2 {
            world.google.deliver(GMAIL_USER, Mail::default());
            world.poll(id).await;
        }
    }
}

#[tokio::test]
async fn subscriptions_deliveries_and_releases_come_in_pages() {
    let world = World::new(821);
    suspended(&world, 3).await;
    let whole = world.get("/notifications/subscriptions").await;
    let paged = pages(&world, "GET", "/notifications/subscriptions?pageSize=2").await;
    assert_eq!((sizes(&paged), json!(paged.concat())), (vec![2, 1], whole));
    let full = pages(&world, "GET", "/notifications/subscriptions?pageSize=3").await;
    assert_eq!(sizes(&full), [3], "a full page with nothing behind it is the last");
    let whole = world.get(DELIVERIES).await;
    let count = whole.as_array().unwrap().len();
    assert!(count >= 6, "{whole}");
    for size in [1, 4, count] {
        let paged = pages(&world, "GET", &format!("{DELIVERIES}?pageSize={size}")).await;
        assert!(paged[..paged.len() - 1].iter().all(|page| page.len() == size), "{:?}", sizes(&paged));
        assert_eq!((json!(paged.concat()), paged.len()), (whole.clone(), count.div_ceil(size)));
    }
    world.receiver.set_default(200);
    let released = pages(&world, "PUT", &format!("{DELIVERIES}?pageSize=2")).await;
    assert_eq!(sizes(&released), [2, 1]);
    world.run_until_idle().await;
    let waiting = format!("{DELIVERIES}?where=status!%3D%27delivered%27");
    assert_eq!(world.get(&waiting).await, json!([]));
}

/// Instances as the store has them, beside one that was created.
async fn crowd(world: &World, count: u32) {
    let like = world.create_gmail().await;
    let like = world.store.instance(like).await.unwrap().unwrap();
    for number in 1..=count {
        let mut instance = like.clone();
        instance.id = InstanceId::from_bytes((0x7000_0000 + number).to_be_bytes());
        instance.version = 1;
        let mut token_hash = [0; 32];
        token_hash[..4].copy_from_slice(&number.to_be_bytes());
        let audit = app::ports::AuditEntry {
            id: format!("{number:024x}"),
            organization_id: 1,
            at: world.now(),
            actor: app::ports::Actor::Administrator,
            action: "instance.created".to_owned(),
            subject: format!("instances/{}", instance.id),
            fields: Vec::new(),
            before: None,
            after: None,
            sealed: None,
        };
        let session = Session { version: 1, ..Session::default() };
        let new = NewInstance { instance, token_hash, session, states: Vec::new(), audit, spends: None };
        assert_eq!(world.store.insert_instance(&new).await.unwrap(), Written::Done);
    }
}

fn encoded(condition: &str) -> String {
    condition.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn a_list_that_finds_nothing_says_where_its_look_ended() {
    let world = World::new(822);
    crowd(&world, 600).await;
    for path in ["/notifications/subscriptions", DELIVERIES] {
        let nothing = format!("{path}?where={}", encoded("channel='pigeon'"));
        assert_eq!(sizes(&pages(&world, "GET", &nothing).await), [0, 0], "{path}");
    }
    let last = 0x7000_0000 + 600;
    let one = format!("/notifications/subscriptions?where={}", encoded(&format!("instanceId={last}")));
    assert_eq!(sizes(&pages(&world, "GET", &one).await), [1], "the others are not even read");
    let subscription = world.get(&one).await[0]["id"].clone();
    let one = format!("/notifications/subscriptions?where={}", encoded(&format!("id={subscription}")));
    assert_eq!(sizes(&pages(&world, "GET", &one).await), [1]);
    assert_eq!(world.get(&format!("/notifications/subscriptions/{subscription}")).await["instanceId"], last);
    assert_eq!(world.get("/instances/count").await["totalInstances"], 601);
}

/// Puts notifications into the log of an instance, each with this body.
async fn log(world: &World, id: InstanceId, (first, count): (u64, u64), body: &str) -> Vec<u64> {
    let row = world.store.mailbox(id).await.unwrap().unwrap().resources.remove(0);
    let mut state = row.state;
    state.version += 1;
    let notifications: Vec<NewNotification> = (first..first + count)
        .map(|sequence| {
            let events = vec![EventId::of_creation(id, "messages", &sequence.to_string())];
            NewNotification {
                sequence: Sequence(sequence),
                name: NotificationName::of(id, &events),
                resource: state.resource.clone(),
                events,
                objects: Vec::new(),
                gist: None,
                body: body.to_owned(),
                created_at: world.now(),
                sighting: None,
                deliver: false,
                expires_at: Some(world.now() + Duration::days(40)),
                claimed_until: None,
            }
        })
        .collect();
    let numbers = notifications.iter().map(|one| one.name.id).collect();
    let commit = PollCommit {
        instance: id,
        organization_id: 1,
        state,
        notifications,
        annex: Vec::new(),
        told: Vec::new(),
    };
    assert_eq!(world.store.commit_poll(&commit).await.unwrap(), Written::Done);
    numbers
}

/// However much lies before it, and whoever may not see it is told that it is not there.
#[tokio::test]
async fn a_number_finds_its_notification_in_a_long_log_and_an_unknown_one_is_missing() {
    let world = World::new(823);
    let id = world.create_gmail().await;
    let day_us = 86_400_000_000;
    let now_us = world.clock.now_us() as u64;
    let old = log(&world, id, (now_us - 20 * day_us, 10), "{}").await;
    for stretch in 0..25 {
        log(&world, id, (now_us - 10 * day_us + stretch * 1000, 1000), "{}").await;
    }
    let subscription = id.subscription_id();
    for below in ["", "/subscriptions/deliveries", &format!("/subscriptions/{subscription}/deliveries")] {
        let path = |number: u64| format!("/notifications/{number}{below}");
        world.get(&path(old[3])).await;
        for unknown in [1, old[3] ^ 1, u64::MAX] {
            world.call("GET", &path(unknown), &Value::Null).await.assert_refused(404);
        }
    }
    assert_eq!(world.get(&format!("/notifications/{}", old[3])).await["id"], old[3]);
    let then = "from=2026-11-01T00:00:00Z&to=2026-11-05T00:00:00Z";
    assert_eq!(world.get(&format!("/notifications/{}?{then}", old[3])).await["id"], old[3]);
    world.admit_another("other-user", "other-organization").await;
    let other = "User other-user, Organization other-organization";
    world.call_as(other, "GET", &format!("/notifications/{}", old[3]), "").await.assert_refused(404);
}

#[tokio::test]
async fn a_page_ends_before_its_bodies_are_too_long_for_an_answer() {
    let world = World::new(824);
    let id = world.create_gmail().await;
    let body = json!({ "message": { "text": "\"".repeat(100_000) } }).to_string();
    log(&world, id, (world.clock.now_us() as u64, 20), &body).await;
    for path in ["/instances/events".to_owned(), format!("/instances/{id}/events")] {
        let paged = pages(&world, "GET", &path).await;
        assert_eq!(paged.concat().len(), 20, "{path}");
        for page in &paged {
            // As a function on Lambda answers: a text in a document.
            let answer = serde_json::to_string(&json!({ "body": json!(page).to_string() })).unwrap();
            assert!(answer.len() < 6_000_000, "{path}: {}", answer.len());
        }
    }
    let topic = format!("/notifications?topics[]=instance-{id}-gmail-events");
    let listed = world.get(&topic).await;
    let answer = serde_json::to_string(&json!({ "body": listed.to_string() })).unwrap();
    assert!(answer.len() < 6_000_000 && listed.as_array().unwrap().len() >= 5, "{}", answer.len());
}

#[tokio::test]
async fn topics_count_once_and_there_are_not_too_many() {
    let world = World::new(825);
    let id = world.create_gmail().await;
    world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(id).await;
    let topic = format!("topics[]=instance-{id}-gmail-events");
    let once = world.get(&format!("/notifications?{topic}")).await;
    assert!(!once.as_array().unwrap().is_empty());
    assert_eq!(world.get(&format!("/notifications?{topic}&{topic}&topics[]=instance-{id}-x")).await, once);
    let many = vec![topic; 21].join("&");
    world.call("GET", &format!("/notifications?{many}"), &Value::Null).await.assert_refused(400);
}

#[tokio::test]
async fn what_stopped_does_not_hide_behind_what_goes_on() {
    let world = World::new(826);
    for _ in 0..4 {
        world.create_gmail().await;
    }
    let ids: Vec<Value> =
        world.get("/instances").await.as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    let last = &ids[3];
    world.call("DELETE", &format!("/instances/{last}/enabled"), &Value::Null).await;
    world.run_until_idle().await;
    let stopped = pages(&world, "GET", "/instances/polling-disabled?pageSize=1").await;
    assert_eq!((sizes(&stopped), &stopped[0][0]["id"]), (vec![1], last));
    let whole = world.get("/instances/event-poller-records?pageSize=200").await;
    for size in [1, 3, 4] {
        let path = format!("/instances/event-poller-records?pageSize={size}");
        let paged = pages(&world, "GET", &path).await;
        assert!(paged.iter().all(|page| page.len() <= size), "{:?}", sizes(&paged));
        assert_eq!(json!(paged.concat()), whole);
    }
}

#[tokio::test]
async fn strange_names_and_tokens_do_not_reach_the_store() {
    let world = World::new(827);
    let id = world.create_gmail().await;
    world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(id).await;
    let event = world.get("/instances/events").await[0]["id"].as_str().unwrap().to_owned();
    world.get(&format!("/instances/{id}/events/{event}")).await;
    for strange in [&event[1..], &format!("{event}A"), &"x".repeat(3000), &format!("{}%23", &event[1..])] {
        for path in [format!("/instances/events/{strange}"), format!("/instances/{id}/events/{strange}")] {
            world.call("GET", &path, &Value::Null).await.assert_refused(404);
        }
    }
    let token = |after: Value| {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json!({ "after": after }).to_string())
    };
    let at = "2026-11-22T12:00:00Z";
    for (path, after) in [
        ("/instances", json!(0)),
        ("/instances", json!(1_u64 << 31)),
        ("/elements/gmail/instances", json!(0)),
        ("/instances/count", json!("1")),
        ("/instances/polling-disabled", json!(0)),
        ("/instances/event-poller-records", json!([0, 0])),
        ("/notifications/subscriptions", json!(0)),
        (DELIVERIES, json!([1])),
        ("/organizations/1/users", json!("0")),
        ("/organizations/1/audit", json!([at, "x".repeat(5000)])),
        ("/organizations/1/audit", json!([at, "0123"])),
    ] {
        let reply = world.call("GET", &format!("{path}?nextPage={}", token(after)), &Value::Null).await;
        reply.assert_refused(400);
        assert!(reply.body["message"].as_str().unwrap().contains("nextPage"), "{path}: {}", reply.body);
    }
}

#[tokio::test]
async fn a_token_comes_only_where_a_page_follows() {
    let world = World::new(828);
    for _ in 0..2 {
        let id = world.create_gmail().await;
        world.google.deliver(GMAIL_USER, Mail::default());
        world.poll(id).await;
    }
    for path in ["/instances", "/elements/gmail/instances", "/instances/events", "/organizations/1/audit"] {
        let whole = world.get(&format!("{path}?pageSize=200")).await.as_array().unwrap().len();
        assert!(whole >= 2, "{path}");
        let paged = pages(&world, "GET", &format!("{path}?pageSize={whole}")).await;
        assert_eq!(sizes(&paged), [whole], "{path}");
        let paged = pages(&world, "GET", &format!("{path}?pageSize={}", whole - 1)).await;
        assert_eq!(sizes(&paged), [whole - 1, 1], "{path}");
    }
}

#[tokio::test]
async fn a_configuration_has_limits_over_all_its_requests() {
    let world = World::new(829);
    let id = world.create_gmail().await;
    let path = format!("/instances/{id}");
    let items = |prefix: &str, count: usize, bytes: usize| -> Value {
        let all = (0..count).map(|number| (format!("{prefix}-{number}"), json!("x".repeat(bytes))));
        json!({ "configuration": all.collect::<serde_json::Map<_, _>>() })
    };
    world.patch(id, &items("first", 2, 50_000)).await;
    let before = world.dump();
    let long = json!({ "configuration": { "k".repeat(257): "x" } });
    let nameless = json!({ "configuration": { "": "x" } });
    for body in
        [items("second", 1, 50_000), items("many", 95, 1), items("a.token", 1, 40_000), long, nameless]
    {
        let reply = world.call("PATCH", &path, &body).await;
        reply.assert_refused(400);
        assert!(reply.body["message"].as_str().unwrap().contains("configuration"), "{}", reply.body);
    }
    let mut creation = gmail_body(&world.google.new_code(GMAIL_USER));
    let configuration = creation["configuration"].as_object_mut().unwrap();
    configuration.extend(items("x", 3, 50_000)["configuration"].as_object().unwrap().clone());
    world.call("POST", "/instances", &creation).await.assert_refused(400);
    assert_eq!(world.dump(), before, "nothing was exchanged or stored");
    let emptied = world.patch(id, &items("first", 2, 0)).await;
    assert_eq!(emptied["configuration"].get("first-0"), None, "an empty text takes an item out");
    world.patch(id, &items("second", 2, 50_000)).await;
    let item = format!("{path}/configuration/second-0");
    let gone = world.call("PATCH", &item, &json!({ "propertyValue": null })).await;
    assert_eq!((gone.status, &gone.body["propertyValue"]), (200, &Value::Null), "{}", gone.body);
    world.call("GET", &item, &Value::Null).await.assert_refused(404);
}

#[tokio::test]
async fn what_is_called_a_secret_is_kept_as_one() {
    let world = World::new(830);
    let id = world.create_gmail().await;
    world.patch(id, &json!({ "configuration": { "proxy.password": "hush-hush", "proxy.name": "p" } })).await;
    let configuration = world.shown(id).await["configuration"].clone();
    assert_eq!(
        (&configuration["proxy.password"], &configuration["proxy.name"]),
        (&json!("********"), &json!("p"))
    );
    assert!(!world.dump().contains("hush-hush"));
    world.patch(id, &json!({ "configuration": { "proxy.password": "" } })).await;
    assert_eq!(world.shown(id).await["configuration"].get("proxy.password"), None);
}

#[tokio::test]
async fn a_name_is_more_than_markup() {
    let world = World::new(831);
    let id = world.create_gmail().await;
    let mut creation = gmail_body(&world.google.new_code(GMAIL_USER));
    creation["name"] = json!("<b></b>");
    let created = world.call("POST", "/instances", &creation).await;
    for (method, name) in [("PATCH", "<b></b>"), ("PUT", "<i> </i>"), ("PATCH", " "), ("PATCH", "")] {
        let reply = world.call(method, &format!("/instances/{id}"), &json!({ "name": name })).await;
        reply.assert_refused(400);
        assert!(reply.body["message"].as_str().unwrap().contains("`name`"), "{name}: {}", reply.body);
    }
    created.assert_refused(400);
    assert_eq!(world.get("/instances").await.as_array().unwrap().len(), 1);
}
