//! What becomes of a connection is told: once, signed, to whom it concerns, and nothing is held up by it.

mod connected;
mod deaths;
mod push;

use crate::world::{GMAIL_USER, World, gmail_body};
use app::ports::Job;
use chrono::Duration;
use domain::health_ledger::HealthEventId;
use domain::ids::InstanceId;
use domain::signature::sign_standard;
use doubles::{Fault, FaultKind, Mail, Received, Route};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const HEALTH: &str = "/health";
const URL: &str = "notification.health.callback.url";
const KEY: &str = "notification.health.signature.key";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub(crate) async fn set_address(world: &World) {
    let body = json!({ URL: format!("http://callback.test{HEALTH}"), KEY: SECRET });
    let reply = world.call("PATCH", "/accounts/settings", &body).await;
    assert_eq!((reply.status, &reply.body[KEY]), (200, &json!("********")), "{}", reply.body);
}

/// What came to the health address since it was asked for last.
fn letters(world: &World) -> Vec<Received> {
    world.receiver.take().into_iter().filter(|one| one.path == HEALTH).collect()
}

fn body(received: &Received) -> Value {
    serde_json::from_slice(&received.body).unwrap()
}

fn told(received: &[Received]) -> Vec<String> {
    received.iter().map(|one| body(one)["type"].as_str().unwrap().to_owned()).collect()
}

/// What is told of this type has one id and one body, however often it came: an attempt whose outcome was not stored is
/// made again.
#[track_caller]
pub(crate) fn assert_told_once(received: &[Received], expected: &str, passages: u64) {
    let letters: Vec<&Received> = received.iter().filter(|one| one.path == HEALTH).collect();
    let letters = || letters.iter().filter(|one| body(one)["type"] == expected);
    let ids: BTreeSet<&str> = letters().map(|one| one.headers["webhook-id"].to_str().unwrap()).collect();
    let bodies: BTreeSet<&[u8]> = letters().map(|one| one.body.as_ref()).collect();
    assert_eq!((ids.len(), bodies.len()), (1, 1), "{expected}, died at {passages}");
}

#[track_caller]
fn assert_signed(received: &Received) {
    let header = |name| received.headers[name].to_str().unwrap();
    let timestamp_s: i64 = header("webhook-timestamp").parse().unwrap();
    let expected = sign_standard(&[SECRET], header("webhook-id"), timestamp_s, &received.body);
    assert_eq!(header("webhook-signature"), expected);
}

async fn sign_in_again(world: &World, id: InstanceId) {
    let code = world.google.new_code(GMAIL_USER);
    assert_eq!(world.patch(id, &json!({ "providerData": { "code": code } })).await["valid"], true);
}

#[tokio::test]
async fn a_mailbox_that_has_to_sign_in_again_is_told_of_once_and_so_is_its_recovery() {
    let world = World::with_variables(811, &[("CARILLON_PUBLIC_URL", "https://mail.example")]);
    set_address(&world).await;
    let id = world.create_gmail().await;
    world.google.revoke(GMAIL_USER);
    world.pass(Duration::hours(1)).await;
    let received = letters(&world);
    assert_eq!(told(&received), ["mailbox.needs_sign_in"]);
    assert_signed(&received[0]);
    let first = body(&received[0]);
    let data = &first["data"];
    assert_eq!((&data["instanceId"], &data["connector"]), (&json!(id.get()), &json!("gmail")));
    assert_eq!(data["link"], format!("https://mail.example/instances/{id}"));
    assert_eq!(data["since"], first["timestamp"]);
    assert!(data["reason"].as_str().unwrap().contains("sign in again"), "{data}");
    world.pass(Duration::hours(24)).await;
    assert_eq!(told(&letters(&world)), [""; 0], "it is told once");
    sign_in_again(&world, id).await;
    world.pass(Duration::hours(1)).await;
    assert_eq!(told(&letters(&world)), ["mailbox.recovered"]);
}

#[tokio::test]
async fn a_suspended_callback_is_told_of_once_and_is_resumed_when_nothing_waits() {
    let world = World::new(812);
    set_address(&world).await;
    let id = world.create_gmail().await;
    world.receiver.fail_path("/hook", 500);
    world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(id).await;
    world.pass(Duration::hours(12)).await;
    assert_eq!(told(&letters(&world)), ["callback.suspended"]);
    let release =
        "/notifications/subscriptions/deliveries?where=channel%3D'webhook'%20and%20status%3D'queued'";
    world.call("PUT", release, &Value::Null).await;
    world.pass(Duration::minutes(5)).await;
    assert_eq!(told(&letters(&world)), [""; 0], "the release failed: it is still so");
    world.receiver.heal_path("/hook");
    world.call("PUT", release, &Value::Null).await;
    world.pass(Duration::minutes(5)).await;
    assert_eq!(told(&letters(&world)), ["callback.resumed"]);
}

/// Receivers of the dialect refuse what they do not know.
#[tokio::test]
async fn an_instances_own_callback_is_told_only_where_its_owner_asked_for_it() {
    let world = World::new(813);
    let id = world.create_gmail().await;
    world.google.revoke(GMAIL_USER);
    world.pass(Duration::hours(1)).await;
    assert_eq!(world.receiver.take().len(), 0);
    sign_in_again(&world, id).await;
    world.pass(Duration::hours(1)).await;
    world.patch(id, &json!({ "configuration": { "event.notification.health.enabled": true } })).await;
    world.google.revoke(GMAIL_USER);
    world.pass(Duration::hours(1)).await;
    let received = world.receiver.take();
    assert_eq!(told(&received), ["mailbox.needs_sign_in"]);
    assert_eq!(received[0].path, "/hook");
    let header = |name| received[0].headers[name].to_str().unwrap().to_owned();
    let timestamp_s = header("webhook-timestamp").parse().unwrap();
    let key = crate::world::SIGNATURE_KEY;
    let expected = sign_standard(&[key], &header("webhook-id"), timestamp_s, &received[0].body);
    assert_eq!(header("webhook-signature"), expected);
}

#[tokio::test]
async fn a_mailbox_that_was_not_read_for_three_intervals_fails_and_recovers() {
    let world = World::new(814);
    set_address(&world).await;
    let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
    body["configuration"]["event.poller.refresh_interval"] = json!(15);
    world.create(&body).await;
    world.google.set_fault_rate(1.0, vec![FaultKind::ServerError { status: 503 }]);
    world.pass(Duration::minutes(44)).await;
    assert_eq!(told(&letters(&world)), [""; 0]);
    world.pass(Duration::minutes(30)).await;
    assert_eq!(told(&letters(&world)), ["mailbox.failing"]);
    world.pass(Duration::hours(12)).await;
    assert_eq!(told(&letters(&world)), [""; 0]);
    world.google.set_fault_rate(0.0, Vec::new());
    world.pass(Duration::hours(2)).await;
    assert_eq!(told(&letters(&world)), ["mailbox.recovered"]);
}

#[tokio::test]
async fn a_gap_is_told() {
    let world = World::new(815);
    set_address(&world).await;
    world.create_gmail().await;
    world.pass(Duration::hours(1)).await;
    world.google.deliver(GMAIL_USER, Mail::default());
    world.google.expire_history(GMAIL_USER);
    world.pass(Duration::hours(1)).await;
    let received = letters(&world);
    assert_eq!(told(&received), ["mailbox.gap"]);
    world.pass(Duration::hours(1)).await;
    assert_eq!(told(&letters(&world)), [""; 0]);
}

/// A provider's outage strikes all mailboxes: one letter for a minute, not one for each.
#[tokio::test]
async fn what_one_cause_strikes_within_a_minute_is_told_together() {
    let world = World::new(816);
    set_address(&world).await;
    let mut ids = Vec::new();
    for number in 0..12 {
        let user = format!("user{number}@example.com");
        world.google.add_account(&user);
        ids.push(world.create(&gmail_body(&world.google.new_code(&user))).await.get());
    }
    let fault = Fault { on: Route::Any, kind: FaultKind::InvalidGrant, times: u32::MAX };
    world.google.push_fault(fault);
    (0..12).for_each(|number| world.google.revoke(&format!("user{number}@example.com")));
    for id in &ids {
        world.poll(InstanceId::from_bytes(id.to_be_bytes())).await;
    }
    world.pass(Duration::minutes(3)).await;
    let received = letters(&world);
    assert_eq!(told(&received), ["mailbox.needs_sign_in"]);
    let data = &body(&received[0])["data"];
    assert_eq!((&data["count"], data.get("instanceId")), (&json!(12), None));
    let mut named: Vec<u64> =
        data["instanceIds"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap()).collect();
    named.sort_unstable();
    ids.sort_unstable();
    assert_eq!(named, ids.iter().map(|id| u64::from(*id)).collect::<Vec<_>>());
}

/// The same id and the same bytes, until the retries are used up: nothing is suspended, and nothing is told of it.
#[tokio::test]
async fn a_dead_health_address_is_retried_given_up_and_holds_nothing_up() {
    let world = World::new(817);
    set_address(&world).await;
    let id = world.create_gmail().await;
    world.receiver.fail_path(HEALTH, 500);
    world.google.revoke(GMAIL_USER);
    world.pass(Duration::hours(48)).await;
    let received = letters(&world);
    assert_eq!(received.len(), 6, "one attempt and five retries");
    let first = &received[0];
    assert!(received.iter().all(|one| one.body == first.body));
    assert!(received.iter().all(|one| one.headers["webhook-id"] == first.headers["webhook-id"]));
    received.iter().for_each(assert_signed);
    assert_eq!(world.shown(id).await["subscription"]["status"], "active");
    assert!(world.dump().contains("givenUp"), "it is kept");
    let metrics = world.metrics().text().await.unwrap();
    assert!(metrics.contains("carillon_health_letters_total{end=\"given_up\"} 1\n"), "{metrics}");
    let open = world.shown(id).await["health"]["open"].clone();
    assert_eq!((&open[0]["type"], open.as_array().unwrap().len()), (&json!("mailbox.needs_sign_in"), 1));
    assert_eq!(world.get("/instances?withHealth=true").await[0]["health"]["open"], open);
}

/// Its job came so late that there is nothing left to tell: an empty letter is none.
#[tokio::test]
async fn a_letter_whose_members_are_gone_is_given_up_unsent() {
    let world = World::new(819);
    set_address(&world).await;
    world.create_gmail().await;
    let id = HealthEventId::first_at(world.now());
    let job = Job::Tell { organization_id: 1, instance: None, id };
    for _ in 0..2 {
        world.app.run(job, world.now() + Duration::seconds(20)).await.unwrap();
    }
    assert_eq!(told(&letters(&world)), [""; 0]);
    assert!(world.dump().contains("givenUp"), "it ends, and goes with its time");
}

#[tokio::test]
async fn the_key_is_sealed_and_masked_and_only_who_sees_all_sets_the_address() {
    let world = World::new(818);
    set_address(&world).await;
    assert!(!world.dump().contains(SECRET), "neither in a row nor in the audit record");
    assert!(world.dump().contains(URL), "it is there");
    let same = json!({ KEY: "********" });
    assert_eq!(world.call("PATCH", "/accounts/settings", &same).await.body[KEY], "********");
    let id = world.create_gmail().await;
    world.google.revoke(GMAIL_USER);
    world.pass(Duration::hours(1)).await;
    assert_signed(&letters(&world)[0]);
    let by = format!("Admin {}", crate::world::ADMIN_KEY);
    let added = world.call_as(&by, "POST", "/organizations/1/users", r#"{"seesAll":false}"#).await.body;
    let user = format!("User {}, Organization world-organization", added["userSecret"].as_str().unwrap());
    let set = json!({ URL: "" }).to_string();
    world.call_as(&user, "PATCH", "/accounts/settings", &set).await.assert_refused(403);
    let shown = world.call_as(&user, "GET", "/accounts/settings", "").await.body;
    assert_eq!((shown.get(URL), shown.get(KEY)), (None, None));
    let off = world.call("PATCH", "/accounts/settings", &json!({ URL: "" })).await;
    assert_eq!((off.status, off.body.get(URL)), (200, None));
    sign_in_again(&world, id).await;
    world.pass(Duration::hours(1)).await;
    assert_eq!(told(&letters(&world)), [""; 0], "there is no address any more");
}
