//! The log of events, and what became of each.

use crate::organization::text;
use crate::{Callback, Client, Instance, Mailbox, Organization, Platform, Told, until, with};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Two mailboxes of one organization, with everything that happened in them delivered.
struct Log {
    client: Client,
    gmail: Instance,
    outlook: Instance,
    callback: Callback,
    told: Vec<Told>,
}

impl Log {
    /// Notifications of Gmail's: two messages one after the other, and one of them read.
    const GMAIL_COUNT: usize = 3;
    const COUNT: usize = 4;

    async fn new(platform: &dyn Platform, name: &str) -> Self {
        let outside = platform.outside();
        let client = Organization::new(platform).await.client;
        let callback = Callback::new(outside, name);
        let mailboxes = [Mailbox::gmail(outside, name), Mailbox::outlook(outside, name)];
        let gmail = client.connect(&mailboxes[0], &callback).await;
        let outlook = client.connect(&mailboxes[1], &callback).await;
        let mut told = Vec::new();
        for happens in [Mailbox::deliver, Mailbox::deliver] {
            told.push(happens(&mailboxes[0]));
            client.poll_well(gmail.id).await;
        }
        told.push(mailboxes[0].mark_read(&told[0].object));
        told.push(mailboxes[1].deliver());
        client.poll_well(gmail.id).await;
        client.poll_well(outlook.id).await;
        callback.wait_for(&told).await;
        let log = Log { client, gmail, outlook, callback, told };
        until("all is delivered by the log", async || {
            (log.count(&[("status", "NOTIFIED")]).await == Log::COUNT).then_some(())
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
    assert_eq!(log.count(&[("eventType", "CREATED")]).await, 3);
    assert_eq!(log.count(&[("objectType", "changed-messages")]).await, Log::GMAIL_COUNT);
    assert_eq!(log.count(&[("objectType", "messages"), ("status", "delivered")]).await, 1);
    assert_eq!(log.count(&[("status", "queued")]).await, 0);
    assert_eq!(log.count(&[("to", "2020-01-01T00:00:00Z")]).await, 0);
    assert_eq!(log.count(&[("from", "1577836800000")]).await, Log::COUNT);
    for wrong in [("status", "LOST"), ("from", "yesterday"), ("pageSize", "0")] {
        let path = with("/instances/events", &[wrong]);
        assert!(log.client.refused("GET", &path, &Value::Null, 400).await.contains(wrong.0));
    }
    let of_gmail = log.client.list(&format!("/instances/{}/events?pageSize=2", log.gmail.id)).await;
    assert_eq!(of_gmail.len(), Log::GMAIL_COUNT);
    let own = log.client.of(&log.outlook).list("/instances/events").await;
    let both = [of_gmail, own].concat();
    assert_eq!((both.len(), ids(&both)), (Log::COUNT, ids(&all)));
    for post in log.callback.posts() {
        let name = post.headers["elements-webhook-id"].to_str().unwrap();
        let one = log.client.get(&format!("/instances/events/{name}")).await;
        assert_eq!(one["providerData"].as_str().unwrap().as_bytes(), post.body);
        let path = format!("/instances/{}/events/{name}", one["instanceId"]);
        assert_eq!(log.client.get(&path).await, one);
        assert_eq!(one["attempts"][0]["status"], 200);
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
        assert_eq!(sum(&rows, "count"), Log::COUNT as u64);
    }
    let rows = log.client.get(&path("/instances", &[("interval", "minute")])).await;
    let records = rows.as_array().unwrap().iter().flat_map(|row| row["records"].as_array().unwrap());
    let of = |id: u64| -> u64 {
        let own = records.clone().filter(|record| record["instanceId"] == id);
        own.map(|record| record["success"].as_u64().unwrap()).sum()
    };
    assert_eq!((of(log.gmail.id), of(log.outlook.id)), (3, 1));
    let accounts = log.client.get(&path("/accounts", &day)).await;
    assert_eq!(sum(&accounts, "total"), Log::COUNT as u64);
    let none =
        log.client.get(&path("/accounts", &[("interval", "day"), ("accountIds[]", "1999999999")])).await;
    assert_eq!(sum(&none, "total"), 0);
    let backwards = [("from", "2026-01-02T00:00:00Z"), ("to", "2026-01-01T00:00:00Z")];
    log.client.refused("GET", &path("", &backwards), &Value::Null, 400).await;
}

/// From a notification to its delivery and its subscription.
pub async fn each_notification_leads_to_its_delivery(platform: &dyn Platform) {
    let log = Log::new(platform, "leads").await;
    let client = &log.client;
    let subscriptions = client.get("/notifications/subscriptions").await;
    let subscriptions = subscriptions.as_array().unwrap();
    assert_eq!(subscriptions.len(), 2);
    let dispositions = client.list("/instances/events/dispositions?pageSize=3").await;
    assert_eq!(dispositions.len(), Log::COUNT);
    for subscription in subscriptions {
        let id = &subscription["id"];
        assert_eq!(client.get(&format!("/notifications/subscriptions/{id}")).await, *subscription);
        assert_eq!(subscription["config"]["url"], log.callback.url());
        let topic = subscription["topics"][0].as_str().unwrap();
        let told = client.get(&with("/notifications", &[("topics[]", topic)])).await;
        let told = told.as_array().unwrap();
        let is_gmails = subscription["instanceId"] == log.gmail.id;
        assert_eq!(told.len(), if is_gmails { Log::GMAIL_COUNT } else { 1 });
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
