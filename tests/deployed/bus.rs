//! The bus, for subscribers inside AWS.

use crate::stack::{Stack, platform};
use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::QueueAttributeName;
use scenarios::{Callback, Mailbox, Platform as _, until};
use serde_json::Value;

/// What the callback gets goes to the bus, too, where the instance asks for it, and only there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notifications_go_to_the_bus_when_the_instance_asks_for_it() {
    let stack = platform().await;
    let client = stack.client();
    let queue = subscribe(&stack).await;
    let (asks, does_not) =
        (Mailbox::gmail(stack.outside(), "bus"), Mailbox::gmail(stack.outside(), "no-bus"));
    let callback = Callback::new(stack.outside(), "bus");
    let mut body = scenarios::body(&asks, &callback);
    body["configuration"]["event.notification.eventbridge"] = true.into();
    let on_bus = client.create(&body).await.id;
    let off_bus = client.connect(&does_not, &callback).await.id;
    let wanted = [does_not.deliver(), asks.deliver()];
    client.poll_well(off_bus).await;
    client.poll_well(on_bus).await;
    callback.wait_for(&wanted).await;
    let seen = until("the bus has the notification", async || {
        let seen = stack.look_into(&queue).await;
        (!seen.is_empty()).then_some(seen)
    })
    .await;
    assert_eq!(seen.len(), 1, "{seen:?}");
    let event: Value = serde_json::from_str(&seen[0]).unwrap();
    assert_eq!(
        (&event["source"], &event["detail-type"]),
        (&"carillon".into(), &"carillon.notification".into())
    );
    let told = &event["detail"]["message"]["events"][0];
    assert_eq!(told["objectId"], wanted[1].object.as_str());
    let posts = callback.posts();
    let posted = posts.iter().map(|post| serde_json::from_slice::<Value>(&post.body).unwrap());
    assert!(posted.into_iter().any(|body| body == event["detail"]), "the bus and the callback say the same");
}

/// A queue of the test's own that takes everything of the stack's bus.
async fn subscribe(stack: &Stack) -> String {
    let name = format!("bus-{:08x}", fastrand::u32(..));
    let queue = stack.aws.sqs.create_queue().queue_name(&name).send().await.unwrap().queue_url.unwrap();
    let request = stack.aws.sqs.get_queue_attributes().queue_url(&queue);
    let attributes = request.attribute_names(QueueAttributeName::QueueArn).send().await.unwrap();
    let arn = attributes.attributes.unwrap()[&QueueAttributeName::QueueArn].clone();
    let bus = &stack.environment.event_bus;
    let rule = stack.aws.events.put_rule().name(&name).event_bus_name(bus);
    rule.event_pattern(r#"{"source":["carillon"]}"#).send().await.unwrap();
    let target = Target::builder().id("queue").arn(arn).build().unwrap();
    let targets = stack.aws.events.put_targets().rule(&name).event_bus_name(bus).targets(target);
    assert_eq!(targets.send().await.unwrap().failed_entry_count, 0);
    queue
}
