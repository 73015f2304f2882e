//! Where no link can be made.

use super::*;
use crate::world::gmail_body;

/// Each says what is missing.
#[tokio::test]
async fn where_nobody_could_come_back_there_is_no_link() {
    let private = World::new(621);
    let id = private.create_gmail().await;
    let body = prepared("gmail", "");
    for (path, body) in
        [(format!("/instances/{id}/sign-in-link"), Value::Null), ("/sign-in-links".to_owned(), body)]
    {
        let refused = private.call("POST", &path, &body).await;
        refused.assert_refused(409);
        assert!(
            refused.body["message"].as_str().unwrap().contains("CARILLON_PUBLIC_URL"),
            "{}",
            refused.body
        );
    }
}

#[tokio::test]
async fn another_redirect_address_than_ours_is_refused() {
    let world = World::reachable(622);
    let id = world.create_gmail().await;
    for (path, body) in [
        (format!("/instances/{id}/sign-in-link"), Value::Null),
        ("/sign-in-links".to_owned(), gmail_body("")),
    ] {
        let refused = world.call("POST", &path, &body).await;
        refused.assert_refused(400);
        let message = refused.body["message"].as_str().unwrap();
        assert!(message.contains("oauth.callback.url") && message.contains(BACK), "{message}");
    }
    // Also where it became another one afterwards.
    let ours = connected(&world, "gmail").await;
    let token = link_for(&world, ours).await;
    let moved = json!({ "configuration": { "oauth.callback.url": "https://evil.example/back" } });
    world.patch(ours, &moved).await;
    let asked = json!({ "link": token, "state": "s", "codeChallenge": CHALLENGE });
    anybody(&world, "/sign-in-links/login", &asked).await.assert_refused(400);
}

/// An instance of somebody else is none, and a mailbox without an account makes no link.
#[tokio::test]
async fn only_who_may_change_an_instance_makes_its_link() {
    let world = World::reachable(623);
    let id = connected(&world, "gmail").await;
    let path = format!("/instances/{id}/sign-in-link");
    world.call_as("", "POST", &path, "").await.assert_refused(401);
    world.admit_another("their-user", "their-organization").await;
    world
        .call_as("User their-user, Organization their-organization", "POST", &path, "")
        .await
        .assert_refused(404);
    world.call_as("", "POST", "/sign-in-links", &prepared("gmail", "").to_string()).await.assert_refused(401);
}

/// What a creation would be refused for is said to the developer, and not to the owner later.
#[tokio::test]
async fn a_configuration_that_is_wrong_makes_no_link() {
    let world = World::reachable(624);
    for (key, value) in [
        ("event.poller.refresh_interval", json!("0")),
        ("oauth.api.secret", Value::Null),
        ("event.notification.callback.url", json!("ftp://x.example")),
    ] {
        let mut body = prepared("gmail", "");
        body["configuration"][key] = value;
        let refused = world.call("POST", "/sign-in-links", &body).await;
        refused.assert_refused(400);
        assert!(refused.body["message"].as_str().unwrap().contains(key), "{}", refused.body);
    }
    let mut body = prepared("gmail", "");
    body["element"] = json!({ "key": "fax" });
    world.call("POST", "/sign-in-links", &body).await.assert_refused(400);
}

/// What is asked of a provider comes back to whom it was asked for, or is not asked.
#[tokio::test]
async fn a_state_or_challenge_that_protects_nothing_is_refused() {
    let world = World::reachable(625);
    let id = connected(&world, "gmail").await;
    let token = link_for(&world, id).await;
    for (state, challenge) in [
        ("", CHALLENGE),
        ("a\r\nLocation: https://evil.example", CHALLENGE),
        ("s", "short"),
        (&"s".repeat(513), CHALLENGE),
    ] {
        let body = json!({ "link": token, "state": state, "codeChallenge": challenge });
        anybody(&world, "/sign-in-links/login", &body).await.assert_refused(400);
    }
    let none = json!({ "link": token, "state": "s" });
    anybody(&world, "/sign-in-links/login", &none).await.assert_refused(400);
    let no_code = json!({ "link": token });
    anybody(&world, "/sign-in-links/return", &no_code).await.assert_refused(400);
    assert_eq!(status(&world, &token).await, "open");
}
