//! What an application sends to connect a mailbox: the body that the documentation of each connector shows.

use serde_json::{Value, json};

use crate::{CLIENT_ID, CLIENT_SECRET, Double};

/// What differs from one application to another.
#[derive(Clone, Copy, Debug)]
pub struct Application<'a> {
    /// Where notifications go.
    pub callback: &'a str,
    /// What they are signed with.
    pub signature_key: &'a str,
    /// Minutes between polls.
    pub interval_min: u32,
    /// The instance's name.
    pub name: &'a str,
    /// Its only tag.
    pub tag: &'a str,
}

impl Application<'_> {
    /// The body that creates an instance of a double's connector with an authorization code.
    pub fn body(&self, double: &dyn Double, code: &str) -> Value {
        json!({
            "element": { "key": double.connector() },
            "providerData": { "code": code },
            "configuration": {
                "oauth.api.key": CLIENT_ID,
                "oauth.api.secret": CLIENT_SECRET,
                "oauth.callback.url": "https://app.example/oauth",
                "event.notification.enabled": true,
                "event.vendor.type": "polling",
                "event.notification.callback.url": self.callback,
                "event.notification.signature.key": self.signature_key,
                "event.poller.refresh_interval": self.interval_min.to_string(),
                "event.poller.configuration": double.poller()
            },
            "tags": [self.tag],
            "name": self.name
        })
    }
}
