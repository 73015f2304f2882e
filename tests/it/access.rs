//! How far secrets and tokens reach, and that nothing is done that can't be noted.

use crate::world::{ADMIN_KEY, AUTHORIZATION, GMAIL_USER, World, gmail_body};
use domain::ids::InstanceId;
use doubles::{Fault, FaultKind, Mail, Route};
use serde_json::{Value, json};

/// Two instances of one user that delivered; the second one's callback is gone.
async fn two(world: &World) -> (InstanceId, InstanceId) {
    let first = world.create_gmail().await;
    world.receiver.fail_path("/other", 410);
    let mut body = gmail_body(&world.google.new_code(GMAIL_USER));
    body["configuration"]["event.notification.callback.url"] = json!("http://callback.test/other");
    let second = world.create(&body).await;
    world.google.deliver(GMAIL_USER, Mail::default());
    world.poll(first).await;
    world.poll(second).await;
    (first, second)
}

async fn with_token(world: &World, id: InstanceId) -> String {
    format!("User world-user, Element {}", world.shown(id).await["token"].as_str().unwrap())
}

/// Whether a number stands in a text, not as a part of another one.
fn holds(text: &str, number: &str) -> bool {
    text.split(|c: char| !c.is_ascii_digit()).any(|part| part == number)
}

#[tokio::test]
async fn a_token_without_the_organization_shows_its_own_instance_alone() {
    let world = World::new(811);
    let (own, other) = two(&world).await;
    let token = with_token(&world, own).await;
    let subscription = world.shown(other).await["subscriptionId"].to_string();
    let record = world.get(&format!("/instances/{other}/events")).await[0].clone();
    let (event, number) = (record["id"].as_str().unwrap(), &record["notificationId"]);
    for path in [
        "/instances",
        "/instances/count",
        "/instances/events",
        "/instances/events/dispositions",
        "/instances/events/analytics/instances",
        "/instances/event-poller-records",
        "/instances/polling-disabled",
        "/elements/gmail/instances",
        "/notifications/subscriptions",
        "/notifications/subscriptions/deliveries",
        &format!("/notifications?topics[]=instance-{other}-gmail-events"),
        "/elements",
    ] {
        let reply = world.call_as(&token, "GET", path, "").await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        let text = reply.body.to_string();
        assert!(!holds(&text, &other.to_string()) && !holds(&text, &subscription), "{path}: {text}");
    }
    let count = world.call_as(&token, "GET", "/instances/count", "").await;
    assert_eq!(count.body["totalInstances"], 1);
    for path in [
        format!("/instances/{other}"),
        format!("/instances/{other}/events"),
        format!("/instances/{other}/configuration"),
        format!("/elements/gmail/instances/{other}"),
        format!("/instances/events/{event}"),
        format!("/notifications/{number}"),
        format!("/notifications/{number}/subscriptions/deliveries"),
        format!("/notifications/subscriptions/{subscription}"),
    ] {
        let reply = world.call_as(&token, "GET", &path, "").await;
        assert_eq!(reply.status, 404, "{path}: {}", reply.body);
        assert_eq!(world.call("GET", &path, &Value::Null).await.status, 200, "{path}");
    }
    world.call_as(&token, "GET", "/elements/outlookemail/instances", "").await.assert_refused(404);
}

#[tokio::test]
async fn a_token_without_the_organization_changes_its_own_instance_alone() {
    let world = World::new(812);
    let (own, other) = two(&world).await;
    let token = with_token(&world, own).await;
    for (method, path) in [
        ("PUT", format!("/instances/{other}")),
        ("PATCH", format!("/instances/{other}")),
        ("DELETE", format!("/instances/{other}")),
        ("DELETE", format!("/instances/{other}/enabled")),
        ("POST", format!("/instances/{other}/poll")),
        ("POST", format!("/instances/{other}/resume")),
        ("POST", format!("/instances/{other}/backfill")),
    ] {
        let reply = world.call_as(&token, method, &path, "{}").await;
        assert_eq!(reply.status, 404, "{method} {path}: {}", reply.body);
    }
    let released = world.call_as(&token, "PUT", "/notifications/subscriptions/deliveries", "").await;
    assert_eq!((released.status, &released.body), (200, &json!([])), "what waits is another's");
    assert_eq!(world.shown(other).await["subscription"]["status"], "suspended");
    let renamed = world.call_as(&token, "PATCH", &format!("/instances/{own}"), r#"{"name":"Mine"}"#).await;
    assert_eq!((renamed.status, &renamed.body["name"]), (200, &json!("Mine")));
}

#[tokio::test]
async fn what_is_not_about_one_instance_needs_the_organization() {
    let world = World::new(813);
    let own = world.create_gmail().await;
    let token = with_token(&world, own).await;
    let before = world.dump();
    let body = gmail_body(&world.google.new_code(GMAIL_USER)).to_string();
    for (method, path, body) in [
        ("POST", "/instances", body.as_str()),
        ("POST", "/instances?dryRun=true", &body),
        ("POST", "/elements/gmail/instances", &body),
        ("GET", "/accounts/settings", ""),
        ("PATCH", "/accounts/settings", r#"{"notification.webhook.failure.policy":"queue"}"#),
        ("GET", "/accounts/1/settings", ""),
        ("POST", "/accounts/1/settings", "{}"),
        ("GET", "/organizations/1/users", ""),
        ("POST", "/organizations/1/users", "{}"),
        ("GET", "/organizations/1/audit", ""),
    ] {
        let reply = world.call_as(&token, method, path, body).await;
        reply.assert_refused(403);
    }
    assert_eq!(world.dump(), before);
    let reply = world.call_as(&token, "POST", "/instances", &body).await;
    assert!(reply.body["message"].as_str().unwrap().contains("Organization"), "{}", reply.body);
    let all = world.call_as(&format!("{AUTHORIZATION}, {}", &token[17..]), "POST", "/instances", &body).await;
    assert_eq!(all.status, 200, "with all three: {}", all.body);
    world.run_until_idle().await;
}

#[tokio::test]
async fn an_account_that_nobody_of_the_organization_has_is_not_there() {
    let world = World::new(814);
    world.admit_another("other-user", "other-organization").await;
    for method in ["GET", "PATCH"] {
        for (account, status) in [("1", 200), ("2", 404), ("99", 404), ("first", 404)] {
            let reply = world.call(method, &format!("/accounts/{account}/settings"), &json!({})).await;
            assert_eq!(reply.status, status, "{method} {account}: {}", reply.body);
        }
    }
    let member =
        world.call_as(&format!("Admin {ADMIN_KEY}"), "POST", "/organizations/1/users", "").await.body;
    let id = &member["accountId"];
    assert_eq!(world.get(&format!("/accounts/{id}/settings")).await, world.get("/accounts/settings").await);
    let counted = |ids: &str| format!("/instances/events/analytics/accounts?{ids}");
    world.get(&counted(&format!("accountIds[]=1&accountIds[]={id}"))).await;
    for ids in ["accountIds[]=2", "accountIds[]=1&accountIds[]=2", "accountIds[]=x"] {
        world.call("GET", &counted(ids), &Value::Null).await.assert_refused(403);
    }
}

#[tokio::test]
async fn what_can_not_be_noted_is_not_done() {
    let world = World::new(815);
    let (_, second) = two(&world).await;
    world.refuse_notes().await;
    let before = world.dump_beside_audit();
    let queue = json!({ "notification.webhook.failure.policy": "queue" });
    for (method, path, body) in [
        ("PUT", "/organizations/1/secret", &Value::Null),
        ("PUT", "/organizations/1/users/1/secret", &Value::Null),
        ("PATCH", "/accounts/settings", &queue),
        ("PUT", "/notifications/subscriptions/deliveries", &Value::Null),
    ] {
        world.call(method, path, body).await.assert_refused(500);
    }
    assert_eq!(world.dump_beside_audit(), before, "the former secrets are good, the settings as they were");
    assert_eq!(world.shown(second).await["subscription"]["status"], "suspended");
    world.call("POST", "/organizations/1/users", &json!({ "seesAll": true })).await.assert_refused(500);
    let users = world.get("/organizations/1/users").await;
    assert_eq!(users.as_array().unwrap().len(), 1, "who could not be noted is out again");
}

#[tokio::test]
async fn a_poll_that_reads_nothing_is_refused_in_the_documented_shape() {
    let world = World::new(816);
    let id = world.create_gmail().await;
    for (kind, status) in [
        (FaultKind::ServerError { status: 503 }, 502),
        (FaultKind::RateLimited { retry_after_s: Some(70) }, 429),
    ] {
        world.google.push_fault(Fault { on: Route::Any, kind, times: 20 });
        let reply = world.call("POST", &format!("/instances/{id}/poll"), &Value::Null).await;
        reply.assert_refused(status);
        assert!(reply.body["resources"].is_object(), "{}", reply.body);
        world.google.clear_faults();
        world.pass(chrono::Duration::hours(2)).await;
    }
}
