//! Deliveries, subscriptions, and notifications by their number.

use super::{TwoLogs, assert_bad, told};
use crate::world::{CALLBACK, GMAIL_USER, World, gmail_body};
use chrono::Duration;
use doubles::Mail;
use serde_json::{Value, json};

const DELIVERIES: &str = "/notifications/subscriptions/deliveries";

fn encoded(condition: &str) -> String {
    condition.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn a_notification_is_read_by_the_number_of_its_callback() {
    let world = World::new(491);
    let TwoLogs { gmail, outlook, .. } = told(&world).await;
    let received = world.receiver.take();
    let sent: Value = serde_json::from_slice(&received[0].body).unwrap();
    let record = world.get(&format!("/instances/{gmail}/events")).await[2].clone();
    let number = record["notificationId"].as_u64().unwrap();
    assert!((1..1 << 53).contains(&number), "clients keep numbers as doubles");
    let notification = world.get(&format!("/notifications/{number}")).await;
    assert_eq!((&notification["id"], &notification["message"]), (&json!(number), &sent["message"]));
    let subscription = world.shown(gmail).await["subscriptionId"].as_u64().unwrap();
    let list = world.get(&format!("/notifications/{number}{}", &DELIVERIES["/notifications".len()..])).await;
    let one = world.get(&format!("/notifications/{number}/subscriptions/{subscription}/deliveries")).await;
    assert_eq!(list, json!([one]));
    assert_eq!((&one["status"], &one["eventId"]), (&json!("delivered"), &record["id"]));
    assert_eq!((&one["config"]["url"], &one["attempts"]), (&json!(CALLBACK), &json!(1)));
    assert_eq!(one.get("notification"), None, "not asked for");
    let hydrated = format!("/notifications/{number}/subscriptions/{subscription}/deliveries?hydrate=true");
    let hydrated = world.get(&hydrated).await;
    assert_eq!(
        (&hydrated["notification"], &hydrated["subscription"]["id"]),
        (&notification, &json!(subscription))
    );
    let foreign = world.shown(outlook).await["subscriptionId"].clone();
    for path in [
        format!("/notifications/{number}/subscriptions/{foreign}/deliveries"),
        "/notifications/1".to_owned(),
        "/notifications/first".to_owned(),
        "/notifications/1/subscriptions/deliveries".to_owned(),
    ] {
        world.call("GET", &path, &Value::Null).await.assert_refused(404);
    }
}

#[tokio::test]
async fn the_newest_notifications_of_topics_are_listed() {
    let world = World::new(492);
    let TwoLogs { gmail, outlook, .. } = told(&world).await;
    let subscriptions = world.get("/notifications/subscriptions").await;
    let topics: Vec<String> = subscriptions
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("topics[]={}", one["topics"][0].as_str().unwrap()))
        .collect();
    assert_eq!(topics.len(), 2);
    let both = world.get(&format!("/notifications?{}", topics.join("&"))).await;
    assert_eq!(both.as_array().unwrap().len(), 6);
    let one = world.get(&format!("/notifications?{}", topics[0])).await;
    assert_eq!(one.as_array().unwrap().len(), 3);
    assert_eq!(world.get("/notifications?topics[]=instance-1-nothing").await, json!([]));
    assert_bad(&world, "/notifications", &["topics[]", "required"]).await;
    for id in [gmail, outlook] {
        let subscription = &world.shown(id).await["subscriptionId"];
        let read = world.get(&format!("/notifications/subscriptions/{subscription}")).await;
        assert_eq!((&read["id"], &read["active"]), (subscription, &json!(true)));
        assert_eq!((&read["channel"], &read["config"]["url"]), (&json!("webhook"), &json!(CALLBACK)));
    }
}

/// An instance with a callback of its own, which is gone.
async fn suspended(world: &World, path: &str) -> domain::ids::InstanceId {
    world.receiver.fail_path(path, 410);
    let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
    body["configuration"]["event.notification.callback.url"] = json!(format!("http://callback.test{path}"));
    let id = world.create(&body).await;
    world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(id).await;
    id
}

#[tokio::test]
async fn what_waits_is_listed_by_where_and_hydrated_when_asked() {
    let world = World::new(493);
    let (one, two) = (suspended(&world, "/one").await, suspended(&world, "/two").await);
    let list = async |condition: &str| {
        let path = format!("{DELIVERIES}?where={}&hydrate=true", encoded(condition));
        world.get(&path).await.as_array().unwrap().clone()
    };
    for (condition, expected) in [
        ("status='queued'".to_owned(), vec![one, two]),
        ("status='retry'".to_owned(), vec![]),
        ("channel='webhook' and config.url='http://callback.test/one'".to_owned(), vec![one]),
        (format!("instanceId={two}"), vec![two]),
        ("config.url LIKE '%/two' OR config.url LIKE '%/one'".to_owned(), vec![one, two]),
    ] {
        let found = list(&condition).await;
        let mut ids: Vec<u64> = found.iter().map(|one| one["instanceId"].as_u64().unwrap()).collect();
        let mut expected: Vec<u64> = expected.iter().map(|id| id.get().into()).collect();
        ids.sort_unstable();
        expected.sort_unstable();
        ids.dedup();
        assert_eq!(ids, expected, "{condition}");
        assert!(found.iter().all(|one| one["notification"]["message"].is_object()), "{condition}");
        assert!(found.iter().all(|one| one["subscription"]["status"] == "suspended"), "{condition}");
    }
    let plain = world.get(DELIVERIES).await;
    assert!(plain.as_array().unwrap().iter().all(|one| one.get("notification").is_none()));
    assert_bad(&world, &format!("{DELIVERIES}?where={}", encoded("status=")), &["where"]).await;
}

#[tokio::test]
async fn a_release_by_where_lets_the_others_wait() {
    let world = World::new(494);
    let (one, two) = (suspended(&world, "/one").await, suspended(&world, "/two").await);
    world.receiver.heal_path("/one");
    world.receiver.heal_path("/two");
    world.receiver.take();
    let condition =
        encoded("channel='webhook' and status='queued' and config.url='http://callback.test/two'");
    let reply = world.call("PUT", &format!("{DELIVERIES}?where={condition}"), &Value::Null).await;
    assert_eq!((reply.status, &reply.body[0]["instanceId"]), (200, &json!(two.get())), "{}", reply.body);
    world.run_until_idle().await;
    let received = world.receiver.take();
    assert!(!received.is_empty() && received.iter().all(|one| one.path == "/two"));
    assert_eq!(world.shown(one).await["subscription"]["status"], "suspended");
    assert_eq!(world.shown(two).await["subscription"]["status"], "active");
    world.pass(Duration::hours(1)).await;
    assert!(
        world.receiver.take().iter().all(|received| received.path == "/two"),
        "nobody released the other"
    );
}

/// As documented: whoever asks for deliveries gets those that are over, too.
#[tokio::test]
async fn deliveries_of_every_status_are_listed_page_by_page() {
    let world = World::new(498);
    let TwoLogs { gmail, .. } = told(&world).await;
    world.receiver.answer_next(503);
    world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(gmail).await;
    let listed = async |condition: &str, page_size: usize| {
        let mut found: Vec<(u64, String)> = Vec::new();
        let mut next = String::new();
        loop {
            let path = format!("{DELIVERIES}?pageSize={page_size}&where={}{next}", encoded(condition));
            let reply = world.call("GET", &path, &Value::Null).await;
            assert_eq!(reply.status, 200, "{path}: {}", reply.body);
            found.extend(reply.body.as_array().unwrap().iter().map(|one| {
                (one["notificationId"].as_u64().unwrap(), one["status"].as_str().unwrap().to_owned())
            }));
            let Some(token) = reply.headers.get("elements-next-page-token") else { return found };
            next = format!("&nextPage={}", token.to_str().unwrap());
        }
    };
    let all = listed("channel='webhook'", 200).await;
    let statuses: Vec<&str> = all.iter().map(|(_, status)| status.as_str()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == "retry").count(), 1, "{statuses:?}");
    assert!(statuses.iter().filter(|status| **status == "delivered").count() >= 3, "{statuses:?}");
    let numbers: std::collections::BTreeSet<u64> = all.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers.len(), all.len(), "none comes twice");
    for page_size in [1, 2] {
        assert_eq!(listed("channel='webhook'", page_size).await, all);
    }
    for (condition, wanted) in [
        ("status='delivered'", ["delivered"].as_slice()),
        ("status in ('created', 'retry', 'queued')", &["retry"]),
        ("status!='delivered'", &["retry"]),
        ("status='queued'", &[]),
    ] {
        let expected: Vec<_> =
            all.iter().filter(|(_, status)| wanted.contains(&status.as_str())).cloned().collect();
        assert_eq!(listed(condition, 200).await, expected, "{condition}");
    }
}
