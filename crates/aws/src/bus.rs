//! The [`Bus`] port on EventBridge: the same notifications, for subscribers inside AWS.

use crate::environment::Environment;
use crate::fault::{Fault, fault};
use app::api::BASE_PATH;
use app::ports::{Bus, Notification, PortError, Result};
use async_trait::async_trait;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::primitives::DateTime as SmithyDateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde_json::json;

/// What our events call themselves.
const SOURCE: &str = "carillon";
const DETAIL_TYPE: &str = "carillon.notification";
/// EventBridge takes entries below 256 KB
/// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html>),
/// with source, type and time counted too; the rest is a margin for them.
const DETAIL_BYTES_MAX: usize = 256 * 1024 - 1024;

/// The stack's event bus.
pub struct EventBus {
    client: Client,
    name: String,
}

impl EventBus {
    /// The bus that the environment names.
    pub fn new(client: Client, environment: &Environment) -> Self {
        EventBus { client, name: environment.event_bus.clone() }
    }
}

#[async_trait]
impl Bus for EventBus {
    async fn publish(&self, notification: &Notification) -> Result<()> {
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(DETAIL_TYPE)
            .time(SmithyDateTime::from_secs(notification.created_at.timestamp()))
            .detail(detail(notification));
        let sent = self.client.put_events().entries(entry.build()).send().await;
        let sent = sent.map_err(fault("publish a notification"))?;
        if sent.failed_entry_count == 0 {
            return Ok(());
        }
        let code = sent.entries().iter().find_map(|entry| entry.error_code()).unwrap_or("not taken");
        Err(PortError::new("publish a notification", Fault::of_code(code)))
    }
}

/// The callback body; what is too large is named, with where to read it.
fn detail(notification: &Notification) -> String {
    if notification.body.len() <= DETAIL_BYTES_MAX {
        return notification.body.clone();
    }
    let (instance, event_id) = (notification.instance, &notification.name.event_id);
    json!({
        "oversize": true,
        "instanceId": instance.get(),
        "eventId": event_id,
        "url": format!("{BASE_PATH}/instances/{instance}/events/{event_id}"),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment;
    use crate::script::Script;
    use app::ports::Progress;
    use chrono::DateTime;
    use domain::ids::{InstanceId, NotificationName, Sequence};

    fn notification(body: String) -> Notification {
        let instance = InstanceId::parse("17").unwrap();
        Notification {
            instance,
            sequence: Sequence(5),
            name: NotificationName { id: 9, event_id: "event".to_owned() },
            resource: "messages".to_owned(),
            events: Vec::new(),
            body,
            created_at: DateTime::from_timestamp(1_795_000_000, 0).unwrap(),
            sighting: None,
            progress: Progress::Pending,
            attempt: 1,
            round_start: 0,
            due_at: None,
            attempts: Vec::new(),
            reached: domain::delivery::Reached::default(),
            expires_at: None,
        }
    }

    async fn publish(script: &Script, body: &str) -> Result<()> {
        let bus = EventBus::new(Client::new(&script.config()), &environment::tests::sample());
        bus.publish(&notification(body.to_owned())).await
    }

    const TAKEN: (u16, &str) = (200, r#"{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}"#);

    #[tokio::test]
    async fn a_notification_is_an_event_with_its_body() {
        let script = Script::new(&[TAKEN]);
        publish(&script, r#"{"message":{}}"#).await.unwrap();
        let entry = script.asked()[0].body["Entries"][0].clone();
        assert_eq!(entry["EventBusName"], "stack-events");
        assert_eq!(entry["Source"], "carillon");
        assert_eq!(entry["DetailType"], "carillon.notification");
        assert_eq!(entry["Detail"], r#"{"message":{}}"#);
    }

    #[tokio::test]
    async fn what_is_too_large_is_named() {
        let script = Script::new(&[TAKEN]);
        publish(&script, &"x".repeat(DETAIL_BYTES_MAX)).await.unwrap();
        publish(&script, &"x".repeat(DETAIL_BYTES_MAX + 1)).await.unwrap();
        let detail =
            |index: usize| script.asked()[index].body["Entries"][0]["Detail"].as_str().unwrap().to_owned();
        assert_eq!(detail(0).len(), DETAIL_BYTES_MAX);
        assert_eq!(
            detail(1),
            r#"{"oversize":true,"instanceId":17,"eventId":"event","url":"/elements/api-v2/instances/17/events/event"}"#
        );
    }

    #[tokio::test]
    async fn an_entry_that_was_not_taken_is_a_failure() {
        let refused =
            r#"{"FailedEntryCount":1,"Entries":[{"ErrorCode":"InternalFailure","ErrorMessage":"m"}]}"#;
        let error = publish(&Script::new(&[(200, refused)]), "{}").await.unwrap_err();
        assert_eq!(crate::fault::chain(&error), "publish a notification: InternalFailure");
    }
}
