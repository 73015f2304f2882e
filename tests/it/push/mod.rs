//! Push: providers give notice, and a notice leads to a poll. What changed still follows from the cursor alone.

mod accepted;
mod collections;
mod gmail;
mod idle;
mod leaving;
mod life;
mod lossy;
mod mishaps;
mod outlook;
mod pulling;
mod refused;
mod strangers;
mod timing;
mod together;

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
    both.filter(|line| line.targets().any(lists)).count()
}

fn forget_requests(world: &World) {
    world.google.clear_requests();
    world.microsoft.clear_requests();
}
