//! The log of events, and what became of each.

use crate::organization::text;
use crate::{Callback, Client, Instance, Mailbox, Organization, Platform, ReceivedEvent, until, with};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A mailbox of each connector in one organization, with everything that happened in them delivered.
struct Log {
    client: Client,
    /// In the first there are two messages one after the other, and one of them is read.
    busy: Instance,
    /// In each of the others there is one message.
    quiet: Vec<Instance>,
    /// The resources that are polled of each.
    resources: Vec<String>,
    callback: Callback,
    told: Vec<ReceivedEvent>,
}

impl Log {
    /// Notifications of the busy one.
    const BUSY_COUNT: usize = 3;

    async fn new(platform: &dyn Platform, name: &str) -> Self {
        let outside = platform.outside();
        let client = Organization::new(platform).await.client;
        let callback = Callback::new(outside, name);
        let mailboxes = Mailbox::each(outside, name);
        let busy = client.connect(&mailboxes[0], &callback).await;
        let mut told = Vec::new();
        for _ in 0..2 {
            told.push(mailboxes[0].deliver());
            client.poll_well(busy.id).await;
        }
        told.push(mailboxes[0].mark_read(&told[0].object));
        client.poll_well(busy.id).await;
        let mut quiet = Vec::new();
        for mailbox in &mailboxes[1..] {
            let instance = client.connect(mailbox, &callback).await;
            told.push(mailbox.deliver());
            client.poll_well(instance.id).await;
            quiet.push(instance);
        }
        callback.wait_for(&told).await;
        let resources = mailboxes.iter().map(Mailbox::resource).collect();
        let log = Log { client, busy, quiet, resources, callback, told };
        until("all is delivered by the log", async || {
            (log.count(&[("status", "NOTIFIED")]).await == log.told.len()).then_some(())
        })
        .await;
        log
    }

    async fn of(&self, query: &[(&str, &str)]) -> Vec<Value> {
        self.client.list(&with("/instances/events", query)).await
    }

    async fn count(&self, query: &[(&str, &str)]) -> usize {
        self.of(query).await.len()
    }
}

fn ids(records: &[Value]) -> BTreeSet<String> {
    records.iter().map(|record| text(record, "id")).collect()
}

pub async fn the_log_is_listed_by_what_is_asked_for(platform: &dyn Platform) {
    let log = Log::new(platform, "listed").await;
    let all = log.of(&[]).await;
    assert!(all.iter().map(|one| text(one, "eventDate")).is_sorted_by(|one, next| one >= next));
    assert_eq!(log.of(&[("pageSize", "1")]).await, all, "page by page it is the same");
    let first = &log.told[0].object;
    assert_eq!(log.count(&[("objectId", first)]).await, 2);
    assert_eq!(log.count(&[("objectId", first), ("eventType", "UPDATED")]).await, 1);
    assert_eq!(log.count(&[("eventType", "CREATED")]).await, 2 + log.quiet.len());
    for (index, resource) in log.resources.iter().enumerate() {
        let wanted = [("objectType", resource.as_str()), ("status", "delivered")];
        assert_eq!(log.count(&wanted).await, if index == 0 { Log::BUSY_COUNT } else { 1 }, "{resource}");
    }
    assert_eq!(log.count(&[("status", "queued")]).await, 0);
    assert_eq!(log.count(&[("to", "2020-01-01T00:00:00Z")]).await, 0);
    assert_eq!(log.count(&[("from", "1577836800000")]).await, log.told.len());
    for wrong in [("status", "LOST"), ("from", "yesterday"), ("pageSize", "0")] {
        let path = with("/instances/events", &[wrong]);
        assert!(log.client.refused("GET", &path, &Value::Null, 400).await.contains(wrong.0));
    }
    let mut by_instance = log.client.list(&format!("/instances/{}/events?pageSize=2", log.busy.id)).await;
    assert_eq!(by_instance.len(), Log::BUSY_COUNT);
    for instance in &log.quiet {
        by_instance.extend(log.client.of(instance).list("/instances/events").await);
    }
    assert_eq!((by_instance.len(), ids(&by_instance)), (log.told.len(), ids(&all)));
    for post in log.callback.posts() {
        let name = post.headers["elements-webhook-id"].to_str().unwrap();
        let one = log.client.get(&format!("/instances/events/{name}")).await;
        assert_eq!(one["providerData"].as_str().unwrap().as_bytes(), post.body);
        let path = format!("/instances/{}/events/{name}", one["instanceId"]);
        assert_eq!(log.client.get(&path).await, one);
        assert_eq!(one["attempts"][0]["status"], 200);
    }
    let lives = log.client.list(&format!("/instances/{}/objects/{first}/life", log.busy.id)).await;
    assert_eq!(lives.iter().map(|life| text(life, "eventType")).collect::<Vec<_>>(), ["UPDATED", "CREATED"]);
    for life in &lives {
        let stages = life["stages"].as_array().unwrap().iter().map(|one| text(one, "stage"));
        let line = stages.collect::<Vec<_>>().join(" ");
        assert!(line.contains("notShown") && line.ends_with("seen committed sent taken"), "{line}");
        let event = log.client.get(&format!("/instances/events/{}", text(life, "eventId"))).await;
        assert!(event["lives"].as_array().unwrap().contains(life));
    }
    log.client.refused("GET", "/instances/events/nothing", &Value::Null, 404).await;
}

pub async fn the_log_is_counted_by_interval_instance_and_account(platform: &dyn Platform) {
    let log = Log::new(platform, "counted").await;
    let path =
        |below: &str, query: &[(&str, &str)]| with(&format!("/instances/events/analytics{below}"), query);
    let day = [("interval", "day")];
    let sum = |rows: &Value, key: &str| -> u64 {
        rows.as_array().unwrap().iter().map(|row| row[key].as_u64().unwrap()).sum()
    };
    let minutes = log.client.get("/instances/events/analytics").await;
    assert_eq!(minutes.as_array().unwrap().len(), 61, "an hour by minutes, both ends");
    for rows in [minutes, log.client.get(&path("", &day)).await] {
        assert_eq!(sum(&rows, "count"), log.told.len() as u64);
    }
    let rows = log.client.get(&path("/instances", &[("interval", "minute")])).await;
    let records = rows.as_array().unwrap().iter().flat_map(|row| row["records"].as_array().unwrap());
    let of = |id: u64| -> u64 {
        let own = records.clone().filter(|record| record["instanceId"] == id);
        own.map(|record| record["success"].as_u64().unwrap()).sum()
    };
    assert_eq!(of(log.busy.id), 3);
    assert!(log.quiet.iter().all(|instance| of(instance.id) == 1));
    let accounts = log.client.get(&path("/accounts", &day)).await;
    assert_eq!(sum(&accounts, "total"), log.told.len() as u64);
    let foreign = [("interval", "day"), ("accountIds[]", "1999999999")];
    log.client.refused("GET", &path("/accounts", &foreign), &Value::Null, 403).await;
    let backwards = [("from", "2026-01-02T00:00:00Z"), ("to", "2026-01-01T00:00:00Z")];
    log.client.refused("GET", &path("", &backwards), &Value::Null, 400).await;
}

/// From a notification to its delivery and its subscription.
pub async fn each_notification_leads_to_its_delivery(platform: &dyn Platform) {
    let log = Log::new(platform, "leads").await;
    let client = &log.client;
    let subscriptions = client.get("/notifications/subscriptions").await;
    let subscriptions = subscriptions.as_array().unwrap();
    assert_eq!(subscriptions.len(), 1 + log.quiet.len());
    let dispositions = client.list("/instances/events/dispositions?pageSize=3").await;
    assert_eq!(dispositions.len(), log.told.len());
    for subscription in subscriptions {
        let id = &subscription["id"];
        assert_eq!(client.get(&format!("/notifications/subscriptions/{id}")).await, *subscription);
        assert_eq!(subscription["config"]["url"], log.callback.url());
        let topic = subscription["topics"][0].as_str().unwrap();
        let told = client.get(&with("/notifications", &[("topics[]", topic)])).await;
        let told = told.as_array().unwrap();
        let is_busy = subscription["instanceId"] == log.busy.id;
        assert_eq!(told.len(), if is_busy { Log::BUSY_COUNT } else { 1 });
        for notification in told {
            let path = format!("/notifications/{}", notification["id"]);
            assert_eq!(client.get(&path).await, *notification);
            let deliveries = client.get(&format!("{path}/subscriptions/deliveries")).await;
            assert_eq!(deliveries[0]["status"], "delivered");
            let one = format!("{path}/subscriptions/{id}/deliveries");
            assert_eq!(json!([client.get(&one).await]), deliveries);
            let hydrated = client.get(&format!("{one}?hydrate=true")).await;
            assert_eq!(hydrated["notification"], *notification);
            assert_eq!(hydrated["subscription"], *subscription);
            let name = &notification["message"]["eventId"];
            let became = dispositions.iter().find(|one| one["eventId"] == *name).unwrap();
            let words = became["notificationData"][0]["message"].as_str().unwrap();
            assert!(words.contains("200"), "{words}");
        }
    }
    client.refused("GET", "/notifications", &Value::Null, 400).await;
    client.refused("GET", "/notifications/1", &Value::Null, 404).await;
    client.refused("GET", "/notifications/subscriptions/1", &Value::Null, 404).await;
}

/// The same id and the same bytes.
pub async fn an_event_is_delivered_again_when_it_is_asked_for(platform: &dyn Platform) {
    let (client, outside) = (platform.client(), platform.outside());
    let (mailbox, callback) = (Mailbox::gmail(outside, "retried"), Callback::new(outside, "retried"));
    let id = client.connect(&mailbox, &callback).await.id;
    mailbox.deliver();
    client.poll_well(id).await;
    let first = callback.wait_for_posts(1).await.remove(0);
    let name = first.headers["elements-webhook-id"].to_str().unwrap();
    let path = format!("/instances/{id}/events/{name}");
    let is_delivered = async || (client.get(&path).await["delivery"] == "delivered").then_some(());
    until("it is delivered", is_delivered).await;
    let retried = client.done("POST", &format!("{path}/retry"), &Value::Null).await;
    assert_eq!(retried, json!({ "eventId": name, "attempt": 2 }));
    let second = callback.wait_for_posts(2).await.remove(1);
    assert_eq!((&second.body, second.headers["elements-webhook-id"].to_str().unwrap()), (&first.body, name));
    client.refused("POST", &format!("/instances/{id}/events/nothing/retry"), &Value::Null, 404).await;
}

/// By each connector, for what was told and for what is not there.
pub async fn what_was_not_sent_is_explained(platform: &dyn Platform) {
    let log = Log::new(platform, "explained").await;
    let told = log.told.iter().zip(std::iter::repeat_n(&log.busy, Log::BUSY_COUNT).chain(&log.quiet));
    for (event, instance) in told {
        let path = format!("/instances/{}/explain", instance.id);
        let answer = log.client.done("POST", &path, &json!({ "objectId": event.object })).await;
        let found = answer["objects"].as_array().unwrap();
        assert_eq!((found.len(), &found[0]["decision"]), (1, &json!("delivered")), "{answer}");
        let nothing = log.client.done("POST", &path, &json!({ "subject": "nothing like it" })).await;
        assert_eq!(nothing["objects"][0]["decision"], "notShown", "{nothing}");
    }
    let path = format!("/instances/{}/explain", log.busy.id);
    log.client.refused("POST", &path, &json!({}), 400).await;
}
