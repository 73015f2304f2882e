//! Anybody can post to the push routes.

use super::{forget_requests, polls, post, pushed_outlook};
use crate::defects::assert_created;
use crate::world::{OUTLOOK_USER, World};
use base64::Engine as _;
use chrono::Duration;
use doubles::{Forgery, Mail, Mishap};
use serde_json::{Value, json};

/// One answer to everything, and no poll for it.
#[tokio::test]
async fn whatever_is_posted_gets_the_same_answer() {
    let world = World::reachable(31);
    pushed_outlook(&world).await;
    forget_requests(&world);
    let known = &world.microsoft.subscriptions_of(OUTLOOK_USER)[0];
    let notice = |subscription: &Value, state: &str| {
        json!({ "value": [{ "subscriptionId": subscription, "clientState": state, "changeType": "created" }] })
            .to_string()
    };
    let state = known["clientState"].as_str().unwrap();
    let shifted = format!("{}x", &state[..state.len() - 1]);
    let (unsigned, hash) = state.rsplit_once('.').unwrap();
    // As long as the true one, and of the same letters.
    let guessed = format!("{unsigned}.{}{}", if hash.starts_with('A') { 'B' } else { 'A' }, &hash[1..]);
    let long = "x".repeat(600_000);
    let bodies = [
        notice(&known["id"], &shifted),
        notice(&known["id"], unsigned),
        notice(&known["id"], &guessed),
        notice(&known["id"], ""),
        notice(&json!("unknown"), "guess"),
        json!({ "value": [] }).to_string(),
        "{}".to_owned(),
        "<html>".to_owned(),
        String::new(),
        long,
    ];
    for path in ["/push/outlookemail", "/push/gmail"] {
        for (body, authorization) in
            bodies.iter().zip([None, Some("Bearer a.b.c"), Some("Basic x")].into_iter().cycle())
        {
            let reply = post(&world, path, authorization, body).await;
            assert_eq!((reply.status, reply.body), (202, json!("")), "{path}: {body:.80}");
        }
    }
    world.pass(Duration::seconds(30)).await;
    assert_eq!(polls(&world), 0);
    assert_eq!(post(&world, "/push/googlecalendar", None, "").await.status, 404);
}

#[tokio::test]
async fn a_handshake_is_plain_text_and_short() {
    let world = World::reachable(32);
    let reply = post(&world, "/push/outlookemail?validationToken=%3Cscript%3E+1", None, "").await;
    assert_eq!((reply.status, reply.body), (200, json!("<script> 1")));
    assert_eq!(reply.headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(reply.headers["x-content-type-options"], "nosniff");
    let long = format!("/push/outlookemail?validationToken={}", "a".repeat(4_097));
    let reply = post(&world, &long, None, "").await;
    assert_eq!((reply.status, reply.body), (202, json!("")));
}

/// A notice that was seen on its way leads to an early poll when it comes again, and to nothing else.
#[tokio::test]
async fn a_replayed_notice_repeats_nothing() {
    let world = World::reachable(33);
    pushed_outlook(&world).await;
    world.pass(Duration::minutes(5)).await;
    let mut sent = vec![world.microsoft.deliver(OUTLOOK_USER, Mail::default())];
    world.pass(Duration::minutes(1)).await;
    for _ in 0..5 {
        world.microsoft.push_mishap(Mishap::Replayed);
        sent.push(world.microsoft.deliver(OUTLOOK_USER, Mail::default()));
        world.pass(Duration::minutes(2)).await;
    }
    assert_created(&world.arrived(), &sent);
}

#[tokio::test]
async fn a_forged_notice_rings_nobody() {
    for forgery in [Forgery::Secret, Forgery::Sender, Forgery::Nonsense] {
        let world = World::reachable(34);
        pushed_outlook(&world).await;
        world.pass(Duration::minutes(5)).await;
        world.microsoft.push_mishap(Mishap::Dropped);
        world.microsoft.set_mishap_rate(Mishap::Forged(forgery), 1.0);
        forget_requests(&world);
        world.microsoft.deliver(OUTLOOK_USER, Mail::default());
        world.pass(Duration::minutes(1)).await;
        assert_eq!(polls(&world), 0, "{forgery:?}");
    }
}

/// Ten thousand in a second, by somebody who may: two polls, and no other instance waits.
#[tokio::test]
async fn a_storm_makes_a_handful_of_polls() {
    let world = World::reachable(35);
    pushed_outlook(&world).await;
    world.pass(Duration::minutes(5)).await;
    let known = &world.microsoft.subscriptions_of(OUTLOOK_USER)[0];
    let one = json!({ "subscriptionId": known["id"], "clientState": known["clientState"], "changeType": "updated" });
    let sent = vec![world.microsoft.deliver(OUTLOOK_USER, Mail::default())];
    forget_requests(&world);
    for _ in 0..100 {
        let body = json!({ "value": vec![&one; 100] }).to_string();
        assert_eq!(post(&world, "/push/outlookemail", None, &body).await.status, 202);
        world.pass(Duration::milliseconds(10)).await;
    }
    world.pass(Duration::minutes(2)).await;
    assert!(polls(&world) <= 8, "{} polls", polls(&world));
    assert_created(&world.arrived(), &sent);
}

/// What looks signed leads to one request for the keys, also while they can't be had.
#[tokio::test]
async fn strangers_do_not_make_us_ask_for_keys_again_and_again() {
    let world = World::reachable(36);
    world.wire.answer_with("/oauth2/v3/certs", "not keys".to_owned());
    let data = "eyJlbWFpbEFkZHJlc3MiOiJhIiwiaGlzdG9yeUlkIjoxfQ==";
    let body = json!({ "message": { "data": data } }).to_string();
    for _ in 0..50 {
        post(&world, "/push/gmail", Some("Bearer a.b.c"), &body).await;
    }
    assert_eq!(world.wire.canned_count(), 1);
}

/// A key that nobody knows leads to a few requests for the keys a minute, whoever sends it however often.
#[tokio::test]
async fn an_unknown_key_makes_us_ask_a_few_times_a_minute() {
    let world = World::reachable(37);
    let part = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let header = part(r#"{"alg":"RS256","kid":"unknown"}"#);
    let token = format!("Bearer {header}.{}.{}", part("{}"), part("signature"));
    let data = "eyJlbWFpbEFkZHJlc3MiOiJhIiwiaGlzdG9yeUlkIjoxfQ==";
    let body = json!({ "message": { "data": data } }).to_string();
    for _ in 0..100 {
        let reply = post(&world, "/push/gmail", Some(&token), &body).await;
        assert_eq!((reply.status, reply.body), (202, json!("")));
    }
    let asked = world.google.requests().iter().filter(|line| line.target.contains("/certs")).count();
    assert_eq!(asked, 6, "once for want of them, and five times for the unknown one");
}
