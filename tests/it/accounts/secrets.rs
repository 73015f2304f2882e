//! Who is let in, and with what.

use super::{admin, another_organization, another_user};
use crate::world::{ADMIN_KEY, AUTHORIZATION, World};
use serde_json::{Value, json};

async fn status(world: &World, authorization: &str) -> u16 {
    world.call_as(authorization, "GET", "/instances", "").await.status
}

#[tokio::test]
async fn the_administrators_key_creates_organizations_and_users() {
    let world = World::new(441);
    let member = another_organization(&world).await;
    assert_eq!(status(&world, &member.authorization()).await, 200);
    let organizations = admin(&world, "GET", "/organizations", &Value::Null).await.body;
    let ids: Vec<u64> =
        organizations.as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, [1, member.organization_id]);
    let path = format!("/organizations/{}/users", member.organization_id);
    let added = admin(&world, "POST", &path, &json!({})).await.body;
    assert_eq!(added["seesAll"], false, "who is added sees their own, unless it is said");
    let users = admin(&world, "GET", &path, &Value::Null).await.body;
    let ids: Vec<&Value> = users.as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(ids, [&json!(member.user_id), &added["id"]]);
    // A secret belongs to its organization.
    let mixed = format!("User {}, Organization world-organization", member.user_secret);
    assert_eq!(status(&world, &mixed).await, 401);
}

#[tokio::test]
async fn only_the_key_or_who_sees_all_administers() {
    let world = World::new(442);
    let other = another_organization(&world).await;
    let own_only = another_user(&world, false).await;
    let second = format!("/organizations/{}/users", other.organization_id);
    for (authorization, path, expected) in [
        (AUTHORIZATION, "/organizations/1/users", 200),
        (AUTHORIZATION, second.as_str(), 404),
        (AUTHORIZATION, "/organizations", 403),
        (&own_only.authorization(), "/organizations/1/users", 403),
        ("Admin another-key-than-the-right-one", "/organizations", 401),
        ("", "/organizations", 401),
    ] {
        let reply = world.call_as(authorization, "GET", path, "").await;
        assert_eq!(reply.status, expected, "{authorization} {path}: {}", reply.body);
    }
    let wrong = admin(&world, "POST", "/organizations/1/users", &json!({ "seesAll": "perhaps" })).await;
    wrong.assert_refused(400);
    admin(&world, "POST", "/organizations/99/users", &Value::Null).await.assert_refused(404);
}

/// A host without a key has no administrator.
#[tokio::test]
async fn without_a_key_nobody_is_the_administrator() {
    let config = app::Config::read(&app::Variables(&|_| None)).unwrap();
    assert_eq!(config.admin_key_digest, None);
    let short = app::Config::read(&app::Variables(&|name| {
        (name == "CARILLON_ADMIN_KEY").then(|| "short".to_owned())
    }));
    assert!(short.unwrap_err().to_string().contains("CARILLON_ADMIN_KEY"));
}

#[tokio::test]
async fn a_rotated_secret_takes_the_place_of_the_former_one() {
    let world = World::new(443);
    let member = another_organization(&world).await;
    let organization = format!("/organizations/{}", member.organization_id);
    let before = member.authorization();
    let reply = admin(&world, "PUT", &format!("{organization}/secret"), &Value::Null).await;
    let rotated = reply.body["organizationSecret"].as_str().unwrap().to_owned();
    let between = format!("User {}, Organization {rotated}", member.user_secret);
    assert_eq!((status(&world, &before).await, status(&world, &between).await), (401, 200));
    let path = format!("{organization}/users/{}/secret", member.user_id);
    let reply = admin(&world, "PUT", &path, &Value::Null).await;
    let user = reply.body["userSecret"].as_str().unwrap();
    let after = format!("User {user}, Organization {rotated}");
    assert_eq!((status(&world, &between).await, status(&world, &after).await), (401, 200));
    for path in ["/organizations/99/secret", "/organizations/1/users/99/secret"] {
        admin(&world, "PUT", path, &Value::Null).await.assert_refused(404);
    }
    assert_eq!(status(&world, AUTHORIZATION).await, 200, "others keep theirs");
}

#[tokio::test]
async fn who_is_removed_gets_in_no_more_and_no_number_comes_again() {
    let world = World::new(444);
    let member = another_user(&world, true).await;
    assert_eq!(status(&world, &member.authorization()).await, 200);
    let path = format!("/organizations/1/users/{}", member.user_id);
    assert_eq!(admin(&world, "DELETE", &path, &Value::Null).await.status, 200);
    assert_eq!(status(&world, &member.authorization()).await, 401);
    admin(&world, "DELETE", &path, &Value::Null).await.assert_refused(404);
    let later = another_user(&world, true).await;
    assert!(later.user_id > member.user_id && later.account_id > member.account_id);
}

#[tokio::test]
async fn secrets_are_shown_once_and_stored_hashed() {
    let world = World::new(445);
    let member = another_organization(&world).await;
    let user = another_user(&world, true).await;
    let secrets = [&member.organization_secret, &member.user_secret, &user.user_secret];
    assert!(secrets.iter().all(|secret| secret.len() >= 40), "they can't be guessed");
    let mut shown = world.dump();
    let users = format!("/organizations/{}/users", member.organization_id);
    let audit = format!("/organizations/{}/audit", member.organization_id);
    for path in ["/organizations", &users, &audit, "/organizations/1/users", "/organizations/1/audit"] {
        let reply = admin(&world, "GET", path, &Value::Null).await;
        assert_eq!(reply.status, 200, "{path}");
        shown.push_str(&reply.body.to_string());
    }
    for secret in secrets.into_iter().map(String::as_str).chain([ADMIN_KEY]) {
        assert!(!shown.contains(secret), "a secret is stored or shown");
    }
}
