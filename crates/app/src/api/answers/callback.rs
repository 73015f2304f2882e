//! What a callback gets. Its bytes are made in `domain::envelope`, once, and stored; this is what they say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The body of a callback: up to ten events of one resource of an instance, with their records.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(example = sample())]
pub(in crate::api) struct Callback {
    /// `medium`.
    severity: String,
    /// When the events were found, as Java prints it.
    created_date: String,
    /// `instance-<id>-<connector>-events`.
    topic: String,
    /// `create`.
    action: String,
    /// The notification's number, as a text.
    id: String,
    message: CallbackMessage,
    user: String,
}

/// The same as `GET /notifications` shows it: its number as a number, its time in RFC 3339.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Notification", example = stored_sample())]
#[expect(dead_code, reason = "the stored body is shown; a test reads it by this")]
pub(super) struct StoredNotification {
    severity: String,
    created_date: super::moment::Moment,
    topic: String,
    action: String,
    id: u64,
    message: CallbackMessage,
    user: String,
}

/// What a notification says.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CallbackMessage {
    element_key: String,
    account_id: u32,
    /// The notification's id: the same on every attempt, and the value of `Elements-Webhook-Id`.
    event_id: String,
    company_id: u32,
    instance_id: u32,
    /// The same as `instanceId`.
    #[serde(rename = "instance_id")]
    instance_id_too: u32,
    instance_name: String,
    instance_tags: Vec<String>,
    raw: Raw,
    user_id: u32,
    /// At most ten.
    #[schemars(length(min = 1, max = 10))]
    events: Vec<CallbackEvent>,
}

/// The records of the events, as the provider has them.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Raw {
    /// Under the name of the polled resource: its records.
    #[serde(flatten)]
    records: Map<String, Value>,
    /// Milliseconds since the Unix epoch.
    poll_date: i64,
    /// The polled resource.
    object_type: String,
}

/// One change.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CallbackEvent {
    /// The same whenever the same change is reported.
    id: String,
    /// When the record changed, or the poll's time where the provider does not say.
    #[schemars(extend("format" = "date-time"))]
    date: String,
    element_key: String,
    #[schemars(extend("format" = "date-time"))]
    poll_date: String,
    event_type: EventType,
    hub_key: String,
    object_id: String,
    object_type: String,
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum EventType {
    Created,
    Updated,
    Deleted,
}

/// Of a callback, for a mailbox of the first connector.
pub(in crate::api) fn sample() -> Value {
    let connector = super::element::first();
    json!({
        "severity": "medium",
        "createdDate": "Sun Nov 22 11:40:00 UTC 2026",
        "topic": format!("instance-4711-{}-events", connector.key),
        "action": "create",
        "id": "1400001",
        "message": {
            "elementKey": connector.key, "accountId": 1, "eventId": super::ID, "companyId": 1, "instanceId": 4711,
            "instance_id": 4711, "instanceName": "Sales mailbox", "instanceTags": ["Sales"],
            "raw": {
                "messages": [{ "id": "18c1f0a2b3c4d5e6", "threadId": "18c1f0a2b3c4d5e6", "labelIds": ["INBOX"] }],
                "pollDate": 1_795_347_600_000_i64,
                "objectType": "messages",
            },
            "userId": 1,
            "events": [{
                "id": "mEgXr6yixV0pRP0N_DbdZg", "date": "2026-11-22T11:39:12Z", "elementKey": connector.key,
                "pollDate": super::AT, "eventType": "CREATED", "hubKey": connector.hub,
                "objectId": "18c1f0a2b3c4d5e6", "objectType": "messages",
            }],
        },
        "user": "notifications@carillon",
    })
}

fn stored_sample() -> Value {
    let mut body = sample();
    body["id"] = 1_400_001.into();
    body["createdDate"] = super::AT.into();
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use domain::envelope::{ReadableResource, Sender, build};
    use domain::event::{Change, ChangeKind};
    use domain::ids::InstanceId;

    /// Neither has a field that the other lacks, nor in another order.
    #[test]
    fn what_is_sent_is_what_is_described() {
        let sender = Sender {
            instance: InstanceId::parse("4711").unwrap(),
            connector: "mailbox",
            hub: "general",
            account_id: 1,
            organization_id: 1,
            user_id: 1,
            name: "Sales",
            tags: &["Sales".to_owned()],
        };
        let at = DateTime::from_timestamp(1_795_347_600, 0).unwrap();
        let change = Change {
            object_id: "m1".to_owned(),
            shown_id: None,
            kind: ChangeKind::Created,
            version: String::new(),
            at: None,
            record: json!({ "id": "m1" }),
            recheck: false,
            again: false,
        };
        let resource = ReadableResource { key: "messages", path: "messages", fields: &[] };
        let sent = build(&sender, resource, &[change], at, 100_000).remove(0).body;
        let read: Callback = serde_json::from_str(&sent).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), sent);
        let sample: Callback = serde_json::from_value(sample()).unwrap();
        assert_eq!(json!(sample), super::sample());
        assert_eq!(sample.message.raw.poll_date, at.timestamp_millis());
    }
}
