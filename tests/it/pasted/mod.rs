//! What people paste and save: addresses, credentials, text as their editors write it.

mod addresses;
mod codes;
mod origins;
mod texts;

use crate::world::{Reply, World};
use domain::ids::InstanceId;
use serde_json::{Value, json};

const URL: &str = "event.notification.callback.url";
const USERNAME: &str = "event.notification.basic.username";
const PASSWORD: &str = "event.notification.basic.password";
const HEADERS: &str = "event.notification.callback.headers";

/// Changes items of a configuration, which may be refused.
async fn change(world: &World, id: InstanceId, items: Value) -> Reply {
    world.call("PATCH", &format!("/instances/{id}"), &json!({ "configuration": items })).await
}

/// Refused, and the message names these keys.
#[track_caller]
fn assert_names(reply: &Reply, keys: &[&str]) {
    reply.assert_refused(400);
    let message = reply.body["message"].as_str().unwrap();
    for key in keys {
        assert!(message.contains(&format!("`{key}`")), "{key}: {message}");
    }
}

/// A mail, told to the callback: the headers that came with it.
async fn headers_of_next(world: &World, id: InstanceId) -> http::HeaderMap {
    world.receiver.take();
    world.google.deliver(crate::world::GMAIL_USER, doubles::Mail::default());
    world.poll(id).await;
    world.receiver.take().remove(0).headers
}
