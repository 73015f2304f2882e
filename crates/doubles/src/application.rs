//! What an application sends to connect a mailbox: the body that the documentation of each connector shows.

use serde_json::{Value, json};

use crate::{CLIENT_ID, CLIENT_SECRET};

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
    /// The body that creates an instance of a connector (`gmail`, else Outlook) with an authorization code.
    pub fn body(&self, connector: &str, code: &str) -> Value {
        json!({
            "element": { "key": connector },
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
                "event.poller.configuration": poller(connector)
            },
            "tags": [self.tag],
            "name": self.name
        })
    }
}

fn poller(connector: &str) -> Value {
    if connector == "gmail" {
        return json!({ "changed-messages": { "url": "/hubs/general/changed-messages", "idField": "id" } });
    }
    json!({ "messages": {
        "url": "/hubs/general/messages?where=LastModifiedDateTime>='${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'",
        "idField": "Id",
        "datesConfiguration": {
            "updatedAtField": "LastModifiedDateTime",
            "updatedAtFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
            "updatedAtTimezone": "GMT",
            "createdAtField": "ReceivedDateTime",
            "createdAtFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
            "createdAtTimezone": "GMT"
        }
    } })
}
