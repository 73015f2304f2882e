//! Hosted sign-in: a new mailbox, with a configuration that the application's developer prepared.

use super::*;
use crate::defects::assert_created;
use crate::world::ADMIN_KEY;
use doubles::Mail;
use futures_util::future::join_all;

/// As a developer asks for it, without the redirect address.
fn wanted(connector: &str) -> Value {
    let mut body = prepared(connector, "");
    body.as_object_mut().unwrap().remove("providerData");
    body["configuration"].as_object_mut().unwrap().remove("oauth.callback.url");
    body["name"] = "Customer 17".into();
    body["tags"] = json!(["customer-17"]);
    body
}

async fn link(world: &World, body: &Value) -> String {
    token_of(&world.call("POST", "/sign-in-links", body).await)
}

#[tokio::test]
async fn somebody_connects_a_mailbox_without_an_account() {
    for connector in CONNECTORS {
        let world = World::reachable(631);
        let token = link(&world, &wanted(connector)).await;
        let seen = look(&world, &token).await.body;
        assert_eq!((&seen["status"], &seen["again"]), (&json!("open"), &json!(false)));
        assert!(world.get("/instances").await.as_array().unwrap().is_empty(), "nothing yet");
        let done = sign_in(&world, connector, &token, user(connector)).await;
        assert_eq!(done.status, 200, "{}", done.body);
        assert_eq!((&done.body["mailbox"], &done.body["readUntil"]), (&json!(user(connector)), &Value::Null));
        world.run_until_idle().await;
        let all = world.get("/instances?tags%5B%5D=customer-17").await;
        let instance = &all.as_array().unwrap()[0];
        assert_eq!((&instance["name"], all.as_array().unwrap().len()), (&json!("Customer 17"), 1));
        let mail = match connector {
            "gmail" => world.google.deliver(GMAIL_USER, Mail::default()),
            _ => world.microsoft.deliver(OUTLOOK_USER, Mail::default()),
        };
        world.pass(Duration::minutes(16)).await;
        assert_created(&world.arrived(), &[mail]);
        assert_eq!(status(&world, &token).await, "used");
        let again = anybody(&world, "/sign-in-links/return", &returned(&token, "code")).await;
        again.assert_refused(410);
        let entries = world.get("/organizations/1/audit").await.to_string();
        assert!(entries.contains("instance.created_by_link") && entries.contains("sign_in_link.made"));
    }
}

/// What waits for its owner is sealed, and gone once they came.
#[tokio::test]
async fn what_was_prepared_is_sealed_and_goes_with_its_use() {
    let world = World::reachable(632);
    let token = link(&world, &wanted("gmail")).await;
    let stored = async || {
        let rows = "SELECT document || coalesce(creation, '-') FROM sign_in_links";
        let db = world.rows();
        db.read("read links", |conn| conn.query_row(rows, [], |row| row.get::<_, String>(0))).await.unwrap()
    };
    let before = stored().await;
    assert!(!before.contains(doubles::CLIENT_SECRET) && !before.contains("callback.test"), "{before}");
    assert!(!before.ends_with('-'));
    assert_eq!(sign_in(&world, "gmail", &token, GMAIL_USER).await.status, 200);
    assert!(stored().await.ends_with('-'));
    world.run_until_idle().await;
}

#[tokio::test]
async fn two_at_once_make_one_instance() {
    let world = World::reachable(633);
    let token = link(&world, &wanted("outlookemail")).await;
    let other = "someone.else@example.com";
    world.microsoft.add_account(other);
    let mut codes = Vec::new();
    for user in [OUTLOOK_USER, other] {
        let login = login(&world, &token, "s").await;
        codes.push(consent(world.microsoft.router(), &login, user, "s").await);
    }
    let bodies: Vec<Value> = codes.iter().map(|code| returned(&token, code)).collect();
    let all = join_all(bodies.iter().map(|body| anybody(&world, "/sign-in-links/return", body))).await;
    let mut statuses: Vec<u16> = all.iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 410]);
    assert_eq!(world.get("/instances").await.as_array().unwrap().len(), 1);
    // The secrets of the one that was late go with the job that was promised.
    world.pass(Duration::minutes(5)).await;
    let secrets = "SELECT count(*) FROM secrets";
    let count =
        world.rows().read("count", |conn| conn.query_row(secrets, [], |row| row.get::<_, u32>(0))).await;
    assert_eq!(count.unwrap(), 1);
}

/// An instance would be a removed user's.
#[tokio::test]
async fn a_removed_users_link_connects_nothing() {
    let world = World::reachable(634);
    let admin = format!("Admin {ADMIN_KEY}");
    let made = world.call_as(&admin, "POST", "/organizations/1/users", r#"{"seesAll":false}"#).await.body;
    let as_user = format!("User {}, Organization world-organization", made["userSecret"].as_str().unwrap());
    let made_link = world.call_as(&as_user, "POST", "/sign-in-links", &wanted("gmail").to_string()).await;
    let token = token_of(&made_link);
    let path = format!("/organizations/1/users/{}", made["id"]);
    assert_eq!(world.call_as(&admin, "DELETE", &path, "").await.status, 200);
    sign_in(&world, "gmail", &token, GMAIL_USER).await.assert_refused(409);
    assert!(world.get("/instances").await.as_array().unwrap().is_empty());
}
