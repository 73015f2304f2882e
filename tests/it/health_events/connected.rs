//! Whoever made a link is told that a mailbox's owner signed in by it.

use super::{assert_signed, body, letters, set_address, told};
use crate::owners_link::{CONNECTORS, connected, link_for, locked_out, prepared, sign_in, token_of, user};
use crate::world::World;
use chrono::Duration;
use serde_json::{Value, json};

#[tokio::test]
async fn a_new_mailbox_is_told_of_at_once_with_its_name_and_tags() {
    for connector in CONNECTORS {
        let world = World::reachable(841);
        set_address(&world).await;
        let mut wanted = prepared(connector, "");
        wanted.as_object_mut().unwrap().remove("providerData");
        (wanted["name"], wanted["tags"]) = ("Customer 17".into(), json!(["customer-17"]));
        wanted["configuration"]["event.notification.health.enabled"] = json!(true);
        let token = token_of(&world.call("POST", "/sign-in-links", &wanted).await);
        assert_eq!(sign_in(&world, connector, &token, user(connector)).await.status, 200);
        world.run_until_idle().await;
        let id = world.get("/instances").await[0]["id"].clone();
        let received = world.receiver.take();
        let mut paths: Vec<&str> = received.iter().map(|one| one.path.as_str()).collect();
        paths.sort_unstable();
        assert_eq!(paths, ["/health", "/hook"], "at once, and to the callback that wants it");
        let received: Vec<_> = received.into_iter().filter(|one| one.path == "/health").collect();
        assert_signed(&received[0]);
        let told = body(&received[0]);
        assert_eq!((&told["type"], &told["data"]["instanceId"]), (&json!("mailbox.connected"), &id));
        let data = &told["data"];
        assert_eq!((&data["again"], &data["name"]), (&json!(false), &json!("Customer 17")));
        assert_eq!((&data["tags"], &data["connector"]), (&json!(["customer-17"]), &json!(connector)));
        assert_eq!(data["link"], format!("https://carillon.test/instances/{id}"));
        world.pass(Duration::hours(2)).await;
        assert_eq!(world.receiver.take().len(), 0, "once");
    }
}

#[tokio::test]
async fn an_owner_who_signs_in_again_is_told_of_beside_the_recovery() {
    for connector in CONNECTORS {
        let world = World::reachable(842);
        set_address(&world).await;
        let id = connected(&world, connector).await;
        locked_out(&world, connector, id).await;
        assert_eq!(told(&letters(&world)), ["mailbox.needs_sign_in"]);
        let token = link_for(&world, id).await;
        assert_eq!(sign_in(&world, connector, &token, user(connector)).await.status, 200);
        world.run_until_idle().await;
        let received = letters(&world);
        assert_eq!(told(&received), ["mailbox.connected"]);
        assert_eq!(body(&received[0])["data"]["again"], true);
        world.pass(Duration::hours(2)).await;
        assert_eq!(told(&letters(&world)), ["mailbox.recovered"]);
    }
}

/// Who signs in with an account knows.
#[tokio::test]
async fn a_sign_in_without_a_link_is_not_told_of() {
    let world = World::reachable(843);
    set_address(&world).await;
    let id = connected(&world, "gmail").await;
    let code = world.google.new_code(crate::world::GMAIL_USER);
    assert_eq!(world.patch(id, &json!({ "providerData": { "code": code } })).await["valid"], true);
    world.pass(Duration::hours(1)).await;
    assert_eq!(told(&letters(&world)), [""; 0]);
}

/// Another mailbox is refused, and nothing happened.
#[tokio::test]
async fn a_refused_sign_in_is_not_told_of() {
    let world = World::reachable(844);
    set_address(&world).await;
    let id = connected(&world, "outlookemail").await;
    let token = link_for(&world, id).await;
    let other = "someone.else@example.com";
    world.microsoft.add_account(other);
    assert_ne!(sign_in(&world, "outlookemail", &token, other).await.status, 200);
    world.pass(Duration::hours(1)).await;
    assert_eq!(told(&letters(&world)), [""; 0]);
    assert_eq!(world.call("GET", &format!("/instances/{id}"), &Value::Null).await.status, 200);
}
