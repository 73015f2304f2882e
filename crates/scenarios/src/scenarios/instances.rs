//! Instances that do not come to be, and that end.

use crate::{Callback, Client, Mailbox, Platform, body, until};
use serde_json::{Value, json};

pub async fn a_bad_request_is_answered_in_the_dialect(platform: &dyn Platform) {
    let (client, outside) = (platform.client(), platform.outside());
    let mailbox = Mailbox::gmail(outside, "refused");
    let callback = Callback::new(outside, "refused");
    let good = body(&mailbox, &callback);
    let mut wrong_code = good.clone();
    wrong_code["providerData"]["code"] = "4/0Anonsense".into();
    let mut wrong_interval = good.clone();
    wrong_interval["configuration"]["event.poller.refresh_interval"] = "0".into();
    client.refused("POST", "/instances", &wrong_code, 400).await;
    client.refused("POST", "/instances", &wrong_interval, 400).await;
    client.refused("POST", "/instances", &json!({ "element": { "key": "fax" } }), 400).await;
    client.try_call("POST", "/instances", Some("{".to_owned())).await.unwrap().refused(400);
    client.refused("GET", "/instances/1", &Value::Null, 404).await;
    client.refused("GET", "/nothing/here", &Value::Null, 404).await;
    client.refused("PATCH", "/elements", &json!({}), 405).await;
    client.refused("DELETE", "/instances", &Value::Null, 401).await;
    for authorization in ["User wrong, Organization wrong", "Element wrong", "Bearer wrong"] {
        let stranger = client.authorized(authorization);
        stranger.refused("POST", "/instances", &good, 401).await;
    }
    client.create(&good).await;
}

/// From the moment of the deletion the token is worth nothing and nothing is delivered; soon nothing is left.
pub async fn a_deleted_instance_leaves_nothing(platform: &dyn Platform) {
    let (client, outside) = (platform.client(), platform.outside());
    let mailbox = Mailbox::outlook(outside, "deleted");
    let callback = Callback::new(outside, "deleted");
    let instance = client.connect(&mailbox, &callback).await;
    let wanted = [mailbox.deliver()];
    client.poll_well(instance.id).await;
    callback.wait_for(&wanted).await;
    let own = client.of(&instance);
    assert_eq!(own.get("/instances").await["id"], instance.id);
    assert!(!platform.leftovers(instance.id).await.is_empty());
    let path = format!("/instances/{}", instance.id);
    assert_eq!(client.call("DELETE", &path, &Value::Null).await.status, 200);
    own.refused("GET", "/instances", &Value::Null, 401).await;
    assert_gone(client, &path).await;
    let nothing_left = async || platform.leftovers(instance.id).await.is_empty().then_some(());
    until("nothing is left of the instance", nothing_left).await;
    let requests_count = mailbox.requests_count();
    mailbox.deliver();
    platform.start_twice(instance.id).await;
    assert_gone(client, &path).await;
    assert_eq!(mailbox.requests_count(), requests_count, "the provider was asked again");
    callback.assert_told(&wanted);
}

async fn assert_gone(client: &Client, path: &str) {
    client.refused("GET", path, &Value::Null, 404).await;
    client.refused("DELETE", path, &Value::Null, 404).await;
}
