use super::pubsub::MAIL;
use super::*;
use crate::probe::Hook;
use crate::{Forgery, Mishap, Way};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde_json::{Value, json};

const PUSH: &str = "projects/double-project/subscriptions/push";
const SENDER: &str = "pusher@double-project.iam.gserviceaccount.com";
const URL: &str = "https://us.example/push/gmail";

/// One push, as the receiver sees it.
struct ReceivedPush {
    /// What the token says, if a key of the key set signed it.
    claims: Option<Value>,
    email: String,
}

struct Desk {
    world: World,
    hook: Hook,
}

async fn desk() -> Desk {
    let world = world().await;
    let hook = Hook::new(&world.time);
    world.google.set_way(Way::router(hook.router()));
    world.google.add_topic(MAIL);
    world.google.add_push_subscription(PUSH, MAIL, URL, SENDER, "our-audience");
    Desk { world, hook }
}

impl Desk {
    async fn sent(&self) -> Vec<ReceivedPush> {
        while let Some(ring) = self.world.google.next_ring() {
            ring.await;
        }
        let mut pushed = Vec::new();
        for (path, headers, body) in self.hook.got() {
            assert_eq!(path, "/push/gmail");
            let token = headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap();
            let body: Value = serde_json::from_str(&body).unwrap_or_default();
            let data = STANDARD.decode(body["message"]["data"].as_str().unwrap_or_default()).unwrap();
            let data: Value = serde_json::from_slice(&data).unwrap_or_default();
            let email = data["emailAddress"].as_str().unwrap_or("-").to_owned();
            pushed.push(ReceivedPush { claims: self.verified(token).await, email });
        }
        pushed
    }

    /// As the receiver does: the key of that name in the key set has signed it.
    async fn verified(&self, token: &str) -> Option<Value> {
        let set = Caller::new(self.world.google.router()).get("/oauth2/v3/certs").await.json();
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let header: Value = serde_json::from_slice(&decoded(header)?).ok()?;
        let key = set["keys"].as_array()?.iter().find(|key| key["kid"] == header["kid"])?;
        let public =
            RsaPublicKeyComponents { n: decoded(key["n"].as_str()?)?, e: decoded(key["e"].as_str()?)? };
        public.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &decoded(signature)?).ok()?;
        serde_json::from_slice(&decoded(claims)?).ok()
    }

    async fn tell(&self, mishap: Option<Mishap>) -> Vec<ReceivedPush> {
        mishap.into_iter().for_each(|mishap| self.world.google.push_mishap(mishap));
        let watched = self.world.watch(&json!({"topicName": MAIL})).await;
        assert_eq!(watched.status, 200, "{}", watched.text());
        self.sent().await
    }
}

#[tokio::test]
async fn a_push_carries_a_token_that_says_who_sent_it_and_to_whom() {
    let desk = desk().await;
    let pushed = desk.tell(None).await.remove(0);
    let claims = pushed.claims.unwrap();
    assert_eq!((&claims["aud"], &claims["email"]), (&json!("our-audience"), &json!(SENDER)));
    assert_eq!(
        (&claims["email_verified"], &claims["iss"]),
        (&json!(true), &json!("https://accounts.google.com"))
    );
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
    assert_eq!(pushed.email, ADA);
    assert_eq!(desk.world.google.backlog_count(PUSH), 0);
    desk.world.google.set_issuer("accounts.google.com");
    desk.world.google.rotate_keys();
    let after = desk.tell(None).await.remove(0).claims.unwrap();
    assert_eq!(after["iss"], "accounts.google.com");
    let set = Caller::new(desk.world.google.router()).get("/oauth2/v3/certs").await;
    assert_eq!(set.json()["keys"].as_array().unwrap().len(), 2, "the former key stays");
    assert!(set.header("cache-control").contains("max-age"));
}

#[tokio::test]
async fn a_push_is_repeated_until_it_is_taken() {
    let desk = desk().await;
    desk.hook.answer(500, 0);
    assert_eq!(desk.tell(None).await.len(), 1);
    let mut times = Vec::new();
    for _ in 0..8 {
        let next_us = desk.world.google.next_ring_us().unwrap();
        let pause_us = next_us - desk.world.time.clock().now_us();
        times.push(pause_us / 1_000_000);
        desk.world.time.advance_us(pause_us);
        assert_eq!(desk.sent().await.len(), 1);
    }
    assert_eq!(times, [10, 20, 40, 80, 160, 320, 600, 600]);
    assert_eq!(desk.world.google.backlog_count(PUSH), 1);
    desk.hook.answer(204, 0);
    desk.world.time.advance_s(600);
    assert_eq!((desk.sent().await.len(), desk.world.google.backlog_count(PUSH)), (1, 0));
    assert_eq!(desk.world.google.next_ring_us(), None);
    // An answer after the deadline is none.
    desk.hook.answer(204, 11);
    desk.tell(None).await;
    assert_eq!(desk.world.google.backlog_count(PUSH), 1);
    desk.world.google.delete_subscription(PUSH);
    desk.world.time.advance_s(600);
    assert_eq!(desk.sent().await.len(), 0);
}

#[tokio::test]
async fn a_forged_push_has_one_thing_wrong_about_it() {
    let desk = desk().await;
    let now_s = desk.world.time.clock().now_us() / 1_000_000;
    let forged = async |forgery| {
        let mut pushed = desk.tell(Some(Mishap::Forged(forgery))).await;
        assert_eq!(pushed.len(), 2);
        assert!(pushed.remove(1).claims.is_some(), "the true one comes, too");
        pushed.remove(0)
    };
    assert_eq!(forged(Forgery::Secret).await.claims, None);
    let claims = |pushed: ReceivedPush| pushed.claims.unwrap();
    assert_ne!(claims(forged(Forgery::Target).await)["aud"], "our-audience");
    assert_ne!(claims(forged(Forgery::Sender).await)["email"], SENDER);
    assert_eq!(claims(forged(Forgery::Unverified).await)["email_verified"], false);
    assert!(claims(forged(Forgery::Expired).await)["exp"].as_i64().unwrap() < now_s);
    assert_eq!(forged(Forgery::Nonsense).await.email, "-");
    let before = desk.world.google.sent();
    assert_eq!(desk.tell(Some(Mishap::Replayed)).await.len(), 2);
    let replayed = &desk.world.google.sent()[before.len()];
    assert!(before.iter().any(|sent| sent.body == replayed.body && sent.headers == replayed.headers));
    assert_eq!(desk.tell(Some(Mishap::Dropped)).await.len(), 0);
    assert_eq!(desk.tell(Some(Mishap::Doubled)).await.len(), 2);
}

#[tokio::test]
async fn over_sockets_messages_are_pushed_by_themselves_and_a_storm_in_turns() {
    let time = crate::probe::Time::new();
    let providers = crate::Providers::new(&time.clock(), 42);
    let google = providers.google.clone();
    google.add_account(ADA);
    let hook = Hook::new(&time);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(crate::serve(listener, hook.router()));
    let sending = tokio::spawn(async move { providers.keep_sending().await });
    google.add_topic(MAIL);
    google.add_push_subscription(PUSH, MAIL, &format!("http://{address}/push/gmail"), SENDER, "ours");
    let caller = Caller::new(google.router()).with_token(&access_token(&google, ADA).await);
    let world = World { time, google, caller };
    world.watch(&json!({"topicName": MAIL})).await;
    hook.arrived().await;
    let (path, headers, _) = hook.got().remove(0);
    assert_eq!(path, "/push/gmail");
    assert!(headers["authorization"].to_str().unwrap().starts_with("Bearer "));
    // It is noted once it was answered.
    while world.google.sent().is_empty() {
        tokio::task::yield_now().await;
    }
    world.google.repeat_last(300);
    for _ in 0..300 {
        hook.arrived().await;
    }
    sending.abort();
    server.abort();
}
