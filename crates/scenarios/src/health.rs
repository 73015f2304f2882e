//! An organization's health address, and what it is told.

use crate::outside::Outside;
use crate::signature::is_signed_by;
use crate::wait::until;
use doubles::Receiver;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One health event as whoever runs mailboxes sees it.
#[derive(Clone, Debug)]
pub struct HealthEvent {
    /// As `mailbox.needs_sign_in`.
    pub kind: String,
    /// The instances that it names.
    pub instances: Vec<u64>,
    /// All that it tells.
    pub data: Value,
}

/// A path of the receiver that nobody else uses.
pub struct HealthAddress {
    receiver: Receiver,
    path: String,
    url: String,
    key: String,
}

impl HealthAddress {
    /// One of its own path and key.
    pub fn new(outside: &Outside, name: &str) -> Self {
        let path = format!("/health-of-{name}");
        let (receiver, url) = (outside.receiver.clone(), outside.callback_url(&path));
        HealthAddress { receiver, url, path, key: format!("health key of {name}") }
    }

    /// For `PATCH /accounts/settings`.
    pub fn settings(&self) -> Value {
        json!({
            "notification.health.callback.url": self.url,
            "notification.health.signature.key": self.key,
        })
    }

    /// What was told here, each event once by its id. Checked on the way: signatures, and that an event that came again
    /// has the same bytes.
    pub fn told(&self) -> Vec<HealthEvent> {
        assert_eq!(self.receiver.dropped_count(), 0);
        let mut bodies = BTreeMap::new();
        let mut told = Vec::new();
        for received in self.receiver.received().into_iter().filter(|received| received.path == self.path) {
            assert!(is_signed_by(&self.key, &received), "a signature is wrong");
            let id = received.headers["webhook-id"].to_str().unwrap().to_owned();
            if let Some(before) = bodies.insert(id, received.body.clone()) {
                assert_eq!(before, received.body, "an event has two bodies");
                continue;
            }
            let body: Value = serde_json::from_slice(&received.body).unwrap();
            let data = body["data"].clone();
            let many = data["instanceIds"].as_array().cloned().unwrap_or_default();
            let instances = many.iter().chain(data.get("instanceId")).filter_map(Value::as_u64).collect();
            told.push(HealthEvent { kind: body["type"].as_str().unwrap().to_owned(), instances, data });
        }
        told
    }

    /// Those of a type that name an instance.
    pub fn told_of(&self, kind: &str, instance: u64) -> Vec<HealthEvent> {
        let is_of = |one: &HealthEvent| one.kind == kind && one.instances.contains(&instance);
        self.told().into_iter().filter(is_of).collect()
    }

    /// Waits until this was told of an instance, which takes a minute where others are told with it; it was told once.
    pub async fn wait_for(&self, kind: &str, instance: u64) -> HealthEvent {
        let what = format!("`{kind}` is told");
        let told = until(&what, async || self.told_of(kind, instance).pop()).await;
        assert_eq!(self.told_of(kind, instance).len(), 1, "`{kind}` is told once");
        told
    }
}
