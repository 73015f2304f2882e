//! Whoever runs mailboxes is told what becomes of them.

use super::sign_in_links::{prepared, returned, token};
use crate::{Callback, Client, HealthAddress, Mailbox, Organization, PUBLIC_URL, Platform, until};
use serde_json::{Value, json};

/// Somebody connects a mailbox by a link.
async fn connect(client: &Client, mailbox: &Mailbox, callback: &Callback) -> u64 {
    let mut wanted = prepared(mailbox, callback);
    wanted.as_object_mut().unwrap().remove("providerData");
    wanted["tags"] = json!([mailbox.connector()]);
    sign_in(client, "/sign-in-links", &wanted, mailbox).await;
    let all = client.list(&format!("/instances?tags%5B%5D={}", mailbox.connector())).await;
    all[0]["id"].as_u64().unwrap()
}

/// The owner signs in by a link that is made there.
async fn sign_in(client: &Client, path: &str, wanted: &Value, mailbox: &Mailbox) {
    let link = token(&client.done("POST", path, wanted).await);
    let anybody = client.authorized("");
    let back = returned(&anybody, &link, mailbox).await;
    anybody.done("POST", "/sign-in-links/return", &back).await;
}

/// The grant is withdrawn, and a poll finds that.
async fn lock_out(client: &Client, id: u64, mailbox: &Mailbox) {
    mailbox.revoke();
    let path = format!("/instances/{id}");
    until("a poll finds the grant withdrawn", async || {
        client.call("POST", &format!("{path}/poll"), &Value::Null).await;
        (client.get(&path).await["valid"] == false).then_some(())
    })
    .await;
}

/// Of each connector at the same time: what is told together waits for the minute's end.
pub async fn a_mailbox_that_breaks_is_told_of_and_so_is_who_mends_it(platform: &dyn Platform) {
    let outside = platform.outside();
    let client = Organization::new(platform).await.client;
    let (callback, health) = (Callback::new(outside, "health"), HealthAddress::new(outside, "health"));
    client.done("PATCH", "/accounts/settings", &health.settings()).await;
    let mailboxes = Mailbox::each(outside, "health");
    let mut ids = Vec::new();
    for mailbox in &mailboxes {
        let id = connect(&client, mailbox, &callback).await;
        let told = health.wait_for("mailbox.connected", id).await.data;
        assert_eq!((&told["again"], &told["tags"]), (&json!(false), &json!([mailbox.connector()])));
        assert_eq!(told["link"], format!("{PUBLIC_URL}/instances/{id}"));
        lock_out(&client, id, mailbox).await;
        ids.push(id);
    }
    for (mailbox, id) in mailboxes.iter().zip(&ids) {
        let told = health.wait_for("mailbox.needs_sign_in", *id).await.data;
        assert_eq!(told["connector"], mailbox.connector());
        assert_eq!(told["link"], format!("{PUBLIC_URL}/instances/{id}"));
        sign_in(&client, &format!("/instances/{id}/sign-in-link"), &Value::Null, mailbox).await;
    }
    for id in &ids {
        health.wait_for("mailbox.recovered", *id).await;
        let connected = health.told_of("mailbox.connected", *id);
        let again: Vec<&Value> = connected.iter().map(|one| &one.data["again"]).collect();
        assert_eq!(again, [&json!(false), &json!(true)]);
        client.done("DELETE", &format!("/instances/{id}"), &Value::Null).await;
    }
}
