//! A watch lives as long as somebody needs it.

use super::{assert_active, push_of, pushed_outlook};
use crate::defects::assert_created;
use crate::world::{OUTLOOK_USER, World};
use chrono::Duration;
use doubles::Mail;
use serde_json::{Value, json};

fn watches(world: &World) -> usize {
    world.microsoft.subscriptions_of(OUTLOOK_USER).len()
}

/// While the token is still there to do it with.
#[tokio::test]
async fn the_last_one_out_ends_the_watch() {
    let world = World::reachable(21);
    let ends: [(&str, &str, Value); 3] = [
        ("DELETE", "", Value::Null),
        ("DELETE", "/enabled", Value::Null),
        ("PATCH", "", json!({ "configuration": { "event.vendor.type": "polling" } })),
    ];
    for (method, path, body) in ends {
        let one = pushed_outlook(&world).await;
        let other = pushed_outlook(&world).await;
        assert_eq!(watches(&world), 1, "instances of one mailbox share it");
        for (id, left) in [(one, 1), (other, 0)] {
            let reply = world.call(method, &format!("/instances/{id}{path}"), &body).await;
            assert_eq!(reply.status, 200, "{}", reply.body);
            world.run_until_idle().await;
            assert_eq!(watches(&world), left, "{method} {path}");
        }
        assert_eq!(world.push_states().await, 0, "nothing is left of it");
        world.call("DELETE", &format!("/instances/{one}"), &Value::Null).await;
        world.call("DELETE", &format!("/instances/{other}"), &Value::Null).await;
        world.run_until_idle().await;
    }
}

#[tokio::test]
async fn all_who_share_a_watch_are_told() {
    let world = World::reachable(22);
    let (one, other) = (pushed_outlook(&world).await, pushed_outlook(&world).await);
    assert_active(&push_of(&world, one).await);
    assert_active(&push_of(&world, other).await);
    world.pass(Duration::minutes(5)).await;
    let mail = world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    world.pass(Duration::seconds(3)).await;
    assert_created(&world.arrived(), &[mail.clone(), mail]);
}

#[tokio::test]
async fn push_is_had_again_by_who_is_enabled_again_or_asks_for_it_later() {
    let world = World::reachable(23);
    let id = world.create_outlook().await;
    world.patch(id, &json!({ "configuration": { "event.vendor.type": "webhooks" } })).await;
    assert_active(&push_of(&world, id).await);
    world.call("DELETE", &format!("/instances/{id}/enabled"), &Value::Null).await;
    world.run_until_idle().await;
    let push = push_of(&world, id).await;
    assert_eq!(push["reason"], "the instance is disabled", "{push}");
    world.call("PUT", &format!("/instances/{id}/enabled"), &Value::Null).await;
    world.run_until_idle().await;
    assert_active(&push_of(&world, id).await);
}

/// The old one's watch ends, and the new one's begins.
#[tokio::test]
async fn another_mailbox_takes_its_push_along() {
    let world = World::reachable(24);
    let id = pushed_outlook(&world).await;
    world.microsoft.add_account("other@example.com");
    let code = world.microsoft.new_code("other@example.com");
    world.patch(id, &json!({ "providerData": { "code": code } })).await;
    assert_eq!(watches(&world), 0);
    assert_eq!(world.microsoft.subscriptions_of("other@example.com").len(), 1);
    assert_active(&push_of(&world, id).await);
    assert_eq!(world.push_states().await, 1);
}

/// A watch that a changed configuration has no use for is ended.
#[tokio::test]
async fn what_is_no_longer_polled_is_no_longer_watched() {
    let world = World::reachable(26);
    let id = pushed_outlook(&world).await;
    let folder = world.microsoft.add_folder(OUTLOOK_USER, "Orders");
    let url = format!("/hubs/general/messages?where=ParentFolderId='{folder}'");
    let of_folder = json!({ "messages": { "url": url, "idField": "Id" } });
    let resources = || {
        let all = world.microsoft.subscriptions_of(OUTLOOK_USER);
        all.iter().map(|one| one["resource"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(resources(), ["me/messages"]);
    let poller = json!({ "configuration": { "event.poller.configuration": of_folder.to_string() } });
    world.patch(id, &poller).await;
    world.pass(Duration::minutes(61)).await;
    assert_eq!(resources(), [format!("me/mailFolders('{folder}')/messages")]);
    assert_active(&push_of(&world, id).await);
}

/// A provider that does not answer holds no deletion up.
#[tokio::test]
async fn a_watch_that_can_not_be_ended_expires_harmlessly() {
    let world = World::reachable(25);
    let id = pushed_outlook(&world).await;
    world.providers.set_fault_rate(1.0, &[doubles::FaultKind::ServerError { status: 503 }]);
    world.call("DELETE", &format!("/instances/{id}"), &Value::Null).await;
    world.pass(Duration::minutes(10)).await;
    world.providers.clear_faults();
    assert_eq!(world.push_states().await, 0);
    world.microsoft.deliver(OUTLOOK_USER, Mail::default());
    world.pass(Duration::minutes(10)).await;
    assert_created(&world.arrived(), &[]);
}
