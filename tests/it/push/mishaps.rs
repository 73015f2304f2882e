//! Notices get lost, come twice, late, and in another order; and history shows changes after they were announced.

use super::{pushed, pushed_outlook};
use crate::defects::assert_created;
use crate::world::{GMAIL_USER, OUTLOOK_USER, World, gmail_body};
use chrono::Duration;
use doubles::{Mail, Mishap};
use serde_json::json;

const TOPIC: &str = "projects/double-project/topics/mail";
const ADDRESS: &str = "https://carillon.test/push/gmail";
const ACCOUNT: &str = "pusher@double-project.iam.gserviceaccount.com";

/// A fifth is lost, a fifth doubled, a tenth late by a minute, a tenth overtaken, and history is three seconds late: nothing
/// is lost and nothing repeated.
#[tokio::test]
async fn whatever_happens_to_notices_no_event_is_lost_or_repeated() {
    for seed in 61..81 {
        let world = World::reachable(seed);
        pushed_outlook(&world).await;
        world.google.add_topic(TOPIC);
        world.google.add_push_subscription(
            "projects/double-project/subscriptions/push",
            TOPIC,
            ADDRESS,
            ACCOUNT,
            ADDRESS,
        );
        let items = json!({ "event.vendor.push.topic": TOPIC, "event.vendor.push.account": ACCOUNT });
        world.create(&pushed(gmail_body(&world.google.new_code(GMAIL_USER)), &items)).await;
        world.pass(Duration::minutes(5)).await;
        for (mishap, probability) in [
            (Mishap::Dropped, 0.2),
            (Mishap::Doubled, 0.2),
            (Mishap::Late { us: 60_000_000 }, 0.1),
            (Mishap::Overtaken, 0.1),
            (Mishap::Replayed, 0.05),
        ] {
            world.providers.set_mishap_rate(mishap, probability);
        }
        world.google.set_history_lag(3_000_000, 3_000_000, true);
        let mut sent = Vec::new();
        for n in 0..40 {
            match n % 2 {
                0 => sent.push(world.google.deliver(GMAIL_USER, Mail::default())),
                _ => sent.push(world.microsoft.deliver(OUTLOOK_USER, Mail::default())),
            }
            world.pass(Duration::seconds([0, 1, 3, 20, 70][n % 5])).await;
        }
        world.pass(Duration::minutes(125)).await;
        assert_created(&world.arrived(), &sent);
    }
}
