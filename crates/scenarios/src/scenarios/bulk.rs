//! One action on many instances.

use crate::organization::text;
use crate::{Callback, Client, Mailbox, Organization, Platform, until};
use serde_json::{Value, json};

/// Asks, counts, does and tells; what came later is left alone, and each number is that of what is so by then.
pub async fn an_action_on_many_is_counted_and_comes_to_its_end(platform: &dyn Platform) {
    let outside = platform.outside();
    let Organization { client, .. } = Organization::new(platform).await;
    let callback = Callback::new(outside, "bulk");
    let mut instances = Vec::new();
    for name in ["bulk-one", "bulk-two", "bulk-three"] {
        instances.push(client.connect(&Mailbox::gmail(outside, name), &callback).await);
    }
    let off = format!("/instances/{}/enabled", instances[0].id);
    client.done("DELETE", &off, &Value::Null).await;
    let disable = json!({ "action": "disable", "filter": { "connector": "gmail" } });
    let preview = client.done("POST", "/instances/bulk/preview", &disable).await;
    assert_eq!((&preview["selected"], &preview["affected"]), (&json!(3), &json!(2)), "{preview}");
    let mut unexpected = disable.clone();
    unexpected["expected"] = json!(3);
    client.refused("POST", "/instances/bulk", &unexpected, 409).await;
    let bulk = done(&client, &disable).await;
    assert_eq!(
        (&bulk["done"], &bulk["skipped"], &bulk["failed"]),
        (&json!(2), &json!(1), &json!(0)),
        "{bulk}"
    );
    let disabled = client.list("/instances?status=disabled").await;
    assert_eq!(disabled.len(), 3);
    let listed = client.list("/instances/bulk").await;
    assert_eq!(listed[0]["id"], bulk["id"]);
    let path = format!("/instances/bulk/{}", text(&bulk, "id"));
    assert_eq!(client.done("DELETE", &path, &Value::Null).await["status"], "done", "it had ended");
    let ids: Vec<u64> = instances.iter().map(|instance| instance.id).collect();
    let bulk = done(&client, &json!({ "action": "delete", "ids": ids })).await;
    assert_eq!(bulk["done"], 3, "{bulk}");
    assert!(client.list("/instances").await.is_empty());
    client.refused("GET", "/instances/bulk/0000000000000000", &Value::Null, 404).await;
}

async fn done(client: &Client, wanted: &Value) -> Value {
    let begun = client.done("POST", "/instances/bulk", wanted).await;
    let path = format!("/instances/bulk/{}", text(&begun, "id"));
    let over = async || Some(client.get(&path).await).filter(|bulk| bulk["status"] == "done");
    until("the action on many has ended", over).await
}
