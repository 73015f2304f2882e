//! Signing in again.

use super::*;
use crate::defects::assert_created;
use doubles::Mail;

/// Nobody with an account takes part, and what came in meanwhile is told once.
#[tokio::test]
async fn an_owner_signs_in_and_what_was_missed_is_caught_up() {
    for connector in CONNECTORS {
        let world = World::reachable(601);
        let id = connected(&world, connector).await;
        world.pass(Duration::minutes(30)).await;
        locked_out(&world, connector, id).await;
        world.arrived();
        let missed = match connector {
            "gmail" => world.google.deliver(GMAIL_USER, Mail::default()),
            _ => world.microsoft.deliver(OUTLOOK_USER, Mail::default()),
        };
        let token = link_for(&world, id).await;
        let seen = look(&world, &token).await.body;
        assert_eq!(
            (&seen["status"], &seen["again"], &seen["element"]),
            (&json!("open"), &json!(true), &json!(connector))
        );
        assert!(
            !seen["reads"].as_array().unwrap().is_empty() && !seen["scopes"].as_array().unwrap().is_empty()
        );
        let before = world.shown(id).await;
        let done = sign_in(&world, connector, &token, user(connector)).await;
        assert_eq!(done.status, 200, "{}", done.body);
        assert_eq!((&done.body["mailbox"], &done.body["polled"]), (&json!(user(connector)), &json!(true)));
        assert_eq!(done.body["readUntil"], before["health"]["lastSuccess"], "{before}");
        // At once, and not by the timetable.
        world.run_until_idle().await;
        assert_created(&world.arrived(), &[missed]);
        let after = world.shown(id).await;
        assert_eq!((&after["valid"], &after["token"]), (&json!(true), &before["token"]));
        assert_eq!(status(&world, &token).await, "used");
        world.pass(Duration::hours(2)).await;
        assert_eq!(world.shown(id).await["health"]["status"], "healthy");
        assert!(world.arrived().is_empty(), "nothing twice");
    }
}

/// A link is as good as what it was made for: one who reads it learns neither address nor instance.
#[tokio::test]
async fn a_stranger_with_the_link_learns_no_address() {
    let world = World::reachable(602);
    let id = connected(&world, "gmail").await;
    let token = link_for(&world, id).await;
    let seen = look(&world, &token).await;
    let login = login(&world, &token, "s").await;
    for text in [seen.body.to_string(), login] {
        assert!(!text.contains("ada") && !text.contains("API Instance"), "{text}");
    }
    assert_eq!(seen.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn it_is_recorded_who_made_a_link_and_that_it_was_used() {
    let world = World::reachable(603);
    let id = connected(&world, "outlookemail").await;
    let token = link_for(&world, id).await;
    assert_eq!(sign_in(&world, "outlookemail", &token, OUTLOOK_USER).await.status, 200);
    world.run_until_idle().await;
    let entries = world.get("/organizations/1/audit").await;
    let of = |action: &str| {
        let entry = entries.as_array().unwrap().iter().find(|one| one["action"] == action);
        entry.unwrap_or_else(|| panic!("no {action} in {entries}")).clone()
    };
    let made = of("sign_in_link.made");
    assert_eq!(
        (&made["actor"]["type"], &made["subject"]),
        (&json!("user"), &json!(format!("instances/{id}")))
    );
    let used = of("instance.signed_in_by_link");
    assert_eq!((&used["actor"]["type"], &used["subject"]), (&json!("carillon"), &made["subject"]));
    assert!(!entries.to_string().contains(&token));
    assert!(!world.dump().contains(token.split_once('.').unwrap().1), "only a hash of it is stored");
}

/// Who asks is as its maker says, and a link lasts as long as they say.
#[tokio::test]
async fn a_maker_says_who_asks_and_for_how_long() {
    let world = World::reachable(604);
    let id = connected(&world, "gmail").await;
    let path = format!("/instances/{id}/sign-in-link");
    let terms = json!({ "askedBy": "<b>Example</b> Ltd", "expiresInSeconds": 300 });
    let token = token_of(&world.call("POST", &path, &terms).await);
    assert_eq!(look(&world, &token).await.body["askedBy"], "Example Ltd");
    let plain = link_for(&world, id).await;
    assert_eq!(look(&world, &plain).await.body["askedBy"], "carillon.test");
    world.clock.advance(Duration::seconds(300));
    assert_eq!(
        (status(&world, &token).await, status(&world, &plain).await),
        (json!("expired"), json!("open"))
    );
    for wrong in
        [json!({ "expiresInSeconds": 299 }), json!({ "expiresInSeconds": "x" }), json!({ "askedBy": "a\nb" })]
    {
        world.call("POST", &path, &wrong).await.assert_refused(400);
    }
    world.run_until_idle().await;
}
