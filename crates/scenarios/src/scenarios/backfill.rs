//! Windows of the past, read again.

use crate::organization::text;
use crate::{Callback, Client, Mailbox, Organization, Platform, until};
use chrono::{DateTime, Duration, SecondsFormat};
use serde_json::{Value, json};

/// What came before the connection is told once, and what was told is not told again.
pub async fn a_window_is_read_again_and_what_the_log_has_is_not_told_twice(platform: &dyn Platform) {
    let outside = platform.outside();
    let client = Organization::new(platform).await.client;
    let mailboxes = Mailbox::each(outside, "again-read");
    let callback = Callback::new(outside, "again-read");
    let mut wanted = Vec::new();
    for mailbox in &mailboxes {
        mailbox.old_message();
        wanted.extend([mailbox.deliver(), mailbox.deliver()]);
        let id = client.connect(mailbox, &callback).await.id;
        wanted.push(mailbox.deliver());
        client.poll_well(id).await;
        callback.wait_for(&wanted[wanted.len() - 1..]).await;
        let path = format!("/instances/{id}/backfill");
        for _ in 0..2 {
            let begun = client.call("POST", &path, &json!({ "from": before(&client, id, 1).await })).await;
            assert_eq!(begun.status, 202, "{}", begun.body);
            let one = format!("{path}/{}", text(&begun.body, "id"));
            until("the backfill is done", async || {
                client.poll(id).await;
                (client.get(&one).await["status"] == "done").then_some(())
            })
            .await;
            assert_eq!(client.get(&path).await, json!([client.get(&one).await]), "the last one is kept");
        }
        callback.wait_for(&wanted).await;
    }
    callback.assert_told(&wanted);
}

pub async fn a_window_that_can_not_be_read_again_is_refused(platform: &dyn Platform) {
    let (client, outside) = (platform.client(), platform.outside());
    let mailbox = Mailbox::gmail(outside, "no-window");
    let mut wanted = crate::body(&mailbox, &Callback::new(outside, "no-window"));
    wanted["configuration"]["event.poller.configuration"]["labels"] =
        json!({ "url": "/hubs/general/labels", "idField": "id" });
    let id = client.create(&wanted).await.id;
    let path = format!("/instances/{id}/backfill");
    let (day, year) = (before(client, id, 1).await, before(client, id, 24 * 365).await);
    for (request, field) in [
        (json!({}), "from"),
        (json!({ "from": "yesterday" }), "from"),
        (json!({ "from": year }), "from"),
        (json!({ "from": day, "to": year }), "to"),
        (json!({ "from": day, "resources": ["labels"] }), "resources"),
        (json!({ "from": day, "resources": ["threads"] }), "resources"),
    ] {
        let words = client.refused("POST", &path, &request, 400).await;
        assert!(words.contains(field), "{request}: {words}");
    }
    client.refused("GET", &format!("{path}/nothing"), &Value::Null, 404).await;
    client.done("DELETE", &format!("/instances/{id}/enabled"), &Value::Null).await;
    client.refused("POST", &path, &json!({ "from": day }), 409).await;
}

/// So long before the instance was made.
async fn before(client: &Client, id: u64, hours: i64) -> String {
    let created = text(&client.get(&format!("/instances/{id}")).await, "createdDate");
    let at = DateTime::parse_from_rfc3339(&created).unwrap() - Duration::hours(hours);
    at.to_utc().to_rfc3339_opts(SecondsFormat::Secs, true)
}
