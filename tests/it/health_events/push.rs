//! Notices that came and come no longer are told of.

use super::{body, letters, set_address, told};
use crate::world::{OUTLOOK_USER, World, outlook_body};
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::{Fault, FaultKind, Route};
use serde_json::json;

pub(super) async fn pushed_outlook(world: &World) -> InstanceId {
    let mut body = outlook_body(&world.microsoft.new_code(OUTLOOK_USER));
    body["configuration"]["event.vendor.type"] = json!("webhooks");
    world.create(&body).await
}

/// The provider refuses watches, until [`allow`].
pub(super) fn refuse(world: &World) {
    let fault = Fault { on: Route::Push, kind: FaultKind::Refused { status: 403 }, times: u32::MAX };
    world.microsoft.push_fault(fault);
}

fn allow(world: &World) {
    world.microsoft.clear_faults();
}

#[tokio::test]
async fn push_that_the_provider_ended_is_told_of_once_and_so_is_that_it_is_back() {
    let world = World::reachable(831);
    set_address(&world).await;
    let id = pushed_outlook(&world).await;
    world.pass(Duration::hours(1)).await;
    assert_eq!(world.shown(id).await["push"]["active"], true);
    world.microsoft.remove_subscriptions(OUTLOOK_USER, true);
    world.pass(Duration::hours(1)).await;
    assert_eq!(told(&letters(&world)), [""; 0], "it was made anew at once");
    refuse(&world);
    world.microsoft.remove_subscriptions(OUTLOOK_USER, true);
    world.pass(Duration::hours(3)).await;
    let received = letters(&world);
    assert_eq!(told(&received), ["mailbox.push_lost"]);
    let data = &body(&received[0])["data"];
    assert_eq!(data["instanceId"], id.get());
    assert!(data["reason"].as_str().unwrap().starts_with("notices come no longer: "), "{data}");
    world.pass(Duration::hours(24)).await;
    assert_eq!(told(&letters(&world)), [""; 0], "it is told once");
    allow(&world);
    world.pass(Duration::hours(3)).await;
    assert_eq!(told(&letters(&world)), ["mailbox.recovered"]);
}

#[tokio::test]
async fn push_that_was_never_there_is_not_lost() {
    let world = World::reachable(832);
    set_address(&world).await;
    refuse(&world);
    let id = pushed_outlook(&world).await;
    world.pass(Duration::hours(12)).await;
    assert_eq!(world.shown(id).await["push"]["active"], false);
    assert_eq!(told(&letters(&world)), [""; 0]);
}

#[tokio::test]
async fn push_that_its_owner_switched_off_is_not_lost() {
    let world = World::reachable(833);
    set_address(&world).await;
    let id = pushed_outlook(&world).await;
    world.pass(Duration::hours(1)).await;
    refuse(&world);
    world.microsoft.remove_subscriptions(OUTLOOK_USER, true);
    world.patch(id, &json!({ "configuration": { "event.vendor.type": "polling" } })).await;
    world.pass(Duration::hours(12)).await;
    allow(&world);
    world.call("DELETE", &format!("/instances/{id}/enabled"), &serde_json::Value::Null).await;
    world.pass(Duration::hours(12)).await;
    assert_eq!(told(&letters(&world)), [""; 0]);
}

/// It follows from something that is told by itself.
#[tokio::test]
async fn a_watch_that_ends_while_nobody_is_signed_in_is_not_told_of_too() {
    let world = World::reachable(834);
    set_address(&world).await;
    pushed_outlook(&world).await;
    world.pass(Duration::hours(1)).await;
    world.microsoft.revoke(OUTLOOK_USER);
    world.pass(Duration::days(9)).await;
    assert_eq!(told(&letters(&world)), ["mailbox.needs_sign_in"]);
}
