//! How much an organization may ask.

use super::{admin, another_organization};
use crate::world::{AUTHORIZATION, World};
use chrono::Duration;
use serde_json::Value;

#[tokio::test]
async fn one_request_too_many_waits_for_the_next_minute() {
    let world = World::with_variables(451, &[("CARILLON_REQUESTS_PER_MINUTE", "5")]);
    let other = another_organization(&world).await;
    world.clock.advance(Duration::seconds(20));
    for _ in 0..5 {
        assert_eq!(world.call("GET", "/instances", &Value::Null).await.status, 200);
    }
    for path in ["/instances", "/elements", "/instances/events"] {
        let limited = world.call("GET", path, &Value::Null).await;
        limited.assert_refused(429);
        assert_eq!(limited.headers["retry-after"], "40", "the minute has 40 seconds left");
        assert!(limited.body["message"].as_str().unwrap().contains("more than 5"));
    }
    let theirs = world.call_as(&other.authorization(), "GET", "/instances", "").await;
    assert_eq!(theirs.status, 200, "another organization has its own count");
    assert_eq!(admin(&world, "GET", "/organizations", &Value::Null).await.status, 200);
    assert_eq!(world.call_as("", "POST", "/events/gmail", "{}").await.status, 200);
    world.clock.advance(Duration::seconds(39));
    assert_eq!(world.call("GET", "/instances", &Value::Null).await.status, 429);
    world.clock.advance(Duration::seconds(1));
    assert_eq!(world.call("GET", "/instances", &Value::Null).await.status, 200);
}

/// Who is not known does not use up what others may ask.
#[tokio::test]
async fn requests_with_wrong_secrets_count_for_nobody() {
    let world = World::with_variables(452, &[("CARILLON_REQUESTS_PER_MINUTE", "2")]);
    for _ in 0..5 {
        let reply =
            world.call_as("User wrong, Organization world-organization", "GET", "/instances", "").await;
        assert_eq!(reply.status, 401);
    }
    assert_eq!(world.call_as(AUTHORIZATION, "GET", "/instances", "").await.status, 200);
}
