//! The event bus.

use crate::stack::stack;
use app::ports::{Bus as _, Clock as _, Notification, Progress};
use aws::EventBus;
use domain::ids::{InstanceId, NotificationName, Sequence};
use system::SystemClock;

fn notification(body: &str) -> Notification {
    Notification {
        instance: InstanceId::parse("17").unwrap(),
        sequence: Sequence(5),
        name: NotificationName { id: 9, event_id: "e".to_owned() },
        resource: "messages".to_owned(),
        events: Vec::new(),
        body: body.to_owned(),
        created_at: SystemClock.now(),
        progress: Progress::Pending,
        attempt: 1,
        round_start: 0,
        due_at: None,
        attempts: Vec::new(),
        reached: domain::delivery::Reached::default(),
        sighting: None,
        expires_at: None,
    }
}

#[tokio::test]
async fn a_notification_reaches_a_subscriber_of_the_bus() {
    let stack = stack().await;
    let environment = &stack.environment;
    let rule = stack.clients.events.put_rule().name("all").event_bus_name(&environment.event_bus);
    rule.event_pattern(r#"{"source":["carillon"]}"#).send().await.unwrap();
    let target = aws_sdk_eventbridge::types::Target::builder().id("queue").arn(&environment.work_queue.arn);
    let targets = stack.clients.events.put_targets().rule("all").event_bus_name(&environment.event_bus);
    targets.targets(target.build().unwrap()).send().await.unwrap();
    let bus = EventBus::new(stack.clients.events.clone(), environment);
    let body = r#"{"message":{"eventId":"e"}}"#;
    bus.publish(&notification(body)).await.unwrap();
    let taken = stack.take(&environment.work_queue.url, 1).await;
    let event: serde_json::Value = serde_json::from_str(&taken[0].0).unwrap();
    assert_eq!(event["source"], "carillon");
    assert_eq!(event["detail-type"], "carillon.notification");
    assert_eq!(event["detail"], serde_json::from_str::<serde_json::Value>(body).unwrap());
}
