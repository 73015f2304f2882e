//! How much an organization may ask.

use super::{admin, another_organization, another_user};
use crate::world::{AUTHORIZATION, GMAIL_USER, World};
use app::ports::Clock as _;
use chrono::Duration;
use doubles::Mail;
use futures_util::future::join_all;
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

/// A member who asks as fast as they can takes neither the others' share nor their removal.
#[tokio::test]
async fn one_user_takes_no_other_their_share_and_no_administrator_theirs() {
    let world = World::with_variables(453, &[("CARILLON_REQUESTS_PER_MINUTE", "20")]);
    let (greedy, quiet) = (another_user(&world, false).await, another_user(&world, false).await);
    let ask = async |who: &str| world.call_as(who, "GET", "/instances", "").await.status;
    let mut taken = 0;
    while ask(&greedy.authorization()).await == 200 {
        taken += 1;
    }
    assert_eq!(taken, 20 + 2, "the organization's, and a tenth of that as their own");
    for _ in 0..50 {
        assert_eq!(ask(&greedy.authorization()).await, 429);
    }
    assert_eq!(world.call_as(&quiet.authorization(), "POST", "/sessions", "").await.status, 200);
    assert_eq!(ask(&quiet.authorization()).await, 200);
    assert_eq!(ask(&quiet.authorization()).await, 429, "their share is used up, too");
    let users = format!("/organizations/1/users/{}", greedy.user_id);
    let removed = world.call("DELETE", &users, &Value::Null).await;
    assert_eq!(removed.status, 200, "{}", removed.body);
    assert_eq!(ask(&greedy.authorization()).await, 401);
}

/// Twenty mistakes are answered as mistakes; then answers say when to come again, and right secrets are let in all the while.
#[tokio::test]
async fn guesses_are_told_to_wait_and_right_secrets_are_not() {
    let world = World::with_variables(454, &[]);
    world.clock.advance(Duration::seconds(20));
    let guess = async |n: usize| {
        let wrong = format!("User guess-{n}, Organization world-organization");
        world.call_as(&wrong, "POST", "/sessions", "").await
    };
    for n in 0..20 {
        assert_eq!(guess(n).await.status, 401);
    }
    let before = world.clock.now();
    for n in 20..30 {
        let late = guess(n).await;
        late.assert_refused(429);
        let waits_s = late.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap();
        assert!((1..=60).contains(&waits_s));
        assert_eq!(world.call_as(AUTHORIZATION, "POST", "/sessions", "").await.status, 200);
        let key = format!("Admin guess-guess-guess-{n}");
        assert_eq!(world.call_as(&key, "GET", "/organizations", "").await.status, 429);
        assert_eq!(guess(n).await.status, 401, "the same again is no guess");
    }
    assert!(world.clock.now() - before >= Duration::seconds(20), "each answer came a second late");
    world.clock.advance(Duration::seconds(60));
    assert_eq!(guess(99).await.status, 401, "the next minute is another one");
}

/// Whoever has one half tries out the other; or a session, or a link.
#[tokio::test]
async fn any_kind_of_secret_is_guessed_slowly() {
    let wrong = |n: usize, kind: &str| match kind {
        "organization" => format!("User world-user, Organization guess-{n}"),
        "user" => format!("User guess-{n}, Organization world-organization"),
        _ => format!("Session guess-{n}"),
    };
    for (seed, kind) in ["organization", "user", "session", "link"].into_iter().enumerate() {
        let world = World::new(455 + seed as u64);
        let guess = async |n: usize| match kind {
            "link" => {
                let link = format!(r#"{{"link":"guess-{n}"}}"#);
                world.call_as("", "POST", "/sessions/link", &link).await.status
            }
            _ => world.call_as(&wrong(n, kind), "GET", "/instances", "").await.status,
        };
        let mut answers = Vec::new();
        for n in 0..40 {
            answers.push(guess(n).await);
            assert_eq!(world.call_as(AUTHORIZATION, "GET", "/instances", "").await.status, 200);
        }
        let told_to_wait = answers.iter().filter(|status| **status == 429).count();
        assert!(answers[..20].iter().all(|status| *status == 401), "{kind}: {answers:?}");
        assert_eq!(told_to_wait, 20, "{kind}: {answers:?}");
    }
}

/// The others become jobs, which have their turn beside those of other organizations.
#[tokio::test]
async fn of_one_organization_so_many_polls_are_made_in_requests() {
    let world = World::new(459);
    let mut ids = Vec::new();
    for _ in 0..40 {
        let id = world.create_gmail().await;
        world.poll(id).await;
        ids.push(id);
    }
    world.google.deliver(GMAIL_USER, Mail::default());
    world.wire.overlap();
    let paths: Vec<String> = ids.iter().map(|id| format!("/instances/{id}/poll")).collect();
    let polls = join_all(paths.iter().map(|path| world.call("POST", path, &Value::Null))).await;
    polls.iter().for_each(|reply| assert_eq!(reply.status, 200, "{}", reply.body));
    assert!(polls.iter().any(|reply| reply.body["more"] == true), "what is left goes on");
    assert!(world.wire.under_way_peak() <= 16, "{}", world.wire.under_way_peak());
    world.run_until_idle().await;
    // The provider counts what they have in flight together.
    world.pass(Duration::minutes(5)).await;
    assert_eq!(world.arrived().len(), 40);
}
