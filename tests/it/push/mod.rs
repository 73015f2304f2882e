//! Push: providers give notice, and a notice leads to a poll. What changed still follows from the cursor alone.

mod gmail;
mod leaving;
mod life;
mod mishaps;
mod outlook;
mod strangers;
mod timing;

use crate::world::{OUTLOOK_USER, Reply, World, outlook_body};
use axum::body::Body;
use domain::ids::InstanceId;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// The sample with push on, and a poll every hour.
fn pushed(mut body: Value, more: &Value) -> Value {
    let items = body["configuration"].as_object_mut().unwrap();
    items.insert("event.vendor.type".to_owned(), json!("webhooks"));
    items.insert("event.poller.refresh_interval".to_owned(), json!("60"));
    items.extend(more.as_object().unwrap().clone());
    body
}

async fn pushed_outlook(world: &World) -> InstanceId {
    let body = outlook_body(&world.microsoft.new_code(OUTLOOK_USER));
    world.create(&pushed(body, &json!({}))).await
}

/// What the owner reads of push: active, or why not.
async fn push_of(world: &World, id: InstanceId) -> Value {
    world.shown(id).await["push"].clone()
}

#[track_caller]
fn assert_active(push: &Value) {
    assert_eq!(push["active"], true, "{push}");
    assert_eq!(push["reason"], Value::Null, "{push}");
}

/// A request to a push route, as anybody can make it.
async fn post(world: &World, path: &str, authorization: Option<&str>, body: &str) -> Reply {
    let request = http::Request::post(format!("https://carillon.test{path}"));
    let request =
        authorization.into_iter().fold(request, |request, value| request.header("authorization", value));
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let (parts, body) = world.app.router().oneshot(request).await.unwrap().into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    Reply { status: parts.status.as_u16(), headers: parts.headers, body: Value::String(text) }
}

/// Requests that polls made since the requests were last forgotten.
fn polls(world: &World) -> usize {
    let lists = |target: &str| target.contains("/me/messages?") || target.contains("/history?");
    let both = world.google.requests().into_iter().chain(world.microsoft.requests());
    both.filter(|line| lists(&line.target)).count()
}

fn forget_requests(world: &World) {
    world.google.clear_requests();
    world.microsoft.clear_requests();
}

/// Requests to the provider of an instance that nothing happens to, and rows written for it, in a day.
async fn idle_cost(world: &World) -> (usize, u64) {
    let written = async || {
        let count = "SELECT total_changes()";
        world
            .rows()
            .write("count rows", |tx| tx.query_row(count, [], |row| row.get::<_, u64>(0)))
            .await
            .unwrap()
    };
    world.pass(chrono::Duration::hours(2)).await;
    forget_requests(world);
    let before = written().await;
    world.pass(chrono::Duration::days(1)).await;
    let requests = world.microsoft.requests();
    (requests.iter().filter(|line| !line.target.contains("/token")).count(), written().await - before)
}

/// An hour's safety under push, with the grant that Graph wants renewed every hour, against a poll every quarter of one.
#[tokio::test]
async fn an_idle_mailbox_asks_no_more_than_polls_do() {
    let world = World::reachable(71);
    pushed_outlook(&world).await;
    let pushed = idle_cost(&world).await;
    let world = World::reachable(71);
    world.create_outlook().await;
    let polled = idle_cost(&world).await;
    assert!(pushed.0 <= polled.0, "requests: {} with push, {} by polls", pushed.0, polled.0);
    // A grant that is renewed each hour is a job, a lease and two writes of the push row: more than three heartbeats.
    assert!((1..=400).contains(&pushed.1), "{} rows with push", pushed.1);
    assert!((1..pushed.1).contains(&polled.1), "{} rows by polls, {} with push", polled.1, pushed.1);
}
