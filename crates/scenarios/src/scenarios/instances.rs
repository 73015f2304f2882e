//! Instances that do not come to be, and that end.

use crate::{Callback, Client, Mailbox, Platform, Reply, body, until};
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
    assert_refused(&client.call("POST", "/instances", &wrong_code).await, 400);
    assert_refused(&client.call("POST", "/instances", &wrong_interval).await, 400);
    assert_refused(&client.call("POST", "/instances", &json!({ "element": { "key": "fax" } })).await, 400);
    assert_refused(&client.try_call("POST", "/instances", Some("{".to_owned())).await.unwrap(), 400);
    assert_refused(&client.call("GET", "/instances/1", &Value::Null).await, 404);
    assert_refused(&client.call("GET", "/nothing/here", &Value::Null).await, 404);
    assert_refused(&client.call("DELETE", "/instances", &Value::Null).await, 405);
    for authorization in ["User wrong, Organization wrong", "Element wrong", "Bearer wrong"] {
        let stranger = client.authorized(authorization);
        assert_refused(&stranger.call("POST", "/instances", &good).await, 401);
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
    let user = client.authorization().split(',').next().unwrap();
    let own = client.authorized(&format!("{user}, Element {}", instance.token));
    assert_eq!(own.get("/instances").await["id"], instance.id);
    assert!(!platform.leftovers(instance.id).await.is_empty());
    let path = format!("/instances/{}", instance.id);
    assert_eq!(client.call("DELETE", &path, &Value::Null).await.status, 200);
    assert_refused(&own.call("GET", "/instances", &Value::Null).await, 401);
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
    assert_refused(&client.call("GET", path, &Value::Null).await, 404);
    assert_refused(&client.call("DELETE", path, &Value::Null).await, 404);
}

/// Refused in the documented shape: an id of 24 hexadecimal digits, also in the header, and a message.
#[track_caller]
fn assert_refused(reply: &Reply, status: u16) {
    assert_eq!(reply.status, status, "{}", reply.body);
    let request_id = reply.body["requestId"].as_str().unwrap_or("no body in the documented shape");
    assert!(request_id.len() == 24 && request_id.chars().all(|c| c.is_ascii_hexdigit()), "{request_id}");
    assert_eq!(reply.headers["elements-request-id"], request_id);
    assert!(!reply.body["message"].as_str().unwrap().is_empty());
}
