use super::*;
use crate::push::{SERVICE, STRANGER};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};

pub(super) const MAIL: &str = "projects/double-project/topics/mail";
pub(super) const PULL: &str = "projects/double-project/subscriptions/pull";
const SCOPE: &str = "https://www.googleapis.com/auth/pubsub";

const SIGNED: fn(&Value) -> String = |claims| SERVICE.sign(claims);

/// Whoever pulls, as a service account.
pub(super) struct Pull(Caller);

impl Pull {
    pub(super) async fn new(world: &World) -> Self {
        let token = exchange(world, &SERVICE.sign(&claims(world))).await;
        assert_eq!(token.status, 200, "{}", token.text());
        let caller = Caller::new(world.google.router());
        Self(caller.with_token(token.json()["access_token"].as_str().unwrap()))
    }

    async fn post(&self, verb: &str, body: &Value) -> crate::probe::Got {
        self.0.send(Method::POST, &format!("/v1/{PULL}:{verb}"), body.to_string().into_bytes()).await
    }

    async fn pull(&self) -> Vec<Value> {
        let got = self.post("pull", &json!({"maxMessages": 10})).await;
        assert_eq!(got.status, 200, "{}", got.text());
        got.json()["receivedMessages"].as_array().cloned().unwrap_or_default()
    }

    /// Pulls and acknowledges; gives the history ids.
    pub(super) async fn told(&self) -> Vec<u64> {
        let pulled = self.pull().await;
        let ack_ids: Vec<&Value> = pulled.iter().map(|one| &one["ackId"]).collect();
        if !ack_ids.is_empty() {
            assert_eq!(self.post("acknowledge", &json!({"ackIds": ack_ids})).await.status, 200);
        }
        pulled.iter().map(|one| data(one)["historyId"].as_u64().unwrap()).collect()
    }
}

fn data(received: &Value) -> Value {
    let data = STANDARD.decode(received["message"]["data"].as_str().unwrap()).unwrap();
    serde_json::from_slice(&data).unwrap_or(Value::Null)
}

fn claims(world: &World) -> Value {
    let now_s = world.time.clock().now_us() / 1_000_000;
    json!({
        "iss": world.google.service_account(), "scope": SCOPE, "aud": "http://double.example/token",
        "iat": now_s, "exp": now_s + 3600,
    })
}

async fn exchange(world: &World, assertion: &str) -> crate::probe::Got {
    let fields = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion)];
    Caller::new(world.google.router()).post_form("/token", &fields).await
}

#[tokio::test]
async fn a_service_account_gets_a_token_for_what_it_signed_itself() {
    let world = world().await;
    let file: Value = serde_json::from_str(&world.google.service_account_key()).unwrap();
    assert_eq!(file["client_email"], world.google.service_account());
    assert!(file["private_key"].as_str().unwrap().starts_with("-----BEGIN"));
    let refused = async |change: Value, sign: fn(&Value) -> String| {
        let mut claims = claims(&world);
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let got = exchange(&world, &sign(&claims)).await;
        (got.status, got.json()["error"].as_str().unwrap_or_default().to_owned())
    };
    let grant = |error: &str| (400, error.to_owned());
    assert_eq!(refused(json!({}), |claims| STRANGER.sign(claims)).await, grant("invalid_grant"));
    assert_eq!(refused(json!({"iss": "else"}), SIGNED).await, grant("invalid_grant"));
    assert_eq!(refused(json!({"aud": "https://else.example"}), SIGNED).await, grant("invalid_grant"));
    assert_eq!(refused(json!({"exp": 1}), SIGNED).await, grant("invalid_grant"));
    assert_eq!(refused(json!({"iat": 1}), SIGNED).await, grant("invalid_grant"));
    assert_eq!(refused(json!({"scope": ""}), SIGNED).await, grant("invalid_scope"));
    assert_eq!(refused(json!({"sub": ADA}), SIGNED).await, grant("unauthorized_client"));
    assert_eq!(refused(json!({"aud": "https://oauth2.googleapis.com/token"}), SIGNED).await.0, 200);
    world.google.set_service_account_key_good(false);
    assert_eq!(refused(json!({}), SIGNED).await, grant("invalid_grant"));
}

#[tokio::test]
async fn pulling_needs_a_token_a_right_and_a_subscription() {
    let world = world().await;
    world.google.add_topic(MAIL);
    let pull = Pull::new(&world).await;
    let status = async |caller: &Caller| {
        let body = json!({"maxMessages": 1}).to_string().into_bytes();
        caller.send(Method::POST, &format!("/v1/{PULL}:pull"), body).await.status
    };
    assert_eq!(status(&pull.0).await, 404);
    world.google.add_pull_subscription(PULL, MAIL);
    assert_eq!(status(&pull.0).await, 200);
    assert_eq!(status(&world.caller).await, 401, "a user's token is none");
    let mut elsewhere = claims(&world);
    elsewhere["scope"] = "https://www.googleapis.com/auth/devstorage.read_only".into();
    let token = exchange(&world, &SERVICE.sign(&elsewhere)).await.json();
    let caller = Caller::new(world.google.router()).with_token(token["access_token"].as_str().unwrap());
    assert_eq!(status(&caller).await, 403);
    world.google.set_may_pull(false);
    assert_eq!(status(&pull.0).await, 403);
    world.google.set_may_pull(true);
    assert_eq!(pull.post("pull", &json!({})).await.status, 400);
    assert_eq!(pull.0.get(&format!("/v1/{PULL}")).await.json()["topic"], MAIL);
    world.google.add_push_subscription(PULL, MAIL, "https://us.example/", "a@b.example", "x");
    assert_eq!(status(&pull.0).await, 400);
    world.google.delete_subscription(PULL);
    assert_eq!(status(&pull.0).await, 404);
    world.time.advance_s(3600);
    assert_eq!(status(&pull.0).await, 401);
}

#[tokio::test]
async fn what_is_not_acknowledged_in_time_comes_again() {
    let world = world().await;
    world.google.add_topic(MAIL);
    world.google.add_pull_subscription(PULL, MAIL);
    let pull = Pull::new(&world).await;
    world.watch(&json!({"topicName": MAIL})).await;
    let first = pull.pull().await.remove(0);
    assert_eq!(data(&first)["emailAddress"], ADA);
    assert_eq!(pull.pull().await, [Value::Null; 0], "somebody has it");
    world.time.advance_s(10);
    let second = pull.pull().await.remove(0);
    assert_eq!(second["message"]["messageId"], first["message"]["messageId"]);
    assert_ne!(second["ackId"], first["ackId"]);
    pull.post("acknowledge", &json!({"ackIds": [first["ackId"]]})).await;
    assert_eq!(world.google.backlog_count(PULL), 1, "that was too late");
    let later = json!({"ackIds": [second["ackId"]], "ackDeadlineSeconds": 60});
    assert_eq!(pull.post("modifyAckDeadline", &later).await.status, 200);
    world.time.advance_s(59);
    assert_eq!(pull.pull().await, [Value::Null; 0]);
    let back = json!({"ackIds": [second["ackId"]], "ackDeadlineSeconds": 0});
    pull.post("modifyAckDeadline", &back).await;
    assert_eq!(pull.told().await.len(), 1);
    assert_eq!(world.google.backlog_count(PULL), 0);
    let wrong = json!({"ackIds": ["x"], "ackDeadlineSeconds": 601});
    assert_eq!(pull.post("modifyAckDeadline", &wrong).await.status, 400);
}

#[tokio::test]
async fn what_nobody_uses_for_a_month_is_deleted() {
    let world = world().await;
    world.google.add_topic(MAIL);
    world.google.add_pull_subscription(PULL, MAIL);
    world.time.advance_s(30 * 86_400);
    let pull = Pull::new(&world).await;
    assert_eq!(pull.post("pull", &json!({"maxMessages": 1})).await.status, 200);
    world.time.advance_s(31 * 86_400);
    let pull = Pull::new(&world).await;
    assert_eq!(pull.post("pull", &json!({"maxMessages": 1})).await.status, 404);
    world.google.add_pull_subscription(PULL, MAIL);
    world.google.set_never_expires(PULL, true);
    world.time.advance_s(31 * 86_400);
    assert_eq!(Pull::new(&world).await.post("pull", &json!({"maxMessages": 1})).await.status, 200);
}

#[tokio::test]
async fn a_pull_may_wait_for_its_message() {
    let world = world().await;
    world.google.add_topic(MAIL);
    world.google.add_pull_subscription(PULL, MAIL);
    world.google.set_pull_wait_us(60_000_000);
    let pull = Pull::new(&world).await;
    let waiting = tokio::spawn(async move { pull.told().await });
    // It runs until it waits.
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    world.watch(&json!({"topicName": MAIL})).await;
    assert_eq!(waiting.await.unwrap().len(), 1);
}

#[tokio::test]
async fn pulled_notices_go_wrong_on_order() {
    use crate::{Forgery, Mishap};
    let world = world().await;
    world.google.add_topic(MAIL);
    world.google.add_pull_subscription(PULL, MAIL);
    let pull = Pull::new(&world).await;
    let tell = async |mishap| {
        world.google.push_mishap(mishap);
        world.watch(&json!({"topicName": MAIL})).await;
        let pulled = pull.pull().await;
        let ack_ids: Vec<&Value> = pulled.iter().map(|one| &one["ackId"]).collect();
        pull.post("acknowledge", &json!({"ackIds": ack_ids})).await;
        let told: Vec<String> =
            pulled.iter().map(|one| data(one)["emailAddress"].as_str().unwrap_or("-").to_owned()).collect();
        told
    };
    assert_eq!(tell(Mishap::Dropped).await, [""; 0]);
    assert_eq!(tell(Mishap::Doubled).await, [ADA, ADA]);
    assert_eq!(tell(Mishap::Forged(Forgery::Sender)).await, ["nobody@else.example", ADA]);
    assert_eq!(tell(Mishap::Forged(Forgery::Nonsense)).await, ["-", ADA]);
    assert_eq!(tell(Mishap::Replayed).await.len(), 2);
    assert_eq!(tell(Mishap::Late { us: 60_000_000 }).await, [""; 0]);
    world.time.advance_s(60);
    assert_eq!(pull.told().await.len(), 1);
}
